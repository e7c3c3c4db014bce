/** The console's words: keys and their placeholders are checked at compile time against the English text. */

import { en } from "./en.ts";
import { es } from "./es.ts";
import { pt } from "./pt.ts";

export type Key = keyof typeof en;
export type Messages = Record<Key, string>;
export type Locale = "es" | "pt" | "en";

type Placeholders<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;
type Values<K extends Key> = [Placeholders<(typeof en)[K]>] extends [never]
  ? []
  : [values: Record<Placeholders<(typeof en)[K]>, string | number>];

export const tables: Record<Locale, Messages> = { en, es, pt };
export const locales: readonly Locale[] = ["es", "pt", "en"];
export const localeNames: Record<Locale, string> = { es: "Español", pt: "Português", en: "English" };

const stored = "welcomedly.locale";

function preferred(): Locale {
  const known = (tag: string | null | undefined): Locale | undefined =>
    locales.find((locale) => tag?.toLowerCase().startsWith(locale));
  const wishes = [localStorage.getItem(stored), ...navigator.languages];
  return wishes.map(known).find((locale) => locale !== undefined) ?? "en";
}

let current = $state<Locale>("en");

export function startLocale(): void {
  current = preferred();
  document.documentElement.lang = current;
}

export function locale(): Locale {
  return current;
}

export function setLocale(next: Locale): void {
  current = next;
  localStorage.setItem(stored, next);
  document.documentElement.lang = next;
}

export function t<K extends Key>(key: K, ...[values]: Values<K>): string {
  const text: string = tables[current][key];
  if (!values) return text;
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String((values as Record<string, unknown>)[name]));
}

/** A word of a closed vocabulary from the wire (`intent.`, `mask.`…); one that is not known is shown as it came. */
export function term(prefix: string, word: string): string {
  const table: Record<string, string> = tables[current];
  return table[`${prefix}.${word}`] ?? word.replaceAll("_", " ");
}
