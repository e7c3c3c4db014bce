/** All calls of one desk: a pure fold of the desk socket's messages. */

import { answerCard, answeredCard } from "./call/cards.ts";
import { receive, stamp } from "./call/fold.ts";
import { receiveDraft } from "./call/turns.ts";
import { emptyCall, type CallView } from "./call/view.ts";
import type { Refusal } from "./failure.ts";
import type { CallRecord, DeskMessage, Draft, Fact, Person } from "./wire.ts";

export interface DeskView {
  person: Person | undefined;
  calls: ReadonlyMap<string, CallView>;
  /** The last command that was refused or not sent, until it was read. */
  error: Refusal | undefined;
}

export const emptyDesk: DeskView = { person: undefined, calls: new Map(), error: undefined };

/** Takes a batch of messages in their order. */
export function takeMessages(desk: DeskView, messages: readonly DeskMessage[]): DeskView {
  const calls = new Map(desk.calls);
  let { person, error } = desk;
  const pending = new Map<string, Fact[]>();
  const settle = (id: string): CallView => {
    const view = receive(calls.get(id) ?? emptyCall(id), pending.get(id) ?? []);
    pending.delete(id);
    calls.set(id, view);
    return view;
  };
  for (const message of messages) {
    switch (message.type) {
      case "hello":
        person = message.person;
        break;
      case "beat":
        break;
      case "error":
        error = { code: message.code, message: message.message };
        // What was shown as answered is open again.
        if (message.id && message.seq && (calls.has(message.id) || pending.has(message.id)))
          calls.set(message.id, answerCard(settle(message.id), message.seq, "open"));
        break;
      case "call":
        calls.set(message.call.id, { ...settle(message.call.id), record: message.call });
        break;
      case "draft":
        calls.set(message.id, receiveDraft(settle(message.id), message));
        break;
      case "gone":
        pending.delete(message.id);
        calls.delete(message.id);
        break;
      case "stamped":
        // It may come after its call went to another desk.
        if (calls.has(message.id) || pending.has(message.id))
          calls.set(message.id, stamp(settle(message.id), message.seq, message.shown));
        break;
      default:
        pending.set(message.id, [...(pending.get(message.id) ?? []), message]);
    }
  }
  for (const id of [...pending.keys()]) settle(id);
  return { person, calls, error };
}

/** Calls that one `resume` may name; the engine refuses one that names more. */
export const RESUMED = 64;

/**
 * What to ask for after a reconnect: the last `seq` of every call of which more may come. Of one that ended that is what
 * people made of it, and that its row was closed; one that was never open is a row without facts, asked for when it is.
 */
export function resumeFrom(desk: DeskView): Record<string, number> {
  const calls = [...desk.calls.values()];
  const ended = listCalls(desk).ended.filter((call) => call.log.size > 0);
  const named = [...calls.filter(isLive), ...ended].slice(0, RESUMED);
  return Object.fromEntries(named.map((call) => [call.id, lastWhole(call)]));
}

/** The last `seq` below which nothing is missing. */
function lastWhole(call: CallView): number {
  if (call.missing === 0) return call.lastSeq;
  let seq = 0;
  while (call.log.has(seq + 1)) seq += 1;
  return seq;
}

export function isLive(call: CallView): boolean {
  return call.endedMs === undefined && !call.record?.ended_at;
}

/**
 * Facts of a call that has ended are on their way. Its `call.ended` says that they have come; where that could not be
 * told, what there is is all.
 */
export function isLoading(call: CallView): boolean {
  if (isLive(call) || call.endedMs !== undefined) return false;
  return call.log.size === 0 || call.missing > 0;
}

export interface DeskLists {
  mine: CallView[];
  ended: CallView[];
}

/** Live calls oldest first, ended ones newest first. */
export function listCalls(desk: DeskView): DeskLists {
  const lists: DeskLists = { mine: [], ended: [] };
  for (const call of desk.calls.values()) {
    if (!call.record) continue;
    if (!isLive(call)) lists.ended.push(call);
    else if (call.record.agent_id === desk.person?.user_id) lists.mine.push(call);
  }
  const byStart = (a: CallView, b: CallView): number =>
    (a.record?.started_at ?? 0) - (b.record?.started_at ?? 0);
  lists.mine.sort(byStart);
  lists.ended.sort((a, b) => byStart(b, a));
  return lists;
}

