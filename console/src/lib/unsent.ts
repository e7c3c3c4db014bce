/** Wrap-ups that were begun and not confirmed, by call: what opens in between takes nothing away that was typed. */

export interface UnsentWrapUp {
  summary: string;
  disposition: string;
  followUps: { text: string; due: string }[];
}

/** Of more the one that was typed in longest ago goes. */
const KEPT = 32;

const unsent = new Map<string, UnsentWrapUp>();

export function unsentOf(call: string): UnsentWrapUp | undefined {
  return unsent.get(call);
}

export function keepUnsent(call: string, wrapUp: UnsentWrapUp): void {
  unsent.delete(call);
  unsent.set(call, wrapUp);
  if (unsent.size > KEPT) unsent.delete(unsent.keys().next().value!);
}

/** It was confirmed, or its call is gone. */
export function dropUnsent(call: string): void {
  unsent.delete(call);
}

/** Whoever sits down here next is not to find them. */
export function dropAllUnsent(): void {
  unsent.clear();
}
