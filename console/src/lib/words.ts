/** Cuts a turn's text into what is drawn: words, chips for masks, marked evidence. */

import type { DisplaySpan, Entity } from "./call/view.ts";

export interface Piece {
  kind: "words" | "chip";
  text: string;
  /** Chip: last digits that may be shown. */
  last4: string;
  marked: boolean;
  /** Chip: the fact of the entity behind it, where that may be read again. */
  seq?: number;
  /** What recognition heard in place of these words of the campaign's vocabulary. */
  heard?: string;
}

/** A stretch of the display that was put right. */
export interface Mended extends Span {
  heard: string;
}

export interface Span {
  start: number;
  end: number;
}

/** Entity types whose values the engine may have kept, by their masks. */
const readable: Readonly<Record<string, string>> = {
  phone: "PHONE",
  email: "EMAIL",
  address: "ADDRESS",
  cpf: "CPF",
  cnpj: "CNPJ",
  curp: "CURP",
  rfc: "RFC_MX",
  cuit: "CUIT",
  rut: "RUT",
  dni: "DNI_NIE",
  cedula: "CEDULA_CO",
  ssn: "SSN",
  dob: "DATE_OF_BIRTH",
  account: "BANK_ACCOUNT",
};

const mask = /\[([a-z][a-z_]*)\]/g;

/**
 * Where `quote` stands in `text`, letter case, accents' form and punctuation aside; undefined when it does not. Where it
 * stands more than once it is the one nearest to `start`, in code points: what was masked before it may have moved it.
 */
export function findQuote(text: string, quote: string, start = 0): Span | undefined {
  const exact = asItStands(text, quote);
  const found = exact.length > 0 ? exact : inOtherForm(text, quote);
  const away = (span: Span): number => Math.abs(codePoints(text, span.start) - start);
  return found.sort((a, b) => away(a) - away(b))[0];
}

function asItStands(text: string, quote: string): Span[] {
  const found: Span[] = [];
  if (quote === "") return found;
  for (let at = text.indexOf(quote); at >= 0; at = text.indexOf(quote, at + 1)) {
    const span = { start: at, end: at + quote.length };
    if (!cutsWord(text, span.start) && !cutsWord(text, span.end)) found.push(span);
  }
  return found;
}

function cutsWord(text: string, at: number): boolean {
  return /[\p{L}\p{M}\p{N}_]$/u.test(text.slice(0, at)) && /^[\p{L}\p{M}\p{N}_]/u.test(text.slice(at));
}

function inOtherForm(text: string, quote: string): Span[] {
  const words = tokens(text);
  const wanted = tokens(quote);
  if (wanted.length === 0) return [];
  return words.flatMap((first, at) =>
    wanted.every((token, index) => token.word === words[at + index]?.word)
      ? [{ start: first.start, end: words[at + wanted.length - 1]!.end }]
      : [],
  );
}

/** Where a span of the spoken text stands in the display; a stretch that is written otherwise is taken whole. */
export function toDisplay(text: string, display: string, map: readonly DisplaySpan[], span: Span): Span {
  const [first, last] = [codePoints(text, span.start), codePoints(text, span.end)];
  let [start, end] = [first, last];
  for (const [from, to, shownFrom, shownTo] of map) {
    if (to <= first) start = first + shownTo - to;
    else if (from <= first) start = shownFrom;
    if (to <= last) end = last + shownTo - to;
    else if (from < last) end = shownTo;
  }
  return { start: units(display, start), end: units(display, end) };
}

/** How many code points stand before a UTF-16 offset. */
function codePoints(text: string, unit: number): number {
  return [...text.slice(0, unit)].length;
}

/** The UTF-16 offset behind so many code points. */
function units(text: string, points: number): number {
  return [...text].slice(0, points).join("").length;
}

function tokens(text: string): { word: string; start: number; end: number }[] {
  return [...text.matchAll(/[\p{L}\p{N}_]+/gu)].map((match) => ({
    word: match[0].normalize("NFC").toLocaleLowerCase(),
    start: match.index,
    end: match.index + match[0].length,
  }));
}

/**
 * `marks` are spans of UTF-16 units in `text`; the n-th mask of a type takes the last digits of its n-th entity. A number
 * that goes on in another turn has a mask here and its entity there: only where a turn has as many of both is it known
 * which value stands behind which mask.
 */
export function pieces(
  text: string,
  entities: readonly Entity[],
  marks: readonly Span[],
  mended: readonly Mended[] = [],
): Piece[] {
  const result: Piece[] = [];
  const seen = new Map<string, number>();
  const masks = [...text.matchAll(mask)];
  let at = 0;
  for (const match of masks) {
    pushWords(result, text, at, match.index, marks, mended);
    const label = match[1]!;
    const nth = seen.get(label) ?? 0;
    seen.set(label, nth + 1);
    const entity = entities.filter((one) => one.type.toLowerCase() === label)[nth];
    const end = match.index + match[0].length;
    const marked = marks.some((span) => span.start < end && span.end > match.index);
    const chip: Piece = { kind: "chip", text: label, last4: entity?.last4 ?? "", marked };
    const behind = entities.filter((one) => one.type === readable[label]);
    const known = behind.length === masks.filter((one) => one[1] === label).length;
    result.push(known ? { ...chip, seq: behind[nth]!.seq } : chip);
    at = end;
  }
  pushWords(result, text, at, text.length, marks, mended);
  return result;
}

