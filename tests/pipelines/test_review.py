"""A call is measured, scored and wrapped up by the road that live calls and replays share."""

import json
from typing import Any

import msgspec
import pytest

from engine.facts import CallEvent, Fact, Suggestion, encode
from pipelines import review
from pipelines.replay import TranscriptCall, parse_line
from tests.leaks import stretches
from tests.pipelines.noted_call import NotedCall
from tests.pipelines.test_replay import facts_of, script


def events(facts: list[Fact], name: str) -> list[CallEvent]:
    return [fact for fact in facts if isinstance(fact, CallEvent) and fact.name == name]


def call(*turns: tuple[str, int, int, str], campaign: str = "care") -> TranscriptCall:
    """(leg, start and end in seconds, words)."""
    rows = [
        {"leg": leg, "start_ms": start * 1000, "end_ms": end * 1000, "text": text} for leg, start, end, text in turns
    ]
    line: dict[str, Any] = {"id": "x", "language": "en", "country": "US", "campaign": campaign, "turns": rows}
    return parse_line(json.dumps(line | {"answered_at": "2026-11-27"}).encode())


@pytest.mark.parametrize("language", ["es", "en", "pt"])
async def test_a_replay_ends_with_figures_score_and_wrap_up(language: str) -> None:
    facts = await facts_of(script(language))
    names = [fact.name for fact in facts[-4:] if isinstance(fact, CallEvent)]
    assert names == ["talk.measured", "qa.scored", "wrap_up.proposed", "call.ended"]
    talk, quality, wrap_up = [fact.data for fact in facts[-4:-1] if isinstance(fact, CallEvent)]
    assert talk["whole"]
    assert 0.99 < sum(leg["share"] for leg in talk["legs"].values()) < 1.01
    assert quality["form"] == {"es": "collections", "en": "sales", "pt": "care"}[language]
    assert quality["score"] > 0
    assert wrap_up["language"] == language
    assert wrap_up["summary"]


async def test_live_answers_are_the_ones_of_the_end() -> None:
    facts = await facts_of(script("es"))
    live = {one.data["item"]: one.data["answer"] for one in events(facts, "qa.judged")}
    end = {one["item"]: one["answer"] for one in events(facts, "qa.scored")[0].data["items"]}
    done = dict.fromkeys(("recording_notice", "identified_himself", "named_company"), "yes")
    assert live == {**done, "lawful_questions": "no"}
    assert live.items() <= end.items()


async def test_every_quote_is_in_the_transcript_and_no_withheld_digit_is_anywhere() -> None:
    facts = await facts_of(script("es"))
    texts = {fact.turn: fact.text for fact in facts if fact.__struct_config__.tag == "transcript"}  # type: ignore[union-attr]
    settled = {one.data["turn"]: one.data["text"] for one in events(facts, "text.settled")}
    wrap_up = events(facts, "wrap_up.proposed")[0].data
    for note in [wrap_up["reason"], *wrap_up["promises"], *wrap_up["follow_ups"]]:
        assert note["text"] in (texts | settled)[note["turn"]]
    shown = b"\n".join(encode(fact) for fact in facts).decode().lower()
    assert "cuatro cinco tres" not in shown


@pytest.mark.parametrize(
    "spoken",
    [
        "I will pay with card four five three nine, one four eight eight, zero three four three, six four six seven.",
        "I will pay on Monday, my card is 4539 1488 0343 6467 and the code is 123.",
    ],
)
async def test_a_card_in_a_promise_is_a_card_in_the_wrap_up(spoken: str) -> None:
    said = call(
        ("agent", 1, 3, "How would you like to pay?"),
        ("customer", 4, 12, spoken),
        ("agent", 13, 15, "Perfect, we will send you the receipt by email."),
    )
    facts = await facts_of(said)
    for name in ("wrap_up.proposed", "qa.scored", "qa.judged", "talk.measured"):
        for one in events(facts, name):
            assert stretches(json.dumps(one.data), "4539148803436467", 5) == [], name
    assert "[card]" in events(facts, "wrap_up.proposed")[0].data["summary"]


