"""Ordinals, from the tenth on: "vigésimo primero", "twenty first". Below that they are words for readers too."""

from collections.abc import Iterator
from typing import Final

from models.display.line import Found, Line


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
    if number and number.last == at and number.digits in ("20", "30"):
        unit = _UNITS["en"].get(line.next(at + 1))
        return (number.value + unit, at + 1) if unit else None
    return None


def ordinals(line: Line) -> Iterator[Found]:
    """Not a lone "décimo" or "a tenth", which is a share as often as a rank."""
    for at in range(len(line.tokens)):
        found = ordinal(line, at)
        if found is None or found[0] < 10 or line.word(at - 1) in _ARTICLES[line.language]:
            continue
        rank, last = found
        if line.language == "en" or rank != 10 or last > at:
            yield Found(at, last, _written(line, rank, last))


def english(rank: int) -> str:
    """1st, 22nd, 13th."""
    ending = "th" if 11 <= rank % 100 <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


def _written(line: Line, rank: int, last: int) -> str:
    if line.language == "en":
        return english(rank)
    sign = "ª" if line.word(last).endswith("a") else "º"
    return f"{rank}.{sign}" if line.language == "es" else f"{rank}{sign}"
