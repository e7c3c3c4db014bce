/** How a call was talked, how it scores, and what is left of it: what the engine says, and what people made of it. */

import type { CallEvent, Evidence } from "../wire.ts";
import type { CallView } from "./view.ts";

export interface LegTalk {
  spoken_ms: number;
  /** Of all that was spoken, 0 to 1. */
  share: number;
  words: number;
  words_per_minute?: number;
  interruptions?: number;
  response_ms?: number;
  monologue_ms?: number;
}

export interface Talk {
  legs: Record<string, LegTalk>;
  talk_over_ms: number;
  dead_air_ms: number;
  longest_silence_ms: number;
  hold_ms: number;
}

export type Answer = "open" | "yes" | "no" | "n_a";
export const answers: readonly Answer[] = ["yes", "no", "n_a", "open"];

export interface QualityItem {
  item: string;
  title: string;
  weight: number;
  answer: Answer;
  auto?: boolean;
  auto_fail?: boolean;
  evidence?: Evidence[];
  note?: string;
  reviewed_by?: string;
  reason?: string;
}

export interface Quality {
  form: string;
  version: number;
  pass_score?: number;
  items: QualityItem[];
  /** 0 to 100; none while the call is live, or when nothing applied. */
  score?: number | undefined;
  passed?: boolean;
  failed_by?: string[];
  open?: number;
}

export interface Choice {
  code: string;
  title: string;
  confidence?: number;
}

export interface FollowUp {
  text: string;
  /** `2026-12-01`, or empty. */
  due?: string;
}

export interface WrapUp {
  summary: string;
  disposition: string;
  confidence: number;
  choices: readonly Choice[];
  followUps: readonly FollowUp[];
  confirmed: boolean;
}

/** What an event says of it; undefined when it says nothing. */
export function reviewOf(view: CallView, fact: CallEvent): Partial<CallView> | undefined {
  const data = fact.data ?? {};
  switch (fact.name) {
    case "dead_air":
      return { silentSinceMs: Number(data["since_ms"] ?? 0) };
    case "talk.measured":
      return { talk: data as unknown as Talk };
    case "qa.judged":
      return { quality: withItem(view.quality, data as unknown as QualityItem & Quality) };
    case "qa.scored":
      return { quality: data as unknown as Quality };
    case "qa.reviewed":
      return { quality: data["score"] as Quality };
    case "wrap_up.proposed":
      return { wrapUp: proposal(data) };
    case "wrap_up.confirmed":
      return { wrapUp: { ...(view.wrapUp ?? proposal({})), ...stated(data), confirmed: true } };
    case "alert.judged":
      return {
        alerts: view.alerts.map((alert) =>
          alert.seq === data["of"] ? { ...alert, judged: data["verdict"] as "right" | "wrong" } : alert,
        ),
      };
    default:
      return undefined;
  }
}

function withItem(before: Quality | undefined, judged: QualityItem & Quality): Quality {
  const items = before?.items ?? [];
  const at = items.findIndex((one) => one.item === judged.item);
  return {
    form: judged.form,
    version: judged.version,
    items: at < 0 ? [...items, judged] : items.with(at, judged),
  };
}

function proposal(data: Record<string, unknown>): WrapUp {
  return {
    ...stated(data),
    confidence: Number(data["confidence"] ?? 0),
    choices: (data["choices"] as Choice[] | undefined) ?? [],
    confirmed: false,
  };
}

function stated(data: Record<string, unknown>): Pick<WrapUp, "summary" | "disposition" | "followUps"> {
  return {
    summary: String(data["summary"] ?? ""),
    disposition: String(data["disposition"] ?? ""),
    followUps: (data["follow_ups"] as FollowUp[] | undefined) ?? [],
  };
}
