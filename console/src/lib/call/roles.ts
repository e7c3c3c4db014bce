/** Who is who, and how they feel: roles by stream, and the moods that hang on them. */

import type { Insight, Leg, Mood } from "../wire.ts";
import type { CallView, Decision, MoodPoint } from "./view.ts";

/** Who spoke, as decided by now. */
export function legOf(view: CallView, fact: Insight): Leg {
  return view.roles[fact.stream ?? ""] ?? fact.leg ?? "unknown";
}

/** Turns change hands, and with them whose moods are drawn. */
export function decideRole(before: CallView, stream: string, decision: Decision): CallView {
  const role = decision.role;
  const view = { ...before, decisions: { ...before.decisions, [stream]: decision } };
  if (view.roles[stream] === role) return view;
  const turns = view.turns.map((turn) =>
    turn.stream === stream && turn.leg !== role ? { ...turn, leg: role } : turn,
  );
  const agents = new Set(turns.filter((turn) => turn.leg === "agent").map((turn) => turn.turn));
  const spoken = turns.filter(
    (turn) => turn.stream === stream && turn.leg !== "agent" && turn.mood !== undefined,
  );
  const kept = view.utterances.filter((point) => !agents.has(point.turn));
  const known = new Set(kept.map((point) => point.turn));
  const found = [...view.log.values()].filter(
    (fact): fact is Insight =>
      fact.type === "insight" &&
      fact.kind === "sentiment" &&
      !known.has(fact.turn) &&
      spoken.some((turn) => turn.turn === fact.turn),
  );
  const utterances = [...kept, ...found.map(pointOf)].sort((a, b) => a.seq - b.seq);
  return { ...view, roles: { ...view.roles, [stream]: role }, turns, utterances };
}

/** Signed level of a mood: a word with a probability becomes a place on one line. */
function moodLevel(mood: Mood, score: number): number {
  if (mood === "neutral") return 0;
  return mood === "negative" ? -Math.abs(score) : Math.abs(score);
}

/** A mood says itself where it stands; a sentiment, and a mood of a call that an older engine kept, is placed by its word. */
export function pointOf(fact: Insight): MoodPoint {
  const mood = (fact.value || "neutral") as Mood;
  return {
    seq: fact.seq,
    turn: fact.turn,
    atMs: fact.end_ms ?? 0,
    mood,
    level: fact.lean ?? moodLevel(mood, fact.score ?? 0),
  };
}
