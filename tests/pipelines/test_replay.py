"""Replay: one line in, facts out; a bad line is said and costs no other."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import Invalid
from engine.facts import CallEvent, Fact, Insight, Transcript, encode
from models.compliance import load_detectors, load_rules
from pipelines.demo import CALLS
from pipelines.notes import program_version
from pipelines.replay import Judging, TranscriptCall, day_of, parse_line, replay_transcript
from tests.fakes import FakeReader

DEMO = Path(__file__).parents[2] / "pipelines" / "demo_calls"


def script(language: str) -> TranscriptCall:
    """A demo call's script as a transcript line."""
    data = json.loads((DEMO / f"{CALLS[language]}.json").read_text("utf-8"))
    turns = [{key: turn[key] for key in ("leg", "text", "start_ms", "end_ms")} for turn in data["turns"]]
    line = {key: data[key] for key in ("id", "language", "country", "region", "campaign")} | {"turns": turns}
    return parse_line(json.dumps(line).encode())


async def facts_of(call: TranscriptCall, *, agent_sentiment: bool = True) -> list[Fact]:
    facts: list[Fact] = []
    tools = Judging(FakeReader(), load_rules(), load_detectors(), None, agent_sentiment=agent_sentiment)
    await replay_transcript(call, tools, facts.append)
    return facts


@pytest.mark.parametrize("language", ["es", "en", "pt"])
async def test_a_script_gives_the_alerts_and_duties_that_it_asks_for(language: str) -> None:
    expect = json.loads((DEMO / f"{CALLS[language]}.json").read_text("utf-8"))["expect"]
    facts = await facts_of(script(language))
    found = {(one.rule, one.outcome, one.turn) for one in facts if isinstance(one, Insight) and one.rule}
    wanted = {(one["rule"], one["outcome"], one["turn"]) for one in expect["alerts"]}
    wanted |= {(one["rule"], "satisfied", one["turn"]) for one in expect["satisfied"]}
    assert wanted <= found
    raised = {one for one in found - wanted if one[1] in ("violation", "event")}
    assert raised <= {("PCI-PAUSE", "event", 9)}


async def test_facts_cite_the_words_by_code_points_before_masking() -> None:
    call = script("es")
    facts = await facts_of(call)
    why = next(one for one in facts if isinstance(one, Insight) and one.rule == "CO-2300-WHY")
    evidence = why.evidence[0]
    assert call.turns[evidence.turn].text[evidence.start : evidence.end] == evidence.quote
    card = next(one for one in facts if isinstance(one, Insight) and one.entity_type == "CARD")
    assert card.start is not None
    assert card.end is not None
    words = call.turns[card.turn].text[card.start : card.end].lower()
    assert words.startswith("cuatro cinco")
    assert words.endswith("seis siete")
    assert card.last4 == "6467"


async def test_where_agents_are_not_to_be_judged_no_feeling_is_read_in_what_they_say() -> None:
    call = script("es")
    feelings = {
        judged: {(one.kind, one.leg) for one in feelings_in(await facts_of(call, agent_sentiment=judged))}
        for judged in (True, False)
    }
    assert feelings[False] == {("sentiment", "customer"), ("mood", "customer")}
    assert feelings[True] == feelings[False] | {("sentiment", "agent")}
    said = [turn for turn in call.turns if turn.leg == "customer"]
    assert len(feelings_in(await facts_of(call, agent_sentiment=False))) == 2 * len(said)


def feelings_in(facts: list[Fact]) -> list[Insight]:
    return [fact for fact in facts if isinstance(fact, Insight) and fact.kind in ("sentiment", "mood")]


async def test_no_fact_holds_a_withheld_digit() -> None:
    shown = b"\n".join(encode(fact) for fact in await facts_of(script("es"))).decode().lower()
    for part in ("cuatro cinco tres", "uno cuatro ocho", "cero tres cuatro", "4539", "0343"):
        assert part not in shown


async def test_a_protocol_number_is_released() -> None:
    turns = [one for one in await facts_of(script("pt")) if isinstance(one, Transcript) and one.turn == 12]
    settled = [
        one.data["text"]
        for one in await facts_of(script("pt"))
        if isinstance(one, CallEvent) and one.name == "text.settled" and one.data["turn"] == 12
    ]
    assert "dois zero dois seis" in (settled or [turns[0].text])[-1]


async def test_a_replay_is_the_same_every_time_but_for_what_was_measured() -> None:
    def content(facts: list[Fact]) -> list[bytes]:
        return [encode(msgspec.structs.replace(fact, measured=None)) for fact in facts]

    assert content(await facts_of(script("es"))) == content(await facts_of(script("es")))


