/** Why something did not work, as it is told to whoever tried. */

import { ApiError } from "./api.ts";
import { t } from "./i18n/index.svelte.ts";

const known = ["unreachable", "not_logged_in", "forbidden", "not_found", "overloaded", "internal"] as const;

/** What is wrong with what was sent (`invalid`, `conflict`) is said in the engine's own words: they name the place. */
export function failureOf(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  const code = known.find((one) => one === error.code);
  return code ? t(`failure.${code}`) : error.message;
}
