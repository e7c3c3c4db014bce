/** The supervisor's floor: a pure fold of the wall socket's messages, and the order in which tiles stand. */

import type { Tile, TileAlert, WallMessage } from "./wire.ts";

const HISTORY = 32;

export interface WallTile extends Tile {
  /** Moods so far, −1 to +1, oldest first, at most 32. */
  levels: readonly number[];
}

export type Floor = ReadonlyMap<string, WallTile>;
export type Sorting = "alerts" | "mood" | "longest" | "newest" | "agent";

export interface Filter {
  text: string;
  campaign: string;
  language: string;
  only: "all" | "alerts" | "unclaimed";
}

export const noFilter: Filter = { text: "", campaign: "", language: "", only: "all" };

export function takeTiles(floor: Floor, messages: readonly WallMessage[]): Floor {
  let next = new Map(floor);
  for (const message of messages) {
    if (message.type === "floor") {
      next = new Map(message.tiles.map((tile) => [tile.id, withHistory(floor.get(tile.id), tile)]));
    } else if (message.type === "tile") {
      next.set(message.tile.id, withHistory(next.get(message.tile.id), message.tile));
    } else if (message.type === "gone") {
      next.delete(message.id);
    }
  }
  return next;
}

function withHistory(before: WallTile | undefined, tile: Tile): WallTile {
  if (!tile.mood) return { ...tile, levels: [] };
  const levels = before?.levels ?? [];
  const moved = before === undefined || before.mood !== tile.mood || before.mood_lean !== tile.mood_lean;
  return { ...tile, levels: moved ? [...levels, tile.mood_lean].slice(-HISTORY) : levels };
}

export function violations(tile: Tile): number {
  return tile.alerts.filter((alert) => alert.outcome === "violation").length;
}

/** 3: a critical violation; 2: another; 1: a notice. */
function weight(alert: TileAlert): number {
  if (alert.outcome !== "violation") return 1;
  return alert.severity === "critical" ? 3 : 2;
}

/** Of its alerts the gravest; 0: it has none. */
function gravity(tile: Tile): number {
  return Math.max(0, ...tile.alerts.map(weight));
}

/** Rules of its alerts, the gravest first, and of those the newest: of many the first are read. */
export function rulesOf(tile: Tile): string[] {
  const alerts = tile.alerts.toReversed().sort((a, b) => weight(b) - weight(a));
  return [...new Set(alerts.map((alert) => alert.rule))];
}

/** When the newest alert came, UNIX milliseconds; 0 when there is none. */
function alertedAt(tile: Tile): number {
  return tile.alerts.reduce((last, alert) => Math.max(last, tile.started_at * 1000 + alert.at_ms), 0);
}

const byAge = (a: WallTile, b: WallTile): number => a.started_at - b.started_at || a.id.localeCompare(b.id);

const orders: Record<Sorting, (a: WallTile, b: WallTile) => number> = {
  alerts: (a, b) =>
    gravity(b) - gravity(a) ||
    alertedAt(b) - alertedAt(a) ||
    b.alerts.length - a.alerts.length ||
    byAge(a, b),
  mood: (a, b) => (a.levels.at(-1) ?? 0) - (b.levels.at(-1) ?? 0) || byAge(a, b),
  longest: byAge,
  newest: (a, b) => byAge(b, a),
  agent: (a, b) => a.agent_name.localeCompare(b.agent_name) || byAge(a, b),
};

/** As words are compared: without accents and case. */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

/** `called` is what the tiles show for a campaign: it is found by that as well. */
export function arrange(
  floor: Floor,
  filter: Filter,
  sorting: Sorting,
  called: (campaign: string) => string = (campaign) => campaign,
): WallTile[] {
  const words = plain(filter.text).split(/\s+/);
  const shown = (tile: WallTile): string =>
    plain(`${tile.agent_name} ${tile.campaign} ${called(tile.campaign)}`);
  const keep = (tile: WallTile): boolean =>
    (filter.campaign === "" || tile.campaign === filter.campaign) &&
    (filter.language === "" || tile.language === filter.language) &&
    (filter.only !== "alerts" || tile.alerts.length > 0) &&
    (filter.only !== "unclaimed" || tile.unclaimed) &&
    words.every((word) => shown(tile).includes(word));
  return [...floor.values()].filter(keep).sort(orders[sorting]);
}

/** What a filter offers: what is on the floor, and what was chosen while it was there. */
export function offered(values: readonly string[], chosen: string): string[] {
  return [...new Set([...values, chosen])].filter(Boolean).sort();
}

/** A tile in the place where it stood when somebody came to point at the wall. */
export interface Place {
  tile: WallTile;
  /** Its call ended, or fits the filter no more: it is as it was last, and keeps its place all the same. */
  gone: boolean;
  /** `seq` of the last alert that they saw there. */
  seen: number;
}

/** Places in their order, by the call's id. */
export type Held = ReadonlyMap<string, Place>;

export function hold(tiles: readonly WallTile[]): Held {
  const seen = (tile: WallTile): number => Math.max(0, ...tile.alerts.map((alert) => alert.seq));
  return new Map(tiles.map((tile) => [tile.id, { tile, gone: false, seen: seen(tile) }]));
}

/** The places that are held with the tiles as they are now; those that came since stand behind, the newest last. */
export function inPlace(held: Held, tiles: readonly WallTile[]): Held {
  const now = new Map(tiles.map((tile) => [tile.id, tile]));
  const places = new Map(held);
  for (const [id, place] of held) {
    const tile = now.get(id);
    places.set(id, { ...place, tile: tile ?? place.tile, gone: tile === undefined });
  }
  const came = tiles.filter((tile) => !held.has(tile.id)).sort(byAge);
  for (const tile of came) places.set(tile.id, { tile, gone: false, seen: 0 });
  return places;
}

/** So many places of what has gone stand at most: a wall that somebody works at for hours would be full of them. */
const GONE_MOST = 50;

/** Whether they are to be closed up, though a tile may then move away from under a pointer. */
export function piledUp(held: Held): boolean {
  return [...held.values()].filter((place) => place.gone).length > GONE_MOST;
}

/** Without the places of what has gone. */
export function closedUp(held: Held): Held {
  return new Map([...held].filter(([, place]) => !place.gone));
}

/** How many alerts have come since. */
export function alertsSince(held: Held): number {
  const isNew = ({ tile, gone, seen }: Place): number =>
    gone ? 0 : tile.alerts.filter((alert) => alert.seq > seen).length;
  return [...held.values()].reduce((count, place) => count + isNew(place), 0);
}
