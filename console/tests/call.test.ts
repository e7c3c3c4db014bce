import { describe, expect, it } from "vitest";
import { CURRENT_MS, currentCard } from "../src/lib/call/cards.ts";
import { receive, stamp } from "../src/lib/call/fold.ts";
import { nextAlert, violationToTell, type ShownAlert } from "../src/lib/call/rules.ts";
import { receiveDraft } from "../src/lib/call/turns.ts";
import { emptyCall, type CallView } from "../src/lib/call/view.ts";
import type { CallEvent, CallRecord, Draft, Fact, Insight, Suggestion, Transcript } from "../src/lib/wire.ts";

const id = "call-1";

function said(
  seq: number,
  stream: string,
  startMs: number,
  text: string,
  more: Partial<Transcript> = {},
): Transcript {
  const where = { stream, leg: "unknown" as const, start_ms: startMs, end_ms: startMs + 1000 };
  return { type: "transcript", id, seq, turn: seq, text, ...where, ...more };
}

function insight(seq: number, turn: number, more: Partial<Insight>): Insight {
  return { type: "insight", id, seq, turn, kind: "compliance", stream: "1", ...more };
}

function event(seq: number, name: CallEvent["name"], data: Record<string, unknown> = {}): CallEvent {
  return { type: "event", id, seq, name, data };
}

function draft(segment: number, revision: number, text: string, startMs = 0): Draft {
  const where = { stream: "1", leg: "customer" as const, start_ms: startMs, end_ms: startMs + 500 };
  return { type: "draft", id, segment, revision, text, ...where };
}

const card: Suggestion = {
  type: "suggestion",
  id,
  seq: 9,
  turn: 4,
  article: "a",
  title: "A",
  body: "Do.",
  score: 0.9,
};

const source = { number: 1, article: "a", title: "A", body: "Do." };

const story: Fact[] = [
  event(1, "call.answered", { duties: [{ rule: "REC", title: "Say that the call is recorded" }] }),
  event(2, "role.decided", { stream: "1", role: "agent" }),
  said(3, "1", 0, "This call is recorded", { measured: { stamps: { heard: 10, transcribed: 200 } } }),
  said(4, "2", 1500, "[number] is my card"),
  insight(5, 3, { rule: "REC", value: "Recording", outcome: "satisfied" }),
  insight(6, 4, { stream: "2", kind: "sentiment", value: "negative", score: 0.8 }),
  insight(7, 4, { stream: "2", kind: "mood", value: "negative", score: 0.5 }),
  insight(8, 3, { rule: "ASK", value: "May not ask", outcome: "violation", severity: "critical" }),
  card,
  event(10, "text.settled", { turn: 4, text: "[card] is my card" }),
  insight(11, 4, { stream: "2", kind: "entity", entity_type: "CARD", start: 0, end: 40, last4: "6467" }),
  insight(12, 4, { stream: "2", kind: "intent", value: "payment_arrangement" }),
  event(13, "role.decided", { stream: "1", role: "customer" }),
  event(14, "role.decided", { stream: "2", role: "agent" }),
  event(15, "withdrawn", { of: [5, 8], reason: "role_changed" }),
  event(16, "card.dismissed", { seq: 9 }),
  event(17, "card.worded", { of: 9, article: "a", text: "Do it [1].", sources: [source] }),
  event(18, "call.ended", { reason: "bye" }),
];

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const list = [...items];
  let state = seed;
  for (let at = list.length - 1; at > 0; at -= 1) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const other = state % (at + 1);
    [list[at], list[other]] = [list[other]!, list[at]!];
  }
  return list;
}

/** Everything but the log's insertion order. */
function content(view: CallView): unknown {
  return { ...view, log: [...view.log.entries()].sort(([a], [b]) => a - b) };
}

