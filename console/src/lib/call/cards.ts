/** Suggestions as cards, how they were worded, and what the agent did with them. */

import type { CallEvent, Suggestion } from "../wire.ts";
import type { CallView, Card, Source } from "./view.ts";

export function cardOf(fact: Suggestion): Card {
  return {
    seq: fact.seq,
    turn: fact.turn,
    article: fact.article,
    title: fact.title,
    body: fact.body,
    score: fact.score,
    trigger: fact.trigger ?? "",
    evidence: fact.evidence ?? [],
    atMs: fact.start_ms ?? 0,
    stamps: fact.measured?.stamps,
    state: "open",
    worded: undefined,
  };
}

/** The event `card.worded`. */
export function wordCard(view: CallView, data: Record<string, unknown>): CallView {
  const worded = { text: String(data["text"]), sources: (data["sources"] as Source[] | undefined) ?? [] };
  return { ...view, cards: view.cards.map((card) => (card.seq === data["of"] ? { ...card, worded } : card)) };
}

export function answerCard(view: CallView, seq: number, state: Card["state"]): CallView {
  return { ...view, cards: view.cards.map((card) => (card.seq === seq ? { ...card, state } : card)) };
}

export const answered = {
  "card.accepted": "accepted",
  "card.dismissed": "dismissed",
  "card.wrong": "wrong",
} as const;

/** The card that was answered, if the event says so. */
export function answeredCard({ name, data }: CallEvent): number | undefined {
  return name in answered ? Number(data?.["of"] ?? data?.["seq"]) : undefined;
}

/** How long after the words that called for it a card that nobody took stands as what is suggested now. */
export const CURRENT_MS = 90_000;

/**
 * The one card that is suggested: the newest, until it is put away or its words are long past; one that is used stands
 * until there is a newer one. What came before is looked up, and never suggested anew.
 */
export function currentCard(cards: readonly Card[], nowMs: number): Card | undefined {
  const newest = cards.at(-1);
  if (newest?.state === "accepted") return newest;
  return newest?.state === "open" && nowMs - newest.atMs < CURRENT_MS ? newest : undefined;
}
