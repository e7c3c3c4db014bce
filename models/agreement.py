"""The part of successive partials that will hardly change: local agreement of two decodes (Macháček et al. 2023)."""

import re
from collections.abc import Sequence

_MARKS = re.compile(r"[^\w]+")
_LIKELY = 0.65
"""The last word of speech that goes on is shown when it is as likely: half a word seldom is. It need not wait for the
next draft then, half a second or more."""
_UNLIKELY = 0.15
"""A word that is less likely waits for another decode, and all behind it. Six calls at once had 0.16 words taken back a
word shown without these two bounds, and a lag of 0.62 s (p50); 0.14 and 0.48 s with them."""
_ANCHOR_WORDS = 3
_SEARCH_WORDS = 4


class Agreement:
    """Of one segment: what two successive decodes agree on is stable and is never taken back."""

    def __init__(self) -> None:
        self._stable: list[str] = []
        self._before: list[str] = []

    @property
    def stable(self) -> str:
        """The stable words: what `ListenJob.prefix` makes the next decode begin with."""
        return " ".join(self._stable)

    def offer(self, text: str, chances: Sequence[float] = (), *, whole: bool = True) -> tuple[str, int]:
        """Take the next decode; returns the text to show and how many of its first code points are stable.

        The stable text is a prefix of every text returned later, and only grows. `chances` are the likelihoods of its
        last words. Where the sound is not `whole`, its last word may be half of one, and is not shown unless it is
        likely, or the next decode has it, too.
        """
        words = self._stable + _tail(self._stable, text.split())
        agreed = len(self._stable)
        for word, before in zip(words[agreed:], self._before[agreed:], strict=False):
            if _key(word) != _key(before):
                break
            agreed += 1
        self._stable = words[:agreed]
        self._before = words
        return " ".join(words[: _likely(words, agreed, chances, whole=whole)]), len(self.stable)


def _likely(words: Sequence[str], agreed: int, chances: Sequence[float], *, whole: bool) -> int:
    """How many of the first words may be shown: those that were agreed on, and what is likely behind them."""
    known = dict(zip(range(len(words) - 1, -1, -1), reversed(chances), strict=False))
    last = len(words) if whole or known.get(len(words) - 1, 0.0) >= _LIKELY else len(words) - 1
    return next((at for at in range(agreed, last) if known.get(at, 1.0) < _UNLIKELY), max(agreed, last))


def _tail(stable: list[str], words: list[str]) -> list[str]:
    """What `words` say after the stable words, which the new decode may have spelt or counted differently."""
    if not stable:
        return words
    for length in range(min(_ANCHOR_WORDS, len(stable)), 0, -1):
        anchor = [_key(word) for word in stable[-length:]]
        for end in _nearest(len(stable), len(words)):
            if end >= length and [_key(word) for word in words[end - length : end]] == anchor:
                return words[end:]
    return words[len(stable) :]


def _nearest(centre: int, last: int) -> list[int]:
    """Positions up to `last` within reach of `centre`, the nearest first."""
    reach = range(max(0, centre - _SEARCH_WORDS), min(last, centre + _SEARCH_WORDS) + 1)
    return sorted(reach, key=lambda position: abs(position - centre))


def _key(word: str) -> str:
    """Case and punctuation do not make two words differ; a word of signs alone is itself."""
    return _MARKS.sub("", word).casefold() or word
