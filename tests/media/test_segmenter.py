from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.facts import SpeechSegment
from engine.ports.intake import Pause
from media.segmenter import Endpointing, Segmenter

FRAME_MS = 32.0

AFTER = {
    "started": {"continues", "paused", "ended"},
    "continues": {"continues", "paused", "ended"},
    "paused": {"resumed", "ended"},
    "resumed": {"continues", "paused", "ended"},
}


def run(probabilities: list[float], start_ms: float = 0.0, rules: Endpointing | None = None) -> list[SpeechSegment]:
    segmenter = Segmenter("a", rules)
    states = [
        state
        for at, probability in enumerate(probabilities)
        for state in segmenter.push(probability, start_ms + at * FRAME_MS, FRAME_MS)
    ]
    return states + segmenter.flush()


def frames(*spans: tuple[float, int]) -> list[float]:
    """Probabilities, each for so many ms."""
    return [probability for probability, ms in spans for _ in range(ms // 32)]


def changes(states: list[SpeechSegment]) -> list[str]:
    """What one follows another, however often it is told."""
    return [state for state, _ in groupby(state.state for state in states)]


def ended(states: list[SpeechSegment]) -> list[SpeechSegment]:
    return [state for state in states if state.state == "ended"]


def test_a_word_starts_with_its_pre_roll_and_ends_with_its_last_voiced_frame() -> None:
    states = run(frames((0.0, 1600), (0.9, 640), (0.0, 960)))
    assert changes(states) == ["started", "continues", "paused", "ended"]
    assert {state.start_ms for state in states} == {1600 - 180}
    assert states[-1].end_ms == 1600 + 640


def test_endpoints_come_when_they_are_due() -> None:
    segmenter = Segmenter("a")
    seen: dict[str, float] = {}
    lulls = []
    for at, probability in enumerate(frames((0.9, 640), (0.0, 960))):
        for state in segmenter.push(probability, at * FRAME_MS, FRAME_MS):
            seen[state.state] = (at + 1) * FRAME_MS
            lulls += [state] if state.lull else []
    assert seen["started"] == 64
    assert 640 + 96 <= seen["continues"] < 640 + 96 + FRAME_MS
    assert [(lull.state, lull.end_ms) for lull in lulls] == [("continues", 640)]
    assert 640 + 192 <= seen["paused"] < 640 + 192 + FRAME_MS
    assert 640 + 480 <= seen["ended"] < 640 + 480 + FRAME_MS


def when_ended(pause: tuple[int, int, Pause], at_ms: int) -> float:
    """After how much silence a word of 640 ms ends, when so long after its end one says what the pause is."""
    segmenter = Segmenter("a")
    for at, probability in enumerate(frames((0.9, 640), (0.0, 960))):
        if at * FRAME_MS == 640 + at_ms:
            segmenter.weigh_pause(*pause)
        if any(state.state == "ended" for state in segmenter.push(probability, at * FRAME_MS, FRAME_MS)):
            return (at + 1) * FRAME_MS - 640
    raise AssertionError("it never ended")


def test_whole_words_end_sooner() -> None:
    assert 400 <= when_ended((0, 640, "whole"), 224) < 400 + FRAME_MS
    assert when_ended((0, 640, "whole"), 416) == 416 + FRAME_MS  # known late: with the next frame
    assert when_ended((0, 640, "whole"), 0) >= 480  # before the pause was told
    assert when_ended((0, 620, "whole"), 224) >= 480  # of an earlier pause
    assert when_ended((1, 640, "whole"), 224) >= 480  # of another segment


def test_who_reads_a_number_is_waited_for() -> None:
    assert 800 <= when_ended((0, 640, "reading"), 224) < 800 + FRAME_MS
    assert when_ended((0, 640, "reading"), 480) == 480  # known too late


def test_who_goes_on_after_whole_words_has_the_usual_pause_again() -> None:
    segmenter = Segmenter("a")
    silence = 0
    for at, probability in enumerate(frames((0.9, 640), (0.0, 256), (0.9, 320), (0.0, 960))):
        if at * FRAME_MS == 640 + 224:
            segmenter.weigh_pause(0, 640, "whole")
        silence = 0 if probability else silence + 32
        if any(state.state == "ended" for state in segmenter.push(probability, at * FRAME_MS, FRAME_MS)):
            break
    assert silence == 480


def test_a_click_is_no_speech() -> None:
    assert run(frames((0.0, 320), (0.9, 32), (0.0, 640))) == []


def test_a_short_pause_is_taken_back() -> None:
    states = run(frames((0.9, 320), (0.0, 320), (0.9, 320), (0.0, 640)))
    assert changes(states) == ["started", "continues", "paused", "resumed", "continues", "paused", "ended"]
    assert states[-1].end_ms == 960


def test_a_soft_first_word_is_looked_back_for() -> None:
    states = run(frames((0.0, 960), (0.2, 320), (0.05, 96), (0.9, 320), (0.0, 640)))
    assert states[0].start_ms == 960 - 180


def test_a_long_speech_is_cut_at_its_pause_once_it_goes_on() -> None:
    states = run(frames((0.9, 7360), (0.0, 192), (0.9, 640), (0.0, 640)))
    first, second = ended(states)
    assert (first.cut, first.end_ms) == (True, 7360)
    assert (second.cut, second.start_ms, second.end_ms) == (False, 7360, 7360 + 192 + 640)


def test_a_long_speech_that_ends_is_not_cut() -> None:
    (only,) = ended(run(frames((0.9, 7360), (0.0, 640))))
    assert not only.cut


def test_without_a_pause_the_dip_is_cut() -> None:
    states = run(frames((0.9, 9280), (0.5, 32), (0.9, 1600), (0.0, 640)))
    first, second = ended(states)
    assert first.cut
    assert first.end_ms == second.start_ms == 9280 + 16
    assert states[[state.segment for state in states].index(1)].state == "started"


def test_times_are_those_of_the_frames() -> None:
    (only,) = ended(run(frames((0.9, 320), (0.0, 640)), start_ms=60_012.5))
    assert (only.start_ms, only.end_ms) == (59_832, 60_332)


def test_nothing_before_the_stream_began() -> None:
    assert run(frames((0.9, 320)))[0].start_ms == 0


probabilities = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.4, 0.6, 0.95]), st.integers(1, 120)), min_size=1, max_size=30
).map(lambda spans: [probability for probability, count in spans for _ in range(count)])


