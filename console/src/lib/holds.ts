/** Legal holds on calls, as the API has them. Administrators only. */

import { api } from "./api.ts";
import type { User } from "./directory.ts";

/** Nothing of the call goes until it is lifted. */
export interface Hold {
  /** Since when: UNIX seconds. */
  at: number;
  /** Name of who put it there; empty: somebody at the command line. */
  by: string;
}

interface Listed {
  call_id: string;
  held_at: number;
  /** User id, or `command`. */
  held_by: string;
}

/** The hold that a call is under; undefined: none. */
export async function loadHold(call: string): Promise<Hold | undefined> {
  const holds = await api<Listed[]>("GET", "/api/legal-holds");
  const found = holds.find((one) => one.call_id === call);
  if (!found) return undefined;
  const { held_at: at, held_by: id } = found;
  if (id === "command") return { at, by: "" };
  const users = await api<User[]>("GET", "/api/users");
  return { at, by: users.find((user) => user.id === id)?.name ?? id };
}

export const putHold = (call: string): Promise<void> => api<void>("PUT", path(call));
/** What is over its days by then goes within the hour. */
export const liftHold = (call: string): Promise<void> => api<void>("DELETE", path(call));

function path(call: string): string {
  return `/api/calls/${encodeURIComponent(call)}/legal-hold`;
}