export interface Screen {
  /** The call that is open, or that was asked for and has not come yet. */
  selected: string | undefined;
  /** Calls that have been open. */
  opened: ReadonlySet<string>;
  /** Somebody is in a field of what is open. */
  typing: boolean;
}

/**
 * The call that opens by itself now, if one does. A person's own choice stands: a live call stays open, and an ended one,
 * which is wrapped up, gives way to a call that has never been open and to no other, and not while somebody types.
 */
export function opensByItself(desk: DeskView, screen: Screen): string | undefined {
  if (screen.typing) return undefined;
  const { mine, ended } = listCalls(desk);
  const fresh = (call: CallView): boolean => !screen.opened.has(call.id);
  const next = mine.findLast(fresh);
  if (screen.selected === undefined) {
    return (next ?? mine.at(-1) ?? ended.find((call) => call.log.size > 0 && fresh(call)))?.id;
  }
  const open = desk.calls.get(screen.selected);
  return open && !isLive(open) ? next?.id : undefined;
}

/** Without calls that are no longer looked at. */
export function forget(desk: DeskView, ids: readonly string[]): DeskView {
  if (ids.length === 0) return desk;
  const calls = new Map(desk.calls);
  for (const id of ids) calls.delete(id);
  return { ...desk, calls };
}

/** Calls that are on another desk by now, but for the one that is followed there. */
export function onOtherDesks(desk: DeskView, followed: string | undefined): string[] {
  const { person } = desk;
  if (!person) return [];
  const left = ({ id, record }: CallView): boolean =>
    Boolean(record?.agent_id) && record?.agent_id !== person.user_id && id !== followed;
  return [...desk.calls.values()].filter(left).map((call) => call.id);
}

/** Calls that are nobody's and that are not `wanted`: what was on its way when one was no longer followed. */
export function strays(desk: DeskView, wanted: readonly (string | undefined)[]): string[] {
  const stray = ({ id, record }: CallView): boolean => !record?.agent_id && !wanted.includes(id);
  return [...desk.calls.values()].filter(stray).map((call) => call.id);
}

/** Calls that ended and are listed; of older ones nothing is kept. */
export const ENDED_LISTED = 12;

export function unlisted(desk: DeskView, selected: string | undefined): string[] {
  const older = listCalls(desk).ended.slice(ENDED_LISTED);
  return older.map((call) => call.id).filter((id) => id !== selected);
}

/** Calls that ended before this page was loaded: rows without facts, which are asked for when one is selected. */
export function recall(desk: DeskView, records: readonly CallRecord[]): DeskView {
  const calls = new Map(desk.calls);
  for (const record of records) {
    const mine = record.agent_id === desk.person?.user_id && record.ended_at;
    if (mine && !calls.has(record.id)) calls.set(record.id, emptyCall(record.id, record));
  }
  return { ...desk, calls };
}

/** A card that somebody has answered. */
export interface CardAnswer {
  id: string;
  seq: number;
}

/** Of answers that were sent those that a batch neither confirms nor refuses. */
export function unconfirmed(sent: readonly CardAnswer[], messages: readonly DeskMessage[]): CardAnswer[] {
  const isOf = ({ id, seq }: CardAnswer, message: DeskMessage): boolean => {
    if (message.type === "error") return message.id === id && message.seq === seq;
    return message.type === "event" && message.id === id && answeredCard(message) === seq;
  };
  return sent.filter((answer) => !messages.some((message) => isOf(answer, message)));
}

/** With cards open again whose answers were not heard. */
export function openAgain(desk: DeskView, unheard: readonly CardAnswer[]): DeskView {
  const calls = new Map(desk.calls);
  for (const { id, seq } of unheard) {
    const call = calls.get(id);
    if (call) calls.set(id, answerCard(call, seq, "open"));
  }
  return { ...desk, calls };
}

/** Without words that may still change: whether they were taken back while nothing was heard, nobody says again. */
export function withoutDrafts(desk: DeskView): DeskView {
  const calls = new Map([...desk.calls].map(([id, call]) => [id, { ...call, drafts: [] }]));
  return { ...desk, calls };
}

export type Painted = Fact | Draft;

/** Messages of a batch whose painting the engine is to be told of. */
export function paintable(messages: readonly DeskMessage[]): Painted[] {
  return messages.filter(
    (message): message is Painted =>
      message.type === "transcript" ||
      message.type === "insight" ||
      message.type === "suggestion" ||
      message.type === "draft",
  );
}
