import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { closePhone, keepPhone, phone } from "../src/lib/line.svelte.ts";
import { FakeSocket } from "./fake_socket.ts";

const pass = { url: "ws://bridge/phone", token: "t", expires_at: 1e10 };
const up = { call: "a", way: "in", state: "up", address: "+34910000000" };
let storage: Map<string, string>;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
  storage = new Map();
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => storage.set(key, value),
    removeItem: (key: string) => storage.delete(key),
  });
  const headers = new Headers({ "Content-Type": "application/json" });
  vi.stubGlobal("fetch", async () => ({ ok: true, headers, text: async () => JSON.stringify(pass) }));
  FakeSocket.all = [];
});

afterEach(() => {
  closePhone();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Ana at the desk, whose phone is registered and has these calls. */
async function atTheDesk(...calls: object[]): Promise<FakeSocket> {
  keepPhone("ana", true);
  await vi.advanceTimersByTimeAsync(0);
  const socket = FakeSocket.all[0]!;
  socket.open();
  socket.say({ type: "registered", aor: "ana@desk", calls });
  return socket;
}

/** How the browser came to load the page. */
function loadedBy(type: string): void {
  vi.stubGlobal("performance", { getEntriesByType: () => [{ type }] });
}

const isOpen = (socket: FakeSocket): boolean => socket.readyState === FakeSocket.OPEN;

it("a phone comes with the desk, stays on every page, and goes with who leaves", async () => {
  keepPhone("ana", false);
  expect(phone()).toBeUndefined();
  const socket = await atTheDesk();
  const hers = phone();
  keepPhone("ana", false);
  keepPhone("ana", true);
  expect([phone() === hers, isOpen(socket), FakeSocket.all.length]).toEqual([true, true, 1]);
  keepPhone(undefined, false);
  expect([phone(), isOpen(socket), storage.size]).toEqual([undefined, false, 0]);
});

it("a call outlasts the log-in, and the phone goes once it is over", async () => {
  const socket = await atTheDesk(up);
  keepPhone(undefined, false);
  expect([phone()?.talking?.id, isOpen(socket)]).toEqual(["a", true]);
  socket.say({ type: "ended", call: "a", reason: "bye" });
  keepPhone(undefined, false);
  expect([phone(), isOpen(socket)]).toEqual([undefined, false]);
});

it("a call that the bridge has ended unheard keeps the phone of nobody", async () => {
  const socket = await atTheDesk(up);
  keepPhone(undefined, false);
  vi.stubGlobal("fetch", async () => ({ ok: false, status: 401, headers: new Headers() }));
  socket.lose();
  await vi.advanceTimersByTimeAsync(46_000);
  keepPhone(undefined, false);
  expect(phone()).toBeUndefined();
});

it("whoever logs in again has the call, and somebody else has it not", async () => {
  const socket = await atTheDesk(up);
  const hers = phone();
  keepPhone(undefined, false);
  keepPhone("ana", true);
  expect([phone() === hers, isOpen(socket)]).toEqual([true, true]);
  keepPhone(undefined, false);
  keepPhone("sofia", false);
  expect([phone(), isOpen(socket)]).toEqual([undefined, false]);
});

it("a window that is loaded again on another page has its phone there, for the same person", async () => {
  storage.set("welcomedly.phone.window.ana", "w");
  loadedBy("reload");
  keepPhone("sofia", false);
  expect(phone()).toBeUndefined();
  keepPhone("ana", false);
  await vi.advanceTimersByTimeAsync(0);
  FakeSocket.all[0]!.open();
  expect(JSON.parse(FakeSocket.all[0]!.sent[0]!)).toMatchObject({
    type: "register",
    window: "w",
    away: true,
  });
});

it.each(["navigate", "back_forward"])("a duplicate of a window leaves it its phone (%s)", (type) => {
  storage.set("welcomedly.phone.window.ana", "w");
  loadedBy(type);
  keepPhone("ana", false);
  expect(phone()).toBeUndefined();
});
