/** The calls of one phone: a pure fold of what the bridge says and of what the agent did. */

import type { CallState, ErrorCode, ToBrowser } from "./wire.ts";

export interface PhoneCall {
  /** The bridge's id; empty until it has one for a call that was dialled here. */
  id: string;
  /** The browser's own name for a call that it dialled. */
  ref: string;
  way: "in" | "out";
  state: "ringing" | "dialling" | "taken" | "up" | "ended";
  address: string;
  name: string;
  /** `Date.now()` when it was answered. */
  upAt: number | undefined;
  /** The agent has put the other side on hold. */
  held: boolean;
  /** The other side has put the agent on hold. */
  heldByOther: boolean;
  muted: boolean;
  /** The other side is heard before it answers; else a tone is played. */
  early: boolean;
  transfer: "" | "asked" | "rings" | "failed";
  /** Why it ended: a reason of the wire, or an error's code. */
  reason: string;
  status: number;
}

export interface PhoneView {
  calls: readonly PhoneCall[];
  /** Another window of this agent rings now. */
  replaced: boolean;
}

export const emptyPhone: PhoneView = { calls: [], replaced: false };

const fresh: Omit<PhoneCall, "way" | "state" | "address"> = {
  id: "",
  ref: "",
  name: "",
  upAt: undefined,
  held: false,
  heldByOther: false,
  muted: false,
  early: false,
  transfer: "",
  reason: "",
  status: 0,
};

const vanished = { state: "ended", reason: "peer_vanished" } as const;

export function isOver(call: PhoneCall): boolean {
  return call.state === "ended";
}

/** The agent dials: the call is there before the bridge has heard of it. */
export function dialled(view: PhoneView, ref: string, to: string): PhoneView {
  return { ...view, calls: [...view.calls, { ...fresh, ref, way: "out", state: "dialling", address: to }] };
}

export function change(view: PhoneView, id: string, more: Partial<PhoneCall>): PhoneView {
  return { ...view, calls: view.calls.map((call) => (call.id === id ? { ...call, ...more } : call)) };
}

export function forget(view: PhoneView, gone: (call: PhoneCall) => boolean): PhoneView {
  return { ...view, calls: view.calls.filter((call) => !gone(call)) };
}

/** The bridge has ended what calls there were: none waits for this window any more. */
export function lost(view: PhoneView): PhoneView {
  return { ...view, calls: view.calls.map((call) => (isOver(call) ? call : { ...call, ...vanished })) };
}

/** One message; `now` is `Date.now()`. */
export function take(view: PhoneView, message: ToBrowser, now: number): PhoneView {
  switch (message.type) {
    case "registered":
      return registered(view, message.calls ?? [], now);
    case "incoming": {
      const { call, address, name = "" } = message;
      const known = view.calls.filter((one) => one.id !== call);
      return {
        ...view,
        calls: [...known, { ...fresh, id: call, way: "in", state: "ringing", address, name }],
      };
    }
    case "dialling":
      return {
        ...view,
        calls: view.calls.map((call) => (call.ref === message.ref ? { ...call, id: message.call } : call)),
      };
    case "progress":
      return change(view, message.call, { early: message.early ?? false });
    case "answered":
      return change(view, message.call, { state: "up", upAt: now });
    case "held":
      return change(view, message.call, { heldByOther: message.direction !== "sendrecv" });
    case "transferred":
      return change(view, message.call, { transfer: transferOf(message.status) });
    case "ended":
      return change(view, message.call, {
        state: "ended",
        reason: message.reason,
        status: message.status ?? 0,
      });
    case "replaced":
      return { ...view, replaced: true };
    case "error":
      return failed(view, message.code, message.call ?? "", message.ref ?? "");
    case "answer":
    case "beat":
    case "key":
      return view;
  }
}

function transferOf(status: number): PhoneCall["transfer"] {
  if (status >= 300) return "failed";
  return status >= 180 ? "rings" : "asked";
}

function registered(view: PhoneView, standing: readonly CallState[], now: number): PhoneView {
  const calls = lost(view).calls.map((call) => {
    const one = standing.find((each) => each.call === call.id);
    return one ? { ...call, ...stateOf(one, now) } : call; // also one that was given up here
  });
  const known = new Set(calls.map((call) => call.id));
  const found = standing.filter((one) => !known.has(one.call)).map((one) => restored(one, now));
  return { replaced: false, calls: [...calls, ...found] };
}

/** How the call stands, whatever was pressed or said while nobody heard it. */
function stateOf(one: CallState, now: number): Pick<PhoneCall, "state" | "held" | "upAt" | "reason"> {
  const { state, held = false, up_s = 0 } = one;
  return { state, held, upAt: state === "up" ? now - 1000 * up_s : undefined, reason: "" };
}

function restored(one: CallState, now: number): PhoneCall {
  const { call, way, address, name = "" } = one;
  return { ...fresh, ...stateOf(one, now), id: call, way, address, name };
}

function failed(view: PhoneView, code: ErrorCode, id: string, ref: string): PhoneView {
  const ended = { state: "ended" as const, reason: code };
  if (ref) {
    return { ...view, calls: view.calls.map((call) => (call.ref === ref ? { ...call, ...ended } : call)) };
  }
  if (code === "refused") return change(view, id, { transfer: "failed" });
  return code === "no_such_call" ? change(view, id, ended) : view;
}

/** What may ring or sound in this phone now. */
export function tone(view: PhoneView): "" | "ring" | "ringback" {
  const live = view.calls.filter((call) => !isOver(call));
  if (live.some((call) => call.state === "up")) return "";
  if (live.some((call) => call.state === "ringing")) return "ring";
  return live.some((call) => call.state === "dialling" && call.id && !call.early) ? "ringback" : "";
}
