import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { press } from "../src/lib/keys.ts";
import { setShortcuts, shortcut, startShortcuts } from "../src/lib/shortcuts.svelte.ts";

describe("single keys", () => {
  let storage: Map<string, string>;

  beforeEach(() => {
    storage = new Map();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => storage.get(key) ?? null,
      setItem: (key: string, value: string) => storage.set(key, value),
    });
    vi.stubGlobal("HTMLElement", class {});
  });

  afterEach(() => {
    setShortcuts(true);
    vi.unstubAllGlobals();
  });

  /** Whether the key did what it stands for. */
  function does(key: string, more: Partial<KeyboardEvent> = {}): boolean {
    let done = false;
    const event = { key, target: null, preventDefault: () => undefined, ...more };
    press(event as KeyboardEvent, { c: () => (done = true) });
    return done;
  }

  it("do what they stand for, and nothing with another key held down", () => {
    expect([does("c"), does("C"), does("x"), does("c", { ctrlKey: true })]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("do nothing where somebody has turned them off, also when the page was loaded again", () => {
    setShortcuts(false);
    expect([does("c"), shortcut("C")]).toEqual([false, undefined]);
    startShortcuts();
    expect(does("c")).toBe(false);
    setShortcuts(true);
    expect([does("c"), shortcut("C")]).toEqual([true, "C"]);
  });
});
