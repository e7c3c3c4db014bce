"""A text, stretches of it that are written otherwise, and the way between both. Offsets are code points, ends are
exclusive."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Span = tuple[int, int, int, int]
"""Start and end in the text, start and end in the display, of a stretch that is written otherwise. What lies between
two spans is the same in both, but for letter case."""


class Rewrite(NamedTuple):
    """`[start, end)` of the text is written as `written`."""

    start: int
    end: int
    written: str


class Display(NamedTuple):
    text: str
    spans: tuple[Span, ...]
    """In order."""


def compose(text: str, rewrites: Iterable[Rewrite]) -> Display:
    """Where two rewrites overlap, the one that begins first (of these the longer) holds."""
    parts: list[str] = []
    spans: list[Span] = []
    at = length = 0
    for rewrite in sorted(rewrites, key=lambda one: (one.start, -one.end)):
        if rewrite.start < at or text[rewrite.start : rewrite.end] == rewrite.written:
            continue
        parts += (text[at : rewrite.start], rewrite.written)
        start = length + rewrite.start - at
        length = start + len(rewrite.written)
        at = rewrite.end
        spans.append((rewrite.start, rewrite.end, start, length))
    parts.append(text[at:])
    return Display("".join(parts), tuple(spans))


def to_display(spans: Sequence[Span], start: int, end: int) -> tuple[int, int]:
    """Where `[start, end)` of the text stands in the display: a stretch that is written otherwise is taken whole."""
    return _project(spans, start, end)


def to_text(spans: Sequence[Span], start: int, end: int) -> tuple[int, int]:
    """Inverse of `to_display`."""
    return _project([(c, d, a, b) for a, b, c, d in spans], start, end)


def _project(spans: Sequence[Span], first: int, last: int) -> tuple[int, int]:
    start, end = first, last
    for a, b, c, d in spans:
        if b <= first:
            start = first + d - b
        elif a <= first:
            start = c
        if a == b == last > first:
            continue  # what fell away right behind is no part of it
        if b <= last:
            end = last + d - b
        elif a < last:
            end = d
    return start, end
