"""What a call looked like from the agent's chair: counts, errors and how late everything was. Pure."""

import statistics
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.facts import CallEvent, Draft, Fact, Insight, Suggestion, Transcript
from models.privacy import DigitGuard, SpokenTurn
from models.privacy.lexicon import NUMBER_WORDS, fold
from pipelines.word_errors import MASK, normalise, word_error_rate

NEAR_MS = 2_000


class ScriptTurn(msgspec.Struct, frozen=True):
    turn: int
    leg: str
    start_ms: int
    end_ms: int
    text: str


class Script(msgspec.Struct, frozen=True):
    """A demo call's script: what is said when, and what is to be found in it (`expect`)."""

    id: str
    language: str
    country: str
    campaign: str
    legs: tuple[str, ...]
    turns: tuple[ScriptTurn, ...]
    region: str | None = None
    expect: dict[str, Any] = {}

    def masked(self) -> list[tuple[ScriptTurn, str]]:
        """Turns as the engine may show them: the same digits are withheld as in what was heard."""
        guard = DigitGuard(self.country, b"script")
        texts: dict[int, str] = {}
        for turn in self.turns:
            said = SpokenTurn(
                turn=turn.turn,
                stream=turn.leg,
                leg="agent" if turn.leg == "agent" else "customer",
                text=turn.text,
                start_ms=turn.start_ms,
                end_ms=turn.end_ms,
                language=self.language,
            )
            texts |= {one.turn: one.text for one in guard.hear(said).texts}
        if closing := guard.close():
            texts |= {one.turn: one.text for one in closing.texts}
        return [(turn, texts[turn.turn]) for turn in self.turns]


