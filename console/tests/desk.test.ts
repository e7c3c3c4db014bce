import { describe, expect, it } from "vitest";
import {
  ENDED_LISTED,
  RESUMED,
  emptyDesk,
  forget,
  isLoading,
  listCalls,
  onOtherDesks,
  openAgain,
  opensByItself,
  paintable,
  resumeFrom,
  strays,
  takeMessages,
  unconfirmed,
  unlisted,
  type DeskView,
} from "../src/lib/desk.ts";
import { answerCard } from "../src/lib/call/cards.ts";
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

const card: DeskMessage = {
  type: "suggestion",
  id: "a",
  seq: 1,
  turn: 1,
  article: "x",
  title: "X",
  body: "Do.",
  score: 0.9,
};

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

  it("asks to resume from the last whole fact of each call of which more may come", () => {
    const desk = takeMessages(emptyDesk, [
      ...opening,
      transcript("a", 1),
      transcript("a", 2),
      transcript("a", 4),
    ]);
    expect(resumeFrom(desk)).toEqual({ a: 2, b: 0 });
    const ended = takeMessages(desk, [
      transcript("a", 3),
      { type: "event", id: "a", seq: 5, name: "call.ended" },
    ]);
    expect(resumeFrom(ended)).toEqual({ a: 5, b: 0 }); // a wrap-up, and when the row was closed
    const older: DeskMessage = { type: "call", call: record("never open", { ended_at: 300 }) };
    expect(resumeFrom(takeMessages(ended, [older]))).toEqual({ a: 5, b: 0 });
  });

  it("asks for no more calls than the engine resumes, for those that go on first", () => {
    const calls = Array.from({ length: RESUMED }, (_, index): DeskMessage[] => {
      const [over, live] = [`over ${index}`, `live ${index}`];
      return [
        { type: "call", call: record(over, { started_at: index, ended_at: 500 }) },
        transcript(over, 1),
        ...(index % 2 ? [{ type: "call", call: record(live) } as const] : []),
      ];
    });
    const asked = Object.keys(resumeFrom(takeMessages(emptyDesk, calls.flat())));
    expect(asked).toHaveLength(RESUMED);
    expect(asked.filter((id) => id.startsWith("live"))).toHaveLength(RESUMED / 2);
    expect(asked.at(-1)).toBe(`over ${RESUMED / 2}`);
  });

  it("opens a card again whose answer was refused", () => {
    const desk = takeMessages(emptyDesk, [...opening, card]);
    const call = desk.calls.get("a")!;
    const answered = {
      ...desk,
      calls: new Map(desk.calls).set("a", answerCard(call, 1, "accepted")),
    };
    const refusal = { type: "error", code: "overloaded", message: "" } as const;
    const state = (view: DeskView): string | undefined => view.calls.get("a")!.cards[0]?.state;
    expect(state(takeMessages(answered, [refusal]))).toBe("accepted");
    expect(state(takeMessages(answered, [{ ...refusal, id: "a", seq: 1 }]))).toBe("open");
    expect(takeMessages(emptyDesk, [{ ...refusal, id: "z", seq: 1 }]).calls.size).toBe(0);
  });

  it("knows which answers to cards the engine has heard of, and opens the others again", () => {
    const first = { id: "a", seq: 1 };
    const second = { id: "a", seq: 5 };
    const accepted = { type: "event", id: "a", seq: 7, name: "card.accepted", data: { of: 1 } } as const;
    expect(unconfirmed([first, second], [...opening, accepted])).toEqual([second]);
    expect(unconfirmed([first, second], [{ ...accepted, id: "b" }])).toEqual([first, second]);
    expect(unconfirmed([first], [{ ...accepted, name: "alert.judged" }])).toEqual([first]);
    expect(unconfirmed([first], [{ type: "error", code: "overloaded", message: "", ...first }])).toEqual([]);
    const desk = takeMessages(emptyDesk, [...opening, card, accepted]);
    expect(desk.calls.get("a")!.cards[0]?.state).toBe("accepted");
    const again = openAgain(desk, [first, { id: "z", seq: 1 }]);
    expect(again.calls.get("a")!.cards[0]?.state).toBe("open");
    expect([...again.calls.keys()]).toEqual(["a", "b"]);
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

describe("which call opens by itself", () => {
  const ended = record("old", { ended_at: 90, started_at: 10 });
  const desk = (...records: CallRecord[]): DeskView =>
    takeMessages(emptyDesk, [
      { type: "hello", person, now_ms: 5, at: 100 },
      ...records.map((call): DeskMessage => ({ type: "call", call })),
    ]);
  const opens = (view: DeskView, selected: string | undefined, opened: string[], typing = false) =>
    opensByItself(view, { selected, opened: new Set(opened), typing });

  it("is the newest of mine while nothing is open, and one that was never open before others", () => {
    const view = desk(record("a"), record("b", { started_at: 200 }));
    expect(opens(view, undefined, [])).toBe("b");
    expect(opens(view, undefined, ["b"])).toBe("a");
    expect(opens(view, undefined, ["a", "b"])).toBe("b");
    expect(opens(desk(record("a", { agent_id: "" })), undefined, [])).toBeUndefined();
  });

  it("is none while a live call is open, or one that was asked for is on its way", () => {
    const view = desk(record("a"), record("b"));
    expect(opens(view, "a", ["a"])).toBeUndefined();
    expect(opens(view, "claimed", ["claimed"])).toBeUndefined();
  });

  it("takes the place of an ended call once, and not while somebody types in it", () => {
    const view = desk(ended, record("a"));
    expect(opens(view, "old", ["old"], true)).toBeUndefined();
    expect(opens(view, "old", ["old"])).toBe("a");
    expect(opens(view, "old", ["old", "a"])).toBeUndefined();
  });

  it("is one that ended before it could be opened, so that it is wrapped up", () => {
    const over = takeMessages(desk(ended), [transcript("old", 1)]);
    expect(opens(desk(ended), undefined, [])).toBeUndefined();
    expect(opens(over, undefined, [])).toBe("old");
    expect(opens(over, undefined, ["old"])).toBeUndefined();
  });
});

describe("a call whose facts are on their way", () => {
  const row: DeskMessage = { type: "call", call: record("a", { ended_at: 500 }) };
  const end: DeskMessage = { type: "event", id: "a", seq: 3, name: "call.ended" };
  const whole = [transcript("a", 1), transcript("a", 2)];

  it.each<[string, DeskMessage[], boolean]>([
    ["is none that is live", [], false],
    ["has ended, and nothing of it has come", [row], true],
    ["has ended, and something is missing", [row, transcript("a", 2)], true],
    ["is none whose end has come", [row, ...whole, end], false],
    ["is none whose end has come before the rest", [row, end], false],
    ["is none whose end could not be told", [row, ...whole], false],
  ])("%s", (_, messages, loading) => {
    const desk = takeMessages(emptyDesk, [...opening, ...messages]);
    expect(isLoading(desk.calls.get("a")!)).toBe(loading);
  });
});

describe("what a desk forgets", () => {
  it("is a call that went to another desk, unless it is followed there", () => {
    const moved: DeskMessage = { type: "call", call: record("a", { agent_id: "u2" }) };
    const desk = takeMessages(emptyDesk, [...opening, transcript("a", 1), moved]);
    expect(onOtherDesks(desk, undefined)).toEqual(["a"]);
    expect(onOtherDesks(desk, "a")).toEqual([]);
    expect(onOtherDesks(takeMessages(emptyDesk, [moved]), undefined)).toEqual([]);
    const left = forget(desk, ["a"]);
    expect(resumeFrom(left)).toEqual({ b: 0 });
    const stamped = takeMessages(left, [{ type: "stamped", id: "a", seq: 1, shown: 9 }]);
    expect([...stamped.calls.keys()]).toEqual(["b"]);
  });

  it("is what still comes of a call that was left, unless it is followed or asked for by now", () => {
    const desk = takeMessages(emptyDesk, [...opening, transcript("left", 7)]);
    expect(strays(desk, [undefined, undefined])).toEqual(["b", "left"]);
    expect(strays(desk, ["b", "left"])).toEqual([]);
    expect(strays(takeMessages(desk, [{ type: "call", call: record("left") }]), ["b"])).toEqual([]);
  });

  it("is what ended longer ago than what is listed, but for the call that is open", () => {
    const calls = Array.from({ length: ENDED_LISTED + 3 }, (_, index): DeskMessage => {
      return { type: "call", call: record(`e${index}`, { started_at: index, ended_at: 500 }) };
    });
    const desk = takeMessages(emptyDesk, [...opening, ...calls]);
    expect(unlisted(desk, undefined)).toEqual(["e2", "e1", "e0"]);
    expect(unlisted(desk, "e1")).toEqual(["e2", "e0"]);
    expect(unlisted(forget(desk, ["e2", "e1", "e0"]), undefined)).toEqual([]);
  });

  it("is nothing of what a beat says", () => {
    const desk = takeMessages(emptyDesk, opening);
    expect([...takeMessages(desk, [{ type: "beat", at: 7 }]).calls.keys()]).toEqual(["a", "b"]);
  });
});
