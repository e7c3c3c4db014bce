/** The supervisor's floor: a pure fold of the wall socket's messages, and the order in which tiles stand. */

import { moodLevel } from "./call/roles.ts";
import type { Tile, WallMessage } from "./wire.ts";

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
  const levels = before?.levels ?? [];
  if (!tile.mood) return { ...tile, levels };
  const level = moodLevel(tile.mood, tile.mood_score);
  const moved = before === undefined || before.mood !== tile.mood || before.mood_score !== tile.mood_score;
  return { ...tile, levels: moved ? [...levels, level].slice(-HISTORY) : levels };
}

export function violations(tile: Tile): number {
  return tile.alerts.filter((alert) => alert.outcome === "violation").length;
}

const byAge = (a: WallTile, b: WallTile): number => a.started_at - b.started_at || a.id.localeCompare(b.id);

const orders: Record<Sorting, (a: WallTile, b: WallTile) => number> = {
  alerts: (a, b) => violations(b) - violations(a) || b.alerts.length - a.alerts.length || byAge(a, b),
  mood: (a, b) => (a.levels.at(-1) ?? 0) - (b.levels.at(-1) ?? 0) || byAge(a, b),
  longest: byAge,
  newest: (a, b) => byAge(b, a),
  agent: (a, b) => a.agent_name.localeCompare(b.agent_name) || byAge(a, b),
};

export function arrange(floor: Floor, filter: Filter, sorting: Sorting): WallTile[] {
  const text = filter.text.trim().toLocaleLowerCase();
  const keep = (tile: WallTile): boolean =>
    (filter.campaign === "" || tile.campaign === filter.campaign) &&
    (filter.language === "" || tile.language === filter.language) &&
    (filter.only !== "alerts" || tile.alerts.length > 0) &&
    (filter.only !== "unclaimed" || tile.unclaimed) &&
    (text === "" || `${tile.agent_name} ${tile.campaign}`.toLocaleLowerCase().includes(text));
  return [...floor.values()].filter(keep).sort(orders[sorting]);
}
