"""Times of day: "a las tres y media", "às quinze e trinta", "quarter to five", "at nine oh five"."""

from collections.abc import Iterator
from typing import Final

from models.display.calendar import MONTHS
from models.display.line import Found, Line, Number
from models.privacy.lexicon import word_set
from models.privacy.units import WEEKDAYS

_ARTICLE: Final = {"es": word_set("las la"), "pt": word_set("as das pelas"), "en": frozenset[str]()}
_AT: Final = word_set("at until till by before after since")
"""Not "around" and "from": prices stand behind them as often ("from two fifty to three twenty")."""
_ONE_AFTER: Final = word_set("about around almost nearly is was s from to between or and like maybe") | {""}
_YEARS_TOO: Final = _AT - {"at"}
_TODAY: Final = word_set("today tonight tomorrow yesterday sharp")
_CAPITALS: Final = (
    MONTHS["en"]
    | WEEKDAYS
    | word_set(
        """
        today tomorrow i mr mrs ms miss sir please thanks thank ok okay eastern central mountain pacific
        est edt cst cdt mst mdt pst pdt gmt utc
        """
    )
)
"""Capitals that may stand behind a time of day."""
_PRICED: Final = word_set("apiece plus total")
_EACH: Final = WEEKDAYS | word_set("day weekday morning afternoon evening night")
_AND: Final = {"es": "y", "pt": "e"}
_PARTS: Final = {"media": 30, "meia": 30, "cuarto": 15}
_DAYPARTS: Final = word_set("manana tarde noche madrugada manha noite morning afternoon evening")
_OF: Final = {"es": ("de", "la"), "pt": ("da",), "en": ("in", "the")}
_IS: Final = frozenset(
    ["às", "é", "são", "era", "eram", "pelas", "is", "was", "s", "about", "around", "almost", "nearly"]
)
"""Accents kept: "às" says when, "as" does not."""
_LEFT: Final = word_set("falta faltam faltavam")


def times(line: Line) -> Iterator[Found]:
    for number in line.numbers.values():
        if 0 <= number.value <= 24 and len(number.digits) <= 2:
            found = _counted_back(line, number) or _clock(line, number)
            if found:
                yield found


def _clock(line: Line, hour: Number) -> Found | None:
    """Hour and minutes in their order; the hour alone where something says that it is one."""
    told = _is_told(line, hour)
    minutes = _minutes(line, hour, told)
    if minutes is not None:
        minute, last = minutes
        if _says_when(line, last + 1) or (told and not (line.language == "en" and _is_none(line, hour, last))):
            return Found(hour.first, last, f"{hour.value}:{minute:02d}")
        return None
    if _are_minutes(line, hour):
        return None
    if _says_when(line, hour.last + 1) and (told or not hour.weak or _is_one_o_clock(line, hour)):
        return Found(hour.first, hour.last, str(hour.value))
    return None


def _is_told(line: Line, hour: Number) -> bool:
    """Whether the word before it says that an hour comes."""
    before = line.before(hour.first)
    if line.language == "en":
        return before in _AT
    if line.language == "pt" and hour.digits == "1" and before == "a":
        return line.said(hour.first - 1, hour.first - 1).lower() == "à"
    return before in _ARTICLE[line.language] and (before != "la" or hour.digits == "1")


def _is_one_o_clock(line: Line, hour: Number) -> bool:
    """Whether an English "one" before a part of the day is no pronoun: "the only one in the afternoon"."""
    if line.language != "en":
        return False
    return line.next(hour.last + 1) != "in" or line.before(hour.first) in _ONE_AFTER


def _are_minutes(line: Line, number: Number) -> bool:
    """Whether it belongs to an hour without its article, "(tipo) tres y diez"; not the end of "entre tres y cinco"."""
    hour = line.number_before(number.first - 1) if line.before(number.first) == _AND.get(line.language) else None
    return hour is not None and line.before(hour.first) != "entre"


def _is_none(line: Line, hour: Number, last: int) -> bool:
    """Whether an English hour and minutes may be a year, a price or a count as well."""
    number = line.number(last + 1)
    if line.is_measured(last + 1) or (number and not number.weak):
        return True
    if _names_a_street(line, last + 1) or _prices(line, last + 1):
        return True
    year = hour.digits in ("19", "20") and line.before(hour.first) in _YEARS_TOO
    return year and line.next(last + 1) not in _TODAY


def _names_a_street(line: Line, at: int) -> bool:
    """ "at twelve forty five Broadway": a name follows at once, and none of a day or a time zone."""
    return line.linked(at) and line.is_capital(at) and line.word(at) not in _CAPITALS


def _prices(line: Line, at: int) -> bool:
    """ "at twelve fifty each", "at four fifty plus tax"; "at ten thirty each day" says when."""
    word, following = line.next(at), line.next(at + 1)
    each = word == "each" and following not in _EACH
    return word in _PRICED or each or (word, following, line.next(at + 2)) == ("for", "the", "first")


