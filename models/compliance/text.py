"""Words as the detectors see them: folded, one space after each, with the way back to the text they came from."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate, takewhile
from typing import NamedTuple

_TOKEN = re.compile(r"\[\w+\]|\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['’´`][^\W\d_]+)*|[.?!;…,]", re.UNICODE)
ABBREVIATIONS = frozenset(["mr", "mrs", "ms", "dr", "dra", "sr", "sra", "srta", "st", "ext", "tel", "num", "av"])
_ANSWERS = frozenset(["no", "nao"])
"""With a comma behind it such a word is a sentence of its own, and what follows says the opposite of what it would
without the comma: `No, llame el lunes.` No other comma ends a sentence."""
_BEFORE_ANSWERS = frozenset(["ah", "aqui", "ay", "bueno", "eh", "oh", "pues", "uh", "uy"])
_THANKS = re.compile(r"\s*(?:gracias|muchas gracias|obrigad|muito obrigad|thank)", re.IGNORECASE)
"""Belongs to the no before it: `No, gracias.`"""
BOUNDARY = "."
CAPITAL = "\ue000"
"""Follows a word that was written with a capital, and every word of a text without any: it may be a name."""


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """Lower case without accents, apostrophes or other marks: `Llámeme` → `llameme`, `don't` → `dont`."""
    plain = unicodedata.normalize("NFD", word.casefold())
    return "".join(c for c in plain if c.isalnum() or c in "#")


class Token(NamedTuple):
    word: str
    """Folded."""
    start: int
    end: int
    """Code points of the text, end exclusive."""
    capital: bool


def _is_answer(tokens: list[Token]) -> bool:
    """Whether the sentence is a no so far, said once or more, and no more than that."""
    if not tokens or tokens[-1].word not in _ANSWERS:
        return False
    said = takewhile(lambda token: token.word != BOUNDARY, reversed(tokens))
    return all(token.word in _ANSWERS | _BEFORE_ANSWERS for token in said)


class Folded:
    """A text's words in folded form. `line` has a space after every word; sentences end in a word of their own, `.`."""

    __slots__ = ("_ends", "_offsets", "_starts", "line", "text")

    def __init__(self, text: str, mend: Callable[[list[Token]], list[Token]] | None = None) -> None:
        self.text = text
        tokens = self._tokens(text)
        tokens = mend(tokens) if mend else tokens
        self._starts = [token.start for token in tokens]
        self._ends = [token.end for token in tokens]
        words = [token.word + CAPITAL if token.capital else token.word for token in tokens]
        self._offsets = list(accumulate((len(word) + 1 for word in words), initial=0))[:-1]
        self.line = " ".join(words) + " " if words else ""

    def _tokens(self, text: str) -> list[Token]:
        cased = any(c.isupper() for c in text)
        tokens: list[Token] = []
        for match in _TOKEN.finditer(text):
            if match.group() == "," and (not _is_answer(tokens) or _THANKS.match(text, match.end())):
                continue
            word = self._word(match.group(), tokens[-1].word if tokens else BOUNDARY)
            if word:
                capital = word.isalpha() and (match.group()[0].isupper() or not cased)
                tokens.append(Token(word, match.start(), match.end(), capital))
        return tokens

    @staticmethod
    def _word(token: str, before: str) -> str:
        if token[0] == "[":
            return "#" + fold(token)
        if token in ".?!;…,":
            return "" if before == BOUNDARY or (token == "." and before in ABBREVIATIONS) else BOUNDARY
        return fold(token)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `line[start:end]` lies in the text it came from."""
        first = bisect_right(self._offsets, start) - 1
        last = bisect_left(self._offsets, end) - 1
        return self._starts[first], self._ends[max(first, last)]

    def answers(self) -> bool:
        """Whether it is a no that stands as a sentence of its own, and no more than that."""
        words = self.line.replace(CAPITAL, "").split()
        return words[-1:] == [BOUNDARY] and set(words) <= {BOUNDARY, *_ANSWERS}


def versions(text: Folded) -> tuple[Folded, ...]:
    """A text as the detectors mended it, and where that differs as it was written. What they mend is a word that their
    phrases do not know, and those of playbooks and forms may: "works", "quinto"."""
    plain = Folded(text.text)
    return (text,) if plain.line == text.line else (text, plain)
