"""Marks and capitals as readers expect them: Whisper sets most of them, and what a cut broke is put right."""

import re
from collections.abc import Iterator

from models.display.spans import Rewrite

_MARKS = (
    (re.compile(r"\s+(?=[,;:?!](?!\w)|\.(?![.\w]))"), ""),
    (re.compile(r"([,;:])[,;:]+"), r"\1"),
    (re.compile(r"[,;:]+\s*(?=[.?!…])"), ""),
    (re.compile(r"(?<!\.)\.\.(?!\.)"), "."),
    (re.compile(r"([¿¡])\1+"), r"\1"),
    (re.compile(r"([?!])\1+"), r"\1"),
    (re.compile(r"(?<=\S)[ \t]{2,}(?=\S)"), " "),
)
_START = re.compile(r"(?:^|(?<=[?!…])|(?<=[^\W\d_][^\W\d_][^\W\d_]\.))[\s¿¡\"'“«-]*([^\W\d_])")
_I = re.compile(r"\bi(?=['’](?:m|ll|ve|d|re)\b|\s|[,.?!]|$)")
_ABBREVIATION = re.compile(r"\b(?:sra|srta|dra|etc|ext|tel|aprox|prof|hnos|mrs)\.$", re.I)


def marks(text: str) -> Iterator[Rewrite]:
    for pattern, written in _MARKS:
        for match in pattern.finditer(text):
            yield Rewrite(match.start(), match.end(), match.expand(written))


def capitalised(text: str, language: str) -> str:
    """Of the same length: each sentence begins with a capital, and English says "I"."""
    letters = list(text)
    for match in _START.finditer(text):
        at = match.start(1)
        if not _ABBREVIATION.search(text[: match.start()]):
            letters[at] = _upper(letters[at])
    if language == "en":
        for match in _I.finditer(text):
            letters[match.start()] = "I"
    return "".join(letters)


def _upper(letter: str) -> str:
    """None that would become two letters."""
    upper = letter.upper()
    return upper if len(upper) == 1 else letter