async def test_what_is_known_of_the_call_is_judged_with_its_first_words() -> None:
    line = {
        "id": "m",
        "language": "es",
        "country": "CO",
        "campaign": "collections",
        "answered_at": "2026-11-29",
        "metadata": {"at": "2026-11-29T15:00:00Z", "zones": ["America/Bogota"]},
        "turns": [{"leg": "customer", "text": "¿Aló?"}],
    }
    facts = await facts_of(parse_line(json.dumps(line).encode()))
    (alert,) = [one for one in facts if isinstance(one, Insight) and one.rule]
    assert (alert.rule, alert.outcome, alert.turn) == ("CO-2300-HOURS", "violation", 0)
    assert alert.because == "domingo 29/11/2026, 10:00 (America/Bogota); ese día no se permite llamar"


async def test_a_request_whose_sentence_goes_on_to_mean_something_else_is_withdrawn() -> None:
    said = ["No me llame.", "ahora, que estoy trabajando."]
    turns = [{"leg": "customer", "text": text} for text in said]
    line = {"id": "w", "language": "es", "country": "MX", "campaign": "sales", "turns": turns}
    facts = await facts_of(parse_line(json.dumps(line).encode()))
    request = next(one for one in facts if isinstance(one, Insight) and one.rule == "MX-REPEP")
    (taken,) = [one for one in facts if isinstance(one, CallEvent) and one.name == "withdrawn"]
    assert taken.data == {"of": [request.seq], "reason": "went_on"}


async def test_a_transcript_begins_and_ends_as_any_call_does() -> None:
    facts = await facts_of(script("es"))
    first, last = facts[0], facts[-1]
    assert isinstance(first, CallEvent)
    assert isinstance(last, CallEvent)
    assert (first.name, first.data["protocol"]) == ("call.answered", "transcript")
    assert first.data["program"] == program_version()
    assert {"CO-REC-NOTICE"} <= {duty["rule"] for duty in first.data["duties"]}
    assert (last.name, last.data, last.end_ms) == ("call.ended", {"reason": "end_of_file"}, last.start_ms)
    assert last.end_ms == max(turn.end_ms or 0 for turn in script("es").turns)


async def test_times_that_are_not_given_are_made() -> None:
    line = {
        "id": "x",
        "language": "en",
        "country": "us",
        "campaign": "care",
        "turns": [{"leg": "agent", "text": "Good morning."}, {"leg": "customer", "text": "My internet is down."}],
    }
    facts = await facts_of(parse_line(json.dumps(line).encode()))
    first, second = [one for one in facts if isinstance(one, Transcript)]
    assert 0 < first.start_ms < first.end_ms < second.start_ms < second.end_ms
    assert [one.seq for one in facts] == list(range(1, len(facts) + 1))
    assert {one.call_id for one in facts} == {"x"}


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"{}",
        b'{"id":"x","language":"fr","country":"US","campaign":"c","turns":[]}',
        b'{"id":"x","language":"es","country":"Colombia","campaign":"c","turns":[]}',
        b'{"id":"x","language":"es","country":"CO","campaign":"c","turns":[{"leg":"robot","text":"a"}]}',
        b'{"id":"x","language":"es","country":"CO","campaign":"c","turns":[{"leg":"agent","text":"a","start_ms":-5}]}',
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_not_a_call_is_refused_with_the_reason(line: bytes) -> None:
    with pytest.raises(Invalid):
        parse_line(line)


def called_at(answered_at: str | float | None, **more: Any) -> str:
    line: dict[str, Any] = {
        "id": "d",
        "language": "en",
        "country": "CO",
        "campaign": "care",
        "turns": [],
        "answered_at": answered_at,
    }
    return day_of(msgspec.convert({**line, **more}, TranscriptCall)).isoformat()


def test_the_day_of_the_call_is_read_from_a_date_or_from_seconds() -> None:
    assert called_at("2024-03-01T10:00:00+00:00") == "2024-03-01"
    assert called_at("2024-03-01") == "2024-03-01"
    assert called_at(0, country="ES") == "1970-01-01"
    for wrong in ("yesterday", 1e20, "0001-01-01T00:00:00Z", "0001-01-01", "9999-12-31"):
        with pytest.raises(Invalid):
            called_at(wrong)


def test_the_day_of_the_call_is_the_far_person_s() -> None:
    assert called_at("2024-03-01T03:00:00Z") == called_at(1_709_262_000) == "2024-02-29"
    assert called_at("2024-03-01T01:00:00+01:00") == "2024-03-01"
    assert called_at("2024-03-01T03:00:00Z", metadata={"zones": ["Europe/Madrid"]}) == "2024-03-01"


def test_a_call_without_a_day_was_when_its_metadata_says() -> None:
    assert called_at(None, metadata={"at": "2024-05-10T23:30:00"}) == "2024-05-10"
    assert called_at(None, metadata={"at": "2024-05-11T03:30:00Z", "zones": ["America/Bogota"]}) == "2024-05-10"
    assert called_at("2024-05-12", metadata={"at": "2024-05-10T23:30:00"}) == "2024-05-12"
