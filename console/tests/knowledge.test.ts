import { afterEach, describe, expect, it, vi } from "vitest";
import { en } from "../src/lib/i18n/en.ts";
import {
  basePattern,
  basesOf,
  byBase,
  editArticle,
  idOf,
  isCard,
  ofFile,
  saveArticle,
  search,
  uploadEach,
  type Article,
  type Head,
  type Outcome,
} from "../src/lib/knowledge.ts";

const head = (base: string, article: string, more: Partial<Head> = {}): Head => ({
  base,
  article,
  language: "es",
  title: article,
  source: "",
  questions: 0,
  changed_at: 0,
  ...more,
});

const answer = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/problem+json" } });

/** Answers by path; what is not known there is an engine that does not answer. */
function engine(answers: Record<string, () => Response>) {
  const asked = vi.fn(async (path: string, _request: RequestInit): Promise<Response> => {
    const known = answers[path];
    if (!known) throw new TypeError("Failed to fetch");
    return known();
  });
  vi.stubGlobal("fetch", asked);
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe("articles", () => {
  const heads = [
    head("sales", "offers"),
    head("care", "b", { source: "m.pdf" }),
    head("care", "a", { source: "m.pdf" }),
    head("care", "typed"),
    head("sales", "c", { source: "m.pdf" }),
  ];

  it("stand by base and, in it, by file", () => {
    expect(basesOf(heads)).toEqual(["care", "sales"]);
    const shown = byBase(heads).map(([base, of]) => [base, ...of.map((one) => one.article)]);
    expect(shown).toEqual([
      ["care", "typed", "a", "b"],
      ["sales", "offers", "c"],
    ]);
  });

  it("of one file are those of its base; what was typed is of no file", () => {
    expect(ofFile(heads, heads[1]!).map((one) => one.article)).toEqual(["b", "a"]);
    expect(ofFile(heads, heads[0]!)).toEqual([]);
  });

  it("would be a card from half a score on", () => {
    expect(isCard({ article: "a", title: "A", score: 0.5 })).toBe(true);
    expect(isCard({ article: "a", title: "A", score: 0.499 })).toBe(false);
  });

  it("get an id of their title that no other has", () => {
    expect(idOf("¿Cómo pago en línea?", [])).toBe("como-pago-en-linea");
    expect(idOf("Cómo pago", ["como-pago", "como-pago-2"])).toBe("como-pago-3");
    expect(idOf("¿?", [])).toBe("article");
    const long = idOf(`${"a".repeat(99)} b`, []);
    expect(long).toBe("a".repeat(99));
    const next = idOf(`${"a".repeat(99)} b`, [long]);
    expect(next).toBe(`${"a".repeat(98)}-2`);
  });

  it("are in bases whose names the API takes", () => {
    const pattern = new RegExp(`^(?:${basePattern})$`, "v");
    for (const name of ["care", "co-2024_x", "0", "a".repeat(64)]) expect(name).toMatch(pattern);
    for (const name of ["", "-care", "Care", "años", "a b", "a/b", "a".repeat(65)])
      expect(name).not.toMatch(pattern);
  });
});

describe("an article that is edited", () => {
  const known: Article = {
    ...head("care", "fees", { title: "Fees", source: "m.pdf" }),
    body: "# Fees",
    questions: { pt: ["qual é a multa"] },
    intents: ["complaint"],
  };

  it("has a place for the questions of each language, and is not the one that was loaded", () => {
    const editing = editArticle(known);
    expect(editing).toMatchObject({ id: "fees", base: "care", source: "m.pdf" });
    expect(editing.row.questions).toEqual({ es: [], pt: ["qual é a multa"], en: [] });
    editing.row.questions.pt.push("quanto de juros");
    expect(known.questions.pt).toHaveLength(1);
    expect(editArticle(undefined, "care")).toMatchObject({ id: "", base: "care", source: "" });
  });

  it("is saved where it was, with the languages that have questions", async () => {
    const asked = engine({ "/api/knowledge/care/articles/fees": () => answer(200, known) });
    await saveArticle(editArticle(known));
    expect(asked).toHaveBeenCalledTimes(1);
    const request = asked.mock.calls[0]![1];
    expect(request.method).toBe("PUT");
    expect(JSON.parse(request.body as string)).toEqual({
      title: "Fees",
      language: "es",
      body: "# Fees",
      questions: { pt: ["qual é a multa"] },
    });
  });

  it("takes no other's place when it is new, whatever was shown when it was begun", async () => {
    const asked = engine({
      "/api/knowledge": () => answer(200, [head("care", "fees"), head("sales", "fees-2")]),
      "/api/knowledge/care/articles/fees-2": () => answer(200, known),
    });
    const editing = editArticle(undefined, "care");
    editing.row.title = "Fees";
    await saveArticle(editing);
    expect(asked.mock.lastCall![0]).toBe("/api/knowledge/care/articles/fees-2");
  });
});

it("asks a base for what a customer might say", async () => {
  const asked = engine({
    "/api/knowledge/care/search?text=%C2%BFqu%C3%A9+%26+cu%C3%A1ndo%3F&language=es": () => answer(200, []),
  });
  expect(await search("care", "¿qué & cuándo?", "es")).toEqual([]);
  expect(asked).toHaveBeenCalledTimes(1);
});

describe("files that are uploaded", () => {
  async function outcomes(files: File[]): Promise<Outcome[]> {
    const all: Outcome[] = [];
    for await (const one of uploadEach("care", files)) all.push(one);
    return all;
  }

  it("go one by one, and one that is refused keeps no other back", async () => {
    const asked = engine({
      "/api/knowledge/care/files/a%20b.pdf": () => answer(200, [head("care", "a"), head("care", "b")]),
      "/api/knowledge/care/files/scan.pdf": () => answer(422, { code: "invalid", message: "no text in it" }),
      "/api/knowledge/care/files/big.pdf": () => answer(413, { code: "too_large", message: "Too large" }),
    });
    const named = ["scan.pdf", "gone.md", "big.pdf", "a b.pdf"].map((name) => new File(["x"], name));
    expect(await outcomes(named)).toEqual([
      { name: "scan.pdf", failure: "no text in it" },
      { name: "gone.md", failure: en["failure.unreachable"] },
      { name: "big.pdf", failure: en["knowledge.tooLarge"] },
      { name: "a b.pdf", articles: 2 },
    ]);
    const request = asked.mock.lastCall![1];
    expect(request).toMatchObject({
      method: "PUT",
      credentials: "same-origin",
      headers: { "Content-Type": "application/octet-stream" },
    });
    expect(request.body).toBe(named[3]);
  });

  it("are not sent when they are too large", async () => {
    const asked = engine({});
    const [outcome] = await outcomes([new File([new Uint8Array(10_000_001)], "big.pdf")]);
    expect(outcome).toEqual({ name: "big.pdf", failure: en["knowledge.tooLarge"] });
    expect(asked).not.toHaveBeenCalled();
  });
});
