import { describe, expect, it } from "vitest";
import { receive } from "../src/lib/call/fold.ts";
import { emptyCall } from "../src/lib/call/view.ts";
import type { CallEvent, Fact, Insight, Transcript } from "../src/lib/wire.ts";

const id = "call-1";

function event(seq: number, name: CallEvent["name"], data: Record<string, unknown> = {}): CallEvent {
  return { type: "event", id, seq, name, data };
}

const alert: Insight = {
  type: "insight",
  id,
  seq: 1,
  turn: 1,
  kind: "compliance",
  rule: "R",
  outcome: "event",
};
const words: Transcript = { type: "transcript", id, seq: 4, turn: 4, text: "Hello" };
const item = { item: "a", title: "A", weight: 1 };

const proposed = event(8, "wrap_up.proposed", {
  summary: "Reason: x",
  disposition: "sold",
  confidence: 0.7,
  choices: [{ code: "sold", title: "Sold", confidence: 0.7 }],
  follow_ups: [{ text: "Call back", due: "2026-12-01" }],
});

const story: Fact[] = [
  alert,
  event(2, "alert.judged", { of: 1, verdict: "wrong" }),
  event(3, "dead_air", { since_ms: 5000 }),
  words,
  event(5, "talk.measured", { legs: { agent: { share: 0.6 } }, talk_over_ms: 0 }),
  event(6, "qa.judged", { form: "f", version: 1, ...item, answer: "yes" }),
  event(7, "qa.scored", { form: "f", version: 1, items: [{ ...item, answer: "yes" }], score: 100 }),
  proposed,
  event(9, "qa.reviewed", {
    score: { form: "f", version: 1, items: [{ ...item, answer: "no", reason: "r" }], score: 0 },
  }),
  event(10, "wrap_up.confirmed", { summary: "y", disposition: "sold", follow_ups: [] }),
  event(11, "playbook.changed", { playbook: "p", stage: "a", stages: [], steps: [], next: "x" }),
  event(12, "playbook.changed", {
    ...{ playbook: "p", stage: "b", stages: [], steps: [], next: "" },
    slots: [{ slot: "day", text: "Day", value: "March 3", last4: "", turn: 4 }],
  }),
];

describe("what is made of a call", () => {
  it("follows the facts", () => {
    const until = (seq: number) =>
      receive(
        emptyCall(id),
        story.filter((fact) => fact.seq <= seq),
      );
    expect(until(2).alerts[0]!.judged).toBe("wrong");
    expect(until(3).silentSinceMs).toBe(5000);
    expect(until(4).silentSinceMs).toBeUndefined();
    expect(until(5).talk?.legs["agent"]?.share).toBe(0.6);
    expect(until(6).quality).toMatchObject({ form: "f", items: [{ item: "a", answer: "yes" }] });
    expect(until(6).quality?.score).toBeUndefined();
    expect(until(8).wrapUp).toMatchObject({ summary: "Reason: x", confirmed: false, confidence: 0.7 });
    expect(until(9).quality?.items[0]).toMatchObject({ answer: "no", reason: "r" });
    expect(until(10).wrapUp).toMatchObject({ summary: "y", confirmed: true, followUps: [] });
    expect(until(10).wrapUp?.choices).toHaveLength(1);
    expect(until(10).playbook).toBeUndefined();
    expect(until(11).playbook).toMatchObject({ stage: "a", next: "x" });
    expect(until(12).playbook).toMatchObject({
      stage: "b",
      next: "",
      slots: [{ value: "March 3", turn: 4 }],
    });
  });

  it("is the same in whatever order they come", () => {
    const shuffled = [3, 11, 9, 0, 7, 1, 5, 10, 8, 2, 6, 4].map((at) => story[at]!);
    const one = shuffled.reduce((view, fact) => receive(view, [fact]), emptyCall(id));
    const other = receive(emptyCall(id), story);
    expect({ ...one, log: undefined }).toEqual({ ...other, log: undefined });
  });
});
