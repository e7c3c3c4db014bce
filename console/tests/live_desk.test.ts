import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Desk } from "../src/lib/desk.svelte.ts";
import { taken, unsent } from "../src/lib/failure.ts";
import { person as shown, setPerson } from "../src/lib/session.svelte.ts";
import type { CallRecord, DeskMessage, Person, Tile, WallMessage } from "../src/lib/wire.ts";
import { FakeSocket } from "./fake_socket.ts";

vi.hoisted(() =>
  Object.assign(globalThis, {
    location: { protocol: "http:", host: "engine", pathname: "/desk" },
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }),
);

const person: Person = { user_id: "u1", organisation_id: "o", name: "Ana", role: "agent" };
const hello: DeskMessage = { type: "hello", person, now_ms: 5, at: 100 };

function record(id: string, more: Partial<CallRecord> = {}): CallRecord {
  const fields = { campaign_id: "c", campaign: "care", language: "es", country: "CO", ...more };
  return { id, organisation_id: "o", agent_id: "u1", started_at: 100, direction: "inbound", ...fields };
}

function tile(id: string): Tile {
  const fields = { agent_name: "", campaign: "care", language: "es", started_at: 100, state: "live" };
  const quiet = { mood_score: 0, mood_lean: 0, alerts: [], last_at_ms: 0 };
  return { id, direction: "inbound", mood: "", unclaimed: true, ...fields, ...quiet };
}

/** The newest socket of that path. */
function socket(path: string): FakeSocket {
  return FakeSocket.all.findLast((one) => one.url.endsWith(path))!;
}

/** Said in one batch. */
function say(path: string, ...messages: (DeskMessage | WallMessage)[]): void {
  for (const message of messages) socket(path).say(message);
  vi.advanceTimersByTime(250);
}

function comesBack(): void {
  socket("/ws/desk").lose();
  vi.advanceTimersByTime(500);
  socket("/ws/desk").open();
  say("/ws/desk", hello);
}