class Seen(msgspec.Struct, frozen=True):
    """A fact or draft and when it was on screen, monotonic ms."""

    what: Fact | Draft
    at: float


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99, worst and how many; empty when there is nothing."""
    if not values:
        return {}
    ordered = sorted(values)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    return {
        "p50": round(statistics.median(ordered), 1),
        "p95": at(0.95),
        "p99": at(0.99),
        "worst": round(ordered[-1], 1),
        "n": len(ordered),
    }


def settled_texts(facts: Sequence[Fact]) -> dict[int, Transcript]:
    """Transcripts by turn with their text as it stands at the end (`text.settled` applied)."""
    turns = {fact.turn: fact for fact in facts if isinstance(fact, Transcript)}
    for fact in facts:
        if isinstance(fact, CallEvent) and fact.name == "text.settled" and fact.data["turn"] in turns:
            turns[fact.data["turn"]] = msgspec.structs.replace(turns[fact.data["turn"]], text=fact.data["text"])
    return turns


def withdrawn(facts: Sequence[Fact]) -> set[int]:
    """`seq` of every insight that a later fact took back."""
    return {
        seq for fact in facts if isinstance(fact, CallEvent) and fact.name == "withdrawn" for seq in fact.data["of"]
    }


def turn_of(script: Script, start_ms: int, end_ms: int, leg: str) -> int:
    """Script turn of the leg that overlaps the span most, else the nearest within `NEAR_MS`; −1 for none. The call's
    clock starts with its first packet, which a busy machine may send a little late."""

    def distance(turn: ScriptTurn) -> int:
        return max(start_ms, turn.start_ms) - min(end_ms, turn.end_ms)

    turns = [turn for turn in script.turns if turn.leg == leg] or list(script.turns)
    nearest = min(turns, key=distance)
    return nearest.turn if distance(nearest) <= NEAR_MS else -1


def summarise(script: Script, seen: Sequence[Seen], *, served: bool) -> dict[str, Any]:
    """The `{"summary": …}` of a demo call."""
    facts = [one.what for one in seen if not isinstance(one.what, Draft)]
    gone = withdrawn(facts)
    insights = [fact for fact in facts if isinstance(fact, Insight) and fact.seq not in gone]
    finals = settled_texts(facts)
    return {
        "call": script.id,
        "language": script.language,
        "served": served,
        "words": sum(len(normalise(final.text)) for final in finals.values()),
        "wer": script_error_rate(script, facts),
        "finals": len(finals),
        "drafts": sum(isinstance(one.what, Draft) for one in seen),
        "alerts": [_alert(script, one) for one in insights if one.outcome in ("violation", "event")],
        "satisfied": [_alert(script, one) for one in insights if one.outcome == "satisfied"],
        "cards": [_card(script, fact) for fact in facts if isinstance(fact, Suggestion)],
        "mood_by_third": mood_by_third(script, insights),
        "ms": latencies(seen),
        "expect": expectations(script, insights, facts),
    }


def script_error_rate(script: Script, facts: Sequence[Fact]) -> float:
    """Errors over the script's words, each leg in its order of time.

    What was withheld cannot be heard wrong: in a turn that either side masks, number words count on neither.
    """
    spoken = sorted(settled_texts(facts).values(), key=lambda one: one.start_ms)
    heard: dict[int, list[str]] = {}
    for one in spoken:
        heard.setdefault(turn_of(script, one.start_ms, one.end_ms, one.leg), []).append(one.text)
    said, found = [], [" ".join(heard.get(-1, []))]
    for turn, text in sorted(script.masked(), key=lambda one: (one[0].leg, one[0].start_ms)):
        texts = [text, " ".join(heard.get(turn.turn, []))]
        if any(MASK.search(one) for one in texts):
            texts = [_without_numbers(one) for one in texts]
        said.append(texts[0])
        found.append(texts[1])
    return round(word_error_rate(said, found), 4)


def _without_numbers(text: str) -> str:
    return " ".join(word for word in normalise(text) if fold(word) not in NUMBER_WORDS)


def _alert(script: Script, insight: Insight) -> dict[str, Any]:
    return {
        "rule": insight.rule,
        "outcome": insight.outcome,
        "turn": turn_of(script, insight.start_ms, insight.end_ms, insight.leg),
        "quote": insight.evidence[0].quote if insight.evidence else "",
    }


def _card(script: Script, card: Suggestion) -> dict[str, Any]:
    return {
        "article": card.article,
        "score": card.score,
        "trigger": card.trigger,
        "turn": turn_of(script, card.start_ms, card.end_ms, card.leg),
    }


def mood_by_third(script: Script, insights: Sequence[Insight]) -> list[str]:
    """The smoothed customer mood as it stood at the end of each third of the call."""
    length = max(turn.end_ms for turn in script.turns)
    moods = [one for one in insights if one.kind == "mood"]
    thirds = []
    for third in (1, 2, 3):
        before = [one.value for one in moods if one.end_ms <= length * third / 3 + 1_000]
        thirds.append(before[-1] if before else "neutral")
    return thirds


def expectations(script: Script, insights: Sequence[Insight], facts: Sequence[Fact]) -> dict[str, Any]:
    """What the script asks for and was not found, and what was found and not asked for."""
    expect = script.expect
    found = {
        (one.rule, one.outcome, turn_of(script, one.start_ms, one.end_ms, one.leg))
        for one in insights
        if one.kind == "compliance"
    }
    alerts = {(one["rule"], one["outcome"], one["turn"]) for one in expect.get("alerts", [])}
    duties = {(one["rule"], "satisfied", one["turn"]) for one in expect.get("satisfied", [])}
    allowed = {(one["rule"], one["outcome"]) for one in expect.get("allowed", [])}
    raised = {one for one in found if one[1] in ("violation", "event")}
    return {
        "missing": sorted(map(list, (alerts | duties) - found)),
        "unexpected": sorted(list(one) for one in raised - alerts if one[:2] not in allowed),
        "cards_beyond": max(0, sum(isinstance(one, Suggestion) for one in facts) - len(expect.get("cards", []))),
        "mood_as_expected": mood_by_third(script, insights) == expect.get("sentiment", {}).get("customer"),
    }


def latencies(seen: Sequence[Seen]) -> dict[str, dict[str, float]]:
    """Milliseconds from the end of the words to the acknowledgement, by what was shown; and ONNX time per inference.

    `last_word_to_screen` is of the last word of each final alone, when it was shown first, taken back again or not.
    """
    rows: dict[str, list[float]] = {
        "last_word_to_screen": [],
        "final_to_screen": [],
        "alert_to_screen": [],
        "card_to_screen": [],
        "onnx": [],
    }
    drafts = [one for one in seen if isinstance(one.what, Draft)]
    for one in seen:
        measured = one.what.measured
        if measured is None or isinstance(one.what, Draft):
            continue
        if isinstance(one.what, Insight) and one.what.kind == "sentiment" and measured.latency_ms:
            rows["onnx"].append(measured.latency_ms.get("onnx", 0.0))
        if measured.stamps is None:
            continue
        late = one.at - measured.stamps.heard
        match one.what:
            case Transcript():
                rows["final_to_screen"].append(late)
                rows["last_word_to_screen"].append(min(late, _draft_late(one.what, drafts, measured.stamps.heard)))
            case Suggestion():
                rows["card_to_screen"].append(late)
            case Insight(outcome="violation" | "event"):
                rows["alert_to_screen"].append(late)
    return {name: percentiles(values) for name, values in rows.items()}


def _draft_late(final: Transcript, drafts: Sequence[Seen], heard: float) -> float:
    """How late the first draft came that already had the final's last word."""
    words = normalise(final.text)
    for one in drafts:
        draft = one.what
        assert isinstance(draft, Draft)
        same = (draft.call_id, draft.stream, draft.start_ms) == (final.call_id, final.stream, final.start_ms)
        same = same and draft.end_ms >= final.end_ms
        if same and words and normalise(draft.text)[-1:] == words[-1:]:
            return one.at - heard
    return float("inf")