describe("a call's view", () => {
  const whole = receive(emptyCall(id), story);

  it("is the same whatever the order and grouping in which facts come", () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const facts = shuffled(story, seed);
      const one = facts.reduce((view, fact) => receive(view, [fact]), emptyCall(id));
      const cut = seed % facts.length;
      const two = receive(receive(emptyCall(id), facts.slice(0, cut)), facts.slice(cut));
      expect(content(one)).toEqual(content(whole));
      expect(content(two)).toEqual(content(whole));
    }
  });

  it("takes every fact once", () => {
    expect(receive(whole, story)).toBe(whole);
    expect(content(receive(emptyCall(id), [...story, ...story]))).toEqual(content(whole));
  });

  it("counts what has not come", () => {
    const view = receive(emptyCall(id), [story[0]!, story[4]!]);
    expect([view.lastSeq, view.missing]).toEqual([5, 3]);
    expect(receive(view, story.slice(1, 4)).missing).toBe(0);
  });

  it("follows a role that is decided again, words and moods alike", () => {
    expect(whole.turns.map((turn) => turn.leg)).toEqual(["customer", "agent"]);
    expect(whole.decisions["2"]).toEqual({ role: "agent", rule: "", confidence: 0 });
    expect(whole.utterances).toEqual([]);
    expect(receive(emptyCall(id), story.slice(0, 12)).utterances).toHaveLength(1);
  });

  it("draws a mood where it stands, and one that does not say so by its word", () => {
    const mood = (seq: number, more: Partial<Insight>): Insight =>
      insight(seq, 1, { kind: "mood", stream: "2", ...more });
    const view = receive(emptyCall(id), [
      mood(1, { value: "neutral", score: 0.5, lean: -0.21 }),
      mood(2, { value: "negative", score: 0.53, lean: -0.23 }),
      mood(3, { value: "negative", score: 0.53 }),
      mood(4, { value: "neutral", score: 0.9 }),
    ]);
    expect(view.moods.map((point) => point.level)).toEqual([-0.21, -0.23, -0.53, 0]);
  });

  it("takes back what was withdrawn and owes the duty again", () => {
    expect(whole.alerts).toEqual([]);
    expect(whole.withdrawn).toBe(1);
    expect(whole.duties.map((duty) => duty.state)).toEqual(["open"]);
  });

  it("owes no duty again of which an alert says that it was neglected", () => {
    const missed = insight(2, 3, { rule: "REC", outcome: "violation" });
    const late = insight(3, 9, { rule: "REC", outcome: "satisfied" });
    const role = event(4, "withdrawn", { of: [3], reason: "role_changed" });
    const { alerts, duties } = receive(emptyCall(id), [story[0]!, missed, late, role]);
    expect(alerts.map((alert) => alert.seq)).toEqual([2]);
    expect(duties).toMatchObject([{ rule: "REC", state: "violated", seq: 2, turn: 3 }]);
  });

  it("draws the feelings of who turns out to be no agent, also when all is told at once", () => {
    const felt = (seq: number): Insight => insight(seq, 2, { kind: "sentiment", value: "negative" });
    const is = (seq: number, role: string): CallEvent => event(seq, "role.decided", { stream: "1", role });
    const facts = [is(1, "agent"), said(2, "1", 0, "It is broken"), felt(3), is(4, "customer")];
    const one = facts.reduce((view, fact) => receive(view, [fact]), emptyCall(id));
    const once = receive(emptyCall(id), facts);
    expect(one.utterances.map((point) => point.seq)).toEqual([3]);
    expect(content(once)).toEqual(content(one));
  });

  it("shows no feelings that were withdrawn, and draws those that are told again once", () => {
    const felt = (seq: number): Insight => insight(seq, 2, { kind: "sentiment", value: "negative" });
    const is = (seq: number, role: string): CallEvent => event(seq, "role.decided", { stream: "1", role });
    const gone = event(5, "withdrawn", { of: [3], reason: "role_changed" });
    const facts = [is(1, "customer"), said(2, "1", 0, "It is broken"), felt(3), is(4, "mixed"), gone];
    const view = receive(emptyCall(id), facts);
    expect([view.turns[0]!.mood, view.utterances]).toEqual([undefined, []]);
    const again = receive(view, [is(6, "customer"), felt(7)]);
    expect(again.turns[0]!.mood).toBe("negative");
    expect(again.utterances.map((point) => point.seq)).toEqual([7]);
  });

  it("takes back what was noted of an alert that is withdrawn, and no other notice", () => {
    const noted = [
      insight(1, 1, { rule: "DNC", outcome: "event", action: "dnc.requested" }),
      event(2, "dnc.requested", { rule: "DNC", of: 1 }),
      event(3, "notice.played", { of: 1 }),
      event(4, "dnc.requested", { rule: "DNC", of: 9 }),
    ];
    const view = receive(emptyCall(id), [...noted, event(5, "withdrawn", { of: [1], reason: "went_on" })]);
    expect(view.notices.map((notice) => notice.seq)).toEqual([3, 4]);
    expect(receive(emptyCall(id), noted).notices).toHaveLength(3);
  });

  it("takes back a card whose words turn out to be the agent's", () => {
    const withdrawn = event(10, "withdrawn", { of: [card.seq], reason: "role_changed" });
    expect(receive(emptyCall(id), [...story.slice(0, 9), withdrawn]).cards).toEqual([]);
    expect(receive(emptyCall(id), story.slice(0, 9)).cards).toHaveLength(1);
  });

  it("replaces a turn's text once its digits are judged", () => {
    expect(whole.turns[1]).toMatchObject({ text: "[card] is my card", intents: ["payment_arrangement"] });
    expect(whole.turns[1]!.entities[0]!.last4).toBe("6467");
  });

  it("answers cards and ends", () => {
    expect(whole.cards[0]!.state).toBe("dismissed");
    expect(whole.cards[0]!.worded).toEqual({ text: "Do it [1].", sources: [source] });
    expect(whole.endReason).toBe("bye");
  });

  it("keeps what a fact does not touch as it was", () => {
    const before = receive(emptyCall(id), story.slice(0, 4));
    const after = receive(before, [story[4]!]);
    expect(after.turns).toBe(before.turns);
  });

  it("puts the time of painting beside the other stamps, also after a replay", () => {
    const view = stamp(receive(emptyCall(id), story.slice(2)), 3, 260);
    expect(view.turns[0]!.stamps?.shown).toBe(260);
    expect(receive(view, story.slice(0, 2)).turns[0]!.stamps?.shown).toBe(260);
    expect(stamp(view, 3, 999)).toBe(view);
  });

  it("stands a late final where it was spoken", () => {
    const view = receive(emptyCall(id), [said(1, "1", 5000, "second"), said(2, "2", 1000, "first")]);
    expect(view.turns.map((turn) => turn.text)).toEqual(["first", "second"]);
  });

  it("does not let an earlier opinion undo a done duty", () => {
    const done = insight(2, 2, { rule: "REC", outcome: "satisfied" });
    const doubted = insight(3, 2, { rule: "REC", outcome: "undecided" });
    const view = receive(emptyCall(id), [story[0]!, done, doubted]);
    expect(view.duties[0]!.state).toBe("satisfied");
  });
});

