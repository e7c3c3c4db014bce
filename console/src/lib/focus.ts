/** Where the keyboard is when something opens, and when it closes. */

/**
 * For `{@attach}`: what has opened gets the focus. When it is gone, and the focus with it, whoever had it before has it again;
 * what has got it meanwhile keeps it.
 */
export function takeFocus(element: HTMLElement): () => void {
  const giveBack = giveBackFocus();
  element.focus();
  return giveBack;
}

/** Likewise for what opens beside what was pressed, and leaves the focus there. */
export function giveBackFocus(): () => void {
  const before = document.activeElement;
  return () => {
    if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
  };
}
