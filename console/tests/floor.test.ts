import { describe, expect, it } from "vitest";
import { arrange, noFilter, takeTiles, type Floor } from "../src/lib/floor.ts";
import type { Tile } from "../src/lib/wire.ts";

function tile(id: string, more: Partial<Tile> = {}): Tile {
  return {
    id,
    agent_name: id,
    campaign: "care",
    direction: "inbound",
    language: "es",
    started_at: 100,
    state: "live",
    mood: "neutral",
    mood_score: 0,
    alerts: [],
    last_at_ms: 0,
    unclaimed: false,
    ...more,
  };
}

const violation = { rule: "R", outcome: "violation" as const, seq: 1 };
const notice = { rule: "E", outcome: "event" as const, seq: 2 };

const floor: Floor = takeTiles(new Map(), [
  {
    type: "floor",
    at: 200,
    tiles: [
      tile("calm", { started_at: 10 }),
      tile("event", { alerts: [notice, notice] }),
      tile("bad", { alerts: [violation], language: "pt", mood: "negative", mood_score: 0.9 }),
      tile("open", { unclaimed: true, campaign: "sales", started_at: 90 }),
    ],
  },
]);

const ids = (list: Tile[]): string[] => list.map((one) => one.id);

describe("the floor", () => {
  it("puts violations before notices before the rest", () => {
    expect(ids(arrange(floor, noFilter, "alerts"))).toEqual(["bad", "event", "calm", "open"]);
    expect(ids(arrange(floor, noFilter, "mood"))[0]).toBe("bad");
    expect(ids(arrange(floor, noFilter, "newest")).at(-1)).toBe("calm");
  });

  it("filters by what is asked", () => {
    expect(ids(arrange(floor, { ...noFilter, only: "alerts" }, "agent"))).toEqual(["bad", "event"]);
    expect(ids(arrange(floor, { ...noFilter, only: "unclaimed" }, "agent"))).toEqual(["open"]);
    expect(ids(arrange(floor, { ...noFilter, text: " SAL " }, "agent"))).toEqual(["open"]);
    expect(ids(arrange(floor, { ...noFilter, language: "pt", campaign: "care" }, "agent"))).toEqual(["bad"]);
  });

  it("remembers the way of a mood, bounded, and forgets calls that are gone", () => {
    let now = floor;
    for (let step = 1; step <= 50; step += 1) {
      now = takeTiles(now, [
        { type: "tile", tile: tile("calm", { mood: "positive", mood_score: step / 100 }) },
      ]);
    }
    expect(now.get("calm")!.levels).toHaveLength(32);
    expect(now.get("calm")!.levels.at(-1)).toBe(0.5);
    expect(takeTiles(now, [{ type: "gone", id: "calm" }]).has("calm")).toBe(false);
  });
});
