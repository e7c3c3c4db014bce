"""Words as the detectors see them: folded, one space after each, with the way back to the text they came from."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import lru_cache

_TOKEN = re.compile(r"\[\w+\]|\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['’´`][^\W\d_]+)*|[.?!;…]", re.UNICODE)
_ABBREVIATIONS = frozenset(["mr", "mrs", "ms", "dr", "dra", "sr", "sra", "srta", "st", "ext", "tel", "num", "av"])
BOUNDARY = "."
CAPITAL = "\ue000"
"""Follows a word that was written with a capital, and every word of a text without any: it may be a name."""


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """Lower case without accents, apostrophes or other marks: `Llámeme` → `llameme`, `don't` → `dont`."""
    plain = unicodedata.normalize("NFD", word.casefold())
    return "".join(c for c in plain if c.isalnum() or c in "#")


class Folded:
    """A text's words in folded form. `line` has a space after every word; sentences end in a word of their own, `.`."""

    __slots__ = ("_ends", "_offsets", "_starts", "line")

    def __init__(self, text: str, mend: Callable[[str], str] | None = None) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._offsets: list[int] = []
        cased = any(c.isupper() for c in text)
        words: list[str] = []
        length = 0
        for match in _TOKEN.finditer(text):
            word = self._word(match.group(), words[-1] if words else BOUNDARY)
            if not word:
                continue
            word = mend(word) if mend else word
            if word.isalpha() and (match.group()[0].isupper() or not cased):
                word += CAPITAL
            self._starts.append(match.start())
            self._ends.append(match.end())
            self._offsets.append(length)
            words.append(word)
            length += len(word) + 1
        self.line = " ".join(words) + " " if words else ""

    @staticmethod
    def _word(token: str, before: str) -> str:
        if token[0] == "[":
            return "#" + fold(token)
        if token in ".?!;…":
            return "" if before == BOUNDARY or (token == "." and before.rstrip(CAPITAL) in _ABBREVIATIONS) else BOUNDARY
        return fold(token)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `line[start:end]` lies in the text it came from."""
        first = bisect_right(self._offsets, start) - 1
        last = bisect_left(self._offsets, end) - 1
        return self._starts[first], self._ends[max(first, last)]


class Mender:
    """Puts misheard trigger words right: a word at a small edit distance from a trigger and not a word of its own."""

    def __init__(self, triggers: frozenset[str], kept: frozenset[str]) -> None:
        self._triggers = tuple(sorted(triggers))
        self._kept = triggers | kept
        self._cached = lru_cache(maxsize=8192)(self._mend)

    def __call__(self, word: str) -> str:
        return word if len(word) < 6 or word[0] == "#" else self._cached(word)

    def _mend(self, word: str) -> str:
        if word in self._kept or not word.isalpha():
            return word
        for trigger in self._triggers:
            slack = 2 if len(trigger) >= 12 else 1
            if trigger[0] == word[0] and abs(len(trigger) - len(word)) <= slack and distance(word, trigger) <= slack:
                return trigger
        return word


def distance(one: str, other: str) -> int:
    """Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, one each."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        previous, row, older = row, [i], before
        for j, b in enumerate(other, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        before = previous
    return row[-1]
