/** What the rules say: duties of the call, what was judged beside them, and alerts; which alert is shown next. */

import type { Insight } from "../wire.ts";
import type { Alert, CallView, Duty } from "./view.ts";

export function judge(view: CallView, fact: Insight): CallView {
  const outcome = fact.outcome ?? "undecided";
  const base = {
    seq: fact.seq,
    rule: fact.rule ?? "",
    title: fact.value || fact.rule || "",
    turn: fact.turn,
    atMs: fact.evidence?.[0]?.start_ms ?? fact.start_ms ?? 0,
    evidence: fact.evidence ?? [],
    stamps: fact.measured?.stamps,
  };
  const owed = view.duties.some((duty) => duty.rule === base.rule);
  if (outcome === "satisfied" || outcome === "undecided") {
    const duty: Duty = { ...base, state: outcome };
    return owed
      ? { ...view, duties: putDuty(view.duties, duty) }
      : { ...view, besides: putDuty(view.besides, duty) };
  }
  const alert: Alert = {
    ...base,
    outcome,
    severity: fact.severity ?? "",
    source: fact.source ?? "",
    because: fact.because ?? "",
  };
  const duties =
    owed && outcome === "violation" ? putDuty(view.duties, { ...base, state: "violated" }) : view.duties;
  return { ...view, alerts: [...view.alerts, alert], duties };
}

/** A duty that is done stays so. */
function putDuty(duties: readonly Duty[], duty: Duty): readonly Duty[] {
  const at = duties.findIndex((one) => one.rule === duty.rule);
  if (at < 0) return [...duties, duty];
  const known = duties[at]!;
  if (known.state === "satisfied" && duty.state !== "satisfied") return duties;
  return duties.with(at, { ...duty, title: duty.title || known.title });
}

/** The duty once its newest word was withdrawn: neglected where an alert of that stands, else owed as from the start. */
export function withoutWord(duty: Duty, alerts: readonly Alert[]): Duty {
  const broken = alerts.findLast((alert) => alert.rule === duty.rule && alert.outcome === "violation");
  if (!broken) return { ...duty, state: "open", evidence: [] };
  const { seq, turn, atMs, evidence, stamps } = broken;
  return { ...duty, state: "violated", seq, turn, atMs, evidence, stamps };
}

/**
 * Duties that the call owes from its start, as `call.answered` lists them, and `language.decided` in the language that the
 * call turns out to be held in: `[{rule, title}]`.
 */
export function owe(duties: readonly Duty[], owed: unknown): readonly Duty[] {
  if (!Array.isArray(owed)) return duties;
  return (owed as { rule: string; title?: string }[]).reduce<readonly Duty[]>((list, { rule, title }) => {
    if (list.some((duty) => duty.rule === rule)) {
      return list.map((duty) => (duty.rule === rule ? { ...duty, title: title ?? duty.title } : duty));
    }
    const open = { seq: 0, turn: 0, atMs: 0, evidence: [], stamps: undefined };
    return [...list, { ...open, rule, title: title ?? rule, state: "open" as const }];
  }, duties);
}

/**
 * The violation that is read out: the newest, unless a newer one was (`told` is its `seq`). Where that is withdrawn the one
 * before it is no news.
 */
export function violationToTell(call: CallView, told: number): Alert | undefined {
  const newest = call.alerts.findLast((alert) => alert.outcome === "violation");
  return newest && newest.seq >= told ? newest : undefined;
}

/** The alert that was shown last. */
export interface ShownAlert {
  call: string;
  seq: number;
  /** The newest there was at that time. */
  newest: number;
}

/** The alert to show next: the newest, also whenever there is one that is newer, and then the older ones by turns. */
export function nextAlert(call: CallView, last: ShownAlert | undefined): Alert | undefined {
  const newest = call.alerts.at(-1);
  if (!newest || last?.call !== call.id || newest.seq > last.newest) return newest;
  return call.alerts.findLast((alert) => alert.seq < last.seq) ?? newest;
}
