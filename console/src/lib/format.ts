/** Times and figures as they are read on the screen. */

import { locale, locales, type Locale } from "./i18n/index.svelte.ts";
import type { Stamps } from "./wire.ts";

/** 75,000 → `1:15`; from an hour on `1:02:03`. */
export function clock(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(seconds).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

/** A delay as it is read: `834 ms`, from ten seconds on `18.3 s`. */
export function delay(ms: number): string {
  return ms < 10_000 ? `${ms} ms` : seconds(ms);
}

/** 18,340 → `18.3 s`, or `18,3 s` where that is how decimals are written. */
export function seconds(ms: number): string {
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return `${new Intl.NumberFormat(locale(), digits).format(ms / 1000)} s`;
}

const shares = Object.fromEntries(
  locales.map((one) => [one, new Intl.NumberFormat(one, { style: "percent" })]),
) as Record<Locale, Intl.NumberFormat>;

/** 0.634 → `63%`, or `63 %` where that is how shares are written. */
export function percent(share: number): string {
  return shares[locale()].format(share);
}

export interface StampStep {
  name: "heard" | "transcribed" | "decided" | "shown";
  /** Milliseconds after the step before it that is known; 0 for `heard`, undefined while unknown. */
  plus: number | undefined;
}

/** The four stamps as steps, each with its delay after the last known step. */
export function stampSteps(stamps: Stamps): StampStep[] {
  const steps: StampStep[] = [{ name: "heard", plus: 0 }];
  let last = stamps.heard;
  for (const name of ["transcribed", "decided", "shown"] as const) {
    const at = stamps[name];
    steps.push({ name, plus: at === undefined ? undefined : Math.round(at - last) });
    last = at ?? last;
  }
  return steps;
}

/** From the end of the words to the screen, in milliseconds; undefined until it was shown. */
export function wordToScreen(stamps: Stamps): number | undefined {
  return stamps.shown === undefined ? undefined : Math.round(stamps.shown - stamps.heard);
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return (words[0]?.[0] ?? "?") + (words.length > 1 ? (words.at(-1)![0] ?? "") : "");
}
