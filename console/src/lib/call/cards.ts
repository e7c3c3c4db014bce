/** Suggestions as cards, and what the agent did with them. */

import type { Suggestion } from "../wire.ts";
import type { CallView, Card } from "./view.ts";

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
  };
}

export function answerCard(view: CallView, seq: number, state: Card["state"]): CallView {
  return { ...view, cards: view.cards.map((card) => (card.seq === seq ? { ...card, state } : card)) };
}
