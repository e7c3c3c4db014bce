"""Figures of a text, each with its unit or what there are so many of, and whether another text bears them. Pure."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from models.content_words import FUNCTION_WORDS, among
from models.display.line import Line
from models.privacy.lexicon import fold

_FIGURE = re.compile(r"\d[\d.,]*\d|\d")
_LONG_NUMBER = re.compile(r"\d(?:[\s().-]{0,2}\d){6,}")
_NEXT_WORD = re.compile(r"[ \t*_-]{0,8}(?:\n[ \t*_-]{0,8})?([^\W\d_]+)")
_UNIT_BEFORE = re.compile(r"(r\$|us\$|\$|€|£|₡|₲|s/)\s*$")
_UNIT_AFTER = re.compile(
    r"^[\s-]*(?:de )?(%|por ?ciento\b|por ?cento\b|percent\b|per cent\b|€|euros?\b|eur\b"
    r"|dolar(?:es)?\b|dollars?\b|usd\b|pesos?\b|mxn\b|cop\b|ars\b|clp\b"
    r"|reais\b|brl\b|sol(?:es)?\b|pen\b|£|pounds?\b|libras?\b|gbp\b"
    r"|segundos?\b|seconds?\b|seg\b|minut[oe]s?\b|min\b|hours?\b|horas?\b|h\b|dias?\b|days?\b"
    r"|semanas?\b|weeks?\b|mes(?:es)?\b|months?\b|anos?\b|years?\b)"
)
_UNITS: Final = {
    "%": ("%", "por", "per"),
    "eur": ("€", "eur"),
    "brl": ("r$", "rea", "brl"),
    "gbp": ("£", "pou", "lib", "gbp"),
    "pen": ("s/", "sol", "pen"),
    "$": ("$",),
    "usd": ("us$", "dol", "usd"),
    "peso": ("pes", "mxn", "cop", "ars", "clp"),
    "crc": ("₡",),
    "pyg": ("₲",),
    "s": ("seg", "sec"),
    "min": ("min",),
    "h": ("h",),
    "d": ("d",),
    "week": ("sem", "week"),
    "month": ("mes", "month"),
    "year": ("ano", "year"),
}
_SAME: Final = {"$": ("usd", "peso"), "usd": ("$",), "peso": ("$",)}
"""Whose dollars a sign means, the country says: it stands for either word."""
_COUNTED: Final = 3
"""Words behind a figure that may say what it counts: "seis cómodas cuotas"."""


class _Figure(NamedTuple):
    value: str
    """Digits, with a point before decimals; no zeros at their end."""
    unit: str
    """`%`, a currency or a stretch of time; empty for any other."""
    counted: tuple[str, ...]
    """What there are so many of: the words right behind it, folded; none behind a digit of a long number."""


def figures_borne(plain: str, written: str, source: str, source_written: str, language: str, counts: bool) -> bool:
    """A percentage must be a percentage there, a price a price in the same money, two days two days, a long number
    the whole of one, and where that `counts` six payments six payments. Written and spelled ones are alike."""
    known = [*_figures(source), *_figures(source_written), *_spelled(source, language, articles=True)]
    claimed = {*_figures(plain), *_figures(written), *_spelled(plain, language)}
    if not all(any(_bears(one, figure, counts=counts) for one in known) for figure in claimed):
        return False
    long = {_digits(match.group()) for match in _LONG_NUMBER.finditer(source)}
    return all(_digits(match.group()) in long for match in _LONG_NUMBER.finditer(plain))


def _bears(known: _Figure, figure: _Figure, *, counts: bool) -> bool:
    if known.value != figure.value:
        return False
    if figure.unit or (counts and known.unit):
        return figure.unit == known.unit or figure.unit in _SAME.get(known.unit, ())
    return not (counts and figure.counted) or any(among(word, known.counted) for word in figure.counted)


def _figures(text: str) -> Iterator[_Figure]:
    long = [match.span() for match in _LONG_NUMBER.finditer(text)]
    for match in _FIGURE.finditer(text):
        within = any(start <= match.start() < end for start, end in long)
        unit = _unit_at(text, match.start(), match.end())
        yield _Figure(_value(match.group()), unit, () if within else _counted_at(text, match.end()))


def _spelled(text: str, language: str, *, articles: bool = False) -> Iterator[_Figure]:
    """Numbers in words. "Una" and "one" are some with a unit behind them, as in "un mes"; others are if `articles`."""
    line = Line(text, language, "")
    for number in line.numbers.values():
        start, end = line.tokens[number.first].start, line.tokens[number.last].end
        unit = _unit_at(text, start, end)
        if articles or unit or not number.weak:
            yield _Figure(str(number.value), unit, _counted_at(text, end))


def _unit_at(text: str, start: int, end: int) -> str:
    before = _UNIT_BEFORE.search(text[max(0, start - 5) : start].lower())
    after = _UNIT_AFTER.search(fold(text[end : end + 16].replace("*", "")))
    return _unit(before[1] if before else after[1] if after else "")


def _counted_at(text: str, end: int) -> tuple[str, ...]:
    words: list[str] = []
    while len(words) < _COUNTED and (match := _NEXT_WORD.match(text, end)):
        word, end = fold(match[1]), match.end()
        if word in FUNCTION_WORDS:
            break
        words.append(word)
    return tuple(words)


def _unit(sign: str) -> str:
    return next((unit for unit, starts in _UNITS.items() if sign and sign.startswith(starts)), "")


def _value(figure: str) -> str:
    """`1.234,50`, `1,234.50` → `1234.5`; groups of three are thousands."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+|\d{1,3}(?:,\d{3})+", figure):
        return re.sub(r"\D", "", figure)
    whole, _, decimals = figure.replace(",", ".").rpartition(".")
    if not whole:
        return figure
    return f"{_digits(whole)}.{decimals}".rstrip("0").rstrip(".")


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
