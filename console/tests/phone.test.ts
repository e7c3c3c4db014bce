import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { unsent } from "../src/lib/failure.ts";
import { Phone } from "../src/lib/phone.svelte.ts";
import { change, dialled, emptyPhone, lost, take, tone, type PhoneView } from "../src/lib/phone/calls.ts";
import type { ToBrowser } from "../src/lib/phone/wire.ts";
import { FakeSocket } from "./fake_socket.ts";

const NOW = 1_000_000;
const fold = (view: PhoneView, ...messages: ToBrowser[]): PhoneView =>
  messages.reduce((before, message) => take(before, message, NOW), view);
const ringing: ToBrowser = { type: "incoming", call: "a", address: "+34910000000", to: "sales" };

describe("a phone", () => {
  it("rings, is answered and ends", () => {
    const rung = fold(emptyPhone, ringing);
    expect([rung.calls[0]!.state, tone(rung)]).toEqual(["ringing", "ring"]);
    const up = fold(rung, { type: "answered", call: "a" });
    expect([up.calls[0]!.state, up.calls[0]!.upAt, tone(up)]).toEqual(["up", NOW, ""]);
    const over = fold(up, { type: "ended", call: "a", reason: "bye" });
    expect([over.calls[0]!.state, over.calls[0]!.reason]).toEqual(["ended", "bye"]);
  });

  it("knows its own call by its name until the bridge gives it an id", () => {
    const out = dialled(emptyPhone, "r", "1002");
    expect(tone(out)).toBe("");
    const named = fold(out, { type: "dialling", ref: "r", call: "b" });
    expect([named.calls[0]!.id, tone(named)]).toEqual(["b", "ringback"]);
    expect(tone(fold(named, { type: "progress", call: "b", early: true }))).toBe("");
    const refused = fold(out, { type: "error", code: "not_dialled", message: "", ref: "r" });
    expect([refused.calls[0]!.state, refused.calls[0]!.reason]).toEqual(["ended", "not_dialled"]);
  });

  it("tells a hold of one side from a hold of the other", () => {
    const up = fold(emptyPhone, ringing, { type: "answered", call: "a" });
    const held = fold(change(up, "a", { held: true }), { type: "held", call: "a", direction: "inactive" });
    expect([held.calls[0]!.held, held.calls[0]!.heldByOther]).toEqual([true, true]);
    const back = fold(held, { type: "held", call: "a", direction: "sendrecv" });
    expect(back.calls[0]!.heldByOther).toBe(false);
  });

  it("comes back to the calls that stand, and says which are lost", () => {
    const before = fold(emptyPhone, ringing, { type: "answered", call: "a" });
    const standing: ToBrowser = {
      type: "registered",
      aor: "ana@desk",
      calls: [{ call: "b", way: "out", state: "up", address: "1002", held: true, up_s: 60 }],
    };
    const after = fold(before, standing);
    expect(after.calls.map((call) => [call.id, call.state, call.held, call.upAt])).toEqual([
      ["a", "ended", false, NOW],
      ["b", "up", true, NOW - 60_000],
    ]);
    expect(fold(after, standing)).toEqual({ ...after, calls: after.calls });
  });

  it("takes a call that stands as the bridge has it: what came or was pressed in between was not heard", () => {
    const held = change(fold(emptyPhone, ringing, { type: "answered", call: "a" }), "a", { held: true });
    const before = fold(dialled(held, "r", "1002"), { type: "dialling", ref: "r", call: "b" });
    const one = { call: "a", way: "in", state: "up", address: "+34910000000", up_s: 90 } as const;
    const other = { call: "b", way: "out", state: "up", address: "1002", held: true, up_s: 5 } as const;
    const after = fold(before, { type: "registered", aor: "ana@desk", calls: [one, other] });
    expect(after.calls.map((call) => [call.id, call.ref, call.state, call.held, call.upAt])).toEqual([
      ["a", "", "up", false, NOW - 90_000],
      ["b", "r", "up", true, NOW - 5_000],
    ]);
  });

  it("has a call again that was given up here while the bridge still had it", () => {
    const up = fold(emptyPhone, ringing, { type: "answered", call: "a" });
    const given = lost(up);
    expect(given.calls.map((call) => [call.state, call.reason])).toEqual([["ended", "peer_vanished"]]);
    const one = { call: "a", way: "in", state: "up", address: "+34910000000", up_s: 90 } as const;
    const after = fold(given, { type: "registered", aor: "ana@desk", calls: [one] });
    expect(after.calls.map((call) => [call.state, call.upAt])).toEqual([["up", NOW - 90_000]]);
  });

  it("says how a transfer goes", () => {
    const up = fold(emptyPhone, ringing, { type: "answered", call: "a" });
    const states = [100, 180, 486].map(
      (status) => fold(up, { type: "transferred", call: "a", status }).calls[0]!.transfer,
    );
    expect(states).toEqual(["asked", "rings", "failed"]);
    expect(fold(up, { type: "error", code: "refused", message: "", call: "a" }).calls[0]!.transfer).toBe(
      "failed",
    );
  });
});