function pushWords(
  result: Piece[],
  text: string,
  from: number,
  to: number,
  marks: readonly Span[],
  mended: readonly Mended[],
): void {
  const cuts = new Set([from, to]);
  for (const span of [...marks, ...mended]) {
    if (span.start > from && span.start < to) cuts.add(span.start);
    if (span.end > from && span.end < to) cuts.add(span.end);
  }
  const edges = [...cuts].sort((a, b) => a - b);
  for (let index = 0; index + 1 < edges.length; index += 1) {
    const [start, end] = [edges[index]!, edges[index + 1]!];
    const marked = marks.some((span) => span.start <= start && span.end >= end);
    const heard = mended.find((span) => span.start <= start && span.end >= end)?.heard;
    const words: Piece = { kind: "words", text: text.slice(start, end), last4: "", marked };
    result.push(heard === undefined ? words : { ...words, heard });
  }
}

/** A draft's text at the code point where it stops being stable, never inside a mask. */
export function splitStable(text: string, stable: number): [string, string] {
  let cut = [...text].slice(0, stable).join("").length;
  for (const match of text.matchAll(mask)) {
    const end = match.index + match[0].length;
    if (match.index < cut && cut < end) cut = match.index;
  }
  return [text.slice(0, cut), text.slice(cut)];
}

/** Runs of plain and bold words by turns, plain first. */
export type Runs = readonly string[];

export type Block =
  | { kind: "paragraph" | "heading"; runs: Runs }
  /** `number` as it is written of a step that has one, else empty. */
  | { kind: "item"; number: string; runs: Runs }
  | { kind: "table"; head: readonly Runs[]; rows: readonly (readonly Runs[])[] };

/** Lines that are one block. */
interface Stretch {
  kind: Block["kind"];
  number: string;
  lines: string[];
}

/**
 * The Markdown of cards: paragraphs, headings, points, numbered steps, tables, bold; other emphasis and links are plain
 * words. Anything else is shown as it is written.
 */
export function markdown(body: string): Block[] {
  const stretches: Stretch[] = [];
  let apart = true;
  for (const raw of body.split("\n")) {
    const line = raw.trim();
    const last = apart ? undefined : stretches.at(-1);
    apart = line === "";
    if (apart) continue;
    const next = begun(line);
    if (last && goesOn(last, next, raw)) last.lines.push(line);
    else stretches.push(next);
  }
  return stretches.map(blockOf);
}

function begun(line: string): Stretch {
  const heading = /^#{1,6}\s+(.*?)(?:\s+#+)?$/.exec(line);
  if (heading) return { kind: "heading", number: "", lines: [heading[1]!] };
  const item = /^(?:[-*•]|(\d+[.)]))\s+(.*)$/.exec(line);
  if (item) return { kind: "item", number: item[1] ?? "", lines: [item[2]!] };
  return { kind: line.startsWith("|") ? "table" : "paragraph", number: "", lines: [line] };
}

/** A line that is indented below an item is of the item. */
function goesOn(last: Stretch, next: Stretch, raw: string): boolean {
  if (next.kind === "table") return last.kind === "table";
  if (next.kind !== "paragraph") return false;
  return last.kind === "paragraph" || (last.kind === "item" && /^\s{2}/.test(raw));
}

function blockOf({ kind, number, lines }: Stretch): Block {
  if (kind === "table" && lines.length > 1) return tableOf(lines);
  const runs = runsOf(lines.join(" "));
  if (kind === "item") return { kind, number, runs };
  return { kind: kind === "heading" ? "heading" : "paragraph", runs };
}

/** A first row is a head where a rule of dashes stands below it, and it is not empty. */
function tableOf(lines: readonly string[]): Block {
  const ruled = /^\|[\s:|]*-[\s:|-]*$/.test(lines[1]!);
  const rows = lines.filter((_, at) => !ruled || at !== 1).map(cellsOf);
  const headed = ruled && rows[0]!.some((cell) => cell.join("") !== "");
  return { kind: "table", head: headed ? rows[0]! : [], rows: ruled ? rows.slice(1) : rows };
}

function cellsOf(row: string): Runs[] {
  const inner = row.slice(1).replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => runsOf(cell.trim()));
}

function runsOf(words: string): string[] {
  return words
    .replace(/!?\[([^[\]]*)\]\([^)[]*\)/g, "$1")
    .replace(/(?<![\\_\p{L}\p{N}])__(?=\S)(.+?)(?<=\S)__(?![_\p{L}\p{N}])/gu, "**$1**")
    .replace(/(?<![\\*\p{L}\p{N}])\*(?![\s*])([^*]+?)(?<![\s\\])\*(?![*\p{L}\p{N}])/gu, "$1")
    .replace(/(?<![\\_\p{L}\p{N}])_(?![\s_])([^_]+?)(?<![\s\\])_(?![_\p{L}\p{N}])/gu, "$1")
    .split(/\*\*(.+?)\*\*/g)
    .map((run) => run.replace(/\\([\\*_|])/g, "$1"));
}

/** Runs of words and the numbers of the sources behind them by turns, words first. */
export function cited(text: string): string[] {
  return text.split(/\s*\[(\d{1,2})\]/g);
}
