/** Light, dark, or as the system has it; the choice is remembered on this machine. */

export type Theme = "auto" | "light" | "dark";

const stored = "welcomedly.theme";
let current = $state<Theme>("auto");

export function startTheme(): void {
  const wish = localStorage.getItem(stored);
  setTheme(wish === "light" || wish === "dark" ? wish : "auto");
}

export function theme(): Theme {
  return current;
}

export function setTheme(next: Theme): void {
  current = next;
  localStorage.setItem(stored, next);
  if (next === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
}
