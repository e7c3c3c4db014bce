"""Numbers that are judged at once because what stands beside them says what they are: amounts, times, counts."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from models.privacy.cardinals import Group
from models.privacy.numbers import Lexed, Run
from models.privacy.prices import WRITTEN_AMOUNT, speaks_of_money
from models.privacy.units import (
    AFTER_AN_ANSWER,
    AT,
    BETWEEN,
    COUNTED,
    DAYPARTS,
    FEWEST_POINTS,
    LAST,
    MONEY,
    MOST_DIGITS,
    MOST_POINTS,
    NAMES_OF_PARTS,
    NOT_A_NOUN,
    OF_DIGITS,
    PER,
    PER_UNITS,
    POINTS,
    SINCE,
    SINGULAR,
    TERMS,
    TIMES,
    TO,
    UNITS,
    WEEKDAYS,
    WISHES,
    YEAR_AFTER,
)

_SUFFIX = re.compile(r"(?:\s?%|\s?[€$£°]|(?:k|st|nd|rd|th|h|hs|hrs|am|pm|p|g|mb|gb|kg|km|cm|ª|º|a\.m|p\.m)\b)", re.I)
_CURRENCY_BEFORE = re.compile(
    r"(?:\b(?:R|US|U\$S|MX|COL|AR|S/\.?)?\s?[$€£]|S/\.?|\bRS|\b(?:USD|COP|MXN|BRL|EUR|CLP|ARS))\s?$", re.I
)
_CLOCK = re.compile(r"(?:[01]?\d|2[0-4])[:h][0-5]\d")
_ALWAYS = re.compile(r"24\s?/\s?7")


class Doubt(NamedTuple):
    """Why a number may be somebody's although a unit, a date or a time seems to stand beside it."""

    guarded: bool = False
    """A number is being read aloud; then only a lone number with its own unit is let through."""
    strict: bool = False
    """A number was asked for or named; then being round, or in the millions, does not make it an amount."""
    exact: bool = False
    """Digits were asked for or named that may come as a year or a time: "48:29", "es de 1985"."""
    short: bool = False
    """Hardly another word stands in the turn."""
    house: bool = False
    """It is a house's number: "at 12 Oak Street" is no time, nor "12 Rivers Street" a count."""

    @property
    def read_out(self) -> bool:
        return self.guarded or self.strict

    @property
    def answer(self) -> bool:
        """The turn may well be nothing but the number that was asked for."""
        return self.short and (self.guarded or self.exact)


def is_quantity(lexed: Lexed, run: Run, doubt: Doubt) -> bool:
    """Whether the run is an amount, a duration, a time, a count or a year by what stands beside it."""
    groups = run.groups
    while len(groups) > 1 and groups[0].weak:
        groups = groups[1:]
    if len(groups) == 1 and len(groups[0].digits) == 1 and _counts_digits(lexed, groups[0]):
        return True
    if _wishes(lexed, groups, doubt):
        return True
    if _is_a_hundred(lexed, groups) and not doubt.short:
        return True
    if not doubt.read_out and len(groups) <= 2 and (_is_in_the_millions(lexed, groups) or _is_round(groups)):
        return True
    if doubt.exact and not doubt.guarded and _says_when(lexed, groups, doubt):
        return True
    if doubt.guarded and len(groups) > 1:
        return False
    if (doubt.guarded or doubt.answer) and len(groups[0].digits) > 3 and not _is_amount(lexed, groups, doubt):
        return False
    if _written_quantity(lexed, groups, doubt) or _are_years(lexed, groups, doubt):
        return True
    if len(groups) > 2 or sum(len(group.digits) for group in groups) > 9:
        return False
    if _unit_follows(lexed, groups, doubt) or (len(groups) == 1 and _range_follows(lexed, groups[0], doubt)):
        return True
    if doubt.guarded:
        return False
    if _is_year(lexed, groups, doubt):
        return True
    return not doubt.house and (_is_time(lexed, groups) or _follows_amount(lexed, groups, doubt))


