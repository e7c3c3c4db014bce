/**
 * A WebSocket that comes back: state for the screen, messages in batches of one animation frame.
 *
 * The engine says something every ten seconds. A socket that has said nothing for 25 s is dead, whatever the browser
 * believes of it (a cable, a sleeping PC, a proxy that forgot it): it is lost at once, and what it says later is not heard.
 *
 * After a loss it tries again with growing pauses (0.25 s to 5 s, with jitter) and at once when the browser says that the
 * network is back. `opening` is asked at every opening for the first message, so that a resume asks from what is known now.
 */

import { learnTime } from "./now.svelte.ts";

export type LinkState = "connecting" | "live" | "lost";

export interface LinkOptions<In, Out> {
  path: string;
  opening?: () => Out;
  take: (messages: In[]) => void;
  /** The link is back after so many milliseconds; called after the `opening` message. */
  reopened?: (lostForMs: number) => void;
  /** The socket did not open at all, or the engine closed it over its session: perhaps that is over, or somebody else's. */
  doubt: () => void;
}

const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 5000;
const HIDDEN_MS = 200;
/** A socket that has said nothing for so long is dead. */
export const SILENT_MS = 25_000;
/** How the engine closes a socket whose session is over, or whose person has changed. */
const SESSION_OVER = 1008;

export class Link<In extends object, Out> {
  state = $state<LinkState>("connecting");
  /** When the link was lost, `performance.now()`; undefined while it stands. */
  lostAt = $state<number | undefined>(undefined);
  #socket: WebSocket | undefined;
  #options: LinkOptions<In, Out>;
  #batch: In[] = [];
  #pause = FIRST_PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: LinkOptions<In, Out>) {
    this.#options = options;
    addEventListener("online", this.#hurry);
    this.#open();
  }

  /** False when the link is down: the message is not kept. */
  send(message: Out): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    removeEventListener("online", this.#hurry);
    this.#socket?.close(1000);
  }

  #hurry = (): void => {
    if (this.state !== "lost") return;
    clearTimeout(this.#timer);
    this.#open();
  };

  #open(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.#options.path}`);
    this.#socket?.close();
    this.#socket = socket;
    let opened = false;
    const lost = (silentMs: number, code?: number): void => {
      if (socket !== this.#socket) return;
      this.#socket = undefined;
      socket.close();
      this.#lost(!opened || code === SESSION_OVER, silentMs);
    };
    const heard = (): void => {
      clearTimeout(this.#silence);
      this.#silence = setTimeout(() => lost(SILENT_MS), SILENT_MS);
    };
    heard();
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      heard();
      opened = true;
      this.#pause = FIRST_PAUSE_MS;
      const first = this.#options.opening?.();
      if (first !== undefined) this.send(first);
      if (this.lostAt !== undefined) this.#options.reopened?.(performance.now() - this.lostAt);
      this.state = "live";
      this.lostAt = undefined;
    };
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      heard();
      this.#receive(JSON.parse(String(event.data)) as In);
    };
    socket.onclose = (event) => lost(0, event.code);
  }

  #receive(message: In): void {
    if ("at" in message && typeof message.at === "number") learnTime(message.at * 1000);
    this.#batch.push(message);
    if (this.#batch.length > 1) return;
    requestAnimationFrame(this.#flush);
    setTimeout(this.#flush, HIDDEN_MS); // a hidden page gets no animation frames; it must still keep up
  }

  #flush = (): void => {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length > 0 && !this.#closed) this.#options.take(batch);
  };

  #lost(doubtful: boolean, silentMs: number): void {
    clearTimeout(this.#silence);
    if (this.#closed) return;
    if (doubtful) this.#options.doubt();
    this.state = "lost";
    this.lostAt ??= performance.now() - silentMs;
    this.#timer = setTimeout(() => this.#open(), this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(this.#pause * 2, LAST_PAUSE_MS);
  }
}
