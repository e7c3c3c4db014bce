/** What called for a card, in words. */

import { t, term } from "./i18n/index.svelte.ts";

export function why(trigger: string): string {
  if (trigger === "question") return t("cards.question");
  // nothing that has a name: what was said found the article
  if (trigger === "need") return t("cards.need");
  return term("intent", trigger);
}
