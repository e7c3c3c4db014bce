/** Who is logged in, as far as this page knows. */

import { ApiError, signOut, whoAmI } from "./api.ts";
import { closePhone } from "./line.svelte.ts";
import { go, page, type Page } from "./router.svelte.ts";
import { dropAllUnsent } from "./unsent.ts";
import type { Me, Person, Role } from "./wire.ts";

let current = $state<Me | undefined>(undefined);
/** Who was logged in last. Once they are again, they find what they had begun. */
let last = "";

export function person(): Me | undefined {
  return current;
}

export function setPerson(next: Me | undefined): void {
  if (next && next.user_id !== last) dropAllUnsent();
  last = next?.user_id ?? last;
  current = next;
}

/** Whether the page shows who the engine says this is: another tab may have logged somebody else in since. */
export function isShown(who: Person): boolean {
  const { user_id, name, role } = current ?? who;
  return user_id === who.user_id && name === who.name && role === who.role;
}

export const homes: Record<Role, Page> = { agent: "desk", supervisor: "wall", admin: "wall" };

const allowed: Record<Role, readonly Page[]> = {
  agent: ["desk"],
  supervisor: ["wall", "desk", "quality"],
  admin: ["wall", "desk", "quality", "admin"],
};

export function pagesOf(role: Role): readonly Page[] {
  return allowed[role];
}

/** Asks the engine who this browser is; without a session the log-in page opens, and a call goes on beside it. */
export async function startSession(): Promise<void> {
  try {
    setPerson(await whoAmI());
  } catch (error) {
    const gone = error instanceof ApiError && (error.status === 401 || error.status === 403);
    if (!gone && current) return; // the engine is away, not the session
    current = undefined;
    go("login", { replace: true });
  }
}

/** Often enough for the shortest `SESSION_IDLE_MINUTES`. */
const TOLD_EVERY_MS = 30_000;
let toldAt = 0;

/**
 * Somebody is at the keyboard or the mouse. The engine ends a session that nobody uses: a desk or a wall uses it by being
 * open, but it knows nothing of who reads or writes for long at another page. If it has ended, the log-in page opens.
 */
export function tellUse(): void {
  const now = performance.now();
  if (!current || page() === "desk" || page() === "wall" || now - toldAt < TOLD_EVERY_MS) return;
  toldAt = now;
  void startSession();
}

/** Throws `ApiError` when the engine did not end the session: then it lasts, and whoever sits down here next has it. */
export async function endSession(): Promise<void> {
  try {
    await signOut();
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error;
  }
  dropAllUnsent();
  closePhone();
  current = undefined;
  go("login");
}
