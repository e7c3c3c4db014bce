import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Link } from "../src/lib/link.svelte.ts";
import { now } from "../src/lib/now.svelte.ts";
import { FakeSocket } from "./fake_socket.ts";

type Said = { type: string; at?: number };

describe("a link", () => {
  let taken: Said[];
  let lostFor: number[];
  let doubts: number;
  let link: Link<Said, Said>;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("location", { protocol: "http:", host: "engine" });
    vi.stubGlobal("addEventListener", () => undefined);
    vi.stubGlobal("removeEventListener", () => undefined);
    vi.stubGlobal("requestAnimationFrame", () => 0);
    FakeSocket.all = [];
    taken = [];
    lostFor = [];
    doubts = 0;
    link = new Link<Said, Said>({
      path: "/ws/wall",
      opening: () => ({ type: "resume" }),
      take: (messages) => void taken.push(...messages),
      reopened: (ms) => void lostFor.push(ms),
      doubt: () => void (doubts += 1),
    });
    FakeSocket.all[0]!.open();
  });

  afterEach(() => {
    link.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("stands while the engine says at least what time it is", () => {
    for (let beats = 0; beats < 10; beats += 1) {
      vi.advanceTimersByTime(10_000);
      FakeSocket.all[0]!.say({ type: "beat", at: Date.now() / 1000 });
    }
    expect(link.state).toBe("live");
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("is lost at once when nothing was said for 25 s, and another is opened in its place", () => {
    const [dead] = FakeSocket.all;
    vi.advanceTimersByTime(24_900);
    expect(link.state).toBe("live");
    vi.advanceTimersByTime(200);
    expect(link.state).toBe("lost");
    expect(link.send({ type: "claim" })).toBe(false);
    vi.advanceTimersByTime(400);
    const next = FakeSocket.all[1]!;
    next.open();
    expect(link.state).toBe("live");
    expect(next.sent).toEqual([JSON.stringify({ type: "resume" })]);
    expect(lostFor[0]).toBeGreaterThan(25_000);
    dead!.say({ type: "late" });
    dead!.lose();
    vi.advanceTimersByTime(1_000);
    expect(link.state).toBe("live");
    expect(FakeSocket.all).toHaveLength(2);
    expect(taken).toEqual([]);
  });

  it("gives a socket up that never opens", () => {
    FakeSocket.all[0]!.lose();
    vi.advanceTimersByTime(400);
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(26_000);
    expect(FakeSocket.all).toHaveLength(3);
  });

  it.each([
    [1008, 1],
    [1006, 0],
    [1001, 0],
  ])("asks who is logged in when it was closed over the session, not when it broke (%i)", (code, asked) => {
    FakeSocket.all[0]!.lose(code);
    expect(doubts).toBe(asked);
  });

  it("learns the engine's time from whatever tells it", () => {
    FakeSocket.all[0]!.say({ type: "floor", at: Date.now() / 1000 + 3600 });
    expect(now() - Date.now()).toBeGreaterThan(3_590_000);
    FakeSocket.all[0]!.say({ type: "beat", at: Date.now() / 1000 });
    expect(Math.abs(now() - Date.now())).toBeLessThan(10_000);
  });
});
