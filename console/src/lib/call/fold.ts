/**
 * One call as the screen shows it: a pure fold of facts and drafts.
 *
 * `receive` takes facts in any order and any number of times, as a resume after a reconnect may bring them, and always
 * gives the view that the same facts in order of `seq` give. Views are never changed in place; parts that a fact does not
 * touch keep their identity, so that a list on the screen redraws only what changed.
 */

import type { CallEvent, EventName, Fact, Insight, Leg, Stamps } from "../wire.ts";
import { answerCard, answered, answeredCard, cardOf, wordCard } from "./cards.ts";
import type { Playbook } from "./playbook.ts";
import { reviewOf } from "./review.ts";
import { decideRole, legOf, pointOf, withoutFeelings } from "./roles.ts";
import { judge, owe, withoutWord } from "./rules.ts";
import { addEntity, addIntent, addTranscript, onTurn, setMood } from "./turns.ts";
import { emptyCall, noticeNames, type CallView, type DisplaySpan } from "./view.ts";

/** Takes facts as they came. A fact that is known already changes nothing. */
export function receive(view: CallView, facts: readonly Fact[]): CallView {
  const news = new Map<number, Fact>();
  for (const fact of facts) if (!view.log.has(fact.seq)) news.set(fact.seq, fact);
  if (news.size === 0) return view;
  const fresh = [...news.values()];
  fresh.sort((a, b) => a.seq - b.seq);
  const log = new Map(view.log);
  for (const fact of fresh) log.set(fact.seq, fact);
  const inOrder = fresh[0]!.seq > view.lastSeq;
  const known = { ...view, log };
  const next = inOrder ? fresh.reduce(apply, known) : replay(known);
  return { ...next, missing: next.lastSeq - log.size };
}

function replay(view: CallView): CallView {
  const inOrder = [...view.log.values()].sort((a, b) => a.seq - b.seq);
  const start = { ...emptyCall(view.id, view.record), drafts: view.drafts, log: view.log };
  return inOrder.reduce(apply, start);
}

/** The engine's word that a fact was painted, on the engine's clock. */
export function stamp(view: CallView, seq: number, shown: number): CallView {
  const fact = view.log.get(seq);
  const stamps = fact?.measured?.stamps;
  if (!fact || !stamps || stamps.shown !== undefined) return view;
  const now = { ...stamps, shown };
  const log = new Map(view.log);
  log.set(seq, { ...fact, measured: { ...fact.measured, stamps: now } });
  const put = <T extends { seq: number; stamps: Stamps | undefined }>(list: readonly T[]): readonly T[] =>
    list.some((one) => one.seq === seq)
      ? list.map((one) => (one.seq === seq ? { ...one, stamps: now } : one))
      : list;
  return {
    ...view,
    log,
    turns: fact.type === "transcript" ? put(view.turns) : view.turns,
    cards: put(view.cards),
    duties: put(view.duties),
    besides: put(view.besides),
    alerts: put(view.alerts),
  };
}

function apply(view: CallView, fact: Fact): CallView {
  const next = { ...view, lastSeq: Math.max(view.lastSeq, fact.seq) };
  switch (fact.type) {
    case "transcript":
      return addTranscript({ ...next, silentSinceMs: undefined }, fact);
    case "insight":
      return applyInsight(next, fact);
    case "suggestion":
      return { ...next, cards: [...next.cards, cardOf(fact)] };
    case "event":
      return applyEvent(next, fact);
  }
}

function applyInsight(view: CallView, fact: Insight): CallView {
  switch (fact.kind) {
    case "sentiment": {
      const read = setMood(view, fact);
      if (legOf(view, fact) === "agent") return read;
      return { ...read, utterances: [...view.utterances, pointOf(fact)] };
    }
    case "mood":
      return { ...view, moods: [...view.moods, pointOf(fact)] };
    case "intent":
      return addIntent(view, fact);
    case "entity":
      return addEntity(view, fact);
    case "compliance":
      return judge(view, fact);
  }
}

