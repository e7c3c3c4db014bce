/** The words: finals in order of time, drafts behind them, and what was read in a turn. */

import type { Draft, Insight, Mood, Transcript } from "../wire.ts";
import type { CallView, Turn } from "./view.ts";

/** A final: takes the place of its drafts. */
export function addTranscript(view: CallView, fact: Transcript): CallView {
  const stream = fact.stream ?? "";
  const turn: Turn = {
    turn: fact.turn,
    seq: fact.seq,
    stream,
    leg: view.roles[stream] ?? fact.leg ?? "unknown",
    text: fact.text,
    display: fact.display || fact.text,
    displayMap: fact.display_map ?? [],
    corrected: fact.corrected ?? [],
    language: fact.language ?? "",
    startMs: fact.start_ms ?? 0,
    endMs: fact.end_ms ?? 0,
    stamps: fact.measured?.stamps,
    mood: undefined,
    intents: [],
    entities: [],
  };
  const turns = [...view.turns];
  const at = turns.findLastIndex((one) => one.startMs <= turn.startMs) + 1;
  turns.splice(at, 0, turn);
  const drafts = view.drafts.filter((draft) => draft.stream !== stream || draft.start_ms >= turn.endMs);
  return { ...view, turns, drafts: drafts.length === view.drafts.length ? view.drafts : drafts };
}

/** A draft replaces its segment's older one; one whose words have become a transcript is ignored. */
export function receiveDraft(view: CallView, draft: Draft): CallView {
  const settledMs = view.turns.findLast((turn) => turn.stream === draft.stream)?.endMs ?? -1;
  const known = view.drafts.find((one) => sameSegment(one, draft));
  if (draft.start_ms < settledMs || (known && known.revision >= draft.revision)) return view;
  if (view.endedMs !== undefined) return view;
  const others = view.drafts.filter((one) => !sameSegment(one, draft));
  const drafts = draft.text === "" ? others : [...others, draft];
  return { ...view, drafts: drafts.sort((a, b) => a.start_ms - b.start_ms) };
}

function sameSegment(a: Draft, b: Draft): boolean {
  return a.stream === b.stream && a.segment === b.segment;
}

/** The view with one turn changed; a turn that there is not changes nothing. */
export function onTurn(view: CallView, number: number, change: (turn: Turn) => Turn): CallView {
  const at = view.turns.findLastIndex((turn) => turn.turn === number);
  return at < 0 ? view : { ...view, turns: view.turns.with(at, change(view.turns[at]!)) };
}

export function setMood(view: CallView, fact: Insight): CallView {
  const mood = (fact.value || "neutral") as Mood;
  return onTurn(view, fact.turn, (turn) => ({ ...turn, mood }));
}

export function addIntent(view: CallView, fact: Insight): CallView {
  const intent = fact.value ?? "";
  if (intent === "" || intent === "none") return view;
  return onTurn(view, fact.turn, (turn) =>
    turn.intents.includes(intent) ? turn : { ...turn, intents: [...turn.intents, intent] },
  );
}

export function addEntity(view: CallView, fact: Insight): CallView {
  const entity = {
    seq: fact.seq,
    type: fact.entity_type ?? "",
    start: fact.start ?? 0,
    end: fact.end ?? 0,
    last4: fact.last4 ?? "",
  };
  return onTurn(view, fact.turn, (turn) => ({
    ...turn,
    entities: [...turn.entities, entity].sort((a, b) => a.start - b.start),
  }));
}
