/**
 * One call as the screen shows it: a pure fold of facts and drafts.
 *
 * `receive` takes facts in any order and any number of times, as a resume after a reconnect may bring them, and always
 * gives the view that the same facts in order of `seq` give. Views are never changed in place; parts that a fact does not
 * touch keep their identity, so that a list on the screen redraws only what changed.
 */

import type {
  CallEvent,
  CallRecord,
  Draft,
  Evidence,
  Fact,
  Insight,
  Leg,
  Mood,
  Outcome,
  Severity,
  Stamps,
} from "./wire.ts";

export interface Entity {
  type: string;
  start: number;
  end: number;
  last4: string;
}

export interface Turn {
  turn: number;
  seq: number;
  stream: string;
  leg: Leg;
  text: string;
  language: string;
  startMs: number;
  endMs: number;
  stamps: Stamps | undefined;
  mood: Mood | undefined;
  intents: readonly string[];
  entities: readonly Entity[];
}

export interface Card {
  seq: number;
  turn: number;
  article: string;
  title: string;
  body: string;
  score: number;
  trigger: string;
  evidence: readonly Evidence[];
  atMs: number;
  stamps: Stamps | undefined;
  state: "open" | "accepted" | "dismissed";
}

export interface Duty {
  rule: string;
  title: string;
  state: "open" | "satisfied" | "violated" | "undecided";
  seq: number;
  turn: number;
  atMs: number;
  evidence: readonly Evidence[];
  stamps: Stamps | undefined;
}

export interface Alert {
  seq: number;
  rule: string;
  title: string;
  outcome: Outcome;
  severity: Severity;
  source: string;
  turn: number;
  atMs: number;
  evidence: readonly Evidence[];
  stamps: Stamps | undefined;
}

export interface MoodPoint {
  seq: number;
  turn: number;
  atMs: number;
  mood: Mood;
  /** −1 (negative) to +1 (positive). */
  level: number;
}

export interface Decision {
  role: Leg;
  rule: string;
  confidence: number;
}

export interface Notice {
  seq: number;
  name: CallEvent["name"];
  atMs: number;
  data: Record<string, unknown>;
}

export interface CallView {
  id: string;
  record: CallRecord | undefined;
  /** Highest `seq` received: what a resume asks from. */
  lastSeq: number;
  /** Facts below `lastSeq` that have not come. */
  missing: number;
  roles: Readonly<Record<string, Leg>>;
  /** By stream: which rule decided who speaks on it, and how sure it is. */
  decisions: Readonly<Record<string, Decision>>;
  turns: readonly Turn[];
  drafts: readonly Draft[];
  cards: readonly Card[];
  duties: readonly Duty[];
  alerts: readonly Alert[];
  utterances: readonly MoodPoint[];
  moods: readonly MoodPoint[];
  notices: readonly Notice[];
  withdrawn: number;
  summary: Readonly<Record<string, unknown>> | undefined;
  endedMs: number | undefined;
  endReason: string;
  held: boolean;
  recordingPaused: boolean;
  log: ReadonlyMap<number, Fact>;
}

const shownNotices = new Set<CallEvent["name"]>([
  "call.held",
  "call.resumed",
  "call.transferred",
  "call.claimed",
  "call.ended",
  "recording.paused",
  "recording.resumed",
  "ears.lost",
  "ears.back",
  "dnc.requested",
]);

export function emptyCall(id: string, record?: CallRecord): CallView {
  return {
    id,
    record,
    lastSeq: 0,
    missing: 0,
    roles: {},
    decisions: {},
    turns: [],
    drafts: [],
    cards: [],
    duties: [],
    alerts: [],
    utterances: [],
    moods: [],
    notices: [],
    withdrawn: 0,
    summary: undefined,
    endedMs: undefined,
    endReason: "",
    held: false,
    recordingPaused: false,
    log: new Map(),
  };
}

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
  const next = inOrder ? fresh.reduce(apply, view) : replay(view, log);
  return { ...next, log, missing: next.lastSeq - log.size };
}

function replay(view: CallView, log: ReadonlyMap<number, Fact>): CallView {
  const inOrder = [...log.values()].sort((a, b) => a.seq - b.seq);
  const start = { ...emptyCall(view.id, view.record), drafts: view.drafts };
  return inOrder.reduce(apply, start);
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
    alerts: put(view.alerts),
  };
}

