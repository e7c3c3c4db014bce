/** What cards are made of: articles as the API has them and as a form edits them, and the files they come from. */

import { api, ApiError, upload } from "./api.ts";
import { failureOf } from "./failure.ts";
import { t } from "./i18n/index.svelte.ts";
import type { Language } from "./wire.ts";

export const languages: readonly Language[] = ["es", "pt", "en"];
/** How a base may be called, for an input's `pattern`. */
export const basePattern = "[a-z0-9][a-z0-9_\\-]{0,63}";
export const fileKinds = ".md,.html,.htm,.pdf";

const LARGEST_FILE = 10_000_000;
const LONGEST_ID = 100;
/** From this score on the article would be shown. */
const CARD_SCORE = 0.5;

/** An article without its text. */
export interface Head {
  base: string;
  article: string;
  /** Empty when it is not stated. */
  language: string;
  title: string;
  /** The file that it came from; empty when it was typed. */
  source: string;
  /** How many. */
  questions: number;
  changed_at: number;
}

export type Questions = Record<Language, string[]>;

export interface Article extends Omit<Head, "questions"> {
  /** Markdown. */
  body: string;
  questions: Partial<Questions>;
  intents: string[];
}

/** `id` is empty for a new article: it is made of the title when that is saved. */
export interface EditingArticle {
  table: "knowledge";
  id: string;
  base: string;
  source: string;
  row: { title: string; language: string; body: string; questions: Questions };
}

export interface Hit {
  article: string;
  title: string;
  score: number;
}

const newArticle: Pick<Article, "title" | "language" | "body" | "questions"> = {
  title: "",
  language: "",
  body: "",
  questions: {},
};

/** What became of a file: so many articles, or why none. */
export type Outcome = { name: string; articles: number } | { name: string; failure: string };

export function basesOf(heads: readonly Head[]): string[] {
  return [...new Set(heads.map((head) => head.base))].sort();
}

/** Bases by name; in each those of one file stand together, those that were typed first. */
export function byBase(heads: readonly Head[]): [base: string, heads: Head[]][] {
  const order = (a: Head, b: Head): number =>
    a.source.localeCompare(b.source) || a.title.localeCompare(b.title) || a.article.localeCompare(b.article);
  return basesOf(heads).map((base) => [base, heads.filter((head) => head.base === base).sort(order)]);
}

/** All of the file that the article came from. */
export function ofFile(heads: readonly Head[], { base, source }: Pick<Head, "base" | "source">): Head[] {
  return source === "" ? [] : heads.filter((head) => head.base === base && head.source === source);
}

export function isCard(hit: Hit): boolean {
  return hit.score >= CARD_SCORE;
}

/** A new one goes into the base that is named. */
export function editArticle(article?: Article, base = ""): EditingArticle {
  const { title, language, body, questions } = article ?? newArticle;
  const { es = [], pt = [], en = [] } = questions;
  const row = { title, language, body, questions: { es: [...es], pt: [...pt], en: [...en] } };
  const [id, source] = [article?.article ?? "", article?.source ?? ""];
  return { table: "knowledge", id, base: article?.base ?? base, source, row };
}

/** An id that is none of those: `Cómo pago` → `como-pago`, then `como-pago-2`. */
export function idOf(title: string, taken: readonly string[]): string {
  const words = title
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .match(/[a-z0-9]+/g);
  const name = cut(words?.join("-") ?? "article", LONGEST_ID);
  const used = new Set(taken);
  for (let count = 1; ; count += 1) {
    const tail = count === 1 ? "" : `-${count}`;
    const id = cut(name, LONGEST_ID - tail.length) + tail;
    if (!used.has(id)) return id;
  }
}

function cut(name: string, length: number): string {
  return name.slice(0, length).replace(/-+$/, "");
}

export const loadHeads = (): Promise<Head[]> => api("GET", "/api/knowledge");
/** Its form, with its text. */
export async function openArticle({
  base,
  article,
}: Pick<Head, "base" | "article">): Promise<EditingArticle> {
  return editArticle(await api<Article>("GET", path(base, "articles", article)));
}
export const eraseArticle = (base: string, article: string): Promise<void> =>
  api("DELETE", path(base, "articles", article));
/** All that became of it. */
export const eraseFile = (base: string, name: string): Promise<void> =>
  api("DELETE", path(base, "files", name));
export const search = (base: string, text: string, language: Language): Promise<Hit[]> =>
  api("GET", `${path(base, "search")}?${new URLSearchParams({ text, language })}`);

/** A new article takes no other's place. */
export async function saveArticle({ id, base, row }: EditingArticle): Promise<void> {
  const taken = id
    ? []
    : (await loadHeads()).filter((head) => head.base === base).map((head) => head.article);
  const questions = Object.fromEntries(Object.entries(row.questions).filter(([, asked]) => asked.length > 0));
  await api("PUT", path(base, "articles", id || idOf(row.title, taken)), { ...row, questions });
}

/** One after the other; one that is refused keeps no other back. */
export async function* uploadEach(base: string, files: readonly File[]): AsyncGenerator<Outcome> {
  for (const file of files) yield await uploadFile(base, file);
}

async function uploadFile(base: string, file: File): Promise<Outcome> {
  const { name } = file;
  // an engine that hangs up on a long body looks like one that is not there
  if (file.size > LARGEST_FILE) return { name, failure: t("knowledge.tooLarge") };
  try {
    return { name, articles: (await upload<Head[]>(path(base, "files", name), file)).length };
  } catch (error) {
    const tooLarge = error instanceof ApiError && error.status === 413;
    return { name, failure: tooLarge ? t("knowledge.tooLarge") : failureOf(error) };
  }
}

function path(...names: string[]): string {
  return ["/api/knowledge", ...names.map(encodeURIComponent)].join("/");
}
