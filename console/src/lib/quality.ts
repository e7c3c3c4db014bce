/** Wrap-ups, scores, forms and feedback, as the API has them. */

import { api } from "./api.ts";
import { receive } from "./call/fold.ts";
import type { Answer, Choice, FollowUp, Quality } from "./call/review.ts";
import { emptyCall, type CallView } from "./call/view.ts";
import type { CallRecord, Fact } from "./wire.ts";

export interface ScoredCall {
  call_id: string;
  agent_id: string;
  agent_name: string;
  campaign: string;
  language: string;
  started_at: number;
  form: string;
  version: number;
  score: number | null;
  /** Null: it has no score. */
  passed: boolean | null;
  failed: boolean;
  open: number;
  reviewed: boolean;
}

export interface Form {
  id: string;
  title: Record<string, string>;
  campaigns: string[];
  active: boolean;
  items: number;
  dispositions: number;
  /** 0: comes with the engine. */
  version: number;
  source: string;
  /** By id. */
  item_titles: Record<string, Title>;
  /** By code. */
  disposition_titles: Record<string, Title>;
  fault?: string;
}

/** By language. */
export type Title = Readonly<Record<string, string>>;

/** A form's title in that language, else in another; its id where the form is not there. */
export function titleOf(id: string, forms: readonly Form[], language: string): string {
  return titleIn(forms.find((form) => form.id === id)?.title, language) ?? id;
}

function titleIn(title: Title | undefined, language: string): string | undefined {
  return title && (title[language] ?? Object.values(title)[0]);
}

export type TallyKind = "alert" | "card" | "disposition" | "summary" | "follow_ups" | "quality";
export const tallyKinds: readonly TallyKind[] = [
  "alert",
  "card",
  "disposition",
  "summary",
  "follow_ups",
  "quality",
];

export interface Tally {
  kind: TallyKind;
  subject: string;
  /** Of the rule or form. */
  version?: string;
  shown?: number;
  accepted?: number;
  dismissed?: number;
  wrong?: number;
  right?: number;
  edited?: number;
  precision?: number;
}

/**
 * What a disposition or an item that was judged is called in the forms: of two forms that know a code the site's own
 * goes before one that comes with the engine. A code that no form has any more stands as it came.
 */
export function subjectOf(tally: Tally, forms: readonly Form[], language: string): string {
  const { kind, subject } = tally;
  if (kind === "quality") {
    const [id = "", item = ""] = subject.split("/");
    const known = forms.find((form) => form.id === id);
    return `${titleOf(id, forms, language)} · ${titleIn(known?.item_titles[item], language) ?? spaced(item)}`;
  }
  if (kind === "disposition") {
    const having = forms.filter((form) => subject in form.disposition_titles);
    const form = having.find((one) => one.version > 0) ?? having[0];
    return titleIn(form?.disposition_titles[subject], language) ?? spaced(subject);
  }
  return subject;
}

function spaced(code: string): string {
  return code.replaceAll("_", " ");
}

export type Only = "all" | "open" | "failed" | "reviewed";
export const onlies: readonly Only[] = ["all", "open", "failed", "reviewed"];

export interface ScoreFilter {
  only: Only;
  /** User id; empty: everybody's. */
  agent: string;
  /** Its kind; empty: all. */
  campaign: string;
}
export const everything: ScoreFilter = { only: "all", agent: "", campaign: "" };

const filters: Record<Only, Record<string, string>> = {
  all: {},
  open: { open: "true" },
  failed: { passed: "false" },
  reviewed: { reviewed: "true" },
};

/** How the calls of one agent, or of one campaign, scored. */
export interface Average {
  /** User id, empty for calls of nobody; or the campaign's kind. */
  subject: string;
  /** The agent's. */
  name: string;
  calls: number;
  /** Those that have a score. */
  scored: number;
  passed: number;
  /** Calls in which an item waits for a person. */
  open: number;
  reviewed: number;
  score: number | null;
}

export interface Averages {
  agents: readonly Average[];
  campaigns: readonly Average[];
}
export const noAverages: Averages = { agents: [], campaigns: [] };

const PAGE = 50;

/** Newest first, and whether there are older ones; `before` turns the page. */
export async function loadScored(
  filter: ScoreFilter,
  before?: number,
): Promise<{ calls: ScoredCall[]; older: boolean }> {
  const asked = new URLSearchParams({ limit: String(PAGE + 1), ...filters[filter.only] });
  if (filter.agent) asked.set("agent", filter.agent);
  if (filter.campaign) asked.set("campaign", filter.campaign);
  if (before !== undefined) asked.set("before", String(before));
  const found = await api<ScoredCall[]>("GET", `/api/quality?${asked}`);
  return { calls: found.slice(0, PAGE), older: found.length > PAGE };
}

/** The row of a call whose score is this by now. */
export function withReview(call: ScoredCall, quality: Quality): ScoredCall {
  const { score = null, failed_by = [], open = 0 } = quality;
  const passed = score === null ? null : (quality.passed ?? false);
  return { ...call, score, passed, failed: failed_by.length > 0, open, reviewed: true };
}

/** Days back that figures may be of; 0: all that there is. */
export const periods = [0, 7, 30, 90] as const;

/** When a period began, UNIX seconds. */
export function sinceOf(days: number, nowMs: number): number {
  return days === 0 ? 0 : Math.round(nowMs / 1000) - days * 86_400;
}

export const loadAverages = (since = 0): Promise<Averages> =>
  api("GET", `/api/quality/averages?since=${since}`);

/** A call that ended, as a desk had it. */
export async function loadCall(id: string): Promise<CallView> {
  const { call, facts } = await api<{ call: CallRecord; facts: Fact[] }>("GET", path(id));
  return receive(emptyCall(id, call), facts);
}

export const loadQuality = (call: string): Promise<Quality> => api("GET", `${path(call)}/quality`);
export const review = (call: string, item: string, answer: Answer, reason: string): Promise<Quality> =>
  api("PUT", `${path(call)}/quality/${encodeURIComponent(item)}`, { answer, reason });
/** What a call that proposed nothing may be confirmed as. */
export const loadEndings = async (call: string): Promise<Choice[]> =>
  (await api<{ choices?: Choice[] }>("GET", `${path(call)}/wrap-up`)).choices ?? [];
export const confirmWrapUp = (
  call: string,
  wrapUp: { summary: string; disposition: string; follow_ups: FollowUp[] },
): Promise<void> => api("PUT", `${path(call)}/wrap-up`, wrapUp);
export const judgeAlert = (call: string, seq: number, verdict: "right" | "wrong"): Promise<void> =>
  api("POST", `${path(call)}/alerts/${seq}/judgement`, { verdict });
export const loadForms = (): Promise<Form[]> => api("GET", "/api/forms");
export const saveForm = (id: string, source: string): Promise<Form> =>
  api("PUT", `/api/forms/${encodeURIComponent(id)}`, { source });
export const loadTallies = (since = 0): Promise<Tally[]> => api("GET", `/api/feedback?since=${since}`);
export const mayTrain = async (): Promise<boolean> =>
  (await api<{ allowed: boolean }>("GET", "/api/feedback/training")).allowed;
export const letTrain = (allowed: boolean): Promise<void> =>
  api("PUT", "/api/feedback/training", { allowed });

function path(call: string): string {
  return `/api/calls/${encodeURIComponent(call)}`;
}
