/** One clock for every timer on the page: the engine's, as far as it is known. A PC's own may be minutes off. */

/** By so much no message is late: somebody has set the PC's clock. */
const SET_MS = 2000;

let current = $state(Date.now());
/** How far the engine's clock is ahead of this PC's. */
let ahead = $state<number | undefined>(undefined);

setInterval(() => {
  current = Date.now();
}, 1000);

/** Milliseconds since the epoch on the engine's clock, to the second. */
export function now(): number {
  return onEngine(current);
}

/** A time of this PC's clock on the engine's. */
export function onEngine(ms: number): number {
  return ms + (ahead ?? 0);
}

/** The engine has just said what time it is. */
export function learnTime(ms: number): void {
  ahead = learnt(ahead, ms - Date.now());
}

/** What is known of a clock after one more measurement: each is too small by what its message took, so the largest holds. */
export function learnt(known: number | undefined, measured: number): number {
  return known === undefined || measured > known || known - measured > SET_MS ? measured : known;
}