function apply(view: CallView, fact: Fact): CallView {
  const next = { ...view, lastSeq: Math.max(view.lastSeq, fact.seq) };
  switch (fact.type) {
    case "transcript":
      return applyTranscript(next, fact);
    case "insight":
      return applyInsight(next, fact);
    case "suggestion":
      return { ...next, cards: [...next.cards, cardOf(fact)] };
    case "event":
      return applyEvent(next, fact);
  }
}

function applyTranscript(view: CallView, fact: Extract<Fact, { type: "transcript" }>): CallView {
  const stream = fact.stream ?? "";
  const turn: Turn = {
    turn: fact.turn,
    seq: fact.seq,
    stream,
    leg: view.roles[stream] ?? fact.leg ?? "unknown",
    text: fact.display || fact.text,
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

function onTurn(view: CallView, number: number, change: (turn: Turn) => Turn): readonly Turn[] {
  const at = view.turns.findLastIndex((turn) => turn.turn === number);
  return at < 0 ? view.turns : view.turns.with(at, change(view.turns[at]!));
}

function legOf(view: CallView, fact: Insight): Leg {
  return view.roles[fact.stream ?? ""] ?? fact.leg ?? "unknown";
}

function applyInsight(view: CallView, fact: Insight): CallView {
  switch (fact.kind) {
    case "sentiment": {
      const mood = (fact.value || "neutral") as Mood;
      const turns = onTurn(view, fact.turn, (turn) => ({ ...turn, mood }));
      if (legOf(view, fact) === "agent") return { ...view, turns };
      return { ...view, turns, utterances: [...view.utterances, pointOf(fact)] };
    }
    case "mood":
      return { ...view, moods: [...view.moods, pointOf(fact)] };
    case "intent": {
      const intent = fact.value ?? "";
      if (intent === "" || intent === "none") return view;
      const add = (turn: Turn): Turn =>
        turn.intents.includes(intent) ? turn : { ...turn, intents: [...turn.intents, intent] };
      return { ...view, turns: onTurn(view, fact.turn, add) };
    }
    case "entity": {
      const entity = {
        type: fact.entity_type ?? "",
        start: fact.start ?? 0,
        end: fact.end ?? 0,
        last4: fact.last4 ?? "",
      };
      const put = (turn: Turn): Turn => ({
        ...turn,
        entities: [...turn.entities, entity].sort((a, b) => a.start - b.start),
      });
      return { ...view, turns: onTurn(view, fact.turn, put) };
    }
    case "compliance":
      return applyCompliance(view, fact);
  }
}

/** Signed level of a mood: a word with a probability becomes a place on one line. */
export function moodLevel(mood: Mood, score: number): number {
  if (mood === "neutral") return 0;
  return mood === "negative" ? -Math.abs(score) : Math.abs(score);
}

function pointOf(fact: Insight): MoodPoint {
  const mood = (fact.value || "neutral") as Mood;
  return {
    seq: fact.seq,
    turn: fact.turn,
    atMs: fact.end_ms ?? 0,
    mood,
    level: moodLevel(mood, fact.score ?? 0),
  };
}

function applyCompliance(view: CallView, fact: Insight): CallView {
  const outcome = fact.outcome ?? "undecided";
  const base = {
    seq: fact.seq,
    rule: fact.rule ?? "",
    title: fact.value || fact.rule || "",
    turn: fact.turn,
    atMs: fact.evidence?.[0]?.start_ms ?? fact.start_ms ?? 0,
    evidence: fact.evidence ?? [],
    stamps: fact.measured?.stamps,
  };
  if (outcome === "satisfied")
    return { ...view, duties: putDuty(view.duties, { ...base, state: "satisfied" }) };
  if (outcome === "undecided")
    return { ...view, duties: putDuty(view.duties, { ...base, state: "undecided" }) };
  const alert: Alert = { ...base, outcome, severity: fact.severity ?? "", source: fact.source ?? "" };
  const owed = view.duties.some((duty) => duty.rule === base.rule && duty.state !== "satisfied");
  const duties =
    owed && outcome === "violation" ? putDuty(view.duties, { ...base, state: "violated" }) : view.duties;
  return { ...view, alerts: [...view.alerts, alert], duties };
}

function putDuty(duties: readonly Duty[], duty: Duty): readonly Duty[] {
  const at = duties.findIndex((one) => one.rule === duty.rule);
  if (at < 0) return [...duties, duty];
  const known = duties[at]!;
  if (known.state === "satisfied" && duty.state !== "satisfied") return duties;
  return duties.with(at, { ...duty, title: duty.title || known.title });
}

function cardOf(fact: Extract<Fact, { type: "suggestion" }>): Card {
  return {
    seq: fact.seq,
    turn: fact.turn,
    article: fact.article,
    title: fact.title,
    body: fact.body,
    score: fact.score,
    trigger: fact.trigger ?? "",
    evidence: fact.evidence ?? [],
    atMs: fact.start_ms ?? 0,
    stamps: fact.measured?.stamps,
    state: "open",
  };
}

function applyEvent(view: CallView, fact: CallEvent): CallView {
  const data = fact.data ?? {};
  const noted = shownNotices.has(fact.name)
    ? {
        ...view,
        notices: [...view.notices, { seq: fact.seq, name: fact.name, atMs: fact.start_ms ?? 0, data }],
      }
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
      return { ...noted, turns: onTurn(noted, Number(data["turn"]), (turn) => ({ ...turn, text })) };
    }
    case "withdrawn":
      return withdraw(noted, new Set((data["of"] as number[] | undefined) ?? []));
    case "call.answered":
      return { ...noted, duties: owe(noted.duties, data["duties"]) };
    case "call.held":
      return { ...noted, held: true };
    case "call.resumed":
      return { ...noted, held: false };
    case "recording.paused":
      return { ...noted, recordingPaused: true };
    case "recording.resumed":
      return { ...noted, recordingPaused: false };
    case "card.accepted":
    case "card.dismissed":
      return answerCard(noted, Number(data["of"] ?? data["seq"]), fact.name === "card.accepted");
    case "summary":
      return { ...noted, summary: data };
    case "call.ended":
      return { ...noted, drafts: [], endedMs: fact.start_ms ?? 0, endReason: String(data["reason"] ?? "") };
    default:
      return noted;
  }
}