/** What ends a silence beside words: hold and music fill it, and what is silent after them is told anew. */
const fillers: readonly EventName[] = ["call.held", "call.resumed", "music.started", "music.ended"];

function applyEvent(before: CallView, fact: CallEvent): CallView {
  const view = fillers.includes(fact.name) ? { ...before, silentSinceMs: undefined } : before;
  const data = fact.data ?? {};
  const name = noticeNames.find((one) => one === fact.name);
  const noted =
    name && !isFirstLanguage(view, fact)
      ? { ...view, notices: [...view.notices, { seq: fact.seq, name, atMs: fact.start_ms ?? 0, data }] }
      : view;
  switch (fact.name) {
    case "role.decided":
      return decideRole(noted, String(data["stream"] ?? fact.stream ?? ""), {
        role: data["role"] as Leg,
        rule: String(data["rule"] ?? ""),
        confidence: Number(data["confidence"] ?? 0),
      });
    case "text.settled": {
      const text = data["text"];
      if (typeof text !== "string") return noted;
      const display = String(data["display"] ?? text);
      const displayMap = (data["display_map"] as DisplaySpan[] | undefined) ?? [];
      return onTurn(noted, Number(data["turn"]), (turn) => ({ ...turn, text, display, displayMap }));
    }
    case "withdrawn":
      return withdraw(noted, new Set((data["of"] as number[] | undefined) ?? []));
    case "call.answered":
    case "language.decided":
      return { ...noted, duties: owe(noted.duties, data["duties"]) };
    case "call.held":
      return { ...noted, held: true };
    case "call.resumed":
      return { ...noted, held: false };
    case "music.started":
      return { ...noted, music: [...noted.music, fact.stream ?? ""] };
    case "music.ended":
      return { ...noted, music: noted.music.filter((stream) => stream !== (fact.stream ?? "")) };
    case "recording.started":
      return { ...noted, recording: true };
    case "recording.paused":
      return { ...noted, recordingPaused: true, recordingReason: String(data["reason"] ?? "") };
    case "recording.resumed":
      return { ...noted, recordingPaused: false, recordingReason: "" };
    case "recording.failed":
      return { ...noted, recording: false };
    case "card.worded":
      return wordCard(noted, data);
    case "card.accepted":
    case "card.dismissed":
    case "card.wrong":
      return answerCard(noted, answeredCard(fact)!, answered[fact.name]);
    case "playbook.changed":
      return { ...noted, playbook: data as unknown as Playbook };
    case "call.ended":
      return { ...noted, drafts: [], endedMs: fact.start_ms ?? 0, endReason: String(data["reason"] ?? "") };
    default:
      return { ...noted, ...reviewOf(noted, fact) };
  }
}

/** What a call is held in whose campaign names no language: its row has it since, and it is no other one. */
function isFirstLanguage(view: CallView, { name, data }: CallEvent): boolean {
  const told = view.notices.some((one) => one.name === "language.decided");
  return name === "language.decided" && !told && data?.["language"] === view.record?.language;
}

function withdraw(view: CallView, of: ReadonlySet<number>): CallView {
  const alerts = view.alerts.filter((alert) => !of.has(alert.seq));
  return {
    ...view,
    alerts,
    withdrawn: view.withdrawn + view.alerts.length - alerts.length,
    notices: view.notices.filter((one) => one.name !== "dnc.requested" || !of.has(Number(one.data["of"]))),
    duties: view.duties.map((duty) => (of.has(duty.seq) ? withoutWord(duty, alerts) : duty)),
    besides: view.besides.filter((one) => !of.has(one.seq)),
    turns: withoutFeelings(view, of),
    cards: view.cards.filter((card) => !of.has(card.seq)),
    utterances: view.utterances.filter((point) => !of.has(point.seq)),
    moods: view.moods.filter((point) => !of.has(point.seq)),
  };
}