describe("the duties of a call", () => {
  it("are read in its language once that is known, and are as they were else", () => {
    const duties = [{ rule: "REC", title: "Decir que la llamada se graba" }];
    const missed = insight(2, 2, {
      rule: "REC",
      value: "Say that the call is recorded",
      outcome: "violation",
    });
    const decided = event(3, "language.decided", { language: "es", duties });
    const view = receive(emptyCall(id), [story[0]!, missed, decided]);
    expect(view.duties).toMatchObject([{ ...duties[0], state: "violated", seq: 2 }]);
    const other = event(4, "language.decided", { language: "pt" });
    expect(receive(view, [other]).duties).toBe(view.duties);
  });
});

describe("what nobody owes", () => {
  const threat = insight(2, 2, { rule: "NO-THREATS", value: "No threats", outcome: "undecided" });
  const consent = insight(3, 2, { rule: "CONSENT", value: "Consent", outcome: "satisfied" });
  const judged = receive(emptyCall(id), [story[0]!, threat, consent]);
  const states = (view: CallView): string[][] =>
    [view.duties, view.besides].map((list) => list.map((one) => `${one.rule} ${one.state}`));

  it("stands beside the duties, where it is not counted", () => {
    expect(states(judged)).toEqual([["REC open"], ["NO-THREATS undecided", "CONSENT satisfied"]]);
  });

  it("goes when it is withdrawn, and becomes no duty when it turns out to be broken", () => {
    const withdrawn = event(4, "withdrawn", { of: [2, 3], reason: "role_changed" });
    const broken = insight(5, 2, { rule: "NO-THREATS", outcome: "violation" });
    const view = receive(judged, [withdrawn, broken]);
    expect(states(view)).toEqual([["REC open"], []]);
    expect(view.alerts.map((alert) => alert.rule)).toEqual(["NO-THREATS"]);
  });
});

