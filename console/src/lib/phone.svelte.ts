/** A phone as a living thing: its pass, its socket to the bridge, and a sound path a call. */

import { api } from "./api.ts";
import { unsent, type Refusal } from "./failure.ts";
import { SILENT_MS } from "./link.svelte.ts";
import { onEngine } from "./now.svelte.ts";
import { change, dialled, emptyPhone, forget, isOver, lost, take, tone } from "./phone/calls.ts";
import type { PhoneCall, PhoneView } from "./phone/calls.ts";
import { drop, keep, kept } from "./phone/kept.ts";
import { NoMicrophone, openMicrophone, SoundPath } from "./phone/sound.ts";
import type { MicrophoneError } from "./phone/sound.ts";
import { Tones } from "./phone/tones.ts";
import { REPLACED } from "./phone/wire.ts";
import type { FromBrowser, IceServer, PhoneKey, ToBrowser } from "./phone/wire.ts";

interface Pass {
  url: string;
  token: string;
  expires_at: number;
}

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 5000;
const NO_BRIDGE_MS = 30_000;
const RENEW_MS = 240_000;
/** The bridge ends the calls of a socket after 30 s, and may see up to 15 s later than this window that it is lost. */
const GIVEN_UP_MS = 45_000;
const SHOWN_MS = 4000;
/** How long after it was not there a microphone is asked for again. */
const MICROPHONE_PAUSE_MS = 1000;

export class Phone {
  /** The bridge is reached; else there is no phone to show. */
  connected = $state(false);
  there = $state(false);
  microphone = $state<MicrophoneError | "">("");
  view = $state.raw<PhoneView>(emptyPhone);
  /** What the agent did last could not be sent; until that was read. */
  error = $state.raw<Refusal | undefined>(undefined);
  readonly user: string;

  #pass: Pass | undefined;
  #socket: WebSocket | undefined;
  #iceServers: readonly IceServer[] = [];
  #paths = new Map<string, SoundPath>();
  /** Calls that get another path as soon as there is a microphone. */
  #making = new Set<string>();
  #tones = new Tones();
  #pause = FIRST_PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #givingUp: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #closed = false;
  #window: string;

