"""How loads are judged: when a word counts as shown, what was revised, what a load sustains."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.load import processes
from benchmarks.load.material import LEGS, RATE_HZ, TAIL_S, Clip, Conversation, Utterance, converse, line, spoken
from benchmarks.load.rows import fit, flat, keeps, spread, sustainable
from benchmarks.load.shown import Screen
from benchmarks.load.streams import Update, measure, normalised, said
from benchmarks.load.table import printed, table
from engine.facts import CallEvent, Draft, Fact, Samples, Transcript
from pipelines.scorecard import Seen

# ─── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def turn(text: str, *spans: tuple[float, float], leg: str = "agent") -> Utterance:
    return Utterance(leg, text, spans)


def test_words_are_compared_without_accents_signs_and_numbers() -> None:
    assert normalised("¿Cómo está, Mr. Peña? Son 25 o [number].") == ["como", "esta", "mister", "pena", "son", "o"]
    assert normalised("press one or two, then re-enter") == ["press", "or", "then", "re", "enter"]


def test_a_turns_letters_are_spread_over_its_sound_and_its_pauses_left_out() -> None:
    words = said([turn("four five good dogs", (1.0, 2.0), (4.0, 5.0))])
    assert [(word.text, word.start_s, word.end_s) for word in words] == [("good", 2.0, 4.5), ("dogs", 4.5, 5.0)]


def test_a_word_is_late_by_its_end_and_a_turn_by_the_last_that_stays() -> None:
    good = turn("good dogs bark loud", (10.0, 12.0))
    updates = [
        Update(10.8, "", "good"),
        Update(11.5, "", "good dogs bar"),
        Update(12.2, "", "good dogs bark loud"),
        Update(12.9, "good dogs bark loud"),
    ]
    figures = measure(updates, [good])
    assert (figures.words, figures.errors) == (4, 0)
    assert [pytest.approx(at) for at, _ in figures.lags] == [10.5, 11.0, 11.5, 12.0]
    assert [pytest.approx(lag) for _, lag in figures.lags] == [0.3, 0.5, 0.7, 0.2]
    (judged,) = figures.turns
    assert [judged.first, judged.complete, judged.final] == pytest.approx([0.8, 0.2, 0.9])


def test_a_word_that_went_and_came_back_is_complete_when_it_came_back() -> None:
    updates = [Update(1.1, "", "good dogs"), Update(1.4, "", "good"), Update(2.0, "good dogs")]
    figures = measure(updates, [turn("good dogs", (0.0, 1.0))])
    assert figures.turns[0].complete == pytest.approx(1.0)
    assert [lag for _, lag in figures.lags] == [pytest.approx(0.6), pytest.approx(0.1)]


def test_what_was_not_said_yet_cannot_have_been_understood() -> None:
    utterances = [turn("good dogs", (0.0, 1.0)), turn("good cats", (5.0, 6.0))]
    figures = measure([Update(1.5, "good dogs"), Update(6.5, "good dogs good cats")], utterances)
    assert [one.final for one in figures.turns] == [pytest.approx(0.5), pytest.approx(0.5)]


def test_a_turn_that_nobody_understood_has_no_lateness_and_counts_as_errors() -> None:
    figures = measure([Update(1.5, "entirely other")], [turn("good dogs", (0.0, 1.0))])
    assert (figures.turns[0].first, figures.turns[0].final, figures.errors, figures.lags) == (None, None, 2, ())


def test_words_that_are_taken_back_are_revised_and_those_that_become_final_are_not() -> None:
    updates = [
        Update(0.5, "", "the god"),
        Update(0.9, "", "the good dogs"),
        Update(1.2, "the good dogs"),
    ]
    figures = measure(updates, [turn("the good dogs", (0.0, 1.0))])
    assert (figures.shown, figures.revised) == (4, 1)


def test_a_gap_ends_with_an_update_or_the_turn_and_pauses_are_left_out() -> None:
    speech = turn("good dogs bark and then they go home", (0.0, 2.0), (3.0, 4.0))
    updates = [Update(0.5, "", "good"), Update(1.5, "", "good dogs"), Update(1.7, "good dogs"), Update(4.4, "good")]
    assert list(measure(updates, [speech]).gaps) == pytest.approx([1.0, 1.5])


def test_a_turn_without_an_update_counts_whole() -> None:
    assert measure([], [turn("good dogs", (1.0, 4.0))]).gaps == pytest.approx((3.0,))


# ─── screens ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def draft(text: str, *, segment: int, start_ms: int, leg: Any = "agent") -> Draft:
    about: dict[str, Any] = {"call_id": "c", "stream": "1", "leg": leg, "segment": segment, "revision": 1}
    return Draft(**about, start_ms=start_ms, end_ms=start_ms + 900, text=text)


def test_a_final_takes_the_place_of_the_drafts_of_its_span() -> None:
    screen = Screen()
    answered = {"protocol": "siprec", "correlation": {"call-id": "dialog"}}
    about: dict[str, Any] = {"call_id": "c", "seq": 2, "turn": 2, "stream": "1", "leg": "agent"}
    final = Transcript(**about, start_ms=100, end_ms=1000, text="uno [number]")
    seen: list[Fact | Draft] = [
        CallEvent(call_id="c", seq=1, name="call.answered", data=answered),
        draft("un", segment=1, start_ms=100),
        draft("hola", segment=1, start_ms=200, leg="customer"),
        draft("dos", segment=2, start_ms=1500),
        final,
        CallEvent(call_id="c", seq=3, name="text.settled", data={"turn": 2, "text": "uno dos"}),
        draft("", segment=2, start_ms=1500),
    ]
    for at, what in enumerate(seen):
        screen.show(Seen(what, 5000.0 + 1000 * at))
    updates = screen.updates("dialog", 5000.0)
    assert updates["agent"] == [
        Update(1.0, "", "un"),
        Update(3.0, "", "un dos"),
        Update(4.0, "uno [number]", "dos"),
        Update(5.0, "uno dos", "dos"),
        Update(6.0, "uno dos", ""),
    ]
    assert updates["customer"] == [Update(2.0, "", "hola")]
    assert screen.updates("another", 0.0) == {}


# ─── conversations ───────────────────────────────────────────────────────────────────────────────────────────────────


def clips(count: int, seconds: float = 4.0) -> list[Clip]:
    sound: Samples = np.full(round(seconds * RATE_HZ), 0.1, np.float32)
    return [Clip(f"turn number {at} of a call", sound) for at in range(count)]


def test_sound_is_found_between_silences() -> None:
    sound = np.zeros(2 * RATE_HZ, np.float32)
    sound[RATE_HZ // 2 : RATE_HZ] = 0.1
    sound[RATE_HZ * 11 // 10 : RATE_HZ * 12 // 10] = 0.1
    sound[RATE_HZ * 18 // 10 :] = 0.1
    assert [moment for span in spoken(sound) for moment in span] == pytest.approx([0.5, 1.2, 1.8, 2.0])
    with pytest.raises(ValueError, match="without sound"):
        spoken(np.zeros(RATE_HZ, np.float32))


def test_both_speak_by_turns_and_every_turn_is_where_it_is_said_to_be() -> None:
    first, *_ = made = list(converse(clips(60), "en"))
    assert [one.utterances for one in made] == [one.utterances for one in converse(clips(60), "en")]
    legs = [one.leg for one in first.utterances]
    assert legs == [LEGS[(at + 1) % 2] for at in range(len(legs))]
    for one, after in zip(first.utterances, first.utterances[1:], strict=False):
        assert 0.2 < after.start_s - one.end_s < 3.1
        inside = first.sound[one.leg][round(one.start_s * RATE_HZ) : round(one.end_s * RATE_HZ)]
        assert np.abs(inside).min() > 3000
    assert first.seconds == pytest.approx(first.utterances[-1].end_s + TAIL_S, abs=0.05)
    assert max(len(pcm) for pcm in first.sound.values()) == min(len(pcm) for pcm in first.sound.values())


def test_a_part_keeps_whole_turns_and_their_places() -> None:
    whole = next(converse(clips(60), "en"))
    part = whole.part(20.0, 60.0)
    assert part is not None
    assert len(part.utterances) < len(whole.utterances)
    for one in part.utterances:
        inside = part.sound[one.leg][round(one.start_s * RATE_HZ) + 80 : round(one.end_s * RATE_HZ) - 80]
        assert np.abs(inside).min() > 3000
    assert part.seconds == pytest.approx(part.utterances[-1].end_s + TAIL_S, abs=0.01)
    assert whole.part(whole.seconds, 2 * whole.seconds) is None


@pytest.mark.parametrize("lines", [1, 2, 7])
def test_lines_play_for_their_time_and_begin_at_different_places(lines: int) -> None:
    order: list[Conversation] = [*converse(clips(60), "en"), *converse(clips(60, 3.0), "es")]
    plans = [line(number, lines, 300.0, order) for number in range(lines)]
    for plan in plans:
        assert 290.0 < sum(one.seconds for one in plan) <= 302.0
    assert len({plan[0].seconds for plan in plans}) == lines


# ─── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def row(calls: int, **figures: Any) -> dict[str, Any]:
    return {
        "engine": "ours",
        "calls_at_once": calls,
        "words": 100,
        "partial_gap_s": {"p50": 0.8, "p95": 1.9},
        "revised_per_shown": 0.1,
        "final_s": {"p50": 0.5, "p95": 1.0},
        "uncommitted": 0.02,
        "refused": 0,
        "cut_short": 0,
        "word_lag_first_third_s": 0.5,
        "word_lag_last_third_s": 0.6,
        "rss_mb": 500.0 + 4 * calls,
    } | figures


def test_a_load_is_sustained_when_the_median_of_its_runs_keeps_every_bound() -> None:
    late = {"final_s": {"p50": 0.5, "p95": 1.6}}
    assert sustainable([row(1), row(2), row(4), row(6, **late), row(8)]) == 4
    assert keeps([row(4), row(4, **late), row(4)])
    assert not keeps([row(4), row(4, **late), row(4, **late)])
    assert not keeps([row(4), row(4, cut_short=1), row(4)])
    assert sustainable([]) == 0


@pytest.mark.parametrize(
    "figures",
    [
        {"partial_gap_s": {"p50": 1.1, "p95": 1.9}},
        {"partial_gap_s": {"p50": 0.8, "p95": 2.1}},
        {"partial_gap_s": {}},
        {"revised_per_shown": 0.16},
        {"uncommitted": 0.06},
        {"uncommitted": None},
        {"refused": 1},
        {"cut_short": 1},
        {"word_lag_last_third_s": 1.3},
        {"word_lag_last_third_s": None},
    ],
)
def test_each_bound_counts(figures: dict[str, Any]) -> None:
    assert not keeps([row(4, **figures)])


def test_lag_is_flat_when_the_last_third_is_near_the_first() -> None:
    assert flat(row(1, word_lag_first_third_s=1.0, word_lag_last_third_s=2.0))
    assert not flat(row(1, word_lag_first_third_s=1.0, word_lag_last_third_s=2.01))


def test_a_slope_comes_with_its_error() -> None:
    exact = fit([(float(x), 3.0 + 2.0 * x) for x in range(10)])
    assert [exact.slope, exact.error] == pytest.approx([2.0, 0.0], abs=1e-9)
    # by hand: x 0…3, y 0 1 1 2: slope 0.6, residual sum 0.2, error sqrt(0.1 / 5)
    rough = fit([(0.0, 0.0), (1.0, 1.0), (2.0, 1.0), (3.0, 2.0)])
    assert [rough.slope, rough.error] == pytest.approx([0.6, 0.02**0.5])
    assert fit([(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]).error == float("inf")


def test_what_there_is_none_of_has_no_spread() -> None:
    assert spread([None]) == {}
    assert spread([1.0, None, 3.0]) == {"p50": 2.0, "p95": 2.9, "p99": 2.98, "n": 2}


def test_the_table_has_a_row_a_load_and_says_what_is_sustained() -> None:
    rows = [row(1), row(2), row(4), row(8, revised_per_shown=0.3), row(1) | {"engine": "peer"}]
    lines = list(table(rows))
    assert len(lines) == 1 + 5 + 2
    assert lines[-2] == "ours: sustains 4 calls at once, 4.0 ± 0.0 MB a further call"
    assert lines[-1] == "peer: sustains 1 calls at once"
    assert printed([row(8, revised_per_shown=0.3)]).endswith("no")
    assert printed([row(8, word_lag_last_third_s=9.0)]).endswith("lag grows")


# ─── processes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stat_line_is_read_whatever_the_process_is_called(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("7 (a) b (c) S 1 " + " ".join(["0"] * 9) + " 250 50 0 0\n", "ascii")
    assert processes.cpu_seconds(stat) == pytest.approx(300 / os.sysconf("SC_CLK_TCK"))


def test_parts_of_a_process_are_not_counted_twice() -> None:
    assert processes.total({"engine": 2.0, "engine.loop": 1.5, "ears": 3.0}) == 5.0
