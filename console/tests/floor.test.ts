import { describe, expect, it } from "vitest";
import {
  alertsSince,
  arrange,
  closedUp,
  hold,
  inPlace,
  piledUp,
  noFilter,
  offered,
  rulesOf,
  takeTiles,
  type Floor,
  type Held,
} from "../src/lib/floor.ts";
import type { Tile, TileAlert } from "../src/lib/wire.ts";

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
    mood_lean: 0,
    alerts: [],
    last_at_ms: 0,
    unclaimed: false,
    ...more,
  };
}

const violation: TileAlert = { rule: "R", outcome: "violation", seq: 1, severity: "warning", at_ms: 0 };
const notice: TileAlert = { rule: "E", outcome: "event", seq: 2, severity: "info", at_ms: 0 };

const floor: Floor = takeTiles(new Map(), [
  {
    type: "floor",
    at: 200,
    tiles: [
      tile("calm", { started_at: 10 }),
      tile("event", { alerts: [notice, notice] }),
      tile("bad", { alerts: [violation], language: "pt", mood: "negative", mood_lean: -0.9 }),
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
        { type: "tile", tile: tile("calm", { mood: "positive", mood_lean: step / 100 }) },
      ]);
    }
    expect(now.get("calm")!.levels).toHaveLength(32);
    expect(now.get("calm")!.levels.at(-1)).toBe(0.5);
    expect(takeTiles(now, [{ type: "gone", id: "calm" }]).has("calm")).toBe(false);
  });

  it("draws no mood that was taken back", () => {
    const back = takeTiles(floor, [{ type: "tile", tile: tile("bad", { mood: "", mood_score: 0 }) }]);
    expect(back.get("bad")!.levels).toEqual([]);
  });

  it("puts the lowest mood first, also while none has a name", () => {
    const neutral = standing(
      tile("rises", { started_at: 1, mood_lean: 0.2 }),
      tile("slides", { started_at: 2, mood_lean: -0.2 }),
      tile("silent", { started_at: 3, mood: "" }),
    );
    expect(ids(arrange(neutral, noFilter, "mood"))).toEqual(["slides", "silent", "rises"]);
  });
});

const standing = (...tiles: Tile[]): Floor => takeTiles(new Map(), [{ type: "floor", at: 200, tiles }]);

describe("alerts first", () => {
  it("puts what is critical before other violations, whatever their number, and the newest first", () => {
    const critical = { ...violation, severity: "critical" as const };
    const alerted = standing(
      tile("many", { alerts: [violation, violation, violation] }),
      tile("older", { alerts: [critical, critical], started_at: 50 }),
      tile("newest", { alerts: [{ ...critical, at_ms: 9_000 }], started_at: 95 }),
      tile("notices", { alerts: [{ ...notice, at_ms: 60_000 }] }),
      tile("quiet", { started_at: 1 }),
    );
    expect(ids(arrange(alerted, noFilter, "alerts"))).toEqual([
      "newest",
      "older",
      "many",
      "notices",
      "quiet",
    ]);
  });

  it("puts more of them first where they came at the same time", () => {
    const alerted = standing(
      tile("a", { alerts: [violation] }),
      tile("b", { alerts: [violation, violation] }),
    );
    expect(ids(arrange(alerted, noFilter, "alerts"))).toEqual(["b", "a"]);
  });
});

describe("what a tile names of its alerts", () => {
  const alert = (rule: string, more: Partial<TileAlert> = {}): TileAlert => ({ ...violation, rule, ...more });
  const [critical, event] = [{ severity: "critical" as const }, { outcome: "event" as const }];

  it("is the gravest first, whatever came after it, and of those the newest, each once", () => {
    const alerts = [
      alert("grave", critical),
      alert("graver", critical),
      alert("old"),
      alert("new"),
      alert("grave", critical),
      alert("note", event),
    ];
    expect(rulesOf(tile("a", { alerts }))).toEqual(["grave", "graver", "new", "old", "note"]);
    expect(rulesOf(tile("a"))).toEqual([]);
  });
});

describe("the places while somebody points at tiles", () => {
  const before = arrange(
    standing(tile("a", { started_at: 1 }), tile("b", { started_at: 2 })),
    noFilter,
    "alerts",
  );
  const held = hold(before);
  const later = standing(
    tile("b", { started_at: 2, alerts: [violation, notice] }),
    tile("new", { started_at: 3, alerts: [notice] }),
    tile("newer", { started_at: 4, alerts: [violation] }),
    tile("a", { started_at: 1, mood: "negative" }),
  );
  const arranged = arrange(later, noFilter, "alerts");
  const stood = inPlace(held, arranged);
  const places = (held: Held): string[] =>
    [...held.values()].map(({ tile, gone }) => (gone ? `(${tile.id})` : tile.id));

  it("are those that they saw: tiles change where they stand, and calls that come stand behind", () => {
    expect(ids(arranged)).toEqual(["newer", "b", "new", "a"]);
    expect(places(stood)).toEqual(["a", "b", "new", "newer"]);
    expect(stood.get("a")!.tile.mood).toBe("negative");
  });

  it("stay taken by calls that end, or fit the filter no more, as they were last", () => {
    const left = inPlace(stood, [arranged[1]!, { ...tile("newest", { started_at: 5 }), levels: [] }]);
    expect(places(left)).toEqual(["(a)", "b", "(new)", "(newer)", "newest"]);
    expect(left.get("a")!.tile.mood).toBe("negative");
    expect(places(inPlace(left, arranged))).toEqual(["a", "b", "new", "newer", "(newest)"]);
    expect(places(closedUp(left))).toEqual(["b", "newest"]);
  });

  it("are too many when calls have come and gone for long", () => {
    const many = (count: number): Held =>
      inPlace(hold(Array.from({ length: count }, (_, at) => ({ ...tile(`t${at}`, {}), levels: [] }))), []);
    expect([piledUp(many(50)), piledUp(many(51))]).toEqual([false, true]);
  });

  it("tell how many alerts came since", () => {
    expect(alertsSince(held)).toBe(0);
    expect(alertsSince(stood)).toBe(4);
    expect(alertsSince(inPlace(stood, [arranged[1]!]))).toBe(2);
    expect(alertsSince(hold(arranged))).toBe(0);
  });
});

describe("what is looked for on the floor", () => {
  const named = standing(
    tile("1", { agent_name: "Julián Peña", campaign: "collections" }),
    tile("2", { agent_name: "Ana", campaign: "sales" }),
  );
  const called = (campaign: string): string => (campaign === "collections" ? "Cobrança" : campaign);
  const found = (text: string): string[] => ids(arrange(named, { ...noFilter, text }, "agent", called));

  it("is found without its accents and capitals, in the name and in what the campaign is called", () => {
    expect(found("julian pena")).toEqual(["1"]);
    expect(found("COBRANCA")).toEqual(["1"]);
    expect(found("pena cobrança")).toEqual(["1"]);
    expect(found("collec")).toEqual(["1"]);
    expect(found(" ")).toEqual(["2", "1"]);
    expect(found("nadie")).toEqual([]);
  });

  it("may be chosen, and stays chosen when its last call has ended", () => {
    expect(offered(["sales", "care", "sales", ""], "")).toEqual(["care", "sales"]);
    expect(offered(["care"], "sales")).toEqual(["care", "sales"]);
  });
});
