import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Phone } from "../src/lib/phone.svelte.ts";
import { FakeConnection, stubSound, type FakeMicrophone } from "./fake_sound.ts";
import { FakeSocket } from "./fake_socket.ts";

const pass = { url: "ws://bridge/phone", token: "t", expires_at: 1e10 };
const customer = { call: "a", way: "in", state: "up", address: "+34910000000" };
const colleague = { call: "b", way: "out", state: "up", address: "1002" };

describe("a phone's microphone", () => {
  let phone: Phone;
  let microphone: FakeMicrophone;

  /** The page is loaded, for the first time or again, and the bridge has these calls of it. */
  async function load(...calls: object[]): Promise<FakeSocket> {
    phone = new Phone("u1");
    await vi.advanceTimersByTimeAsync(0);
    const socket = FakeSocket.all.at(-1)!;
    socket.open();
    socket.say({ type: "registered", aor: "ana@desk", calls });
    await vi.advanceTimersByTimeAsync(0);
    return socket;
  }

  /** Whether each of the newest so many paths sends what is said. */
  const sending = (paths: number): boolean[] =>
    FakeConnection.all.slice(-paths).map((one) => one.tracks[0]!.enabled);

  const said = (socket: FakeSocket): string[] => socket.sent.map((text) => JSON.parse(text).type);

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("addEventListener", () => undefined);
    vi.stubGlobal("removeEventListener", () => undefined);
    const storage = new Map<string, string>();
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => storage.get(key) ?? null,
      setItem: (key: string, value: string) => storage.set(key, value),
      removeItem: (key: string) => storage.delete(key),
    });
    const headers = new Headers({ "Content-Type": "application/json" });
    vi.stubGlobal("fetch", async () => ({ ok: true, headers, text: async () => JSON.stringify(pass) }));
    FakeSocket.all = [];
    microphone = stubSound();
  });

  afterEach(() => {
    phone.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it.each([
    ["up", "b"],
    ["taken", "a"],
  ])("is muted on every call at once, not on the one on hold alone (%s)", async (state, talking) => {
    await load({ ...customer, held: true }, { ...colleague, state });
    expect(phone.talking?.id).toBe(talking);
    phone.muteAll(true);
    expect([phone.calls.map((call) => call.muted), sending(2)]).toEqual([
      [true, true],
      [false, false],
    ]);
    phone.muteAll(false);
    expect([phone.calls.map((call) => call.muted), sending(2)]).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  it("is as mute when the page was loaded again as it was before", async () => {
    await load(customer, colleague);
    phone.mute("a", true);
    await load(customer, colleague);
    expect([phone.calls.map((call) => call.muted), sending(2)]).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  it.each([
    ["itself", (path: FakeConnection) => path.tracks[0]!.onended()],
    ["with the network", (path: FakeConnection) => path.fail()],
  ])("is waited for when it goes in mid-call (%s), and the call stands", async (_, goes) => {
    const socket = await load(customer);
    microphone.fault = "NotFoundError";
    goes(FakeConnection.all[0]!);
    await vi.advanceTimersByTimeAsync(3_500);
    expect([phone.microphone, phone.talking?.id, FakeConnection.all.length]).toEqual(["missing", "a", 1]);
    microphone.fault = "";
    await vi.advanceTimersByTimeAsync(1_000);
    expect([phone.microphone, FakeConnection.all.length]).toEqual(["", 2]);
    expect(said(socket)).toEqual(["register", "offer", "offer"]);
  });

  it("is asked for again by a click where it was blocked in mid-call, and not before", async () => {
    const presses: (() => void)[] = [];
    vi.stubGlobal("addEventListener", (name: string, heard: () => void) =>
      name === "pointerdown" ? presses.push(heard) : 0,
    );
    const socket = await load(customer);
    microphone.fault = "NotAllowedError";
    FakeConnection.all[0]!.fail();
    await vi.advanceTimersByTimeAsync(5_000);
    expect([phone.microphone, phone.talking?.id, presses.length]).toEqual(["blocked", "a", 1]);
    microphone.fault = "";
    presses.forEach((heard) => heard());
    await vi.advanceTimersByTimeAsync(0);
    expect([phone.microphone, said(socket)]).toEqual(["", ["register", "offer", "offer"]]);
  });

  it("takes no other call where it is not back when the one is over", async () => {
    const socket = await load(customer);
    microphone.fault = "NotFoundError";
    FakeConnection.all[0]!.fail();
    await vi.advanceTimersByTimeAsync(0);
    socket.say({ type: "ended", call: "a", reason: "bye" });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(said(socket)).toEqual(["register", "offer", "presence"]);
  });

  it("ends a call that is not up yet where there is none", async () => {
    microphone.fault = "NotAllowedError";
    const socket = await load({ ...customer, state: "taken" });
    expect([phone.microphone, said(socket)]).toEqual(["blocked", ["register", "presence", "hang_up"]]);
  });
});
