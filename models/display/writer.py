"""The spoken form in, the form for readers out. Pure, and blind to what is masked: it sees the masked text alone."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from models.display.addresses import addresses
from models.display.amounts import may_be_money, measures, percentages, plain, ranges, sums
from models.display.calendar import dates, years
from models.display.clock import times
from models.display.line import Found, Line
from models.display.ordinals import ordinals
from models.display.sentence import capitalised, marks
from models.display.sequences import sequences
from models.display.spans import Display, Rewrite, compose

_RULES: Final[tuple[Callable[[Line], Iterator[Found]], ...]] = (
    dates, percentages, ranges, sums, times, years, measures, sequences, ordinals, plain,
)  # fmt: skip
"""What is claimed by one is not seen by those behind it."""
FigureKind = Literal["amount", "date", "time"]
_KINDS: Final[dict[Callable[[Line], Iterator[Found]], FigureKind]] = {dates: "date", sums: "amount", times: "time"}
_PART_OF_DAY = re.compile(
    r" (?:(?:de la|da|in the) (?:mañana|tarde|noche|madrugada|manhã|noite|morning|afternoon|evening)|at night"
    r"|[ap]\.m\.|[ap] ?m\b|o['’]? ?clock)",
    re.I,
)
_MASK = re.compile(r"\[[a-z_]+\]")
_LONGEST = 20_000


class Figure(NamedTuple):
    """An amount, a date or a time of day that somebody said."""

    kind: FigureKind
    start: int
    """Code points of the text, `end` is exclusive."""
    end: int
    written: str
    """As readers see it."""


def write(text: str, language: str, country: str = "") -> Display:
    """`text` is masked; masks stay as they are. In a `language` that is not `es`, `pt` or `en` only marks and capitals
    are put right. Spans tell where numbers, and marks, differ."""
    return _written(text, language, [one for _, one in _numbers(text, language, country)])


def figures(text: str, language: str, country: str = "") -> list[Figure]:
    """The amounts, dates and times of day among what `write` writes otherwise, in order; a time with its part of the
    day. A number of three digits or more that nothing else explains counts as an amount."""
    numbers = list(_numbers(text, language, country))
    kinds = {(one.start, one.end): kind for kind, one in numbers if kind}
    display = _written(text, language, [one for _, one in numbers])
    found: list[Figure] = []
    for start, end, first, last in display.spans:
        if kind := kinds.get((start, end)):
            part = _PART_OF_DAY.match(text, end) if kind == "time" else None
            more = part.end() - end if part else 0
            found.append(Figure(kind, start, end + more, display.text[first : last + more]))
    return found


def _written(text: str, language: str, rewrites: Sequence[Rewrite]) -> Display:
    fixed = [one for one in marks(text) if not any(one.start < two.end and two.start < one.end for two in rewrites)]
    masks = [(match.start(), match.end()) for match in _MASK.finditer(text)]
    kept = [one for one in (*rewrites, *fixed) if not any(one.start < end and start < one.end for start, end in masks)]
    display = compose(text, kept)
    return Display(_cased(display, masks, language), display.spans)


def _numbers(text: str, language: str, country: str) -> Iterator[tuple[FigureKind | None, Rewrite]]:
    """With the kind of each that is a figure."""
    if language not in ("es", "pt", "en") or len(text) > _LONGEST:
        return
    spelled = list(addresses(text, language))
    yield from ((None, one) for one in spelled)
    line = Line(text, language, country)
    taken = {
        at
        for at, token in enumerate(line.tokens)
        if any(one.start < token.end and token.start < one.end for one in spelled)
    }
    for rule in _RULES:
        for found in rule(line):
            tokens = range(found.first, found.last + 1)
            if taken.isdisjoint(tokens):
                taken.update(tokens)
                money = rule is plain and may_be_money(line, found)
                kind = "amount" if money else _KINDS.get(rule)
                yield kind, Rewrite(line.tokens[found.first].start, line.tokens[found.last].end, found.written)


def _cased(display: Display, masks: list[tuple[int, int]], language: str) -> str:
    """Capitals where sentences begin, but for addresses and masks."""
    text = capitalised(display.text, language)
    letters = list(text)
    for match in [*_MASK.finditer(display.text), *_ADDRESS.finditer(display.text)]:
        letters[match.start() : match.end()] = display.text[match.start() : match.end()]
    return "".join(letters)


_ADDRESS = re.compile(r"\S+@\S+|\b(?:www\.)?[\w-]+(?:\.[a-z]{2,4})+\b")
