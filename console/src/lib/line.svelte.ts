/** The phone of this window. It outlasts the pages, and a log-in that runs out in mid-call. */

import { isOver } from "./phone/calls.ts";
import { hadPhone } from "./phone/kept.ts";
import { Phone } from "./phone.svelte.ts";

let current = $state.raw<Phone | undefined>(undefined);

export function phone(): Phone | undefined {
  return current;
}

/**
 * Opens the phone where there is to be one, and closes it where there is none any more. To be told whenever somebody logs
 * in or out, a page opens, or the phone's calls change. `user` is who is logged in: at the desk they get a phone and have it
 * on every page from then on, and after a reload as well. While nobody is, a phone with a call stays until that is over,
 * or until somebody else logs in.
 */
export function keepPhone(user: string | undefined, atDesk: boolean): void {
  if (current && (user === undefined ? current.calls.every(isOver) : current.user !== user)) closePhone();
  if (!current && user !== undefined && (atDesk || hadPhone(user))) current = new Phone(user);
}

/** Whatever call it has ends with it. */
export function closePhone(): void {
  current?.close();
  current = undefined;
}