def _wishes(lexed: Lexed, groups: Sequence[Group], doubt: Doubt) -> bool:
    """ "mil gracias", "a thousand thanks"; written, "1000 gracias", only where no number is waited for."""
    only, at = groups[0], groups[0].last + 1
    if len(groups) > 1 or at >= len(lexed.tokens) or not only.digits.endswith("00"):
        return False
    if len(only.digits.rstrip("0")) > 1:
        return False  # "712 mil gracias"
    word = lexed.tokens[at + 1 if lexed.tokens[at].word in ("de", "of") and at + 1 < len(lexed.tokens) else at].word
    return (word in WISHES or word in TIMES) and (only.cardinal or not doubt.read_out)


_WHOSE = frozenset({"the", "those", "these", "its", "my", "your", "his", "her", "their", "our"})
"""Before "final" they tell the English word from the one by which cards end in Portuguese and Spanish."""


def _counts_digits(lexed: Lexed, group: Group) -> bool:
    """ "los últimos cuatro", "the last four", "de cuatro en cuatro"."""
    words = [token.word for token in lexed.tokens[max(0, group.first - 2) : group.first + 1]]
    by_twos = len(words) == 3 and words[0] == words[2] and words[1] in ("en", "em", "by")
    ending = words[-2:-1] == ["final"] and words[0] not in _WHOSE  # "o cartão final sete"
    return by_twos or (len(words) > 1 and words[-2] in LAST and not ending)


def _is_a_hundred(lexed: Lexed, groups: Sequence[Group]) -> bool:
    """A way of speaking amid talk."""
    return len(groups) == 1 and groups[0].digits == "100" and lexed.tokens[groups[0].first].word == "a"


def _is_in_the_millions(lexed: Lexed, groups: Sequence[Group]) -> bool:
    """Unless every digit of it is told, as of an identity's number, where nothing speaks of money."""
    if not any(group.big for group in groups):
        return False
    exact = any(group.big and len(group.digits) >= _IDENTITY and not group.digits.endswith("00") for group in groups)
    return not exact or speaks_of_money(lexed, groups)


_IDENTITY = 7
"""So many digits at least has the number of a person's identity."""


def _is_round(groups: Sequence[Group]) -> bool:
    """ "cien mil", "twenty thousand"."""
    only = groups[0]
    return len(groups) == 1 and only.cardinal and len(only.digits) >= 4 and only.digits.endswith("000")


def _is_amount(lexed: Lexed, groups: Sequence[Group], doubt: Doubt) -> bool:
    """Money, or a count that is said as a whole: "mil doscientos minutos"."""
    if groups[0].digits.startswith("0"):
        return False
    if groups[0].cardinal and len(groups) == 1 and not lexed.text[groups[0].start].isdigit():
        return _unit_follows(lexed, groups, doubt)
    at = groups[-1].last + 1
    follows = at < len(lexed.tokens) and not _has_stop(lexed.text[groups[-1].end : lexed.tokens[at].start])
    while follows and at + 1 < len(lexed.tokens) and lexed.tokens[at].word in BETWEEN:
        at += 1
    currency = _CURRENCY_BEFORE.search(lexed.text[: groups[0].start][-8:]) is not None
    return currency or (follows and lexed.tokens[at].word in MONEY)