function decideRole(before: CallView, stream: string, decision: Decision): CallView {
  const role = decision.role;
  const view = { ...before, decisions: { ...before.decisions, [stream]: decision } };
  if (view.roles[stream] === role) return view;
  const turns = view.turns.map((turn) =>
    turn.stream === stream && turn.leg !== role ? { ...turn, leg: role } : turn,
  );
  const agents = new Set(turns.filter((turn) => turn.leg === "agent").map((turn) => turn.turn));
  const spoken = turns.filter(
    (turn) => turn.stream === stream && turn.leg !== "agent" && turn.mood !== undefined,
  );
  const kept = view.utterances.filter((point) => !agents.has(point.turn));
  const known = new Set(kept.map((point) => point.turn));
  const found = [...view.log.values()].filter(
    (fact): fact is Insight =>
      fact.type === "insight" &&
      fact.kind === "sentiment" &&
      !known.has(fact.turn) &&
      spoken.some((turn) => turn.turn === fact.turn),
  );
  const utterances = [...kept, ...found.map(pointOf)].sort((a, b) => a.seq - b.seq);
  return { ...view, roles: { ...view.roles, [stream]: role }, turns, utterances };
}

function withdraw(view: CallView, of: ReadonlySet<number>): CallView {
  const alerts = view.alerts.filter((alert) => !of.has(alert.seq));
  return {
    ...view,
    alerts,
    withdrawn: view.withdrawn + view.alerts.length - alerts.length,
    duties: view.duties.map((duty) => (of.has(duty.seq) ? { ...duty, state: "open", evidence: [] } : duty)),
    cards: view.cards.filter((card) => !of.has(card.seq)),
    utterances: view.utterances.filter((point) => !of.has(point.seq)),
    moods: view.moods.filter((point) => !of.has(point.seq)),
  };
}

/** Duties that the call owes from its start, as `call.answered` lists them: `[{rule, title}]`. */
function owe(duties: readonly Duty[], owed: unknown): readonly Duty[] {
  if (!Array.isArray(owed)) return duties;
  return (owed as { rule: string; title?: string }[]).reduce<readonly Duty[]>((list, { rule, title }) => {
    if (list.some((duty) => duty.rule === rule)) return list;
    const open = { seq: 0, turn: 0, atMs: 0, evidence: [], stamps: undefined };
    return [...list, { ...open, rule, title: title ?? rule, state: "open" as const }];
  }, duties);
}

function answerCard(view: CallView, seq: number, accepted: boolean): CallView {
  const state = accepted ? "accepted" : "dismissed";
  return { ...view, cards: view.cards.map((card) => (card.seq === seq ? { ...card, state } : card)) };
}
