"""A long document in parts that fit a card, each an article of its own.

An agent sees one of them, and a search tells them apart: the title of each says what it stands under, and so do the
headings above its text.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from engine.ports.knowledge import LONGEST_TITLE
from models.articles import HEADING, LONGEST_NAME, Article, heading_text, is_rule, slug

_WHOLE: Final = 3_000
"""Characters that a card still shows as one article."""
_LEAST: Final = 200
"""…and that a beginning has to have to be one of its own: a shorter one goes before what comes next."""
_TEXT_LEFT: Final = 2_000
"""Where no heading parts a text, paragraphs are gathered up to this length."""
_LONGEST_HEAD: Final = 500
"""Of a table: a longer one is a page that is set in a table."""

_Way = tuple[str, ...]
"""The headings that a part stands under, from the document's title to its own."""


def parted(article: Article) -> list[Article]:
    """As it is when it fits a card; else by its headings, the highest that there are several of, and on."""
    if len(article.body) <= _WHOLE:
        return [article]
    parts = list(_parts((article.title,), article.body))
    if len(parts) < 2:  # headings, and hardly a text under them
        parts = [((article.title,), text) for text in _gathered(article.body)]
    counts: Counter[str] = Counter()
    taken: set[str] = set()
    out = []
    for way, body in parts:
        own = article.article
        if way[-1] != article.title:
            own = f"{own}-{slug(way[-1])}"[:LONGEST_NAME].rstrip("-")
        name = own
        while name in taken:  # also by a heading that ends in a number of its own
            counts[own] += 1
            name = f"{own[: LONGEST_NAME - 5].rstrip('-')}-{counts[own] + 1}"
        taken.add(name)
        out.append(msgspec.structs.replace(article, article=name, title=_title(way), body=_headed(way, body)))
    return out


def _title(way: _Way) -> str:
    """Where it is too long, chapters are left out of it first, the document's own title then."""
    while len(title := " – ".join(way)) > LONGEST_TITLE and len(way) > 1:
        way = (way[0], *way[2:]) if len(way) > 2 else way[1:]
    return title


def _headed(way: _Way, body: str) -> str:
    """Below the headings that it stands under: a search goes by headings first, and by these as well."""
    there = {heading_text(mark[1]) for mark in HEADING.finditer(body)}
    return "\n\n".join([*(f"# {heading}" for heading in way[:-1] if heading not in there), body])


def _parts(way: _Way, body: str) -> Iterator[tuple[_Way, str]]:
    """(where it stands, text), none of them much longer than `_WHOLE`."""
    if len(body) <= _WHOLE:
        yield way, body
        return
    marks = list(HEADING.finditer(body))
    levels = Counter(_level(mark) for mark in marks)
    level = min((one for one, count in levels.items() if count > 1), default=0)
    starts = [mark for mark in marks if level and _level(mark) <= level]
    if len(starts) < 2:
        yield from ((way, text) for text in _gathered(body))
        return
    alike = {heading_text(mark[1]) for mark in starts if _level(mark) == level}
    # what a document is called by its first heading alone stands above no other
    top = above = way[:-1] if way[-1] in alike else way
    lead = body[: starts[0].start()].strip()
    said = len(HEADING.sub("", lead).strip())
    if said >= _LEAST:
        yield from _parts(way, lead)
    if not 0 < said < _LEAST:
        lead = ""
    for mark, following in zip(starts, [*starts[1:], None], strict=True):
        text = body[mark.start() : following.start() if following else len(body)].strip()
        content = text[len(mark[0]) :].strip()
        here = _under(top if _level(mark) < level else above, heading_text(mark[1]))
        if _level(mark) < level:
            above = here
        if not content:
            continue
        if _level(mark) < level and len(content) < _LEAST:
            lead = f"{lead}\n\n{text}".strip()  # too short to be one of its own: it goes before the next
            continue
        if len(text) <= _WHOLE:
            yield here, f"{lead}\n\n{text}".strip()
        else:
            if lead:
                yield way, lead
            yield from _parts(here, content)  # its own heading would part nothing again
        lead = ""
    if lead:
        yield way, lead


def _under(way: _Way, heading: str) -> _Way:
    return way if way and heading in ("", way[-1]) else (*way, heading)


def _gathered(body: str) -> Iterator[str]:
    """Paragraphs together, and pieces of those that are too long, up to a length."""
    gathered = ""
    for piece in (piece for paragraph in re.split(r"\n\s*\n", body) for piece in _pieces(paragraph)):
        if len(gathered) >= _LEAST and len(gathered) + len(piece) > _TEXT_LEFT:
            yield gathered
            gathered = ""
        gathered = f"{gathered}\n\n{piece}".strip()
    if gathered:
        yield gathered


def _pieces(paragraph: str) -> Iterator[str]:
    """As it is, or cut at its lines, each piece of a table with the table's head; a line that is too long is cut at its
    sentences, and where these are too long at words."""
    if len(paragraph) <= _TEXT_LEFT:
        yield paragraph
        return
    lines = paragraph.split("\n")
    head = "".join(f"{line}\n" for line in lines[:2])
    if not (len(lines) > 2 and head.startswith("|") and is_rule(lines[1]) and len(head) <= _LONGEST_HEAD):
        head = ""
    piece, room = "", _TEXT_LEFT - len(head)
    for gap, text in _stretches(lines[2:] if head else lines, room):
        if piece and len(piece) + len(text) >= room:
            yield head + piece
            piece = ""
        piece = f"{piece}{gap}{text}" if piece else text
    yield head + piece


def _stretches(lines: Sequence[str], longest: int) -> Iterator[tuple[str, str]]:
    """(what parts it from the one before, text)."""
    for line in lines:
        gap = "\n"
        for sentence in re.split(r"(?<=[.!?…])\s+", line) if len(line) > longest else [line]:
            for text in textwrap.wrap(sentence, longest) if len(sentence) > longest else [sentence]:
                yield gap, text
                gap = " "


def _level(mark: re.Match[str]) -> int:
    return len(mark[0]) - len(mark[0].lstrip("#"))
