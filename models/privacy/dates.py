"""Days of the calendar, said or written."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from models.privacy.cardinals import Group
from models.privacy.lexicon import JOINERS, word_set
from models.privacy.numbers import Lexed
from models.privacy.tokens import Token
from models.privacy.units import UNITS

_NUMERIC_DATE = re.compile(
    r"(?<![\d\-./])(?:(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})|(\d{4})-(\d{2})-(\d{2}))(?![\d]|[\-./]\d)"
)

_MONTHS = word_set(
    """
    enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre janeiro
    fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro january february march april
    may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
    """
)
_MODAL = frozenset({"may", "mar", "marco"})
"""Words of their own, too."""
_ORDINALS = word_set(
    """
    primero primer primeiro first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
    thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth st nd rd th
    """
)
_SUFFIXES = frozenset({"st", "nd", "rd", "th"})
"""Of written ordinals: "15th"."""
_HUNDREDS = re.compile(r"[cs]i?ent[oa]s$")
"""How a year's hundreds end however they are heard: "ninecientos"."""
_DATE_GLUE = frozenset({"de", "del", "do", "of", "the", "el", "o", "dia", "year", "ano", "st", "nd", "rd", "th", "in"})
_BEFORE_A_YEAR = frozenset({"del", "do", "of", "year", "ano"})
_YEAR = 4
_SHORT = 3
"""Letters of a month's name in which it may be another word: "APR"."""
_CARD_YEARS = range(24, 50)
"""In which cards that are read now expire."""


class DateSpan(NamedTuple):
    start: int
    end: int
    has_year: bool
    expires: bool = False
    """A month and a year in which cards expire, and no day: "October twenty twenty seven"."""


def dates(lexed: Lexed, *, guarded: bool = False) -> list[DateSpan]:
    """Days of the calendar, said or written, with at least a month and a day or year beside it.

    `guarded`: a number is being read aloud, and "16-05-53" is part of it.
    """
    found = [
        DateSpan(m.start(), m.end(), True)
        for m in _NUMERIC_DATE.finditer(lexed.text)
        if _is_a_day(m) and not guarded and _stands_alone(lexed, m)
    ]
    groups = [group for run in lexed.runs for group in run.groups]
    for at, token in enumerate(lexed.tokens):
        if token.word in _MONTHS and not token.numeric:
            span = _around_month(lexed.tokens, groups, at)
            if span is not None:
                found.append(span)
    return found if guarded else [*found, *_numbered(lexed, groups)]


def _numbered(lexed: Lexed, groups: Sequence[Group]) -> list[DateSpan]:
    """ "vinte e um do nove de setenta e oito": day, month and year with "de" between them."""
    found = []
    for day, month, year in zip(groups, groups[1:], groups[2:], strict=False):
        between = [lexed.tokens[day.last + 1 : month.first], lexed.tokens[month.last + 1 : year.first]]
        linked = all(len(words) == 1 and words[0].word in ("de", "do", "del") for words in between)
        plausible = 1 <= int(day.digits or 0) <= 31 and 1 <= int(month.digits or 0) <= 12
        if linked and plausible and len(year.digits) in (2, 4):
            found.append(DateSpan(day.start, year.end, True))
    return found


def card_dates(lexed: Lexed, *, asked: bool) -> list[DateSpan]:
    """A month by its number and a year: "el ocho del veintisiete". Unless one was `asked` for, only in such words."""
    groups = [group for run in lexed.runs for group in run.groups]
    found = []
    for month, year in pairwise(groups):
        between = [token.word for token in lexed.tokens[month.last + 1 : year.first]]
        linked = between in (["del"], ["do"]) or (asked and bool(between) and _DATE_GLUE.issuperset(between))
        is_month = len(month.digits) <= 2 and 1 <= int(month.digits or 0) <= 12
        if linked and is_month and _is_card_year(year.digits):
            found.append(DateSpan(month.start, year.end, has_year=True, expires=True))
    return found


def with_short_year(lexed: Lexed, date: DateSpan) -> DateSpan:
    """The day of somebody's birth with the two digits behind it: "12 de marzo del 85". Behind another day they may be
    anything."""
    tokens = lexed.tokens
    at = next((at for at, token in enumerate(tokens) if token.start >= date.end), len(tokens))
    at = _skip(tokens, at, 1)
    year = next((group for run in lexed.runs for group in run.groups if group.first == at), None)
    if date.has_year or year is None or len(year.digits) != len("85"):
        return date
    after = tokens[year.last + 1 : year.last + 2]
    further = _skip(tokens, year.last + 1, 1)  # "12 de marzo, 15 de abril"
    goes_on = any(token.numeric or token.word in UNITS for token in after)
    if goes_on or (further < len(tokens) and tokens[further].word in _MONTHS):
        return date
    return date._replace(end=year.end, has_year=True)


def months(lexed: Lexed) -> list[DateSpan]:
    """Months by their names, for whoever waits for one."""
    return [DateSpan(one.start, one.end, has_year=False) for one in lexed.tokens if one.word in _MONTHS - _MODAL]


def _is_card_year(digits: str) -> bool:
    short = digits.removeprefix("20") if len(digits) == 4 else digits
    return len(short) == 2 and int(short) in _CARD_YEARS