describe("alerts that are gone through", () => {
  const alert = (seq: number): Insight => insight(seq, seq, { rule: `R${seq}`, outcome: "violation" });
  const withAlerts = (...seqs: number[]): CallView => receive(emptyCall(id), seqs.map(alert));
  const shown = (seq: number, newest: number, call = id): ShownAlert => ({ call, seq, newest });

  it.each([
    ["begin with the newest", [1, 2, 3], undefined, 3],
    ["go on with older ones", [1, 2, 3], shown(3, 3), 2],
    ["begin again behind the oldest", [1, 2, 3], shown(1, 3), 3],
    ["show one that is newer at once", [1, 2, 3, 4], shown(2, 3), 4],
    ["show the second that comes", [1, 2], shown(1, 1), 2],
    ["begin anew in another call", [1, 2, 3], shown(3, 3, "call-0"), 3],
    ["go on where the one that was shown has been withdrawn", [1, 3], shown(2, 3), 1],
    ["go on where the newest has been withdrawn", [1, 2], shown(3, 3), 2],
    ["are none", [], shown(3, 3), undefined],
  ])("%s", (_, seqs, last, next) => {
    expect(nextAlert(withAlerts(...seqs), last)?.seq).toBe(next);
  });
});

describe("the violation that is read out", () => {
  const violation = (seq: number): Insight => insight(seq, seq, { rule: `R${seq}`, outcome: "violation" });
  const notice = insight(4, 4, { rule: "R4", outcome: "event" });

  it.each([
    ["is the newest, whatever notice came after it", [violation(1), violation(2), notice], 0, 2],
    ["stays the newest that was", [violation(1), violation(2)], 2, 2],
    ["is one that came since", [violation(1), violation(2), violation(3)], 2, 3],
    ["is none that was before one that was withdrawn", [violation(1)], 2, undefined],
    ["is none where there is none", [notice], 0, undefined],
  ])("%s", (_, alerts, told, next) => {
    expect(violationToTell(receive(emptyCall(id), alerts), told)?.seq).toBe(next);
  });
});

describe("the card that is suggested", () => {
  const [older, newer] = [0, 330_000].map((start_ms, at) => ({ ...card, seq: 9 + at, start_ms }));
  const view = receive(emptyCall(id), [older!, newer!]);
  const answered = (name: CallEvent["name"], of: number): CallView =>
    receive(view, [event(11, name, { of })]);

  it("is the newest, and when that is put away none comes back in its place", () => {
    expect(currentCard(view.cards, 331_000)?.seq).toBe(10);
    expect(currentCard(answered("card.dismissed", 10).cards, 331_000)).toBeUndefined();
    expect(currentCard(answered("card.wrong", 10).cards, 331_000)).toBeUndefined();
    expect(currentCard(answered("card.dismissed", 9).cards, 331_000)?.seq).toBe(10);
    expect(currentCard([], 0)).toBeUndefined();
  });

  it("goes by itself once its words are long past, unless it is used", () => {
    expect(currentCard(view.cards, 330_000 + CURRENT_MS)).toBeUndefined();
    expect(currentCard(answered("card.accepted", 10).cards, 330_000 + CURRENT_MS)?.seq).toBe(10);
  });
});

