"""Figures of talk from spans on the audio clock."""

from engine.facts import Leg
from models.review.talk import Span, Talk, measure

LEGS: dict[str, Leg] = {"a": "agent", "c": "customer"}


def spans(*rows: tuple[str, float, float, int]) -> list[Span]:
    """(stream, start and end in seconds, words)."""
    return [
        Span(turn, stream, round(start * 1000), round(end * 1000), words)
        for turn, (stream, start, end, words) in enumerate(rows)
    ]


def talk(*rows: tuple[str, float, float, int], until_s: float = 60, holds: tuple[tuple[int, int], ...] = ()) -> Talk:
    return measure(spans(*rows), LEGS, holds, round(until_s * 1000))


def test_shares_and_pace_are_of_speech_alone() -> None:
    found = talk(("a", 0, 20, 50), ("c", 25, 35, 10), ("a", 40, 50, 25))
    assert found.legs["agent"].share == 0.75
    assert found.legs["customer"].share == 0.25
    assert found.legs["agent"].words_per_minute == 150
    assert found.legs["customer"].words_per_minute == 60


def test_of_little_speech_no_pace_is_told() -> None:
    assert talk(("a", 0, 5, 20)).legs["agent"].words_per_minute is None


def test_who_begins_while_the_other_goes_on_interrupts() -> None:
    found = talk(("c", 0, 10, 30), ("a", 6, 12, 15))
    assert found.talk_over_ms == 4_000
    assert found.legs["agent"].interruptions == 1
    assert found.legs["customer"].interruptions == 0
    assert [(one.leg, one.turn, one.start_ms, one.end_ms) for one in found.interruptions] == [("agent", 1, 6000, 10000)]


def test_a_backchannel_talks_over_and_interrupts_nobody() -> None:
    found = talk(("c", 0, 10, 30), ("a", 5, 5.6, 1))
    assert found.talk_over_ms == 600
    assert found.interruptions == ()


def test_two_who_begin_at_once_interrupt_nobody() -> None:
    assert talk(("c", 0, 5, 10), ("a", 0.2, 5, 10)).interruptions == ()


def test_one_who_ends_as_the_other_begins_is_not_interrupted() -> None:
    assert talk(("c", 0, 5, 10), ("a", 4.7, 9, 10)).interruptions == ()


def test_who_is_talked_over_and_goes_on_interrupts_nobody() -> None:
    for cut in (10.0, 10.4):
        found = talk(("a", 0, 10, 30), ("c", 8.5, 11.5, 9), ("a", cut, 13, 8))
        assert found.legs["agent"].interruptions == 0
        assert found.legs["customer"].interruptions == 1
    assert found.talk_over_ms == 1_500 + 1_100


def test_one_long_interruption_counts_once() -> None:
    found = talk(("c", 0, 20, 60), ("a", 5, 8, 9), ("a", 8.4, 12, 9), ("a", 12, 15, 9))
    assert found.legs["agent"].interruptions == 1


def test_who_speaks_again_after_the_other_began_does_interrupt() -> None:
    found = talk(("a", 0, 5, 15), ("c", 5.2, 12, 20), ("a", 5.8, 9, 9))
    assert found.legs["agent"].interruptions == 1


def test_murmurs_one_after_the_other_interrupt_nobody() -> None:
    found = talk(("c", 0, 12, 40), ("a", 4, 4.5, 1), ("a", 5, 5.5, 2), ("a", 6, 6.5, 1))
    assert found.interruptions == ()


def test_two_of_one_side_interrupt_nobody() -> None:
    rows = spans(("a", 0, 10, 30), ("b", 4, 12, 20))
    two_agents = measure(rows, {"a": "agent", "b": "agent"}, (), 20_000)
    assert (two_agents.interruptions, two_agents.talk_over_ms) == ((), 0)
    assert len(measure(rows, {}, (), 20_000).interruptions) == 1