def _written_quantity(lexed: Lexed, groups: Sequence[Group], doubt: Doubt) -> bool:
    """ "$45.50", "1.250.000 pesos", "15%", "10:30"."""
    start, end = groups[0].start, groups[-1].end
    whole = lexed.text[start:end]
    amount = WRITTEN_AMOUNT.fullmatch(whole) is not None
    if amount and _CURRENCY_BEFORE.search(lexed.text[max(0, start - 8) : start]):
        return True
    if len(groups) > 1 and not amount:
        clock = _CLOCK.fullmatch(whole) is not None and (not doubt.exact or _is_time(lexed, groups))
        return len(groups) == 2 and (clock or _ALWAYS.fullmatch(whole) is not None)
    if amount and (suffix := _SUFFIX.match(lexed.text, end)):
        check_letter = suffix[0].isalpha() and sum(len(group.digits) for group in groups) >= _IDENTITY
        return not check_letter or _word_follows_is_unit(lexed, groups[-1], doubt)
    return amount and len(groups) > 2 and _word_follows_is_unit(lexed, groups[-1], doubt)


def _word_follows_is_unit(lexed: Lexed, group: Group, doubt: Doubt) -> bool:
    tokens, at = lexed.tokens, group.last + 1
    if at >= len(tokens) or _has_stop(lexed.text[group.end : tokens[at].start]):
        return False
    for _ in range(2):
        if at < len(tokens) and tokens[at].word in BETWEEN and tokens[at].word not in UNITS:
            at += 1
    if at >= len(tokens):
        return False
    word = tokens[at].word
    following = tokens[at + 1].word if at + 1 < len(tokens) else ""
    if word in ("por", "per", "al", "a", "ao", "each", "o", "p", "da", "de", "in", "en") or word in PER:
        return following in PER_UNITS or following in ("m", "clock") or following in DAYPARTS or following == "punto"
    if _is_decimal(lexed, at):
        return True
    counts = word in UNITS or word in COUNTED or word in DAYPARTS
    return counts and not _may_stand_in_a_number(word, group, following, doubt)


def _is_decimal(lexed: Lexed, at: int) -> bool:
    """ "three point five percent"."""
    words = lexed.tokens[at : at + 3]
    unit = words[-1].word in UNITS and words[-1].word not in NAMES_OF_PARTS
    return len(words) == 3 and words[0].word in ("point", "punto", "ponto") and words[1].numeric and unit


def _may_stand_in_a_number(word: str, group: Group, following: str, doubt: Doubt) -> bool:
    """Whether a unit behind a number that is read aloud may be none: "cuarenta y cinco punto", "712 dígitos"."""
    if word in OF_DIGITS:
        return doubt.read_out and doubt.short and int(group.digits or 0) > MOST_DIGITS
    if word in POINTS:
        few = not FEWEST_POINTS <= len(group.digits) <= MOST_POINTS
        return doubt.short and (doubt.answer or (doubt.strict and few))
    part = (doubt.read_out and word in NAMES_OF_PARTS) or (doubt.answer and word in SINGULAR)
    return part and not group.weak and group.digits != "1" and following not in TERMS


def _has_stop(gap: str) -> bool:
    return any(c in ".,;:?!" for c in gap)


def _unit_follows(lexed: Lexed, groups: Sequence[Group], doubt: Doubt) -> bool:
    last = groups[-1]
    if _daypart_follows(lexed, last) or _word_follows_is_unit(lexed, last, doubt):
        return len(groups) == 1 or sum(len(group.digits) for group in groups) <= 4 or _one_amount(lexed, groups)
    if lexed.text[last.end :].startswith(("%", " %", "°", "º")):
        return len(groups) == 1
    return False


def _range_follows(lexed: Lexed, group: Group, doubt: Doubt) -> bool:
    """ "doce a quince días", "two to three weeks": the unit stands beside the second number."""
    tokens, at = lexed.tokens, group.last + 1
    if at + 1 >= len(tokens) or tokens[at].word not in TO or not tokens[at + 1].numeric:
        return False
    second = next((one for run in lexed.runs for one in run.groups if one.first == at + 1), None)
    return second is not None and _unit_follows(lexed, [second], doubt)


def _one_amount(lexed: Lexed, groups: Sequence[Group]) -> bool:
    return WRITTEN_AMOUNT.fullmatch(lexed.text[groups[0].start : groups[-1].end]) is not None