describe("drafts", () => {
  it("keep the newest revision of each segment", () => {
    const view = [draft(0, 2, "good mor"), draft(0, 1, "good")].reduce(receiveDraft, emptyCall(id));
    expect(view.drafts.map((one) => one.text)).toEqual(["good mor"]);
    expect(receiveDraft(view, draft(0, 3, "good morning")).drafts).toHaveLength(1);
    expect(receiveDraft(view, draft(0, 4, "")).drafts).toEqual([]);
  });

  it("go when the words are final, and do not come back", () => {
    const open = [draft(0, 1, "this call", 0), draft(1, 1, "and now", 1200)].reduce(
      receiveDraft,
      emptyCall(id),
    );
    const view = receive(open, [said(1, "1", 0, "This call is recorded")]);
    expect(view.drafts.map((one) => one.segment)).toEqual([1]);
    expect(receiveDraft(view, draft(0, 9, "this call is", 0))).toBe(view);
  });

  it("end with the call", () => {
    const view = receive(receiveDraft(emptyCall(id), draft(0, 1, "hello")), [event(1, "call.ended")]);
    expect(view.drafts).toEqual([]);
    expect(receiveDraft(view, draft(1, 1, "late", 9000))).toBe(view);
  });
});

describe("the language that is spoken", () => {
  const record: CallRecord = {
    id,
    organisation_id: "org",
    campaign_id: "campaign",
    campaign: "care",
    direction: "inbound",
    language: "es", // its campaign's, or the first that was heard
    country: "CO",
  };

  it.each([
    ["is no other one where it is the first that is heard, on either stream", ["1 es", "2 es"], []],
    ["is another where it is not the call's", ["1 pt"], ["pt"]],
    ["is another where a stream comes to it, or comes back", ["1 es", "2 es", "1 pt", "1 es"], ["pt", "es"]],
  ])("%s", (_, decided, told) => {
    const facts = decided.map((one, at): CallEvent => {
      const [stream, language] = one.split(" ");
      return { ...event(at + 1, "language.decided", { language }), stream: stream! };
    });
    const { notices } = receive(emptyCall(id, record), facts);
    expect(notices.map((notice) => notice.data["language"])).toEqual(told);
  });
});

describe("a silence", () => {
  const since = (...facts: Fact[]): number | undefined =>
    receive(emptyCall(id), [event(1, "dead_air", { since_ms: 5000 }), ...facts]).silentSinceMs;

  it.each<CallEvent["name"]>(["call.held", "call.resumed", "music.started", "music.ended"])(
    "is filled by hold and music, and is another one after them (%s)",
    (name) => {
      expect([since(), since(event(2, name))]).toEqual([5000, undefined]);
      expect(since(event(2, name), event(3, "dead_air", { since_ms: 90_000 }))).toBe(90_000);
    },
  );
});

describe("music", () => {
  it("is on the line until it is over on every stream", () => {
    const played = (seq: number, name: CallEvent["name"], stream: string): CallEvent => ({
      ...event(seq, name),
      stream,
    });
    const facts = [
      played(1, "music.started", "1"),
      played(2, "music.started", "2"),
      played(3, "music.ended", "1"),
    ];
    const view = receive(emptyCall(id), facts);
    expect(view.music).toEqual(["2"]);
    expect(receive(view, [played(4, "music.ended", "2")]).music).toEqual([]);
  });
});
