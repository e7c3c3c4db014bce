/** The desk as a living thing: socket, calls, what is selected, and the acknowledgement of what was painted. */

import { endedCalls } from "./api.ts";
import type { CallView } from "./call/view.ts";
import {
  emptyDesk,
  forget,
  isLive,
  listCalls,
  onOtherDesks,
  openAgain,
  opensByItself,
  paintable,
  recall,
  resumeFrom,
  strays,
  takeMessages,
  unconfirmed,
  unlisted,
  withoutDrafts,
  type CardAnswer,
  type DeskLists,
  type Painted,
} from "./desk.ts";
import { taken, unsent } from "./failure.ts";
import { arrange, noFilter, takeTiles, type Floor, type WallTile } from "./floor.ts";
import { Link } from "./link.svelte.ts";
import { isShown, startSession } from "./session.svelte.ts";
import { dropUnsent } from "./unsent.ts";
import type { CardAction, DeskCommand, DeskMessage, Evidence, WallMessage } from "./wire.ts";

export interface Gap {
  call: string;
  afterSeq: number;
  seconds: number;
  count: number;
}

export interface Focus {
  call: string;
  turn: number;
  quotes: readonly Evidence[];
  /** Counts up, so that a second click scrolls again. */
  nonce: number;
}

export interface DeskOptions {
  /** Tell the engine what was painted. Only the desk does; a supervisor who looks on is no measure of an agent's screen. */
  acknowledge: boolean;
  /** Open a call by itself when none is. */
  selectByItself: boolean;
  /** Keep the floor as well: the calls that wait to be claimed. */
  floor: boolean;
}

const CATCH_UP_MS = 1500;
/** How long after it left the floor a call that was claimed may take to come: floor and desk are two sockets. */
const ON_ITS_WAY_MS = 2000;
/** What is older than this when it arrives was looked up, not shown live. */
const LOOKED_UP_MS = 30_000;

