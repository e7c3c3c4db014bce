/** Who is who, and how they feel: roles by stream, and the moods that hang on them. */

import type { Fact, Insight, Leg, Mood } from "../wire.ts";
import type { CallView, Decision, MoodPoint, Turn } from "./view.ts";

/** Who spoke, as decided by now. */
export function legOf(view: CallView, fact: Insight): Leg {
  return view.roles[fact.stream ?? ""] ?? fact.leg ?? "unknown";
}

/** Turns change hands, and with them whose moods are drawn. */
export function decideRole(before: CallView, stream: string, decision: Decision): CallView {
  const role = decision.role;
  const view = { ...before, decisions: { ...before.decisions, [stream]: decision } };
  if (view.roles[stream] === role) return view;
  const turns = view.turns.map((turn) =>
    turn.stream === stream && turn.leg !== role ? { ...turn, leg: role } : turn,
  );
  const agents = new Set(turns.filter((turn) => turn.leg === "agent").map((turn) => turn.turn));
  const kept = view.utterances.filter((point) => !agents.has(point.turn));
  const known = new Set(kept.map((point) => point.turn));
  const lacking = turns.filter(
    (turn) =>
      turn.stream === stream && turn.leg !== "agent" && turn.mood !== undefined && !known.has(turn.turn),
  );
  const told = lacking.length > 0 ? feelings(view) : new Map<number, Insight>();
  const found = lacking.flatMap((turn) => told.get(turn.turn) ?? []);
  const utterances = [...kept, ...found.map(pointOf)].sort((a, b) => a.seq - b.seq);
  return { ...view, roles: { ...view.roles, [stream]: role }, turns, utterances };
}

/** By turn, the newest that was told by now of the feelings in it. */
function feelings(view: CallView): ReadonlyMap<number, Insight> {
  const told = new Map<number, Insight>();
  for (const fact of view.log.values()) {
    if (!isSentiment(fact) || fact.seq > view.lastSeq) continue;
    if (fact.seq > (told.get(fact.turn)?.seq ?? 0)) told.set(fact.turn, fact);
  }
  return told;
}

/** Turns in which nothing may be read of feelings any more: what was told of them was withdrawn. */
export function withoutFeelings(view: CallView, of: ReadonlySet<number>): readonly Turn[] {
  const felt = [...of].map((seq) => view.log.get(seq)).filter(isSentiment);
  const turns = new Set(felt.map((fact) => fact.turn));
  if (turns.size === 0) return view.turns;
  return view.turns.map((turn) => (turns.has(turn.turn) ? { ...turn, mood: undefined } : turn));
}

function isSentiment(fact: Fact | undefined): fact is Insight {
  return fact?.type === "insight" && fact.kind === "sentiment";
}

/** Signed level of a mood: a word with a probability becomes a place on one line. */
function moodLevel(mood: Mood, score: number): number {
  if (mood === "neutral") return 0;
  return mood === "negative" ? -Math.abs(score) : Math.abs(score);
}

/** A mood says itself where it stands; a sentiment, and a mood of a call that an older engine kept, is placed by its word. */
export function pointOf(fact: Insight): MoodPoint {
  const mood = (fact.value || "neutral") as Mood;
  return {
    seq: fact.seq,
    turn: fact.turn,
    atMs: fact.end_ms ?? 0,
    mood,
    level: fact.lean ?? moodLevel(mood, fact.score ?? 0),
  };
}
