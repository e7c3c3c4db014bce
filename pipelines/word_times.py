"""When the words of a turn were said, by place in its text. Pure."""

from collections.abc import Sequence
from typing import Final

from engine.facts import Correction
from engine.ports.hearing import HeardWord

LONGEST_WORD_MS: Final = 1_400
"""Nobody takes so long over a word: more was said in that time than was put into words."""


def placed(
    words: Sequence[HeardWord], start_ms: int, corrections: Sequence[Correction] = (), stripped: int = 0
) -> tuple[HeardWord, ...]:
    """Words of a segment that begins at `start_ms` of media time, as they stand in the text with its corrections and
    without so many code points at its start."""
    moved = [word.moved(-stripped, start_ms) for word in words]
    for one in corrections:
        end = one.start + len(one.heard)
        put_right = [word for word in moved if word.start < end and one.start < word.end]
        if put_right:
            term = HeardWord(one.start, one.end, put_right[0].start_ms, put_right[-1].end_ms)
            before = [word for word in moved if word.end <= one.start]
            behind = [word.moved(one.end - end, 0) for word in moved if word.start >= end]
            moved = [*before, term, *behind]
    return tuple(moved)


_BESIDE_MS: Final = 350
"""A word begins so long before its time says at the most, and ends so long behind it; so do those beside it, between
which a digit may have been said that was not heard (`make bench CELL=accuracy.word_times.es`). With 200 ms before it up
to 0.1 s of a digit stayed in one of sixty recorded payments (`python -m benchmarks.cards`); this much leaves nothing,
for 0.25 s more of other words."""


def surely_within(words: Sequence[HeardWord], start: int, end: int, turn: tuple[int, int]) -> tuple[int, int]:
    """Media time (start, end) in which all that the code points from `start` to `end` stand for was said, and what may
    have been said there without being heard: up to the words beside it, and through those that last too long. Words
    are not quite where they are found, so it reaches a little into those beside. No more than the turn, and all of it
    where its words have no times."""
    within = [place for place, word in enumerate(words) if word.start < end and start < word.end]
    if not within:
        return turn
    first, last = within[0], within[-1]
    while first > 0 and _lasts(words[first - 1]) > LONGEST_WORD_MS:
        first -= 1
    while last + 1 < len(words) and _lasts(words[last + 1]) > LONGEST_WORD_MS:
        last += 1
    start_ms, end_ms = turn
    if first:
        start_ms = min(words[first].start_ms, words[first - 1].end_ms) - _BESIDE_MS
    if last + 1 < len(words):
        end_ms = max(words[last].end_ms, words[last + 1].start_ms) + _BESIDE_MS
    return max(turn[0], start_ms), min(turn[1], end_ms)


def _lasts(word: HeardWord) -> int:
    return word.end_ms - word.start_ms
