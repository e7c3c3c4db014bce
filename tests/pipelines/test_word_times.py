"""Times of words stay with their words, and what is hidden in sound is never less than what is hidden in text."""

from hypothesis import given
from hypothesis import strategies as st

from engine.facts import Correction
from engine.ports.hearing import HeardWord
from pipelines.word_times import LONGEST_WORD_MS, placed, surely_within


def timed(text: str, each_ms: int = 300, pause_ms: int = 100) -> tuple[HeardWord, ...]:
    """Words of a text, one every `each_ms` and a pause."""
    words, at = [], 0
    for number, word in enumerate(text.split()):
        start = text.index(word, at)
        at = start + len(word)
        begin_ms = number * (each_ms + pause_ms)
        words.append(HeardWord(start, at, begin_ms, begin_ms + each_ms))
    return tuple(words)


def read(text: str, words: tuple[HeardWord, ...]) -> list[str]:
    return [text[word.start : word.end] for word in words]


def test_words_are_placed_in_media_time_and_in_the_stripped_text() -> None:
    words = placed(timed("  hola buenas"), 5_000, stripped=2)
    assert read("hola buenas", words) == ["hola", "buenas"]
    assert [(word.start_ms, word.end_ms) for word in words] == [(5_000, 5_300), (5_400, 5_700)]


def test_a_word_that_was_put_right_has_the_time_of_those_it_stands_for() -> None:
    heard, text = "con tele norte y con tele sur hoy", "con Telenorte y con Telesur hoy"
    corrections = (Correction(4, 13, "Telenorte", "tele norte"), Correction(20, 27, "Telesur", "tele sur"))
    words = placed(timed(heard), 0, corrections)
    assert read(text, words) == text.split()
    assert [word.start_ms for word in words] == [0, 400, 1_200, 1_600, 2_000, 2_800]
    assert (words[1].end_ms, words[4].end_ms) == (1_100, 2_700)


def test_a_correction_without_a_timed_word_moves_nothing() -> None:
    words = timed("hola")
    assert placed(words, 0, (Correction(10, 12, "ab", "cd"),)) == words


def test_what_is_hidden_reaches_to_the_words_beside_it() -> None:
    text = "es la cuatro cinco gracias"
    words = timed(text)
    assert surely_within(words, 6, 18, (0, 3_000)) == (700 - 350, 1_600 + 350)
    assert surely_within(words, 0, 5, (-500, 3_000)) == (-500, 800 + 350)
    assert surely_within(words, 19, 26, (0, 3_000)) == (1_500 - 350, 3_000)


def test_a_neighbour_that_lasts_too_long_may_hide_what_was_not_heard() -> None:
    words = (HeardWord(0, 4, 0, 300), HeardWord(5, 9, 400, 700), HeardWord(10, 17, 800, 801 + LONGEST_WORD_MS))
    assert surely_within(words, 5, 9, (-500, 5_000)) == (300 - 350, 5_000)


def test_a_neighbour_whose_end_is_found_late_leaves_nothing_of_a_digit() -> None:
    begins_ms, late_ms = 1_000, 340
    words = (HeardWord(0, 2, 600, begins_ms + late_ms), HeardWord(3, 8, begins_ms + late_ms, 1_600))
    assert surely_within(words, 3, 8, (0, 2_000))[0] <= begins_ms


def test_without_times_all_of_the_turn_is_hidden() -> None:
    assert surely_within((), 3, 8, (0, 3_000)) == (0, 3_000)


@given(st.integers(1, 12), st.data())
def test_every_masked_word_is_within(count: int, data: st.DataObject) -> None:
    text = " ".join(["uno"] * count)
    words = timed(text, data.draw(st.integers(50, 2_000)))
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, count - 1))
    start_ms, end_ms = surely_within(words, words[first].start, words[last].end, (0, words[-1].end_ms))
    assert start_ms <= words[first].start_ms
    assert end_ms >= words[last].end_ms
