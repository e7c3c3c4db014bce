"""Digits listed one by one, and phone numbers."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import phonenumbers

from models.display.line import Found, Line, Number
from models.privacy.lexicon import word_set

_FEWEST: Final = 4
_FEWEST_NAMED: Final = 2
_FEWEST_IN_PAIRS: Final = 6
NUMBERED: Final = word_set(
    """
    apartamento apartment apto suite codigo extension interno ramal caso ticket protocolo pedido radicado folio
    orden guia anexo opcion extension ext code case order ticket number room gate flight senha linha
    """
)
"""What a number behind it names, and does not count."""
_SUPPOSED: Final = word_set(
    """
    ese este aquel todo cualquier cada tal esse neste nesse naquele qualquer
    that this any each which worst best
    """
)
"""Before "caso", "case" they say that it has no number: "en ese caso"."""
_OR: Final = word_set("o ou or y e and")
_LISTED = re.compile(r"[\s,\-]*")
_PHONE: Final = range(7, 16)


def sequences(line: Line) -> Iterator[Found]:
    """Four digits or more in a row; two are enough where a word before them says that a code comes."""
    chain: list[Number] = []
    for number in [*line.numbers.values(), None]:
        if chain and (number is None or not _goes_on(line, chain[-1], number)):
            yield from _joined(line, chain)
            chain = []
        if number is not None:
            chain.append(number)


def _goes_on(line: Line, before: Number, number: Number) -> bool:
    return number.first == before.last + 1 and _LISTED.fullmatch(line.gap(number.first)) is not None


def _joined(line: Line, chain: Sequence[Number]) -> Iterator[Found]:
    chain = _without_articles(line, chain)
    if len(chain) < 2 or any(len(one.digits) > 3 for one in chain):
        return
    digits = "".join(one.digits for one in chain)
    singly = all(len(one.digits) == 1 or (len(set(one.digits)) == 1 and len(one.digits) == 2) for one in chain)
    apart = _has_comma(line, chain)
    if not singly and (apart or len(digits) < _FEWEST_IN_PAIRS or len(chain) < 3):
        return
    few = _FEWEST_NAMED if _is_named(line, chain[0].first) else _FEWEST
    if len(digits) < few or _counts_up(digits, apart):
        return
    if len(digits) < _FEWEST and _are_counts(line, chain[-1].last + 1, apart):
        return
    yield Found(chain[0].first, chain[-1].last, _phone(digits, line.country) or digits)


def _is_named(line: Line, at: int) -> bool:
    """Whether the word before a number says that it is a code."""
    word = line.before(at)
    return word in NUMBERED and not (word in ("caso", "case") and line.before(at - 1) in _SUPPOSED)


def _are_counts(line: Line, at: int, apart: bool) -> bool:
    """Whether the few digits before a token are counts or choices: "dos tres días", "opción dos, cuatro o cinco"."""
    return line.is_plural_noun(at) or (apart and line.next(at) in _OR and line.number(at + 1) is not None)


def _without_articles(line: Line, chain: Sequence[Number]) -> Sequence[Number]:
    """Without a last "um", "uno" that belongs to the word after it."""
    last = chain[-1]
    return chain[:-1] if last.weak and last.digits == "1" and line.next(last.last + 1) else chain


def _has_comma(line: Line, chain: Sequence[Number]) -> bool:
    return any("," in line.gap(one.first) for one in chain[1:])


def _counts_up(digits: str, apart: bool) -> bool:
    """ "uno, dos, tres, cuatro…": somebody counts; with commas from any digit on, "tres, cuatro, cinco veces"."""
    return (apart or digits.startswith("12")) and digits in "123456789"


def _phone(digits: str, country: str) -> str:
    """As the country writes it; empty when it is no number of its plan."""
    if len(digits) not in _PHONE:
        return ""
    try:
        number = phonenumbers.parse(digits, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