@given(probabilities)
def test_states_are_legal_and_numbers_count(probabilities: list[float]) -> None:
    states = run(probabilities)
    segments = [list(group) for _, group in groupby(states, key=lambda state: state.segment)]
    assert [group[0].segment for group in segments] == list(range(len(segments)))
    for group in segments:
        assert group[0].state == "started"
        assert group[-1].state == "ended"
        assert len({state.start_ms for state in group}) == 1
        for one, two in pairwise(group):
            assert two.state in AFTER[one.state]
            assert two.state == "ended" or two.end_ms >= one.end_ms


@given(probabilities)
def test_segments_are_ordered_disjoint_and_join_at_cuts(probabilities: list[float]) -> None:
    rules = Endpointing()
    finished = ended(run(probabilities))
    for one, two in pairwise(finished):
        assert one.end_ms <= two.start_ms
        if one.cut:
            assert two.start_ms == one.end_ms
    for segment in finished:
        assert segment.start_ms < segment.end_ms
        assert segment.end_ms - segment.start_ms <= rules.longest_ms + FRAME_MS
    assert not finished or not finished[-1].cut


@given(probabilities)
def test_every_voice_is_covered(probabilities: list[float]) -> None:
    """Two voiced frames in a row lie in segments, wholly."""
    finished = ended(run(probabilities))
    voiced = [probability >= 0.5 for probability in probabilities]
    for at, (one, two) in enumerate(pairwise(voiced)):
        if one and two:
            start, end = at * FRAME_MS, (at + 2) * FRAME_MS
            covered = sum(max(0, min(end, segment.end_ms) - max(start, segment.start_ms)) for segment in finished)
            assert covered == end - start


@given(probabilities)
def test_open_segments_are_told_of(probabilities: list[float]) -> None:
    """While speech goes on, a reader hears of it every 120 ms."""
    segmenter, told = Segmenter("a"), 0.0
    for at, probability in enumerate(probabilities):
        now = (at + 1) * FRAME_MS
        states = segmenter.push(probability, at * FRAME_MS, FRAME_MS)
        if states or segmenter.quiet or probability < 0.35:
            told = now
        assert now - told <= 120 + 480


def test_how_sure_the_vad_was_is_told_of_each_segment_apart() -> None:
    states = run(frames((0.0, 640), (0.6, 320), (0.97, 64), (0.5, 320), (0.0, 960), (0.7, 640), (0.0, 960)))
    assert [state.voice for state in ended(states)] == [0.97, 0.7]
    assert states[0].voice == 0.6


def test_what_the_voice_was_raised_by_is_told_whatever_clicks_in_its_pauses() -> None:
    segmenter = Segmenter("a")
    spans = [(0.0, 16.0, 640), (0.9, 12.0, 320), (0.9, 8.04, 320), (0.0, 1.0, 960), (0.9, 2.0, 320), (0.0, 2.0, 960)]
    heard = [(probability, gain) for probability, gain, ms in spans for _ in range(ms // 32)]
    states = [
        state
        for at, (probability, gain) in enumerate(heard)
        for state in segmenter.push(probability, at * FRAME_MS, FRAME_MS, gain)
    ]
    told = [(state.segment, state.gain) for state in states if state.state in ("started", "paused", "ended")]
    assert told == [(0, 12.0), (0, 8.0), (0, 8.0), (1, 2.0), (1, 2.0), (1, 2.0)]


def test_after_a_cut_the_next_segment_starts_with_the_voice_that_goes_on() -> None:
    states = run(frames((0.99, 8000), (0.1, 192), (0.6, 640), (0.0, 960)))
    assert [(state.cut, state.voice) for state in ended(states)] == [(True, 0.99), (False, 0.6)]


def test_after_a_cut_at_a_dip_the_next_segment_knows_the_voice_that_came_between_the_dip_and_the_cut() -> None:
    """The cut is made up to a second and a half behind the dip."""
    spoken = frames((0.0, 320), (0.99, 8800), (0.6, 32), (0.99, 960), (0.6, 64), (0.0, 960))
    first, second = ended(run(spoken))
    assert (first.cut, first.end_ms, second.start_ms) == (True, 9136, 9136)
    assert (first.voice, second.voice) == (0.99, 0.99)
