/** Single keys that stand for something. */

/** Does what the key stands for, unless somebody types or reads a dialog. */
export function press(event: KeyboardEvent, actions: Readonly<Record<string, () => void>>): void {
  const typing =
    event.target instanceof HTMLElement && event.target.closest("input, select, textarea, dialog");
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing) return;
  const action = actions[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
}
