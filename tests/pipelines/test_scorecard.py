"""The summary counts what was seen, and nothing else."""

from engine.facts import CallEvent, Draft, Insight, Measured, Stamps, Transcript
from pipelines.scorecard import (
    Script,
    ScriptTurn,
    Seen,
    latencies,
    percentiles,
    script_error_rate,
    summarise,
    turn_of,
)
from pipelines.word_errors import word_error_rate

SCRIPT = Script(
    id="s",
    language="en",
    country="US",
    campaign="care",
    legs=("customer", "agent"),
    turns=(
        ScriptTurn(0, "agent", 0, 1000, "Good morning."),
        ScriptTurn(1, "customer", 900, 3000, "Please stop calling me."),
    ),
    expect={
        "alerts": [{"rule": "US-TCPA-DNC", "outcome": "event", "turn": 1}],
        "satisfied": [],
        "sentiment": {"customer": ["neutral", "neutral", "negative"]},
    },
)


def measured(heard: float) -> Measured:
    return Measured(stamps=Stamps(heard=heard))


def transcript(seq: int, leg: str, start: int, end: int, text: str, heard: float = 0.0) -> Transcript:
    return Transcript(
        call_id="c",
        seq=seq,
        turn=seq,
        stream=leg,
        leg=leg,  # type: ignore[arg-type]
        start_ms=start,
        end_ms=end,
        text=text,
        measured=measured(heard),
    )


def alert(seq: int, start: int, end: int, rule: str = "US-TCPA-DNC") -> Insight:
    return Insight(
        call_id="c",
        seq=seq,
        kind="compliance",
        turn=2,
        leg="customer",
        start_ms=start,
        end_ms=end,
        rule=rule,
        outcome="event",
        measured=measured(end),
    )


def test_words_are_scored_with_masks_left_out_of_both_sides() -> None:
    assert word_error_rate(["call [phone] now"], ["Call [number] now!"]) == 0.0
    assert word_error_rate(["one two three four"], ["one two tree four"]) == 0.25
    assert word_error_rate([], []) == 0.0
    assert word_error_rate(["hello"], [""]) == 1.0


def test_numbers_that_one_side_masks_count_on_neither() -> None:
    turn = ScriptTurn(turn=0, leg="agent", start_ms=0, end_ms=3000, text="it is two zero two six thank you")
    script = Script(id="s", language="en", country="US", campaign="care", legs=("agent",), turns=(turn,))
    assert script_error_rate(script, [transcript(1, "agent", 0, 3000, "It is [number] thank you.")]) == 0.0
    assert script_error_rate(script, [transcript(1, "agent", 0, 3000, "It is [number] tank you.")]) == 0.25
    assert script_error_rate(script, [transcript(1, "agent", 0, 3000, "It is two zero two six")]) == 0.25


def test_a_span_belongs_to_the_turn_of_its_own_leg() -> None:
    assert turn_of(SCRIPT, 905, 1000, "customer") == 1
    assert turn_of(SCRIPT, 905, 1000, "agent") == 0
    assert turn_of(SCRIPT, 3500, 4000, "customer") == 1
    assert turn_of(SCRIPT, 8000, 9000, "agent") == -1


def test_missing_unexpected_and_withdrawn_alerts_are_told_apart() -> None:
    seen = [
        Seen(transcript(1, "agent", 0, 1000, "good morning"), 1.0),
        Seen(transcript(2, "customer", 900, 3000, "please stop calling me"), 1.0),
        Seen(alert(3, 900, 3000), 1.0),
        Seen(alert(4, 900, 3000, "X-OTHER"), 1.0),
        Seen(alert(5, 900, 3000, "X-TAKEN-BACK"), 1.0),
        Seen(CallEvent(call_id="c", seq=6, name="withdrawn", data={"of": [5]}), 1.0),
    ]
    summary = summarise(SCRIPT, seen, served=True)
    assert summary["wer"] == 0.0
    assert summary["expect"]["missing"] == []
    assert summary["expect"]["unexpected"] == [["X-OTHER", "event", 1]]
    assert summarise(SCRIPT, seen[:2], served=True)["expect"]["missing"] == [["US-TCPA-DNC", "event", 1]]


def test_a_word_is_on_screen_with_the_first_text_that_has_it() -> None:
    final = transcript(2, "customer", 0, 900, "stop calling me", heard=1000.0)
    drafts = [
        Draft(
            call_id="c", stream="customer", leg="customer", segment=0, revision=1, start_ms=0, end_ms=500, text="stop"
        ),
        Draft(
            call_id="c",
            stream="customer",
            leg="customer",
            segment=0,
            revision=2,
            start_ms=0,
            end_ms=900,
            text="Stop calling me.",
        ),
    ]
    rows = latencies([Seen(drafts[0], 1050.0), Seen(drafts[1], 1400.0), Seen(final, 1900.0)])
    assert rows["last_word_to_screen"]["worst"] == 400.0
    assert rows["final_to_screen"]["worst"] == 900.0


def test_percentiles_name_how_many_there_are() -> None:
    assert percentiles([]) == {}
    row = percentiles([float(number) for number in range(1, 101)])
    assert (row["p50"], row["p95"], row["worst"], row["n"]) == (50.5, 96.0, 100.0, 100)
