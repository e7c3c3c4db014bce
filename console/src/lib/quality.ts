/** Wrap-ups, scores, forms and feedback, as the API has them. */

import { api } from "./api.ts";
import type { Answer, FollowUp, Quality } from "./call/review.ts";

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
  passed: boolean;
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
  fault?: string;
}

/** A form's title in that language, else in another; its id where the form is not there. */
export function titleOf(id: string, forms: readonly Form[], language: string): string {
  const title = forms.find((form) => form.id === id)?.title ?? {};
  return title[language] ?? Object.values(title)[0] ?? id;
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
  shown?: number;
  accepted?: number;
  dismissed?: number;
  wrong?: number;
  right?: number;
  edited?: number;
  precision?: number;
}

export type Only = "all" | "open" | "failed" | "reviewed";
export const onlies: readonly Only[] = ["all", "open", "failed", "reviewed"];

const filters: Record<Only, string> = {
  all: "",
  open: "&open=true",
  failed: "&passed=false",
  reviewed: "&reviewed=true",
};

export const loadScored = (only: Only, before?: number): Promise<ScoredCall[]> =>
  api("GET", `/api/quality?limit=50${filters[only]}${before === undefined ? "" : `&before=${before}`}`);
export const loadQuality = (call: string): Promise<Quality> => api("GET", `${path(call)}/quality`);
export const review = (call: string, item: string, answer: Answer, reason: string): Promise<Quality> =>
  api("PUT", `${path(call)}/quality/${encodeURIComponent(item)}`, { answer, reason });
export const confirmWrapUp = (
  call: string,
  wrapUp: { summary: string; disposition: string; follow_ups: FollowUp[] },
): Promise<void> => api("PUT", `${path(call)}/wrap-up`, wrapUp);
export const judgeAlert = (call: string, seq: number, verdict: "right" | "wrong"): Promise<void> =>
  api("POST", `${path(call)}/alerts/${seq}/judgement`, { verdict });
export const loadForms = (): Promise<Form[]> => api("GET", "/api/forms");
export const saveForm = (id: string, source: string): Promise<Form> =>
  api("PUT", `/api/forms/${encodeURIComponent(id)}`, { source });
export const loadTallies = (): Promise<Tally[]> => api("GET", "/api/feedback");
export const mayTrain = async (): Promise<boolean> =>
  (await api<{ allowed: boolean }>("GET", "/api/feedback/training")).allowed;
export const letTrain = (allowed: boolean): Promise<void> =>
  api("PUT", "/api/feedback/training", { allowed });

function path(call: string): string {
  return `/api/calls/${encodeURIComponent(call)}`;
}