async def test_a_silence_that_lasts_is_told_once_and_puts_no_card_there() -> None:
    said = call(
        ("customer", 1, 3, "Hello, my internet is down."),
        ("agent", 4, 6, "One moment please, I am looking."),
        ("agent", 40, 42, "Thank you for waiting."),
        ("customer", 43, 44, "Fine."),
    )
    facts = await facts_of(said)
    assert [(one.start_ms, one.data["since_ms"]) for one in events(facts, "dead_air")] == [(40_000, 6_000)]
    assert events(facts, "talk.measured")[-1].data["longest_silence_ms"] == 34_000
    assert not any(isinstance(fact, Suggestion) for fact in facts)


async def test_finals_that_are_not_kept_are_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "SPANS_KEPT", 2)
    said = call(*(("customer", at, at + 5, "One more word.") for at in range(1, 60, 6)))
    figures = events(await facts_of(said), "talk.measured")[-1].data
    assert (figures["dead_air_ms"], figures["longest_silence_ms"]) == (0, 1_000)


async def test_a_campaign_without_a_form_is_measured_and_wrapped_up_all_the_same() -> None:
    facts = await facts_of(call(("customer", 1, 3, "I have a question about my parcel."), campaign="parcels"))
    assert events(facts, "qa.scored") == []
    assert events(facts, "wrap_up.proposed")[0].data.get("choices", ()) == ()


async def test_a_call_without_a_word_ends_too() -> None:
    facts = await facts_of(call())
    assert events(facts, "qa.scored") == []
    assert events(facts, "wrap_up.proposed")[0].data["summary"] == "Outcome: No result"


@pytest.mark.parametrize("kept", [(), ("start_ms",)])
async def test_a_transcript_without_times_is_scored_by_its_words_alone(kept: tuple[str, ...]) -> None:
    rows = [
        {"leg": "agent", "start_ms": 1_000, "text": "Good morning, my name is Ana, this call is being recorded."},
        {"leg": "customer", "start_ms": 60_000, "text": "My internet is down."},
    ]
    turns = [{key: row[key] for key in ("leg", "text", *kept)} for row in rows]
    line = {"id": "x", "language": "en", "country": "US", "campaign": "care", "turns": turns}
    facts = await facts_of(parse_line(json.dumps(line).encode()))
    assert events(facts, "talk.measured") == events(facts, "dead_air") == []
    items = {one["item"]: one for one in events(facts, "qa.scored")[0].data["items"]}
    assert {items[name]["answer"] for name in ("did_not_interrupt", "no_dead_air")} == {"n_a"}
    assert items["recording_notice"]["answer"] == "open"
    assert items["recording_notice"]["evidence"]
    assert items["took_leave"]["answer"] == "no"
    assert events(facts, "wrap_up.proposed")


def notices(facts: list[Fact]) -> list[tuple[str, int]]:
    """How the recording notice was answered, and when."""
    told = events(facts, "qa.judged")
    return [(one.data["answer"], one.start_ms) for one in told if one.data["item"] == "recording_notice"]


async def test_what_is_not_said_in_time_is_told_by_the_clock() -> None:
    said = call(("agent", 1, 3, "Good morning, Ana speaking."), ("agent", 60, 62, "Are you still there?"))
    facts = await facts_of(said)
    assert notices(facts) == [("no", 60_000)]
    excerpt = events(await facts_of(msgspec.structs.replace(said, segment="mid")), "qa.scored")[0].data["items"]
    assert next(one["answer"] for one in excerpt if one["item"] == "recording_notice") == "open"


async def test_roles_that_come_late_are_told_before_the_next_words() -> None:
    late = NotedCall()
    late.roles(0, a="customer", c="agent")
    await late.say("a", 1_000, "Good morning, this call may be recorded.")
    assert notices(late.facts) == []
    late.roles(4_000, a="agent", c="customer")
    late.tick(5_000)
    assert notices(late.facts) == [("yes", 5_000)]


async def test_a_call_in_which_nobody_spoke_is_answered_nothing() -> None:
    quiet = NotedCall()
    quiet.roles(0, a="customer", c="agent")
    quiet.tick(90_000)
    assert events(quiet.facts, "qa.judged") == []
