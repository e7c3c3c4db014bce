"""Which segments one is heard after."""

from engine.facts import SpeechSegment
from pipelines.dialogue import CUT_SETTLED_MS, SETTLED_MS, Dialogue


def segment(stream: str, number: int, start_ms: int, end_ms: int, *, cut: bool = False) -> SpeechSegment:
    return SpeechSegment(stream, number, "ended", start_ms, end_ms, cut=cut)


def test_what_both_said_before_newest_first() -> None:
    dialogue = Dialogue()
    for one in (segment("a", 0, 0, 900), segment("b", 0, 1000, 2000), segment("a", 1, 2500, 3000)):
        dialogue.ended(one)
    assert dialogue.before(segment("b", 1, 3600, 5000)) == (("a", 1), ("b", 0), ("a", 0))


def test_the_other_speaker_counts_once_the_end_was_certain() -> None:
    dialogue = Dialogue()
    dialogue.ended(segment("a", 0, 0, 1000))
    assert dialogue.before(segment("b", 0, 900, 1000 + SETTLED_MS)) == (("a", 0),)
    assert dialogue.before(segment("b", 0, 900, 1000 + SETTLED_MS - 1)) == ()


def test_the_end_of_a_cut_is_known_late() -> None:
    dialogue = Dialogue()
    dialogue.ended(segment("a", 0, 0, 1000, cut=True))
    assert dialogue.before(segment("b", 0, 900, 1000 + CUT_SETTLED_MS)) == (("a", 0),)
    assert dialogue.before(segment("b", 0, 900, 1000 + CUT_SETTLED_MS - 1)) == ()
    assert dialogue.before(segment("a", 1, 1000, 1200)) == (("a", 0),)


def test_a_later_segment_of_the_stream_is_not_before() -> None:
    dialogue = Dialogue()
    dialogue.ended(segment("a", 1, 0, 1000))
    assert dialogue.before(segment("a", 0, 0, 5000)) == ()
