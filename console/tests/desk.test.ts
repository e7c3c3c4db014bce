import { describe, expect, it } from "vitest";
import { emptyDesk, listCalls, paintable, resumeFrom, takeMessages } from "../src/lib/desk.ts";
import type { CallRecord, DeskMessage, Person } from "../src/lib/wire.ts";

const person: Person = { user_id: "u1", organisation_id: "o", name: "Ana", role: "agent" };

function record(id: string, more: Partial<CallRecord> = {}): CallRecord {
  const fields = {
    campaign_id: "c",
    campaign: "care",
    direction: "inbound" as const,
    language: "es",
    country: "CO",
  };
  return { id, organisation_id: "o", agent_id: "u1", started_at: 100, ...fields, ...more };
}

const transcript = (id: string, seq: number): DeskMessage => ({
  type: "transcript",
  id,
  seq,
  turn: seq,
  text: `words ${seq}`,
  start_ms: seq * 1000,
  end_ms: seq * 1000 + 900,
});

const opening: DeskMessage[] = [
  { type: "hello", person, now_ms: 5, at: 100 },
  { type: "call", call: record("a") },
  { type: "call", call: record("b", { agent_id: "", started_at: 50 }) },
];

describe("a desk", () => {
  it("sorts calls by what can be done with them", () => {
    const ended: DeskMessage = { type: "call", call: record("c", { ended_at: 300 }) };
    const others: DeskMessage = { type: "call", call: record("d", { agent_id: "u2" }) };
    const lists = listCalls(takeMessages(emptyDesk, [...opening, ended, others]));
    const ids = Object.values(lists).map((list: { id: string }[]) => list.map((call) => call.id));
    expect(ids).toEqual([["a"], ["c"]]);
  });

  it("asks to resume from the last whole fact of each live call", () => {
    const desk = takeMessages(emptyDesk, [
      ...opening,
      transcript("a", 1),
      transcript("a", 2),
      transcript("a", 4),
    ]);
    expect(resumeFrom(desk)).toEqual({ a: 2, b: 0 });
    const whole = takeMessages(desk, [
      transcript("a", 3),
      { type: "event", id: "a", seq: 5, name: "call.ended" },
    ]);
    expect(resumeFrom(whole)).toEqual({ b: 0 });
  });

  it("keeps facts that come before their call is known", () => {
    const desk = takeMessages(emptyDesk, [transcript("a", 1), ...opening]);
    expect(desk.calls.get("a")!.turns).toHaveLength(1);
    expect(desk.calls.get("a")!.record?.campaign).toBe("care");
  });

  it("forgets a call that was erased, with what came of it in the same batch", () => {
    const desk = takeMessages(emptyDesk, [...opening, transcript("a", 1)]);
    const next = takeMessages(desk, [transcript("a", 2), { type: "gone", id: "a" }]);
    expect([...next.calls.keys()]).toEqual(["b"]);
    expect(resumeFrom(next)).toEqual({ b: 0 });
  });

  it("changes nothing of calls that a batch does not name", () => {
    const desk = takeMessages(emptyDesk, opening);
    const next = takeMessages(desk, [transcript("a", 1)]);
    expect(next.calls.get("b")).toBe(desk.calls.get("b"));
  });

  it("acknowledges what is painted: words, insights, cards, drafts", () => {
    const messages: DeskMessage[] = [
      ...opening,
      transcript("a", 1),
      { type: "event", id: "a", seq: 2, name: "talk.measured" },
    ];
    expect(paintable(messages).map((one) => one.type)).toEqual(["transcript"]);
  });
});