def test_dead_air_is_silence_of_both_sides_to_the_end_of_the_call() -> None:
    found = talk(("a", 2, 5, 9), ("c", 14, 20, 9), until_s=40)
    assert found.dead_air_ms == 9_000 + 20_000
    assert found.longest_silence_ms == 20_000
    assert [(one.start_ms, one.end_ms) for one in found.dead_air] == [(5000, 14000), (20000, 40000)]


def test_a_long_turn_that_was_committed_late_fills_the_silence_under_it() -> None:
    assert talk(("c", 12, 13, 1), ("a", 1, 30, 80), until_s=31).longest_silence_ms == 1_000


def test_hold_is_no_dead_air() -> None:
    found = talk(("a", 0, 5, 9), ("a", 40, 45, 9), until_s=45, holds=((6_000, 39_000),))
    assert found.dead_air_ms == 0
    assert found.hold_ms == 33_000


def test_music_is_neither_dead_air_nor_hold() -> None:
    found = measure(spans(("a", 0, 5, 9), ("a", 40, 45, 9)), LEGS, (), 45_000, filled=((8_000, 39_000),))
    assert (found.dead_air_ms, found.longest_silence_ms, found.hold_ms) == (0, 3_000, 0)


def test_a_monologue_goes_on_over_short_pauses_and_murmurs() -> None:
    found = talk(("a", 0, 20, 40), ("c", 20, 20.5, 1), ("a", 22, 40, 40), ("c", 41, 43, 6), ("a", 44, 46, 6))
    assert found.monologue is not None
    assert (found.monologue.start_ms, found.monologue.end_ms, found.monologue.leg) == (0, 40_000, "agent")
    assert found.legs["agent"].monologue_ms == 40_000
    assert found.legs["customer"].monologue_ms == 2_000


def test_the_wait_for_an_answer_is_a_median_and_never_negative() -> None:
    found = talk(("c", 0, 2, 5), ("a", 3, 5, 5), ("c", 6, 8, 5), ("a", 7.9, 10, 5), ("c", 11, 12, 5), ("a", 16, 18, 5))
    assert found.legs["agent"].response_ms == 1_000


def test_hold_and_music_kept_nobody_waiting() -> None:
    rows = spans(("c", 0, 2, 5), ("a", 3, 3.5, 2), ("a", 186, 190, 9), ("c", 191, 192, 5), ("a", 197, 199, 5))
    held = measure(rows, LEGS, [(5_000, 185_000)], 200_000, filled=[(10_000, 150_000), (190_500, 190_700)])
    assert held.legs["agent"].response_ms == 4_500
    assert held.legs["customer"].response_ms == 800
    assert measure(rows, LEGS, (), 200_000).legs["agent"].response_ms == 94_500


def test_a_single_mixed_stream_is_a_side_of_its_own() -> None:
    found = measure(spans(("m", 0, 10, 20)), {"m": "mixed"}, (), 10_000)
    assert found.legs["mixed"].share == 1.0
    assert found.interruptions == ()


def test_a_call_without_words_is_silence() -> None:
    found = measure([], {}, (), 30_000)
    assert found.legs == {}
    assert found.longest_silence_ms == 30_000
    assert found.monologue is None


def test_what_is_not_known_any_more_is_no_silence() -> None:
    found = measure(spans(("a", 50, 52, 5), ("c", 53, 54, 2)), LEGS, (), 60_000, since_ms=49_000)
    assert (found.dead_air_ms, found.longest_silence_ms) == (0, 6_000)


def test_speech_without_words_is_no_silence() -> None:
    found = measure(spans(("a", 0, 2, 5)), LEGS, [(5_000, 6_000)], 30_000, filled=[(3_000, 9_000), (12_000, 25_000)])
    assert (found.longest_silence_ms, found.hold_ms) == (5_000, 1_000)
    assert found.legs["agent"].spoken_ms == 2_000
