/**
 * What the engine sends and takes: engine/facts.py as JSON, and the messages of the two sockets.
 *
 * Fields that hold their default are left out on the wire; those are optional here. Times named `*_ms` are media time
 * (milliseconds since answer), `Stamps` are on the engine's monotonic clock, `*_at` are UNIX seconds.
 * tests/browser/test_wire_types.py holds the facts against the engine's own schema.
 */

export type Leg = "customer" | "agent" | "mixed" | "unknown";
export type Language = "es" | "pt" | "en";
export type InsightKind = "sentiment" | "mood" | "intent" | "compliance" | "entity";
export type Outcome = "violation" | "satisfied" | "event" | "undecided";
export type Severity = "" | "info" | "warning" | "critical";
export type Mood = "negative" | "neutral" | "positive";
export type Role = "agent" | "supervisor" | "admin";

export type EventName =
  | "call.ringing"
  | "call.answered"
  | "call.held"
  | "call.resumed"
  | "call.transferred"
  | "call.claimed"
  | "call.ended"
  | "role.decided"
  | "text.settled"
  | "withdrawn"
  | "capture.started"
  | "capture.ended"
  | "recording.started"
  | "recording.paused"
  | "recording.resumed"
  | "recording.silenced"
  | "recording.failed"
  | "notice.played"
  | "media.clock_reset"
  | "media.quality"
  | "music.started"
  | "music.ended"
  | "language.decided"
  | "stream.suspended"
  | "stream.resumed"
  | "load.shed"
  | "ears.lost"
  | "ears.back"
  | "dnc.requested"
  | "card.withheld"
  | "card.worded"
  | "card.accepted"
  | "card.dismissed"
  | "card.wrong"
  | "alert.judged"
  | "playbook.changed"
  | "dead_air"
  | "talk.measured"
  | "qa.judged"
  | "qa.scored"
  | "qa.reviewed"
  | "wrap_up.proposed"
  | "wrap_up.confirmed";

export interface Stamps {
  heard: number;
  transcribed?: number;
  decided?: number;
  shown?: number;
}

export interface Measured {
  stamps?: Stamps;
  latency_ms?: Record<string, number>;
  host?: string;
}

export interface Evidence {
  turn: number;
  leg: Leg;
  quote: string;
  start: number;
  end: number;
  start_ms?: number;
  end_ms?: number;
}

interface FactBase {
  id: string;
  seq: number;
  stream?: string;
  leg?: Leg;
  start_ms?: number;
  end_ms?: number;
  measured?: Measured;
}

export interface Correction {
  start: number;
  end: number;
  term: string;
  heard: string;
}

export interface Transcript extends FactBase {
  type: "transcript";
  turn: number;
  text: string;
  display?: string;
  display_map?: [number, number, number, number][];
  corrected?: Correction[];
  language?: string;
  confidence?: number;
}

export interface Insight extends FactBase {
  type: "insight";
  kind: InsightKind;
  turn: number;
  value?: string;
  score?: number;
  /** Of a mood: −1 (negative) to +1 (positive), where that is not 0. */
  lean?: number;
  evidence?: Evidence[];
  rule?: string;
  rule_version?: string;
  outcome?: Outcome;
  severity?: Severity;
  action?: string;
  source?: string;
  because?: string;
  entity_type?: string;
  start?: number;
  end?: number;
  last4?: string;
}

export interface Suggestion extends FactBase {
  type: "suggestion";
  turn: number;
  article: string;
  title: string;
  body: string;
  score: number;
  trigger?: string;
  evidence?: Evidence[];
}

export interface CallEvent extends FactBase {
  type: "event";
  name: EventName;
  data?: Record<string, unknown>;
}

export type Fact = Transcript | Insight | Suggestion | CallEvent;

export interface Draft {
  type: "draft";
  id: string;
  stream: string;
  leg: Leg;
  segment: number;
  revision: number;
  start_ms: number;
  end_ms: number;
  text: string;
  stable?: number;
  language?: string;
  measured?: Measured;
}

export interface CallRecord {
  id: string;
  organisation_id: string;
  campaign_id: string;
  campaign: string;
  direction: "inbound" | "outbound";
  language: string;
  country: string;
  region?: string;
  agent_id?: string;
  agent_name?: string;
  started_at?: number;
  ended_at?: number;
  end_reason?: string;
  protocol?: string;
}

export interface Person {
  user_id: string;
  organisation_id: string;
  name: string;
  role: Role;
}

/** Who is logged in, and what there is at this site. */
export interface Me extends Person {
  /** What is masked may be read again. */
  keeps_tokens?: boolean;
}

export interface TileAlert {
  rule: string;
  outcome: Outcome;
  seq: number;
  severity: Severity;
  at_ms: number;
}

export interface Tile {
  id: string;
  agent_name: string;
  campaign: string;
  direction: "inbound" | "outbound";
  language: string;
  started_at: number;
  state: string;
  mood: Mood | "";
  mood_score: number;
  /** −1 (negative) to +1 (positive). */
  mood_lean: number;
  alerts: TileAlert[];
  last_at_ms: number;
  unclaimed: boolean;
  /** How much of what was spoken the agent spoke, 0 to 1. */
  agent_share?: number | null;
  /** Nobody has spoken for a while. */
  silent?: boolean;
}

/** Every ten seconds; `at` is the engine's time in UNIX seconds. */
type Beat = { type: "beat"; at: number };

export type DeskMessage =
  | { type: "hello"; person: Person; now_ms: number; at: number }
  | Beat
  | { type: "call"; call: CallRecord }
  | Fact
  | Draft
  | { type: "stamped"; id: string; seq: number; shown: number }
  | { type: "gone"; id: string }
  /** A command was refused; with `id` and `seq` the answer to that card. */
  | { type: "error"; code: string; message: string; id?: string; seq?: number };

export type CardAction = "accepted" | "dismissed" | "wrong";

export type DeskCommand =
  | { type: "resume"; calls: Record<string, number> }
  | { type: "shown"; id: string; seq: number }
  | { type: "shown"; id: string; stream: string; segment: number; revision: number }
  | { type: "card"; id: string; seq: number; action: CardAction }
  | { type: "claim"; id: string }
  | { type: "follow"; id: string }
  | { type: "unfollow"; id: string };

export type WallMessage =
  | { type: "floor"; at: number; tiles: Tile[] }
  | Beat
  | { type: "tile"; tile: Tile }
  | { type: "gone"; id: string };
