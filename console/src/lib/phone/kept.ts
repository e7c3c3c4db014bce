/** What a window keeps of its user's phone when it is loaded again: the session storage, which a reload leaves as it is. */

type What = "window" | "there" | "muted";

const place = (what: What, user: string): string => `welcomedly.phone.${what}.${user}`;

export function kept(what: What, user: string): string | null {
  return sessionStorage.getItem(place(what, user));
}

export function keep(what: What, user: string, value: string): void {
  sessionStorage.setItem(place(what, user), value);
}

export function drop(what: What, user: string): void {
  sessionStorage.removeItem(place(what, user));
}

/**
 * Whether this window had that user's phone when it was loaded again. A duplicate of a window has its storage, too: it is
 * no reload, and would take the phone away from the one that it was made from.
 */
export function hadPhone(user: string): boolean {
  const [load] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return load?.type === "reload" && kept("window", user) !== null;
}
