import { describe, expect, it } from "vitest";
import { en } from "../src/lib/i18n/en.ts";
import { es } from "../src/lib/i18n/es.ts";
import { pt } from "../src/lib/i18n/pt.ts";

const placeholders = (text: string): string[] =>
  [...text.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort();

describe.each([
  ["es", es],
  ["pt", pt],
])("the words in %s", (_, table) => {
  it("have the same keys and placeholders as in English, and none is empty", () => {
    expect(Object.keys(table).sort()).toEqual(Object.keys(en).sort());
    for (const [key, text] of Object.entries(en)) {
      expect(placeholders(table[key as keyof typeof en]), key).toEqual(placeholders(text));
      expect(table[key as keyof typeof en].trim(), key).not.toBe("");
    }
  });
});