def _stands_alone(lexed: Lexed, match: re.Match[str]) -> bool:
    """Whether no other digits go before or after it as parts of one number."""
    run = next((run for run in lexed.runs if run.start <= match.start() < run.end), None)
    return run is not None and run.start == match.start() and run.end == match.end()


def _is_a_day(match: re.Match[str]) -> bool:
    if match[5]:
        return 1 <= int(match[6]) <= 12 and 1 <= int(match[7]) <= 31
    first, second = int(match[1]), int(match[3])
    return 1 <= first <= 31 and 1 <= second <= 31 and min(first, second) <= 12


def _around_month(tokens: Sequence[Token], groups: Sequence[Group], at: int) -> DateSpan | None:
    by_last = {group.last: group for group in groups}
    by_first = {group.first: group for group in groups}
    first, last, has_day = at, at, False
    back = _skip(tokens, at - 1, -1)
    day = by_last.get(back) if back >= 0 else None
    if day is not None and day.digits.isdigit() and 1 <= int(day.digits[:9]) <= 31:
        first, has_day = day.first, True
    elif back >= 0 and tokens[back].word in _ORDINALS:
        first, has_day = back, True
        if back and (tens := by_last.get(back - 1)) is not None and tens.digits in ("20", "30"):
            first = tens.first
    no_day_before = not has_day and not (back >= 0 and tokens[back].numeric)
    ahead = _skip(tokens, at + 1, 1)
    if not has_day and ahead < len(tokens):
        last, has_day = _day_after(tokens, by_first, ahead, last)
        ahead = _skip(tokens, last + 1, 1)
    if ahead + 1 < len(tokens) and tokens[ahead].word in JOINERS and tokens[ahead + 1].word not in _MONTHS:
        further = _skip(tokens, ahead + 1, 1)  # "octubre y el año 2027"
        ahead = further if further > ahead + 1 else ahead
    end, has_year = _year(tokens, by_first, ahead)
    if end >= 0:
        last = end
    if not has_day and not has_year:
        return None
    if last + 1 < len(tokens) and tokens[last + 1].word in _SUFFIXES and tokens[last + 1].start == tokens[last].end:
        last += 1
    expires = no_day_before and _expires(tokens, groups, at, last)
    return DateSpan(tokens[first].start, tokens[last].end, has_year, expires)


def _expires(tokens: Sequence[Token], groups: Sequence[Group], at: int, last: int) -> bool:
    """Whether a month that no day stands before goes with a year in which cards expire."""
    year = [group for group in groups if at < group.first and group.last <= last]
    words = {token.word for token in tokens[at + 1 : last + 1]}
    if not year or words & _ORDINALS or (len(tokens[at].word) <= _SHORT and tokens[at].word != "may"):
        return False
    digits = "".join(group.digits for group in year)
    return _is_card_year(digits) and (len(digits) == _YEAR or bool(words & _BEFORE_A_YEAR))


def _skip(tokens: Sequence[Token], at: int, step: int) -> int:
    while 0 <= at < len(tokens) and tokens[at].word in _DATE_GLUE:
        at += step
    return at


def _day_after(tokens: Sequence[Token], by_first: dict[int, Group], ahead: int, last: int) -> tuple[int, bool]:
    """ "March twelfth", "March twenty first", "March 12"."""
    if tokens[ahead].word in _ORDINALS:
        return ahead, True
    day = by_first.get(ahead)
    if day is None or not 1 <= int(day.digits[:9]) <= 31:
        return last, False
    if day.digits in ("20", "30") and day.last + 1 < len(tokens) and tokens[day.last + 1].word in _ORDINALS:
        return day.last + 1, True
    return day.last, True


def _year(tokens: Sequence[Token], by_first: dict[int, Group], ahead: int) -> tuple[int, bool]:
    group = by_first.get(ahead)
    if group is None:  # "de nineteencientos ochenta y cinco": hundreds of no language
        garbled = (
            ahead < len(tokens) and tokens[ahead - 1].word in ("de", "del") and _HUNDREDS.search(tokens[ahead].word)
        )
        return _parted_year(tokens, by_first, ahead) if garbled else (-1, False)
    if len(group.digits) == 4 and group.digits[:2] in ("19", "20"):
        return group.last, True
    if group.digits == "1000":
        return _parted_year(tokens, by_first, group.last + 1)
    following = by_first.get(group.last + 1)
    if group.digits in ("19", "20") and following is not None:
        second = by_first.get(following.last + 1)
        if following.digits == "0" and second is not None and len(second.digits) == 1:
            return second.last, True
        if len(following.digits) <= 2:
            return following.last, True
    if len(group.digits) == 2 and group.cardinal:
        return group.last, True
    return -1, False


def _parted_year(tokens: Sequence[Token], by_first: dict[int, Group], at: int) -> tuple[int, bool]:
    """What follows "mil" where recognition parted a year or misheard its hundreds: "mil, ninecientos, 85"."""
    while at < len(tokens) and tokens[at].word in ("e", "y"):
        at += 1
    if at >= len(tokens) or not _HUNDREDS.search(tokens[at].word):
        return -1, False
    hundreds = by_first.get(at)
    if hundreds is not None and hundreds.last > at:
        return hundreds.last, True
    rest = at + 1
    while rest < len(tokens) and tokens[rest].word in ("e", "y"):
        rest += 1
    year = by_first.get(rest)
    return (year.last, True) if year is not None and len(year.digits) <= 2 else (at, True)