def _minutes(line: Line, hour: Number, told: bool) -> tuple[int, int] | None:
    """Minutes and their last token."""
    at = hour.last + 1
    if line.language != "en":
        if line.next(at) == "menos" and line.language == "es":
            return None
        if line.next(at) == _AND[line.language] and told:
            if line.next(at + 1) in _PARTS:
                return _PARTS[line.word(at + 1)], at + 1
            number = line.number(at + 1)
            if number and not number.weak and 5 <= number.value <= 59 and not line.is_plural_noun(number.last + 1):
                return number.value, number.last
        at_once = line.number(at)
        fits = told and at_once and len(at_once.digits) == 2 and at_once.value <= 59
        return (at_once.value, at_once.last) if at_once and fits and not line.is_plural_noun(at_once.last + 1) else None
    number = line.number(at)
    if number is None or (line.is_plural_noun(number.last + 1) and not _says_when(line, number.last + 1)):
        return None
    if number.digits == "0" and (unit := line.number(number.last + 1)) and len(unit.digits) == 1:
        return unit.value, unit.last
    return (number.value, number.last) if len(number.digits) == 2 and number.value <= 59 else None


def _says_when(line: Line, at: int) -> bool:
    """ "de la tarde", "da manhã", "in the morning", "p.m.", "o'clock", "en punto", "horas"."""
    words = tuple(line.word(at + ahead) for ahead in range(3)) if line.linked(at) else ("", "", "")
    if line.language == "en":
        if words[0] in ("am", "pm") or words[:2] in (("a", "m"), ("p", "m")) or words[:2] == ("o", "clock"):
            return True
    elif (
        words[:2] in (("en", "punto"), ("em", "ponto"))
        or words[0] in ("am", "pm")
        or words[:2] in (("p", "m"), ("a", "m"))
    ):
        return True
    of = _OF[line.language]
    return words[: len(of)] == of and words[len(of)] in _DAYPARTS


def _counted_back(line: Line, hour: Number) -> Found | None:
    """ "half past three", "quarter to five", "las cinco menos cuarto", "quinze para as três"."""
    at = hour.first
    if line.language == "es" and _is_told(line, hour) and line.next(hour.last + 1) == "menos":
        minutes = line.number(hour.last + 2)
        if line.next(hour.last + 2) == "cuarto":
            return Found(at, hour.last + 2, _before_the_hour(hour.value, 15))
        if minutes and not minutes.weak and minutes.value < 30 and not _is_counted(line, minutes.last + 1):
            return Found(at, minutes.last, _before_the_hour(hour.value, minutes.value))
        return None
    if line.language == "pt":
        article = line.before(at) in ("as", "a") and line.before(at - 1) == "para"
        minutes = line.number_before(at - 2) if article else None
        fits = minutes and not minutes.weak and minutes.value < 30 and line.linked(at - 1)
        if minutes and fits and _is_meant(line, minutes.first, hour):
            return Found(minutes.first, hour.last, _before_the_hour(hour.value, minutes.value))
        return None
    if line.language == "en" and line.before(at) in ("past", "to") and 1 <= hour.value <= 12:
        return _past_or_to(line, hour)
    return None


def _past_or_to(line: Line, hour: Number) -> Found | None:
    at, past = hour.first - 1, line.word(hour.first - 1) == "past"
    word, minutes = line.before(at), line.number_before(at)
    if word == "half" and past:
        return Found(at - 1, hour.last, f"{hour.value}:30")
    if word == "quarter":
        first = at - 2 if line.before(at - 1) == "a" else at - 1
        if not past and not _is_meant(line, first, hour):
            return None
        return Found(first, hour.last, f"{hour.value}:15" if past else _before_the_hour(hour.value, 15))
    if past and minutes and not minutes.weak and minutes.value < 30:
        return Found(minutes.first, hour.last, f"{hour.value}:{minutes.value:02d}")
    return None


def _is_meant(line: Line, first: int, hour: Number) -> bool:
    """Whether "dez para as duas", "a quarter to five" is a time, not something that some are given: it stands alone, or
    behind "às", "são", "at", or before "da tarde". Not behind "faltam", where it is what is left."""
    after = hour.last + 1
    if _is_counted(line, after):
        return False
    before = line.text[line.tokens[first - 1].start : line.tokens[first - 1].end].lower() if line.linked(first) else ""
    if line.language == "pt":
        told = before in _IS or (before == "as" and line.before(first - 1) in ("ate", "desde"))
    else:
        told = before in _IS or before in _AT
        told = told or (line.word(first) == "quarter" and not line.linked(after))
    alone = not line.linked(first) and not line.linked(after)
    return told or alone or (before not in _LEFT and _says_when(line, after))


def _is_counted(line: Line, at: int) -> bool:
    return line.is_plural_noun(at) or line.next(at) == "people"


def _before_the_hour(hour: int, minutes: int) -> str:
    return f"{(hour - 2) % 12 + 1 if hour <= 12 else hour - 1}:{60 - minutes:02d}"
