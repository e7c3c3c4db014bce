"""The spoken form in, the form for readers out. Pure, and blind to what is masked: it sees the masked text alone."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from models.display.addresses import addresses
from models.display.amounts import measures, percentages, plain, ranges, sums
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
_MASK = re.compile(r"\[[a-z_]+\]")
_LONGEST = 20_000


def write(text: str, language: str, country: str = "") -> Display:
    """`text` is masked; masks stay as they are. In a `language` that is not `es`, `pt` or `en` only marks and capitals
    are put right. Spans tell where numbers, and marks, differ."""
    rewrites = (
        list(_numbers(text, language, country)) if language in ("es", "pt", "en") and len(text) <= _LONGEST else []
    )
    fixed = [one for one in marks(text) if not any(one.start < two.end and two.start < one.end for two in rewrites)]
    masks = [(match.start(), match.end()) for match in _MASK.finditer(text)]
    kept = [one for one in (*rewrites, *fixed) if not any(one.start < end and start < one.end for start, end in masks)]
    display = compose(text, kept)
    return Display(_cased(display, masks, language), display.spans)


def _numbers(text: str, language: str, country: str) -> Iterator[Rewrite]:
    spelled = list(addresses(text, language))
    yield from spelled
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
                yield Rewrite(line.tokens[found.first].start, line.tokens[found.last].end, found.written)


def _cased(display: Display, masks: list[tuple[int, int]], language: str) -> str:
    """Capitals where sentences begin, but for addresses and masks."""
    text = capitalised(display.text, language)
    letters = list(text)
    for match in [*_MASK.finditer(display.text), *_ADDRESS.finditer(display.text)]:
        letters[match.start() : match.end()] = display.text[match.start() : match.end()]
    return "".join(letters)


_ADDRESS = re.compile(r"\S+@\S+|\b(?:www\.)?[\w-]+(?:\.[a-z]{2,4})+\b")