def _daypart_follows(lexed: Lexed, group: Group) -> bool:
    """ "cinco de la tarde", "dez da manhã", "six in the evening"."""
    words = [token.word for token in lexed.tokens[group.last + 1 : group.last + 4]]
    return bool(words) and words[0] in ("de", "da", "in", "por") and any(word in DAYPARTS for word in words)


def _is_time(lexed: Lexed, groups: Sequence[Group]) -> bool:
    """ "a las diez y media", "at ten thirty", "às 14"."""
    before = lexed.tokens[groups[0].first - 1].word if groups[0].first else ""
    if (before == "dia" or before in WEEKDAYS) and len(groups) == 1:
        return int(groups[0].digits[:6] or 0) <= 31
    if before == "la" and groups[0].digits != "1":
        return False
    if before not in AT or not groups[0].digits or int(groups[0].digits[:6]) > 24:
        return False
    return len(groups) == 1 or (len(groups[1].digits) <= 2 and int(groups[1].digits or 0) <= 59)


def _says_when(lexed: Lexed, groups: Sequence[Group], doubt: Doubt) -> bool:
    """A time or a year that is none of the digits that were asked for, by the word before it."""
    return _is_time(lexed, groups) or _is_half_hour(lexed, groups[0]) or _is_year(lexed, groups, doubt)


def _is_half_hour(lexed: Lexed, group: Group) -> bool:
    """ "às dez e meia"."""
    words = [token.word for token in lexed.tokens[max(0, group.first - 3) : group.first + 1]]
    return len(words) > 3 and words[0] in AT and words[2:] == ["e", "meia"]


def _is_year(lexed: Lexed, groups: Sequence[Group], doubt: Doubt) -> bool:
    before = lexed.tokens[groups[0].first - 1].word if groups[0].first else ""
    return before in (SINCE if doubt.exact else YEAR_AFTER) and len(_years(groups)) == 1


def _are_years(lexed: Lexed, groups: Sequence[Group], doubt: Doubt) -> bool:
    """ "en 2018, 2019 y 2020"."""
    if doubt.read_out or doubt.exact:
        return False
    before = lexed.tokens[groups[0].first - 1].word if groups[0].first else ""
    return before in YEAR_AFTER and len(_years(groups)) > 1


def _years(groups: Sequence[Group]) -> list[str]:
    """The years that groups say one by one ("2018", "twenty nineteen"); none when one of them says something else."""
    years, open_year = [], ""
    for group in groups:
        open_year += group.digits
        if len(open_year) >= _YEAR:
            years.append(open_year)
            open_year = ""
    plausible = all(len(year) == _YEAR and year[:2] in ("19", "20") for year in years)
    begin = groups[0].digits[:2] in ("19", "20")
    return years if plausible and begin and not open_year else []


_YEAR = 4
"""Digits."""


def _follows_amount(lexed: Lexed, groups: Sequence[Group], doubt: Doubt) -> bool:
    """ "cuarenta dólares con cincuenta"; and a count of things: "veinte empleados"."""
    tokens, first = lexed.tokens, groups[0].first
    if first >= 2 and tokens[first - 1].word in ("con", "and", "e", "y", "com") and tokens[first - 2].word in UNITS:
        return len(groups) == 1 and len(groups[0].digits) <= 2
    at = groups[-1].last + 1
    if len(groups) > 1 or len(groups[0].digits) > (2 if doubt.strict and doubt.short else 3) or at >= len(tokens):
        return False  # "712 nomás"
    word = tokens[at].word
    no_things = doubt.short and (doubt.read_out or doubt.exact) and word in AFTER_AN_ANSWER
    plural = len(word) >= 4 and word.endswith("s") and word not in NOT_A_NOUN and not no_things
    return plural and not tokens[at].numeric and not _has_stop(lexed.text[groups[-1].end : tokens[at].start])
