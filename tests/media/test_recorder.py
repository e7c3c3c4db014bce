from hypothesis import given
from hypothesis import strategies as st

from media.recorder import LEAST_DELAY_MS, MOST_DELAY_MS, RecordedSpan, Watermark


def test_it_stays_two_seconds_behind_and_behind_the_judged() -> None:
    mark = Watermark(("a", "b"))
    mark.judged("a", 9_000)
    mark.judged("b", 5_000)
    assert mark.advance(4_000) == (RecordedSpan(0, 2_000, "sound"),)
    assert mark.advance(10_000) == (RecordedSpan(2_000, 5_000, "sound"),)
    assert mark.advance(11_000) == ()


def test_an_open_run_holds_and_its_digits_are_cut() -> None:
    mark = Watermark(("a",))
    mark.hold("run", 3_000)
    mark.judged("a", 20_000)
    assert mark.advance(22_000) == (RecordedSpan(0, 3_000, "sound"),)
    mark.cut(4_000, 9_000)
    mark.release("run")
    assert mark.advance(22_000) == (
        RecordedSpan(3_000, 4_000, "sound"),
        RecordedSpan(4_000, 9_000, "cut"),
        RecordedSpan(9_000, 20_000, "sound"),
    )


def test_what_is_not_judged_in_time_is_silence() -> None:
    mark = Watermark(("a",))
    mark.judged("a", 1_000)
    mark.hold("run", 500)
    assert mark.advance(MOST_DELAY_MS + 2_000) == (
        RecordedSpan(0, 500, "sound"),
        RecordedSpan(500, 2_000, "overdue"),
    )


def test_the_end_of_the_call_writes_the_rest() -> None:
    mark = Watermark(("a",))
    mark.judged("a", 1_000)
    assert mark.close(2_500) == (RecordedSpan(0, 1_000, "sound"), RecordedSpan(1_000, 2_500, "overdue"))


def test_a_later_stream_does_not_hold_what_was_before_it() -> None:
    mark = Watermark(("a",))
    mark.judged("a", 9_000)
    mark.add_stream("c", 6_000)
    assert mark.advance(20_000) == (RecordedSpan(0, 6_000, "sound"),)


def test_paused_time_is_silence_from_the_moment_it_was_asked_for_to_the_moment_it_ends() -> None:
    mark = Watermark(("a",))
    mark.judged("a", 60_000)
    mark.pause(3_000)
    mark.pause(5_000)
    assert mark.reach(8_000) == 6_000
    assert mark.advance(8_000) == (RecordedSpan(0, 3_000, "sound"), RecordedSpan(3_000, 6_000, "cut"))
    mark.resume(9_000)
    assert mark.advance(14_000) == (RecordedSpan(6_000, 9_000, "cut"), RecordedSpan(9_000, 12_000, "sound"))
    mark.pause(13_000)
    assert mark.close(15_000) == (RecordedSpan(12_000, 13_000, "sound"), RecordedSpan(13_000, 15_000, "cut"))


def test_of_two_pauses_the_earlier_counts_also_when_it_is_told_of_later() -> None:
    mark = Watermark(("a",))
    mark.judged("a", 60_000)
    mark.pause(5_000)
    mark.pause(3_000)
    assert mark.advance(8_000) == (RecordedSpan(0, 3_000, "sound"), RecordedSpan(3_000, 6_000, "cut"))


moves = st.one_of(
    st.tuples(st.just("judged"), st.sampled_from("ab"), st.integers(0, 300_000)),
    st.tuples(st.just("hold"), st.sampled_from("xy"), st.integers(0, 300_000)),
    st.tuples(st.just("release"), st.sampled_from("xy"), st.just(0)),
    st.tuples(st.just("cut"), st.integers(1, 5_000), st.integers(0, 300_000)),
    st.tuples(st.just("advance"), st.just(""), st.integers(0, 30_000)),
)


@given(st.lists(moves, max_size=40))
def test_spans_join_and_nothing_unjudged_or_held_is_sound(script: list[tuple[str, str | int, int]]) -> None:
    mark, now = Watermark(("a", "b")), 0
    judged, holds, cuts = {"a": 0, "b": 0}, dict[str, int](), list[tuple[int, int]]()
    written = 0
    for name, what, value in script:
        match name:
            case "judged":
                mark.judged(str(what), value)
                judged[str(what)] = max(judged[str(what)], value)
            case "hold":
                mark.hold(str(what), value)
                holds[str(what)] = min(value, holds.get(str(what), value))
            case "release":
                mark.release(str(what))
                holds.pop(str(what), None)
            case "cut":
                mark.cut(value, value + int(what))
                cuts.append((max(value, written), value + int(what)))
            case _:
                now += value
                for span in mark.advance(now):
                    assert span.start_ms == written < span.end_ms
                    written = span.end_ms
                    if span.what == "sound":
                        assert span.end_ms <= min([*judged.values(), *holds.values(), now - LEAST_DELAY_MS])
                        assert not any(start < span.end_ms and span.start_ms < end for start, end in cuts)
                assert written >= now - MOST_DELAY_MS
    assert mark.at_ms == written
