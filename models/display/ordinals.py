"""Ordinals, from the tenth on: "vigésimo primero", "twenty first". Below that they are words for readers too."""

from collections.abc import Iterator
from typing import Final

from models.display.line import Found, Line, Number
from models.privacy.lexicon import word_set


def _ranks(words: str, first: int = 1) -> dict[str, int]:
    return {word: rank for rank, alike in enumerate(words.split(), first) for word in alike.split("/")}


_UNITS: Final = {
    "es": _ranks("primer/primero/primera segundo/segunda tercer/tercero/tercera cuarto/cuarta quinto/quinta "
                 "sexto/sexta septimo/septima octavo/octava noveno/novena"),
    "pt": _ranks("primeiro/primeira segundo/segunda terceiro/terceira quarto/quarta quinto/quinta sexto/sexta "
                 "setimo/setima oitavo/oitava nono/nona"),
    "en": _ranks("first second third fourth fifth sixth seventh eighth ninth"),
}  # fmt: skip
_TENS: Final = {
    "es": {f"{stem}{end}": rank for stem, rank in (("decim", 10), ("vigesim", 20), ("trigesim", 30)) for end in "oa"},
    "pt": {f"{stem}{end}": rank for stem, rank in (("decim", 10), ("vigesim", 20), ("trigesim", 30)) for end in "oa"},
    "en": {"twentieth": 20, "thirtieth": 30},
}
_WHOLE: Final = {
    "es": _ranks("undecimo/undecima duodecimo/duodecima decimotercer/decimotercero/decimotercera decimocuarto/"
                 "decimocuarta decimoquinto/decimoquinta decimosexto/decimosexta", 11),
    "pt": {},
    "en": _ranks("tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth "
                 "nineteenth", 10),
}  # fmt: skip
_LASTING: Final = word_set(
    "timeout delay hold wait window limit pause video clip ad timer countdown rule interval recording message call"
)
"""What a "thirty second" one lasts."""
_RANKED: Final = word_set("time of floor street avenue birthday anniversary and")
_ARTICLES: Final = {"es": ("un", "una"), "pt": ("um", "uma"), "en": ("a", "one")}


def ordinal(line: Line, at: int) -> tuple[int, int] | None:
    """Rank and last token of the ordinal at a token, whatever its size."""
    word, language = line.word(at), line.language
    if word in _WHOLE[language]:
        return _WHOLE[language][word], at
    if word in _UNITS[language]:
        return _UNITS[language][word], at
    if word in _TENS[language]:
        unit = _UNITS[language].get(line.next(at + 1))
        return (_TENS[language][word] + unit, at + 1) if unit else (_TENS[language][word], at)
    number = line.numbers.get(at) if language == "en" else None
    return _behind(line, number) if number else None


def ordinals(line: Line) -> Iterator[Found]:
    """Not a lone "décimo" or "a tenth", which is a share as often as a rank. English ones that may be none stay words
    from end to end: "thirty second timeout"."""
    for at in range(len(line.tokens)):
        found = ordinal(line, at) or _of_hundreds(line, at)
        if found is None or found[0] < 10:
            continue
        rank, last = found
        share = line.word(at - 1) in _ARTICLES[line.language]
        if line.language == "en" and last > at and (share or _is_doubtful(line, last)):
            yield Found(at, last, line.said(at, last))
        if share:
            continue
        if line.language == "en" or rank != 10 or last > at:
            yield Found(at, last, _written(line, rank, last))


def english(rank: int) -> str:
    """1st, 22nd, 13th."""
    ending = "th" if 11 <= rank % 100 <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


def _behind(line: Line, number: Number) -> tuple[int, int] | None:
    """Rank and last token of an English ordinal whose last word stands behind a number: "forty-fifth", "one hundred and
    first"."""
    at, value = number.last + 1, number.value
    if value and value % 100 == 0 and line.next(at) == "and" and line.linked(at + 1):
        rest = ordinal(line, at + 1)
        return (value + rest[0], rest[1]) if rest and rest[0] < 100 else None
    unit = _UNITS["en"].get(line.next(at)) if value % 10 == 0 and value % 100 >= 20 else None
    return (value + unit, at) if unit else None


def _of_hundreds(line: Line, at: int) -> tuple[int, int] | None:
    """Rank and last token of "one hundred first", which counts first ones as well: in doubt always."""
    number = line.numbers.get(at) if line.language == "en" else None
    if number is None or not number.value or number.value % 100 or not line.linked(number.last + 1):
        return None
    rest = ordinal(line, number.last + 1)
    return (number.value + rest[0], rest[1]) if rest else None


def _is_doubtful(line: Line, last: int) -> bool:
    """Whether the ordinal that ends at a token may be a number and a word: "thirty second timeout", "twenty first time
    callers", "one hundred first class tickets"."""
    following = line.next(last + 1)
    if line.word(last) == "second" and following in _LASTING:
        return True
    before = line.ending(last - 1)
    if "-" in line.gap(last) or before is None:
        return False
    second = line.word(last) == "second" and line.linked(last + 1) and following not in _RANKED
    some = line.is_plural_noun(last + 1) or (following != "" and line.is_plural_noun(last + 2))
    return second or before.value % 100 == 0 or some


def _written(line: Line, rank: int, last: int) -> str:
    if line.language == "en":
        return english(rank)
    sign = "ª" if line.word(last).endswith("a") else "º"
    return f"{rank}.{sign}" if line.language == "es" else f"{rank}{sign}"
