"""Days and years: "quince de marzo de dos mil veintiséis", "May third", "in nineteen eighty four"."""

from collections.abc import Iterator
from typing import Final

from models.display.line import Found, Line, Number
from models.display.ordinals import english, ordinal
from models.privacy.lexicon import word_set

MONTHS: Final = {
    "es": word_set(
        "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre"
    ),
    "pt": word_set("janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro"),
    "en": word_set("january february march april may june july august september october november december"),
}
_WORDS_TOO: Final = ("may", "march", "august")
"""Months that are words of their own in lower case."""
_FEMININE: Final = ("una", "uma", "duas")
"""No day is: "una de mayo y otra de junio" counts bills."""
_ON: Final = word_set("on of in since until till by before after from through next last every to between")
_YEAR_AFTER: Final = word_set("in since of until till by from before after year to through around and")
_PRICE_AFTER: Final = word_set("from to through and around of")
_TO: Final = word_set("to through and until till")
_PRICES: Final = word_set("bill price cost costs total fee charge payment amount balance deposit")
_MOVED: Final = word_set("went goes came comes jumped dropped rose")
_LATEST: Final = 2040
"""Later years are said behind "in", "until", "by": "around twenty fifty" is a price."""


def dates(line: Line) -> Iterator[Found]:
    """Days with their month, and the year where it is said."""
    for at in range(len(line.tokens)):
        if line.word(at) in MONTHS[line.language]:
            yield from _english(line, at) if line.language == "en" else _romance(line, at)


def years(line: Line) -> Iterator[Found]:
    """English years said in two halves; what else is a year is written like any number."""
    if line.language != "en":
        return
    for at in line.numbers:
        year = _halves(line, at)
        if year is None or line.is_plural_noun(year[1] + 1) or line.is_measured(year[1] + 1):
            continue
        before = line.before(at)
        told = before in _YEAR_AFTER and not (before in _PRICE_AFTER and _may_be_a_price(line, at, year[1]))
        if told or _is_month(line, at - 1):
            yield Found(at, year[1], str(year[0]))


def _may_be_a_price(line: Line, at: int, last: int) -> bool:
    """Whether halves behind "from", "to" and the like may be dollars and cents: they are no year that anybody plans
    for, or the other end of their span is none, or a price is spoken of."""
    other = _other_end(line, at, last)
    if not _is_year(line, at) or (other is not None and not _is_year(line, other)):
        return True
    first = at if other is None else min(at, other)
    begins = next(one for one in range(first, -1, -1) if line.begins_sentence(one))
    priced = any(line.word(one) in _PRICES for one in range(begins, first))
    return priced or not _MOVED.isdisjoint((line.word(first - 2), line.word(first - 3)))


def _other_end(line: Line, at: int, last: int) -> int | None:
    """First token of what "from" or "to" spans together with the number there."""
    if line.before(at) == "from":
        return last + 2 if line.next(last + 1) in _TO and line.number(last + 2) else None
    number = line.number_before(at - 1) if line.before(at) in _TO else None
    while number and (before := line.number_before(number.first)):
        number = before
    return number.first if number else None


def _is_year(line: Line, at: int) -> bool:
    if halves := _halves(line, at):
        return halves[0] <= _LATEST
    return at in line.numbers and 1900 <= line.numbers[at].value <= 2100


def _romance(line: Line, at: int) -> Iterator[Found]:
    if line.next(at) == "" or line.before(at) != "de" or not line.linked(at - 1):
        return
    month = line.text[line.tokens[at - 1].start : line.tokens[at].end]
    day = line.number_before(at - 1)
    if day and 1 <= day.value <= 31 and not line.word(day.last).endswith(_FEMININE):
        first, written = day.first, str(day.value)
    elif line.word(at - 2) in ("primero", "primeiro"):
        first, written = at - 2, "1º" if line.language == "pt" else "1"
    else:
        return
    last, year = at, line.number(at + 2)
    if line.next(at + 1) in ("de", "del", "do") and year and 1900 <= year.value <= 2100:
        last = year.last
        month += f" {line.text[line.tokens[at + 1].start : line.tokens[at + 1].end]} {year.value}"
    yield Found(first, last, f"{written} {month}")


def _english(line: Line, at: int) -> Iterator[Found]:
    if not _is_month(line, at):
        return
    month = line.text[line.tokens[at].start : line.tokens[at].end]
    if (day := _day_before(line, at)) is not None:
        first, rank = day
        last, year = _with_year(line, at)
        yield Found(first, last, f"{english(rank)} of {month}{year and f' {year}'}")
        return
    said = ordinal(line, at + 1) if line.linked(at + 1) else None
    number = line.number(at + 1)
    if said and 1 <= said[0] <= 31:
        rank, last = said
    elif number and not number.weak and 1 <= number.value <= 31 and _halves(line, at + 1) is None:
        rank, last = number.value, number.last
        if not _may_be_a_verb(line, at) and _is_a_count(line, at, number):
            return
    else:
        return
    if _may_be_a_verb(line, at):
        return
    end, year = _with_year(line, last)
    yield Found(at, end, f"{month} {rank}{year and f', {year}'}")


def _is_a_count(line: Line, month: int, number: Number) -> bool:
    """ "In March three people called", "last March three of them did": things of that month."""
    of_it = number.value < 10 and line.before(month) in ("in", "last")
    return of_it or line.is_plural_noun(number.last + 1) or line.next(number.last + 1) == "people"


def _is_month(line: Line, at: int) -> bool:
    word = line.word(at)
    if word not in MONTHS["en"]:
        return False
    return word not in _WORDS_TOO or line.is_capital(at) or line.before(at) in _ON


def _may_be_a_verb(line: Line, at: int) -> bool:
    """ "May ten people come in?" """
    return line.word(at) in _WORDS_TOO and line.begins_sentence(at)


def _day_before(line: Line, at: int) -> tuple[int, int] | None:
    """First token and rank of "(the) fifteenth of" before a month."""
    if line.before(at) != "of" or not line.linked(at - 1):
        return None
    for first in (at - 3, at - 2):
        said = ordinal(line, first) if first >= 0 else None
        if said and said[1] == at - 2 and 1 <= said[0] <= 31 and line.linked(at - 2 if first < at - 2 else at - 1):
            return first, said[0]
    return None


def _with_year(line: Line, last: int) -> tuple[int, str]:
    """Last token and the year that follows, a comma between or none."""
    at = last + 1
    number = line.numbers.get(at)
    if number is None or (not line.linked(at) and line.gap(at).strip() != ","):
        return last, ""
    if (halves := _halves(line, at)) is not None:
        return halves[1], str(halves[0])
    return (number.last, number.digits) if 1900 <= number.value <= 2100 else (last, "")


def _halves(line: Line, at: int) -> tuple[int, int] | None:
    """ "nineteen eighty four", "twenty oh five": the year and its last token."""
    century = line.numbers.get(at)
    rest = line.number(century.last + 1) if century and century.digits in ("19", "20") else None
    if century is None or rest is None or (rest.weak and rest.digits != "0"):
        return None
    if len(rest.digits) == 2:
        return int(century.digits + rest.digits), rest.last
    unit = line.number(rest.last + 1) if rest.digits == "0" else None
    return (int(f"{century.digits}0{unit.digits}"), unit.last) if unit and len(unit.digits) == 1 else None