describe("a phone's socket", () => {
  const pass = { url: "ws://bridge/phone", token: "t", expires_at: 1e10 };
  const registered = { type: "registered", aor: "ana@desk" };
  const withCall = { ...registered, calls: [{ call: "a", way: "in", state: "up", address: "+34910000000" }] };
  let phone: Phone;

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("addEventListener", () => undefined);
    vi.stubGlobal("removeEventListener", () => undefined);
    vi.stubGlobal("sessionStorage", {
      getItem: () => null,
      setItem: () => undefined,
      removeItem: () => undefined,
    });
    const headers = new Headers({ "Content-Type": "application/json" });
    vi.stubGlobal("fetch", async () => ({ ok: true, headers, text: async () => JSON.stringify(pass) }));
    FakeSocket.all = [];
    phone = new Phone("u1");
    await vi.advanceTimersByTimeAsync(0);
    FakeSocket.all[0]!.open();
    FakeSocket.all[0]!.say(registered);
  });

  afterEach(() => {
    phone.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("stands while the bridge says at least that it does", async () => {
    for (let beats = 0; beats < 10; beats += 1) {
      await vi.advanceTimersByTimeAsync(10_000);
      FakeSocket.all[0]!.say({ type: "beat" });
    }
    expect([phone.connected, FakeSocket.all.length]).toEqual([true, 1]);
  });

  it("is lost at once when nothing was said for 25 s, and another is opened in its place", async () => {
    const [dead] = FakeSocket.all;
    await vi.advanceTimersByTimeAsync(24_900);
    expect(phone.connected).toBe(true);
    await vi.advanceTimersByTimeAsync(200);
    expect(phone.connected).toBe(false);
    await vi.advanceTimersByTimeAsync(700);
    const next = FakeSocket.all[1]!;
    next.open();
    next.say(registered);
    expect(JSON.parse(next.sent[0]!)).toMatchObject({ type: "register", token: "t" });
    dead!.say({ type: "incoming", call: "late", address: "x", to: "y" });
    dead!.lose();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([phone.connected, phone.calls, FakeSocket.all.length]).toEqual([true, [], 2]);
  });

  it("has no call any more once the bridge has ended it, which nobody could tell it", async () => {
    FakeSocket.all[0]!.say(withCall);
    vi.stubGlobal("fetch", async () => ({ ok: false, status: 401, headers: new Headers() }));
    FakeSocket.all[0]!.lose();
    await vi.advanceTimersByTimeAsync(40_000);
    expect(phone.calls.map((call) => call.state)).toEqual(["up"]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(phone.calls.map((call) => [call.state, call.reason])).toEqual([["ended", "peer_vanished"]]);
  });

  it("keeps a call over a socket that is lost for a moment", async () => {
    FakeSocket.all[0]!.say(withCall);
    FakeSocket.all[0]!.lose();
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.all[1]!.open();
    FakeSocket.all[1]!.say(withCall);
    for (let beats = 0; beats < 6; beats += 1) {
      await vi.advanceTimersByTimeAsync(10_000);
      FakeSocket.all[1]!.say({ type: "beat" });
    }
    expect(phone.calls.map((call) => call.state)).toEqual(["up"]);
  });

  it("has no call any more when another window has taken its place", async () => {
    FakeSocket.all[0]!.say(withCall);
    FakeSocket.all[0]!.lose(4409);
    expect([phone.view.replaced, phone.calls[0]!.state]).toEqual([true, "ended"]);
  });

  it.each<[string, (phone: Phone) => unknown]>([
    ["dial", (one) => one.dial("1002")],
    ["accept", (one) => one.accept("a")],
    ["decline", (one) => one.decline("a")],
    ["hang up", (one) => one.hangUp("a")],
    ["hold", (one) => one.hold("a", true)],
    ["key", (one) => one.press("a", "1")],
    ["transfer", (one) => one.transfer("a", "1002")],
    ["join", (one) => one.join("a", "b")],
  ])("while it is lost takes nothing for done, and tells so (%s)", (_, act) => {
    FakeSocket.all[0]!.say(withCall);
    FakeSocket.all[0]!.lose();
    const before = phone.view;
    expect(act(phone)).toBeFalsy();
    expect([phone.view === before, phone.error]).toEqual([true, unsent]);
  });

  it("has nothing to tell any more once something was sent again", async () => {
    FakeSocket.all[0]!.say(withCall);
    FakeSocket.all[0]!.lose();
    phone.transfer("a", "1002");
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.all[1]!.open();
    FakeSocket.all[1]!.say(withCall);
    expect([phone.transfer("a", "1002"), phone.error]).toEqual([true, undefined]);
  });
});