  constructor(user: string) {
    this.user = user;
    this.#window = kept("window", user) ?? crypto.randomUUID();
    keep("window", user, this.#window);
    addEventListener("online", this.#hurry);
    void this.#open();
    if (kept("there", user) === this.#window) void this.come(); // the same window, loaded again
  }

  // Getters: what is derived would end with the part of the screen that first asked for it.

  get calls(): readonly PhoneCall[] {
    return this.view.calls;
  }

  get ringing(): PhoneCall | undefined {
    return this.calls.find((call) => call.state === "ringing");
  }

  /** The call that is spoken on: not the one that waits on hold while somebody else is asked. */
  get talking(): PhoneCall | undefined {
    const up = this.calls.filter((call) => call.state === "up");
    return up.findLast((call) => !call.held) ?? up.at(-1);
  }

  /** Its user has left: when they come again they are away until they say otherwise. */
  close(): void {
    this.#closed = true;
    drop("window", this.user);
    drop("there", this.user);
    drop("muted", this.user);
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    clearTimeout(this.#givingUp);
    clearInterval(this.#renewal);
    removeEventListener("online", this.#hurry);
    this.#socket?.close(1000);
    for (const path of this.#paths.values()) path.close();
    this.#tones.close();
  }

  // ─── what the agent does; they are told what could not be sent ───

  /** Takes calls from now on; the browser asks for the microphone here and not when somebody calls. */
  async come(): Promise<void> {
    const microphone = await this.#microphoneOr();
    if (!microphone) return this.#goAway();
    for (const track of microphone.getTracks()) track.stop(); // it is opened again for each call
    this.there = true;
    keep("there", this.user, this.#window);
    if (this.view.replaced || !this.connected) this.#reopen();
    else this.#say({ type: "presence", away: false });
  }

  leave(): void {
    drop("there", this.user);
    this.#goAway();
  }

  /** False when it was not sent. */
  dial(to: string): boolean {
    const ref = crypto.randomUUID();
    if (!to.trim() || !this.#tell({ type: "dial", ref, to: to.trim() })) return false;
    const talking = this.talking;
    if (talking && !talking.held) this.hold(talking.id, true);
    this.#set(dialled(this.view, ref, to.trim()));
    return true;
  }

  accept(id: string): void {
    if (!this.#tell({ type: "accept", call: id })) return;
    this.#set(change(this.view, id, { state: "taken" }));
    void this.#makePath(id);
  }

  decline(id: string): void {
    this.#tell({ type: "decline", call: id });
  }

  hangUp(id: string): void {
    this.#tell({ type: "hang_up", call: id });
  }

  mute(id: string, on: boolean): void {
    this.#paths.get(id)?.mute(on);
    this.#set(change(this.view, id, { muted: on }));
    const muted = this.calls.filter((call) => call.muted).map((call) => call.id);
    keep("muted", this.user, JSON.stringify(muted));
  }

  /** The microphone as a whole: on every call that has it, or is about to. */
  muteAll(on: boolean): void {
    const hearing = this.calls.filter((call) => call.id && call.state !== "ringing" && !isOver(call));
    for (const call of hearing) this.mute(call.id, on);
  }

  hold(id: string, on: boolean): void {
    if (this.#tell({ type: "hold", call: id, on })) this.#set(change(this.view, id, { held: on }));
  }

  press(id: string, key: PhoneKey): void {
    this.#tell({ type: "key", call: id, key });
  }

  /** Blind: the other side is connected with somebody else. False when it was not sent. */
  transfer(id: string, to: string): boolean {
    const sent = this.#tell({ type: "transfer", call: id, to });
    if (sent) this.#set(change(this.view, id, { transfer: "asked" }));
    return sent;
  }

  /** Attended: those on the agent's two calls are connected with each other. */
  join(id: string, consult: string): void {
    if (this.#tell({ type: "transfer", call: id, consult }))
      this.#set(change(this.view, id, { transfer: "asked" }));
  }

  // ─── the socket ───

  async #open(): Promise<void> {
    this.#givingUp ??= setTimeout(() => this.#set(lost(this.view)), GIVEN_UP_MS);
    const pass = await this.#usablePass();
    if (this.#closed) return;
    if (!pass) {
      this.#timer = setTimeout(() => void this.#open(), NO_BRIDGE_MS);
      return;
    }
    const socket = (this.#socket = new WebSocket(pass.url));
    this.#expect(socket);
    socket.onopen = () =>
      this.#say({ type: "register", token: pass.token, window: this.#window, away: !this.there });
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      this.#expect(socket);
      this.#heard(JSON.parse(String(event.data)) as ToBrowser);
    };
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  /** The bridge says something every ten seconds. A socket that is silent is lost at once, as a `Link` is. */
  #expect(socket: WebSocket): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#lost(socket, 0);
      socket.close();
    }, SILENT_MS);
  }

  /** One that lasts a while; while the engine is away, the one before. None: there is no bridge. */
  async #usablePass(): Promise<Pass | undefined> {
    try {
      this.#pass = await api<Pass | undefined>("GET", "/api/phone");
    } catch {
      if (this.#pass && this.#pass.expires_at * 1000 < onEngine(Date.now())) this.#pass = undefined;
    }
    return this.#pass;
  }

  #lost(socket: WebSocket, code: number): void {
    if (this.#closed || socket !== this.#socket) return;
    this.#socket = undefined; // what it says later is not heard
    this.connected = false;
    clearTimeout(this.#silence);
    clearInterval(this.#renewal);
    if (code === REPLACED) {
      this.there = false; // another window of this agent rings; this one waits to be asked
      this.#set({ ...lost(this.view), replaced: true }); // what calls it had, the other one has
      return;
    }
    this.#timer = setTimeout(() => void this.#open(), this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(this.#pause * 2, LAST_PAUSE_MS);
  }

  #hurry = (): void => {
    if (!this.connected && !this.view.replaced) this.#reopen();
  };

  #reopen(): void {
    clearTimeout(this.#timer);
    const before = this.#socket;
    this.#socket = undefined;
    before?.close(1000);
    void this.#open();
  }

  async #renew(): Promise<void> {
    const pass = await this.#usablePass();
    if (pass) this.#say({ type: "renew", token: pass.token });
  }

  /** False when the bridge is not reached. */
  #say(message: FromBrowser): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** What is the agent's own doing. Where it cannot be sent it is not kept. */
  #tell(message: FromBrowser): boolean {
    const sent = this.#say(message);
    this.error = sent ? undefined : unsent;
    return sent;
  }

  #heard(message: ToBrowser): void {
    this.#set(take(this.view, message, Date.now()));
    if (message.type === "registered") this.#registered(message.ice_servers ?? []);
    else if (message.type === "dialling") void this.#makePath(message.call);
    else if (message.type === "answer") void this.#paths.get(message.call)?.answered(message.sdp);
  }

  #registered(iceServers: readonly IceServer[]): void {
    this.connected = true;
    this.#pause = FIRST_PAUSE_MS;
    this.#iceServers = iceServers;
    clearTimeout(this.#givingUp);
    this.#givingUp = undefined;
    clearInterval(this.#renewal);
    this.#renewal = setInterval(() => void this.#renew(), RENEW_MS);
    // Of calls that stood when the page was loaded again only the page itself knew that they were muted.
    const muted = JSON.parse(kept("muted", this.user) ?? "[]") as string[];
    for (const id of muted) this.#set(change(this.view, id, { muted: true }));
    for (const call of this.calls) {
      const silent = !isOver(call) && call.state !== "ringing" && !this.#paths.has(call.id);
      if (silent) void this.#makePath(call.id);
    }
  }

  // ─── sound ───

  /** A path for the call, instead of the one that it may have. */
  async #makePath(id: string): Promise<void> {
    if (this.#making.has(id)) return;
    this.#making.add(id);
    const microphone = await this.#microphoneFor(id);
    this.#making.delete(id);
    const call = this.calls.find((one) => one.id === id);
    if (!microphone) this.#goAway();
    if (!call || isOver(call)) return microphone?.getTracks().forEach((track) => track.stop());
    if (!microphone) return void this.#say({ type: "hang_up", call: id });
    this.#paths.get(id)?.close();
    const path = new SoundPath(microphone, this.#iceServers, () => void this.#makePath(id));
    this.#paths.set(id, path);
    path.mute(call.muted);
    const sdp = await path.offer();
    if (!this.#say({ type: "offer", call: id, sdp })) {
      path.close(); // made again when the socket is back
      this.#paths.delete(id);
    }
  }

  /**
   * While the call is up it is waited for: a headset is plugged in again, and the bridge ends a call without a path. One
   * that is blocked is asked for again when somebody clicks, and not each second.
   */
  async #microphoneFor(id: string): Promise<MediaStream | undefined> {
    const isUp = (): boolean =>
      !this.#closed && this.calls.some((call) => call.id === id && call.state === "up");
    for (;;) {
      const microphone = await this.#microphoneOr();
      if (microphone || !isUp() || this.microphone === "insecure") return microphone;
      await new Promise((again) => {
        if (this.microphone === "blocked") addEventListener("pointerdown", again, { once: true });
        else setTimeout(again, MICROPHONE_PAUSE_MS);
      });
      if (!isUp()) return undefined;
    }
  }

  async #microphoneOr(): Promise<MediaStream | undefined> {
    try {
      const microphone = await openMicrophone();
      this.microphone = "";
      return microphone;
    } catch (error) {
      this.microphone = error instanceof NoMicrophone ? error.reason : "missing";
      return undefined;
    }
  }

  #goAway(): void {
    this.there = false;
    this.#say({ type: "presence", away: true });
  }

  #set(view: PhoneView): void {
    const ended = view.calls.filter(
      (call) => isOver(call) && !this.view.calls.some((one) => over(one, call)),
    );
    this.view = view;
    for (const call of ended) {
      setTimeout(() => (this.view = forget(this.view, (one) => over(one, call))), SHOWN_MS);
    }
    for (const [id, path] of this.#paths) {
      if (view.calls.some((call) => call.id === id && !isOver(call))) continue;
      path.close();
      this.#paths.delete(id);
    }
    this.#tones.play(tone(view));
  }
}

function over(one: PhoneCall, call: PhoneCall): boolean {
  return isOver(one) && one.id === call.id && one.ref === call.ref;
}
