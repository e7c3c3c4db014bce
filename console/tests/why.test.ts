import { afterEach, describe, expect, it, vi } from "vitest";
import { locales, setLocale, tables } from "../src/lib/i18n/index.svelte.ts";
import { why } from "../src/lib/why.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each(locales)("what called for a card, in %s", (locale) => {
  it("is told in words and never by its name on the wire", () => {
    vi.stubGlobal("localStorage", { setItem: () => undefined });
    vi.stubGlobal("document", { documentElement: { lang: "" } });
    setLocale(locale);
    expect(why("question")).toBe(tables[locale]["cards.question"]);
    expect(why("need")).toBe(tables[locale]["cards.need"]);
    expect(why("complaint")).toBe(tables[locale]["intent.complaint"]);
  });
});
