import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { delay, percent, seconds } from "../src/lib/format.ts";
import { setLocale, type Locale } from "../src/lib/i18n/index.svelte.ts";

beforeEach(() => {
  vi.stubGlobal("localStorage", { setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: {} });
});

afterEach(() => {
  setLocale("en");
  vi.unstubAllGlobals();
});

it.each<[Locale, string, string]>([
  ["es", "1,5 s", "18,3 s"],
  ["pt", "1,5 s", "18,3 s"],
  ["en", "1.5 s", "18.3 s"],
])("seconds are written as decimals are in %s", (locale, short, long) => {
  setLocale(locale);
  expect([seconds(1_500), delay(834), delay(18_340)]).toEqual([short, "834 ms", long]);
});

it.each<[Locale, string]>([
  ["es", "63\u00a0%"],
  ["pt", "63%"],
  ["en", "63%"],
])("shares are written as in %s", (locale, share) => {
  setLocale(locale);
  expect(percent(0.634)).toBe(share);
});
