/** Why something did not work, as it is told to whoever tried. */

import { ApiError } from "./api.ts";
import { t } from "./i18n/index.svelte.ts";

const known = [
  "unreachable",
  "unsent",
  "not_logged_in",
  "forbidden",
  "not_found",
  "overloaded",
  "internal",
] as const;

export interface Refusal {
  /** The engine's, or `unsent`; empty when the message is in the reader's words. */
  code: string;
  message: string;
}

export const unsent: Refusal = { code: "unsent", message: "" };
export const taken: Refusal = { code: "conflict", message: "" };

/** What is wrong with what was sent (`invalid`, `conflict`) is said in the engine's own words: they name the place. */
export function failureOf(error: unknown): string {
  return error instanceof ApiError ? said(error) : String(error);
}

/** What was thrown, as a refusal that is shown until it was read. */
export function refusalFrom(error: unknown): Refusal {
  return { code: "", message: failureOf(error) };
}

/** A command of the desk that was refused. The only conflict that one can meet is over who has a call. */
export function refusalOf(refusal: Refusal): string {
  return refusal.code === "conflict" ? t("failure.taken") : said(refusal);
}

function said({ code, message }: Refusal): string {
  const one = known.find((each) => each === code);
  return one ? t(`failure.${one}`) : message;
}

const loginTroubles = {
  too_many_logins: "login.many",
  overloaded: "failure.overloaded",
  internal: "failure.internal",
} as const;

/**
 * Why nobody was logged in. What has nothing to do with name or password (`wrong_origin`) is said in the engine's own words,
 * for whoever set it up. Without an answer of its own it is taken to be away, as behind a proxy's 502.
 */
export function loginFailureOf(error: unknown): string {
  const { status, code } = error instanceof ApiError ? error : { status: 0, code: "" };
  if (status === 429) return t("login.tooMany");
  if (status === 401) return t("login.wrong");
  if (code in loginTroubles) return t(loginTroubles[code as keyof typeof loginTroubles]);
  const explained = status >= 400 && status < 500 && code !== "";
  return explained ? t("app.refused", { reason: failureOf(error) }) : t("login.unreachable");
}

const passwordTroubles = {
  wrong_password: "password.wrong",
  too_many_guesses: "login.tooMany",
  too_many_logins: "login.many",
} as const;

/** Why somebody's password is still the old one. */
export function passwordFailureOf(error: unknown): string {
  const code = error instanceof ApiError ? error.code : "";
  if (code in passwordTroubles) return t(passwordTroubles[code as keyof typeof passwordTroubles]);
  return t("app.refused", { reason: failureOf(error) });
}
