/** A call as the screen shows it: the parts of the view, none of which is ever changed in place. */

import type {
  CallRecord,
  Correction,
  Draft,
  EventName,
  Evidence,
  Fact,
  Leg,
  Mood,
  Outcome,
  Severity,
  Stamps,
} from "../wire.ts";
import type { Playbook } from "./playbook.ts";
import type { Quality, Talk, WrapUp } from "./review.ts";

export interface Entity {
  /** Of its fact. */
  seq: number;
  type: string;
  start: number;
  end: number;
  last4: string;
}

export type DisplaySpan = readonly [number, number, number, number];

export interface Turn {
  turn: number;
  seq: number;
  stream: string;
  leg: Leg;
  /** As it was spoken: what evidence quotes. */
  text: string;
  /** As it is read: what is drawn. */
  display: string;
  /** Start and end in `text`, start and end in `display` of what is written otherwise; code points. */
  displayMap: readonly DisplaySpan[];
  /** Terms of the campaign's vocabulary, and what recognition had heard in their place. */
  corrected: readonly Correction[];
  language: string;
  startMs: number;
  endMs: number;
  stamps: Stamps | undefined;
  mood: Mood | undefined;
  intents: readonly string[];
  entities: readonly Entity[];
}

/** A card's answer in whole sentences, by the site's language model; it cites its sources as `[number]`. */
export interface Worded {
  text: string;
  sources: readonly Source[];
}

export interface Source {
  number: number;
  article: string;
  title: string;
  body: string;
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
  state: "open" | "accepted" | "dismissed" | "wrong";
  worded: Worded | undefined;
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
  /** What it rests on beside words. */
  because: string;
  /** What a person said of it. */
  judged?: "right" | "wrong" | undefined;
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

/** Events that stand between the words; each has words of its own (`notice.…`). */
export const noticeNames = [
  "call.held",
  "call.resumed",
  "call.transferred",
  "call.claimed",
  "call.ended",
  "recording.paused",
  "recording.resumed",
  "recording.silenced",
  "recording.failed",
  "notice.played",
  "ears.lost",
  "ears.back",
  "dnc.requested",
  "language.decided",
] as const satisfies readonly EventName[];

export interface Notice {
  seq: number;
  name: (typeof noticeNames)[number];
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
  /** What the call owes from its start. */
  duties: readonly Duty[];
  /** What was judged by rules of which nothing is owed, and is no alert: it was done, or is undecided. */
  besides: readonly Duty[];
  alerts: readonly Alert[];
  utterances: readonly MoodPoint[];
  moods: readonly MoodPoint[];
  notices: readonly Notice[];
  withdrawn: number;
  /** How it is talked; measured anew while the call goes on. */
  talk: Talk | undefined;
  /** Items of the campaign's form as far as they are answered; with a score once the call has ended. */
  quality: Quality | undefined;
  wrapUp: WrapUp | undefined;
  playbook: Playbook | undefined;
  /** Media time since which nobody speaks, once that was told. */
  silentSinceMs: number | undefined;
  endedMs: number | undefined;
  endReason: string;
  held: boolean;
  /** Streams on which music plays. */
  music: readonly string[];
  /** The call is being recorded, or was. */
  recording: boolean;
  recordingPaused: boolean;
  /** Why it is paused: `person`, `card`, `hold` or a rule's id. */
  recordingReason: string;
  log: ReadonlyMap<number, Fact>;
}

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
    besides: [],
    alerts: [],
    utterances: [],
    moods: [],
    notices: [],
    withdrawn: 0,
    talk: undefined,
    quality: undefined,
    wrapUp: undefined,
    playbook: undefined,
    silentSinceMs: undefined,
    endedMs: undefined,
    endReason: "",
    held: false,
    music: [],
    recording: false,
    recordingPaused: false,
    recordingReason: "",
    log: new Map(),
  };
}
