/** Single keys that stand for something. */

import { shortcuts } from "./shortcuts.svelte.ts";

/** Does what the key stands for, unless somebody types, reads a dialog, or wants no such keys. */
export function press(event: KeyboardEvent, actions: Readonly<Record<string, () => void>>): void {
  const typing =
    event.target instanceof HTMLElement && event.target.closest("input, select, textarea, dialog");
  if (!shortcuts() || event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing) return;
  const action = actions[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
}
