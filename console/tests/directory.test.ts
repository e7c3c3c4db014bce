import { afterEach, expect, it, vi } from "vitest";
import { openCampaign, openUser } from "../src/lib/directory.ts";
import { openArticle } from "../src/lib/knowledge.ts";

afterEach(() => vi.unstubAllGlobals());

it.each([
  ["/api/users/a%2Fb", () => openUser("a/b")],
  ["/api/campaigns/a%2Fb", () => openCampaign("a/b")],
  ["/api/knowledge/base/articles/a%2Fb", () => openArticle({ base: "base", article: "a/b" })],
])("a form is of the row as it is now: %s", async (address, open) => {
  const fields = {
    id: "a/b",
    name: "as it is now",
    title: "as it is now",
    aors: [],
    extensions: [],
    questions: {},
  };
  const row = {
    ...fields,
    article: "a/b",
    base: "base",
    rule_packs: [],
    vocabulary: [],
    numbers: [],
    members: [],
  };
  const headers = new Headers({ "Content-Type": "application/json" });
  const ask = vi.fn(async () => ({ ok: true, headers, text: async () => JSON.stringify(row) }));
  vi.stubGlobal("fetch", ask);
  const editing = await open();
  expect(ask).toHaveBeenCalledWith(address, expect.objectContaining({ method: "GET" }));
  expect([editing.id, "name" in editing.row ? editing.row.name : editing.row.title]).toEqual([
    "a/b",
    "as it is now",
  ]);
});
