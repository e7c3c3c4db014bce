/** One clock for every timer on the page. */

let current = $state(Date.now());

setInterval(() => {
  current = Date.now();
}, 1000);

/** Milliseconds since the epoch, to the second. */
export function now(): number {
  return current;
}
