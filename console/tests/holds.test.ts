import { afterEach, describe, expect, it, vi } from "vitest";
import { liftHold, loadHold, putHold } from "../src/lib/holds.ts";

const held = (call_id: string, held_by: string) => ({ call_id, held_by, held_at: 9 });
const lists: Record<string, unknown> = {
  "/api/legal-holds": [held("a", "u-1"), held("b", "command"), held("c", "u-gone")],
  "/api/users": [{ id: "u-1", name: "Grace" }],
};

/** What is asked of an engine with these lists. */
function engine(): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string, { method }: RequestInit) => {
    asked.push(`${method} ${path}`);
    if (method !== "GET") return new Response(null, { status: 204 });
    return new Response(JSON.stringify(lists[path]), { headers: { "Content-Type": "application/json" } });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe("a legal hold", () => {
  it.each([
    ["by its name", "a", { at: 9, by: "Grace" }],
    ["as nobody where it was the command line", "b", { at: 9, by: "" }],
    ["by the id where there is no such user", "c", { at: 9, by: "u-gone" }],
  ])("tells who put it there %s", async (_, call, hold) => {
    engine();
    expect(await loadHold(call)).toEqual(hold);
  });

  it("is none where another call has one, and then nobody is looked up", async () => {
    const asked = engine();
    expect(await loadHold("d")).toBeUndefined();
    expect(asked).toEqual(["GET /api/legal-holds"]);
  });

  it("is put on one call and lifted from it", async () => {
    const asked = engine();
    await putHold("a/1");
    await liftHold("a/1");
    expect(asked).toEqual(["PUT /api/calls/a%2F1/legal-hold", "DELETE /api/calls/a%2F1/legal-hold"]);
  });
});
