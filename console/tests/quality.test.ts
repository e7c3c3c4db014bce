import { afterEach, describe, expect, it, vi } from "vitest";
import {
  everything,
  loadCall,
  loadScored,
  loadTallies,
  sinceOf,
  subjectOf,
  titleOf,
  withReview,
  type Form,
  type ScoredCall,
  type Tally,
} from "../src/lib/quality.ts";

const form: Form = {
  id: "collections",
  title: { es: "Cobranza", en: "Collections" },
  campaigns: ["collections"],
  active: true,
  items: 1,
  dispositions: 1,
  version: 0,
  source: "",
  item_titles: { no_threats: { es: "Sin amenazas", en: "No threats" } },
  disposition_titles: { callback: { es: "Volver a llamar", en: "Call back" } },
};
const own: Form = {
  ...form,
  id: "own",
  title: { es: "Propio" },
  version: 2,
  disposition_titles: { callback: { es: "Llamar mañana" } },
};
const of = (kind: Tally["kind"], subject: string): Tally => ({ kind, subject });

describe("what was judged", () => {
  it("is called as in its form, in the reader's language or in another that the form has", () => {
    expect(subjectOf(of("disposition", "callback"), [form], "es")).toBe("Volver a llamar");
    expect(subjectOf(of("disposition", "callback"), [form], "pt")).toBe("Volver a llamar");
    expect(subjectOf(of("quality", "collections/no_threats"), [form], "en")).toBe("Collections · No threats");
    expect(titleOf("own", [form, own], "en")).toBe("Propio");
  });

  it("goes by the site's own form before one that comes with the engine", () => {
    expect(subjectOf(of("disposition", "callback"), [form, own], "es")).toBe("Llamar mañana");
  });

  it("stands as it came where no form has it any more, and for rules and articles", () => {
    expect(subjectOf(of("disposition", "promise_to_pay"), [form], "en")).toBe("promise to pay");
    expect(subjectOf(of("quality", "gone/soft_skills"), [form], "en")).toBe("gone · soft skills");
    expect(subjectOf(of("alert", "CO-2300-WHY"), [form], "en")).toBe("CO-2300-WHY");
    expect(subjectOf(of("card", "payment-plan"), [form], "en")).toBe("payment-plan");
  });
});

const scored: ScoredCall = {
  ...{ call_id: "c", agent_id: "u", agent_name: "Ana", campaign: "sales", language: "es", started_at: 9 },
  ...{ form: "f", version: 1, score: 100, passed: true, failed: false, open: 1, reviewed: false },
};

describe("what a reviewer asks for", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** Whatever is asked is answered with this; the paths that are asked. */
  function answering(body: unknown): string[] {
    const asked: string[] = [];
    const headers = { "Content-Type": "application/json" };
    vi.stubGlobal("fetch", async (path: string) => {
      asked.push(path);
      return new Response(JSON.stringify(body), { headers });
    });
    return asked;
  }

  it("is narrowed to a state, an agent and a campaign, page by page", async () => {
    const asked = answering([]);
    await loadScored(everything);
    await loadScored({ only: "failed", agent: "u 1", campaign: "sales" }, 12.5);
    expect(asked).toEqual([
      "/api/quality?limit=51",
      "/api/quality?limit=51&passed=false&agent=u+1&campaign=sales&before=12.5",
    ]);
  });

  it("says whether there are older calls, also where a page is just full", async () => {
    answering(Array.from({ length: 50 }, () => scored));
    expect(await loadScored(everything)).toMatchObject({ older: false, calls: { length: 50 } });
    answering(Array.from({ length: 51 }, () => scored));
    expect(await loadScored(everything)).toMatchObject({ older: true, calls: { length: 50 } });
  });

  it("is of some days, or of all", async () => {
    expect([0, 7].map((days) => sinceOf(days, 1_000_000_000_400))).toEqual([0, 999_395_200]);
    const asked = answering([]);
    await loadTallies(5);
    expect(asked).toEqual(["/api/feedback?since=5"]);
  });

  it("has the score of a review in its row", () => {
    const items = { form: "f", version: 1, items: [] };
    expect(withReview(scored, { ...items, score: 50, failed_by: ["a"] })).toEqual({
      ...scored,
      score: 50,
      passed: false,
      failed: true,
      open: 0,
      reviewed: true,
    });
    const unscored = withReview(scored, { ...items, open: 2, passed: true });
    expect([unscored.score, unscored.passed]).toEqual([null, null]);
  });

  it("is the call as its desk had it", async () => {
    const words = { type: "transcript", id: "c/1", seq: 1, turn: 1, text: "Hello", leg: "agent" };
    const asked = answering({ call: { id: "c/1", campaign: "sales" }, facts: [words] });
    const call = await loadCall("c/1");
    expect(asked).toEqual(["/api/calls/c%2F1"]);
    expect([call.record?.campaign, call.turns[0]?.text]).toEqual(["sales", "Hello"]);
  });
});