describe("a desk that lives", () => {
  let desk: Desk;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("document", { activeElement: null, visibilityState: "visible" });
    vi.stubGlobal("requestAnimationFrame", () => 0);
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
    FakeSocket.all = [];
    desk = new Desk({ acknowledge: false, selectByItself: true, floor: true });
    for (const one of FakeSocket.all) one.open();
    say("/ws/desk", hello);
    say("/ws/wall", { type: "floor", at: 100, tiles: [tile("a"), tile("b")] });
  });

  afterEach(() => {
    desk.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("says that somebody else was quicker, and opens the next call by itself", () => {
    desk.claim("a");
    vi.advanceTimersByTime(9_000);
    expect([desk.selected, desk.view.error]).toEqual(["a", undefined]); // the engine has not got to it
    say("/ws/wall", { type: "gone", id: "a" });
    vi.advanceTimersByTime(2_000);
    expect([desk.selected, desk.view.error]).toEqual([undefined, taken]);
    say("/ws/desk", { type: "call", call: record("next") });
    expect(desk.selected).toBe("next");
  });

  it("waits no longer for a call that was gone when it was claimed", () => {
    say("/ws/wall", { type: "gone", id: "a" });
    desk.claim("a");
    vi.advanceTimersByTime(2_000);
    expect([desk.selected, desk.view.error]).toEqual([undefined, taken]);
  });

  it("has the call that it claimed, whichever of its sockets says so first", () => {
    desk.claim("a");
    say("/ws/wall", { type: "gone", id: "a" });
    say("/ws/desk", { type: "call", call: record("a") });
    desk.claim("b");
    say("/ws/desk", { type: "call", call: record("b") });
    say("/ws/wall", { type: "gone", id: "b" });
    vi.advanceTimersByTime(9_000);
    expect([desk.selected, desk.view.error]).toEqual(["b", undefined]);
    expect(desk.lists.mine.map((call) => call.id)).toEqual(["a", "b"]);
  });

  it("opens a card again whose answer went into a socket that was dying, unless it was heard all the same", () => {
    const card = { type: "suggestion", id: "a", turn: 1, article: "x", title: "X", body: "Do." } as const;
    const cards: DeskMessage[] = [1, 2].map((seq) => ({ ...card, seq, score: 0.9 }));
    say("/ws/desk", { type: "call", call: record("a") }, ...cards);
    for (const { seq } of desk.call!.cards) desk.answer(desk.call!, seq, "accepted");
    const states = (): string[] => desk.call!.cards.map((one) => one.state);
    comesBack();
    say("/ws/desk", { type: "event", id: "a", seq: 3, name: "card.accepted", data: { of: 2 } });
    expect([states(), desk.view.error]).toEqual([["accepted", "accepted"], undefined]);
    vi.advanceTimersByTime(1_500);
    expect([states(), desk.view.error]).toEqual([["open", "accepted"], unsent]);
    desk.dismiss();
    comesBack();
    vi.advanceTimersByTime(1_500);
    expect(desk.view.error).toBeUndefined();
  });

  it("shows no words as being spoken that were perhaps taken back while the link was down", () => {
    const draft = { type: "draft", id: "a", stream: "s", leg: "customer", segment: 1, revision: 1 } as const;
    const said: DeskMessage = { ...draft, start_ms: 0, end_ms: 500, text: "ejem" };
    say("/ws/desk", { type: "call", call: record("a") }, said);
    expect(desk.call?.drafts).toHaveLength(1);
    comesBack();
    expect(desk.call?.drafts).toEqual([]);
    say("/ws/desk", { ...said, revision: 2, text: "ejem, sí" });
    expect(desk.call?.drafts.map((one) => one.text)).toEqual(["ejem, sí"]);
  });

  it("does not come back to a call that it no longer follows", () => {
    const words = { type: "transcript", id: "b", turn: 1, text: "words" } as const;
    desk.follow("b");
    say("/ws/desk", { type: "call", call: record("b", { agent_id: "" }) }, { ...words, seq: 1 });
    expect(desk.call?.turns).toHaveLength(1);
    desk.unfollow();
    say("/ws/desk", { type: "call", call: record("b", { agent_id: "" }) }, { ...words, seq: 2 });
    expect([...desk.view.calls.keys()]).toEqual([]);
    comesBack();
    expect(JSON.parse(socket("/ws/desk").sent[0]!)).toEqual({ type: "resume", calls: {} });
  });

  it("lists the calls that its person took before it was loaded, whoever else has taken some since", async () => {
    const asked: string[] = [];
    const headers = new Headers({ "Content-Type": "application/json" });
    const text = async (): Promise<string> => JSON.stringify([record("old", { ended_at: 200 })]);
    vi.stubGlobal("fetch", async (path: string) => {
      asked.push(path);
      return { ok: true, headers, text };
    });
    comesBack();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual(["/api/calls?live=false&limit=12&agent=u1"]);
    expect(desk.lists.ended.map((call) => call.id)).toEqual(["old"]);
  });

  it.each([
    ["somebody else", { user_id: "u2", name: "Ben" }],
    ["in another role", { role: "supervisor" as const }],
  ])("shows who the engine says that it is, once that is %s", async (_, change) => {
    setPerson(person);
    const next = { ...person, ...change };
    const headers = new Headers({ "Content-Type": "application/json" });
    vi.stubGlobal("fetch", async (path: string) => ({
      ok: true,
      headers,
      text: async () => JSON.stringify(path === "/api/me" ? next : []),
    }));
    socket("/ws/desk").lose();
    vi.advanceTimersByTime(500);
    socket("/ws/desk").open();
    say("/ws/desk", { type: "hello", person: next, now_ms: 5, at: 100 });
    await vi.advanceTimersByTimeAsync(0);
    expect(shown()).toEqual(next);
    setPerson(undefined);
  });
});