export class Desk {
  view = $state.raw(emptyDesk);
  selected = $state<string | undefined>(undefined);
  focus = $state<Focus | undefined>(undefined);
  gaps = $state.raw<readonly Gap[]>([]);
  readonly link: Link<DeskMessage, DeskCommand>;
  floor = $state.raw<Floor>(new Map());
  readonly unclaimed: readonly WallTile[] = $derived(
    arrange(this.floor, { ...noFilter, only: "unclaimed" }, "longest"),
  );
  readonly lists: DeskLists = $derived(listCalls(this.view));
  readonly call: CallView | undefined = $derived(
    this.selected ? this.view.calls.get(this.selected) : undefined,
  );
  #wall: Link<WallMessage, never> | undefined;
  #options: DeskOptions;
  #engineAhead = 0;
  #opened = new Set<string>();
  #followed: string | undefined;
  /** What was claimed or is to be followed, until the engine answers. */
  #asked: string | undefined;
  /** What was claimed, as long as it is on the floor. */
  #claimed: string | undefined;
  /** Answers to cards that the engine has not told of yet. */
  #answers: readonly CardAnswer[] = [];
  #catchingUp: { until: number; seconds: number; seqs: Map<string, number> } | undefined;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.link = new Link<DeskMessage, DeskCommand>({
      path: "/ws/desk",
      opening: () => ({ type: "resume", calls: resumeFrom(this.view) }),
      take: (messages) => this.#take(messages),
      reopened: (lostForMs) => this.#reopened(lostForMs),
      doubt: () => void startSession(),
    });
    if (options.floor) {
      this.#wall = new Link<WallMessage, never>({
        path: "/ws/wall",
        take: (messages) => {
          this.floor = takeTiles(this.floor, messages);
          this.#watchClaim();
        },
        doubt: () => undefined, // the desk's own link asks
      });
    }
  }

  close(): void {
    this.link.close();
    this.#wall?.close();
  }

  select(id: string): void {
    const call = this.view.calls.get(id);
    if (call && !isLive(call) && call.log.size === 0) {
      if (!this.tell({ type: "follow", id })) return;
      this.#asked = id;
    }
    this.#opened.add(id);
    this.selected = id;
    this.focus = undefined;
  }

  claim(id: string): void {
    if (!this.tell({ type: "claim", id })) return;
    this.#asked = this.#claimed = id;
    this.select(id);
    this.#watchClaim();
  }

  follow(id: string): void {
    this.unfollow();
    this.dismiss();
    this.#followed = this.#asked = id;
    this.link.send({ type: "follow", id }); // while the link is down: said when it is back
    this.select(id);
  }

  unfollow(): void {
    const id = this.#followed;
    this.#leave();
    if (id && this.view.calls.get(id)?.record?.agent_id !== this.view.person?.user_id) {
      this.link.send({ type: "unfollow", id });
      this.view = forget(this.view, [id]);
    }
  }

  /** A command of the person's. One that cannot be sent is not kept, and they are told. */
  tell(command: DeskCommand): boolean {
    const sent = this.link.send(command);
    this.view = { ...this.view, error: sent ? undefined : unsent };
    return sent;
  }

  /** The refusal that stands there was read. */
  dismiss(): void {
    this.view = { ...this.view, error: undefined };
  }

  answer(call: CallView, seq: number, action: CardAction): void {
    if (!this.tell({ type: "card", id: call.id, seq, action })) return;
    this.#answers = [...this.#answers, { id: call.id, seq }];
    const cards = call.cards.map((card) => (card.seq === seq ? { ...card, state: action } : card));
    this.view = { ...this.view, calls: new Map(this.view.calls).set(call.id, { ...call, cards }) };
  }

  point(call: string, turn: number, quotes: readonly Evidence[]): void {
    this.focus = { call, turn, quotes, nonce: (this.focus?.nonce ?? 0) + 1 };
  }

  #take(messages: DeskMessage[]): void {
    const hello = messages.find((message) => message.type === "hello");
    if (hello) this.#engineAhead = hello.now_ms - performance.now();
    if (hello && !isShown(hello.person)) void startSession();
    this.#countCaughtUp(messages);
    this.view = takeMessages(this.view, messages);
    this.view = forget(this.view, onOtherDesks(this.view, this.#followed));
    this.view = forget(this.view, strays(this.view, [this.#followed, this.#asked]));
    this.view = forget(this.view, unlisted(this.view, this.selected));
    for (const message of messages) if (message.type === "gone") dropUnsent(message.id);
    this.#answers = unconfirmed(this.#answers, messages);
    this.#hearAnswer(messages);
    if (this.selected && this.selected !== this.#asked && !this.call) this.#leave();
    if (hello && this.#options.selectByItself) void this.#recall(hello.person.user_id);
    if (this.#options.selectByItself) this.#selectByItself();
    for (const id of this.#opened) {
      if (id !== this.selected && !this.view.calls.has(id)) this.#opened.delete(id);
    }
    if (this.#options.acknowledge) this.#acknowledge(messages);
  }

  /** Whether what was asked for comes, or is refused: then nothing is waited for. */
  #hearAnswer(messages: readonly DeskMessage[]): void {
    if (this.#asked === undefined) return;
    if (messages.some((message) => callOf(message) === this.#asked)) this.#asked = undefined;
    else if (messages.some((message) => message.type === "error")) this.#giveUp();
  }

  /** Of two who claim a call at once the engine answers the one who has it, and nobody else. */
  #watchClaim(): void {
    const id = this.#claimed;
    if (id === undefined || this.floor.get(id)?.unclaimed) return;
    this.#claimed = undefined;
    setTimeout(() => {
      if (this.#asked !== id) return;
      this.#giveUp();
      this.view = { ...this.view, error: taken };
      if (this.#options.selectByItself) this.#selectByItself();
    }, ON_ITS_WAY_MS);
  }

  #giveUp(): void {
    if (this.selected === this.#asked) this.#leave();
    this.#asked = undefined;
  }

  #leave(): void {
    this.#followed = undefined;
    this.#asked = undefined;
    this.selected = undefined;
  }

  #selectByItself(): void {
    const next = opensByItself(this.view, {
      selected: this.selected,
      opened: this.#opened,
      typing: typing(),
    });
    if (next) this.select(next);
  }

  /** What is left to wrap up of earlier calls stays in reach. */
  async #recall(user: string): Promise<void> {
    try {
      const ended = await endedCalls(user);
      this.view = recall(this.view, ended); // as it is now: facts came meanwhile
    } catch {
      // the list of calls that ended is a convenience; the live ones come over the socket
    }
  }

  #acknowledge(messages: DeskMessage[]): void {
    const painted = paintable(messages).filter((one) => one.id === this.selected && this.#isFresh(one));
    if (painted.length === 0 || document.visibilityState !== "visible") return;
    // This frame draws what the batch changed; the next one begins after it was painted.
    requestAnimationFrame(() => {
      for (const one of painted) this.link.send(shownOf(one));
    });
  }

  #isFresh(one: Painted): boolean {
    const stamps = one.measured?.stamps;
    if (stamps?.shown !== undefined) return false;
    const made = stamps?.decided ?? stamps?.transcribed;
    return made === undefined || performance.now() + this.#engineAhead - made < LOOKED_UP_MS;
  }

  #reopened(lostForMs: number): void {
    this.view = withoutDrafts(this.view); // those that go on come again within half a second
    if (this.#followed) this.link.send({ type: "follow", id: this.#followed });
    else if (this.#asked) {
      this.#giveUp(); // what was asked while the link broke may never have been heard
      this.view = { ...this.view, error: unsent };
    }
    const doubtful = this.#answers;
    if (doubtful.length > 0) setTimeout(() => this.#openAgain(doubtful), CATCH_UP_MS);
    const seqs = new Map([...this.view.calls.values()].filter(isLive).map((call) => [call.id, call.lastSeq]));
    this.#catchingUp = {
      until: performance.now() + CATCH_UP_MS,
      seconds: Math.round(lostForMs / 1000),
      seqs,
    };
  }

  /** What was answered while the link broke and is not among what was caught up was never heard. */
  #openAgain(doubtful: readonly CardAnswer[]): void {
    const unheard = doubtful.filter((one) => this.#answers.includes(one) && this.view.calls.has(one.id));
    this.#answers = this.#answers.filter((one) => !doubtful.includes(one));
    if (unheard.length > 0) this.view = { ...openAgain(this.view, unheard), error: unsent };
  }

  #countCaughtUp(messages: DeskMessage[]): void {
    const catching = this.#catchingUp;
    if (!catching || performance.now() > catching.until) return;
    const gaps = [...this.gaps];
    for (const message of messages) {
      if (!("seq" in message) || message.type === "stamped" || message.type === "error") continue;
      const afterSeq = catching.seqs.get(message.id);
      if (afterSeq === undefined || message.seq <= afterSeq) continue;
      const at = gaps.findIndex((gap) => gap.call === message.id && gap.afterSeq === afterSeq);
      if (at < 0) gaps.push({ call: message.id, afterSeq, seconds: catching.seconds, count: 1 });
      else gaps[at] = { ...gaps[at]!, count: gaps[at]!.count + 1 };
    }
    this.gaps = gaps;
  }
}

function callOf(message: DeskMessage): string | undefined {
  if (message.type === "call") return message.call.id;
  return "id" in message ? message.id : undefined;
}

/** Somebody is in a field of what is open, or reads a dialog. The bars around it stay, whatever opens. */
function typing(): boolean {
  return Boolean(document.activeElement?.closest("main :is(input, select, textarea), dialog"));
}

function shownOf(one: Painted): DeskCommand {
  if (one.type !== "draft") return { type: "shown", id: one.id, seq: one.seq };
  return { type: "shown", id: one.id, stream: one.stream, segment: one.segment, revision: one.revision };
}
