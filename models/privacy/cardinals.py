"""The numbers that words and written digits make up. Pure; offsets are code points."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from models.privacy.lexicon import DOUBLED_ZERO, HOMOPHONES, JOINERS
from models.privacy.tokens import Token

BREAKS_A_CARDINAL = re.compile(r"[,.;:?!…/\n]")
_ONES: Final = frozenset({"unos", "uns", "ones"})
"""Digits only when they are counted: "dos unos"."""
_WRITTEN_REST: Final = 3
"""Digits at most of what is written behind "mil": "45 mil 900"."""


class Group(NamedTuple):
    """One number as it was said: a digit, a cardinal ("cuarenta y cinco"), or a chunk of written digits."""

    digits: str
    start: int
    end: int
    first: int
    """Index of its first token."""
    last: int
    weak: bool = False
    """An article unless other digits stand beside it."""
    cardinal: bool = False
    """Said as a whole number rather than digit by digit."""
    big: bool = False
    """Has "million" in it: an amount by itself."""
    foreign: bool = False
    """A word of another language than those around it."""


def groups(text: str, tokens: Sequence[Token], *, guarded: bool = False) -> Iterator[Group]:
    """`guarded`: a number is being read aloud, so "a hundred" is no way of speaking."""
    at = 0
    while at < len(tokens):
        counts = tokens[at].numeric or (tokens[at].word == "a" and _is_hundred(tokens[at + 1 : at + 2]))
        group = _Reader(text, tokens, at, guarded).group() if counts else None
        if group is None:
            at += 1
            continue
        yield group
        at = group.last + 1


def _is_hundred(tokens: Sequence[Token]) -> bool:
    return any(token.number is not None and token.number.kind == "hundred" for token in tokens)


class _Reader:
    """Reads one number from `at`, as far as its grammar goes."""

    def __init__(self, text: str, tokens: Sequence[Token], at: int, guarded: bool) -> None:
        self._text = text
        self._tokens = tokens
        self._first = at
        self._at = at
        self._guarded = guarded

    def group(self) -> Group | None:
        return self._repeated() or self._cardinal()

    def _peek(self, ahead: int = 0) -> Token | None:
        """The token `ahead` of here, unless punctuation parts it from the one before it."""
        index = self._at + ahead
        if index >= len(self._tokens):
            return None
        for here in range(max(self._at, self._first + 1), index + 1):
            gap = self._text[self._tokens[here - 1].end : self._tokens[here].start]
            if BREAKS_A_CARDINAL.search(gap):
                return None
        return self._tokens[index]

    def _kind(self, ahead: int = 0) -> str:
        token = self._peek(ahead)
        if token is None:
            return ""
        if token.digits:
            return "written"
        return token.number.kind if token.number else ("joiner" if token.word in JOINERS else "")

    def _value(self, ahead: int = 0) -> int:
        number = self._tokens[self._at + ahead].number
        return number.value if number else 0

    def _done(
        self, digits: str, *, weak: bool = False, cardinal: bool = False, big: bool = False, foreign: bool = False
    ) -> Group:
        last = self._at - 1
        start, end = self._tokens[self._first].start, self._tokens[last].end
        return Group(digits, start, end, self._first, last, weak, cardinal, big, foreign)

    def _repeated(self) -> Group | None:
        """ "doble cero", "double four", "dos ceros"."""
        token = self._tokens[self._at]
        following = self._peek(1) or self._after_comma(token)
        if token.number is None or following is None:
            return None
        ones = following.word in _ONES
        said = following.digits or (str(following.number.value) if following.number else "1" if ones else "")
        if token.number.kind == "times" and following.word in DOUBLED_ZERO:
            said = "0" if self._peek(2) is not None and self._tokens[self._at + 2].numeric else ""
        if token.number.kind == "times" and len(said) == 1:
            self._at += 2
            return self._done(said * token.number.value)
        plural = ones or (following.number is not None and following.number.kind == "plural")
        if token.number.kind == "unit" and plural and 2 <= token.number.value <= 6:
            self._at += 2
            return self._done(said * token.number.value)
        return None

    def _after_comma(self, token: Token) -> Token | None:
        """ "doble, cero": a speaker's breath, written as a comma."""
        index = self._at + 1
        if token.number is None or token.number.kind != "times" or index >= len(self._tokens):
            return None
        gap = self._text[token.end : self._tokens[index].start].strip()
        return self._tokens[index] if gap == "," and self._tokens[index].numeric else None

    def _cardinal(self) -> Group | None:
        token = self._tokens[self._at]
        if token.word == "a" or _is_hundred([token]):
            return self._a_hundred()
        if token.number is not None and token.number.kind in ("times", "million"):
            return None
        if token.digits:
            return self._written(token)
        if token.number is not None and token.number.kind == "silent":
            self._at += 1
            return self._done("", weak=True)
        if token.number is not None and token.number.kind == "plural":
            self._at += 1
            return self._done(str(token.number.value))
        value = self._below_thousand()
        value, big = self._scaled(1 if value is None else value)
        single = self._at - self._first == 1 and token.number is not None
        weak = single and token.number is not None and token.number.weak
        if value == 2 and single and token.number is not None and token.number.foreign:
            return self._done("2", weak=True, foreign=True)
        return self._done(str(value), weak=weak, cardinal=value >= 10, big=big)

    def _a_hundred(self) -> Group | None:
        """ "a hundred and twelve", "cento dodici"."""
        ahead = 0 if self._kind() == "hundred" else 1
        if self._kind(ahead) != "hundred":
            return None
        self._at += ahead + 1
        rest = self._rest()
        if rest is None and not (self._guarded and ahead):
            return None
        value, big = self._scaled(100 + (rest or 0))
        return self._done(str(value), cardinal=True, big=big)

    def _written(self, token: Token) -> Group:
        self._at += 1
        if len(token.digits) > 3 or self._kind() not in ("thousand", "million"):
            return self._done(token.digits)
        value, big = self._scaled(int(token.digits))
        return self._done(str(value), cardinal=True, big=big)

    def _scaled(self, value: int) -> tuple[int, bool]:
        """What "mil" and "millones" make of the number read so far."""
        big = False
        if self._kind() == "thousand" and value < 1000:
            self._at += 1
            value = value * 1000 + self._units()
        if self._kind() == "million":
            self._at += 1
            rest, big = self._written_rest("thousand") or self._rest() or 0, True
            if self._kind() == "thousand":
                self._at += 1
                rest = (rest or 1) * 1000 + self._units()
            value = value * 1_000_000 + rest
        return value, big

    def _units(self) -> int:
        """What follows "mil" of the same number, in words or written: "45 mil 900"."""
        return self._written_rest() or self._rest() or 0

    def _written_rest(self, scale: str = "") -> int:
        """Up to three written digits behind "mil" or "millones" that no other number goes on but its own `scale`."""
        skip = 1 if self._kind() == "joiner" else 0
        token = self._peek(skip)
        if token is None or not 0 < len(token.digits) <= _WRITTEN_REST:
            return 0
        short = len(token.digits) < _WRITTEN_REST
        if self._kind(skip + 1) not in ("", "joiner", scale) or (short and token.digits.startswith("0")):
            return 0
        self._at += skip + 1
        return int(token.digits)

    def _rest(self) -> int | None:
        """What follows "mil" or "hundred", if it is part of the same number and not the next digit of a list."""
        skip = 1 if self._kind() == "joiner" else 0
        kind = self._kind(skip)
        if kind == "unit" and (self._kind(skip + 1) in ("unit", "teen", "tens", "times") or not self._unit_fits(skip)):
            return None
        if kind not in ("unit", "teen", "tens", "hundreds"):
            return None
        hundreds = [self._kind(skip + ahead) for ahead in range(3)] == ["tens", "unit", "hundred"]
        if hundreds and self._value(skip + 1):  # "(two thousand) twenty-five hundred"
            return None
        self._at += skip
        return self._below_thousand()

    def _unit_fits(self, ahead: int) -> bool:
        token = self._tokens[self._at + ahead]
        return token.word not in HOMOPHONES

    def _below_thousand(self) -> int | None:
        kind = self._kind()
        if kind == "thousand" or kind == "":
            return None
        value = self._value()
        self._at += 1
        if kind == "unit" and self._kind() == "hundred" and value:
            self._at += 1
            return value * 100 + (self._rest() or 0)
        if kind == "teen" and self._kind() == "hundred":
            self._at += 1
            return value * 100 + (self._rest() or 0)
        if kind == "hundreds":
            return value + (self._rest() or 0)
        if kind == "tens":
            joined = self._kind() == "joiner"
            unit = self._unit_after_tens()
            if unit and not joined and self._kind() == "hundred":  # "twenty-five hundred"
                self._at += 1
                return (value + unit) * 100 + (0 if self._is_multiplied() else self._rest() or 0)
            return value + unit
        return value

    def _is_multiplied(self) -> bool:
        """Whether other hundreds follow, as in "forty-five hundred (and) twelve hundred": another number."""
        skip = 1 if self._kind() == "joiner" else 0
        return self._kind(skip + 1) == "hundred"

    def _unit_after_tens(self) -> int:
        skip = 1 if self._kind() == "joiner" else 0
        if self._kind(skip) != "unit" or self._value(skip) == 0:
            return 0
        token = self._tokens[self._at + skip]
        if token.word in HOMOPHONES or token.word in ("meia", "oh"):
            return 0
        value = self._value(skip)
        self._at += skip + 1
        return value
