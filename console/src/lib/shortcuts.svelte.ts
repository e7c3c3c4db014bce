/**
 * Whether single keys stand for something. Whoever speaks to their PC, or types without looking, turns them off (WCAG 2.1.4);
 * the choice is remembered on this machine.
 */

const stored = "welcomedly.shortcuts";
let on = $state(true);

export function startShortcuts(): void {
  on = localStorage.getItem(stored) !== "off";
}

export function shortcuts(): boolean {
  return on;
}

export function setShortcuts(next: boolean): void {
  on = next;
  localStorage.setItem(stored, next ? "on" : "off");
}

/** The key, where it stands for something: to be shown and told beside what it does. */
export function shortcut(key: string): string | undefined {
  return on ? key : undefined;
}
