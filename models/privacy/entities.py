"""What a run of digits is: card, tax number, phone, reference… Pure."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
from stdnum import luhn

from models.privacy.checks import (
    CHECKS,
    by_check_digits,
    is_about_a_card,
    is_card,
    is_end_with_code,
    is_phone,
    is_whole_card,
)


class Entity(msgspec.Struct, frozen=True):
    """Private data found in one turn."""

    turn: int
    entity_type: str
    """CARD CVV CARD_EXPIRY PHONE EMAIL PERSON ADDRESS CPF CNPJ CURP RFC_MX CUIT RUT DNI_NIE CEDULA_CO SSN DATE_OF_BIRTH
    BANK_ACCOUNT"""
    start: int
    """Code point in the turn's spoken text before masking."""
    end: int
    """Exclusive."""
    score: float
    last4: str = ""
    """Only for a card that was heard whole, with nothing in it put right."""
    value: str = ""
    """Normalised: digits, or an address in its written form. In memory only, never logged, and never stored but
    sealed (`engine.tokens`). Always empty for CARD and CVV."""


TYPE_OF: Final = {
    "card": "CARD",
    "cvv": "CVV",
    "card_expiry": "CARD_EXPIRY",
    "phone": "PHONE",
    "email": "EMAIL",
    "cpf": "CPF",
    "cnpj": "CNPJ",
    "curp": "CURP",
    "rfc": "RFC_MX",
    "cuit": "CUIT",
    "rut": "RUT",
    "dni": "DNI_NIE",
    "cedula": "CEDULA_CO",
    "ssn": "SSN",
    "dob": "DATE_OF_BIRTH",
    "account": "BANK_ACCOUNT",
    "person": "PERSON",
    "address": "ADDRESS",
}
"""Mask label → entity type. `number` has none."""
MASK_OF: Final = {kind: f"[{label}]" for label, kind in TYPE_OF.items()}
"""Entity type → its mask, as transcripts have it."""

_WITHOUT_VALUE = frozenset({"card", "cvv", "card_expiry"})
_MIN_ASKED_CARD = 6
"""Digits after which what was said in answer to "your card number?" is a card, whatever Luhn says: recognisers drop
and garble digits."""
_HALF_A_CARD = 8
"""So many unexplained digits after talk of a card are one that was broken off."""
_CODE = 3
"""Digits of a verification value on the back of a card."""
_MISHEARD_CARD = 13
"""So many digits beside a card are one of which recognition lost some, whatever they are called."""
_REFERENCE = "reference"
_LABEL_OF: Final = {"secret": "number", "digits": "number", "serial": "number", _REFERENCE: ""}
"""Mask label of kinds that have none of their own."""
_TWO_CHECKS = 11
"""Of CPF and CNPJ, which have two check digits, and of CUIT."""
_HARMLESS = 5
"""At most so many digits are released when nothing says what they are."""


class Context(NamedTuple):
    """What is known about a run besides its digits."""

    country: str
    kinds: Sequence[str]
    """What it may be by the words beside it and by what was asked, most likely first."""
    named: str = ""
    """The kind that the words of its own turn name right before it."""
    told: bool = False
    """…with nothing but "is" between."""
    asked: Sequence[str] = ()
    """The kinds that were asked for."""
    by_agent: bool = False
    """Nobody but the agent says any of it."""
    curt: bool = False
    """Hardly another word stands in its turns."""
    capture: bool = False
    near_card: bool = False
    """A card is on the table: none of these digits is harmless by being few."""
    after_card: bool = False
    """A card was asked for or heard a few turns ago."""
    may_be_a_code: bool = False
    """…and no code of it yet: three digits may be that, whatever was heard of the question."""
    garbled: bool = False
    """The recogniser repeats one word over and over: a number that it could not hear."""
    loose: bool = False
    """Numbers that each stand alone among other words, such as several amounts in a sentence."""
    terse: bool = False
    """No other words stand beside it."""
    bare: bool = False
    """Four digits or more, listed by themselves: somebody's number, though it is not known which."""
    begun: bool = False
    """The beginning of what was asked for, or of what its own words name."""
    uncorrected: Sequence[str] = ()
    """Digits of each speaker who put none of his right."""
    known: Callable[[str], bool] = lambda digits: False
    """Whether the digits are part of a card already heard in this call (a read-back)."""


class Verdict(NamedTuple):
    """What the run is."""

    label: str
    """A mask label, `number` when it stays withheld without a name, or empty when it is harmless and released."""
    score: float = 0.0
    digits: str = ""
    """The reading that was believed."""
    whole: bool = False
    """The check digits agree and nothing is missing."""
    dated: bool = False
    """A card's code and its end in one."""
    last4: str = ""
    """Of a card, where it is sure which they are."""

    @property
    def entity_types(self) -> tuple[str, ...]:
        found = ("card_expiry", self.label) if self.dated else (self.label,)
        return tuple(TYPE_OF[label] for label in found if label in TYPE_OF)

    @property
    def value(self) -> str:
        return "" if self.label in _WITHOUT_VALUE else self.digits


_AT_HOME: Final[dict[str, dict[str, str]]] = {
    "CO": {"document": "cedula"},
    "BR": {"document": "cpf"},
    "CL": {"document": "rut", "cedula": "rut"},
    **{country: {"document": "dni", "cedula": "dni"} for country in ("AR", "ES", "PE")},
}


def at_home(kind: str, country: str) -> str:
    """What a kind of identity document is in a country that has one of its own: a Colombian's is a cédula."""
    return _AT_HOME.get(country, {}).get(kind, "dni" if kind == "document" else kind)


def judge(readings: Sequence[str], context: Context) -> Verdict:
    """`readings` are the ways to read the run, likeliest first: with corrections taken in, by speaker, all together."""
    readings = [reading for reading in readings if reading] or [""]
    longest = max(readings, key=len)
    named = next((one for one in readings if context.named in CHECKS and CHECKS[context.named](one)), "")
    if named and len(named) >= _TWO_CHECKS:  # one in ten of them passes Luhn too
        return Verdict(context.named, 0.99, named, whole=True)
    cards = sorted((reading for reading in readings if is_card(reading)), key=is_whole_card, reverse=True)
    if cards:
        score = 0.99 if context.capture or "card" in context.kinds else 0.95
        return Verdict("card", score, cards[0], whole=True, last4=_last_four(cards[0], context))
    if context.garbled and (context.capture or context.near_card):
        return Verdict("card", 0.7, longest)
    both = next((one for one in readings if is_end_with_code(one)), "")
    parts = {"card_expiry", "cvv"}
    awaited = next(iter(context.kinds), "") in parts
    if both and awaited and (context.may_be_a_code or parts == set(context.kinds[:2])):
        return Verdict("cvv", 0.9, both, whole=True, dated=True)
    best = _best_kind(readings, context)
    if best is not None and best.label in ("cvv", "card_expiry") and context.kinds[0] == best.label:
        return best  # its digits may well stand in the card too
    if context.known(longest):
        return Verdict("card", 0.9, longest)
    if best is not None:
        return best
    return _unnamed(readings, longest, context)


def _last_four(card: str, context: Context) -> str:
    """Only of a number that can be read in one way: of the many ways to read a corrected one every tenth passes Luhn,
    and its last four may be from the middle, which PCI DSS 4.0.1 §3.4.1 lets nobody see."""
    return card[-_LAST_FOUR:] if is_whole_card(card) and card in context.uncorrected else ""


def _best_kind(readings: Sequence[str], context: Context) -> Verdict | None:
    best = _best_of([kind for kind in context.kinds if kind != _REFERENCE], readings, context)
    if _REFERENCE not in context.kinds:
        return best
    reference = _best_of([_REFERENCE], readings, context)
    return best if reference is None or _is_no_reference(reference, best, readings, context) else reference


def _best_of(kinds: Sequence[str], readings: Sequence[str], context: Context) -> Verdict | None:
    best: Verdict | None = None
    for kind in kinds:
        for reading in readings:
            score, whole = _fit(kind, reading, context)
            if kind == context.named and score:
                score = min(score + 0.15, 0.99)
            if score and (best is None or score > best.score):
                label = _LABEL_OF.get(kind, kind)
                best = Verdict(label, round(score, 4), reading, whole)
    return best


def _is_no_reference(reference: Verdict, best: Verdict | None, readings: Sequence[str], context: Context) -> bool:
    """Whether it may be somebody's number all the same. A reference is shown at once, so whoever gives one out is
    believed sooner than who answers with it: "con mi tarjeta el pedido 4532…", "en este caso, 52345678"."""
    count = len(reference.digits)
    if context.capture or count > 20 or (context.near_card and count >= _MISHEARD_CARD):
        return True
    if context.near_card and not context.by_agent and (context.after_card or not context.told):
        return True
    fits = best is not None and not (best.label == "phone" and not best.whole and context.told)
    if best is not None and fits and best.score > (reference.score if context.by_agent else _PARTIAL):
        return True
    if any(len(one) >= _TWO_CHECKS and by_check_digits(one, context.country) for one in readings):
        return True
    return not context.told and any(
        is_phone(one, context.country) or by_check_digits(one, context.country) for one in readings
    )


def _fit(kind: str, digits: str, context: Context) -> tuple[float, bool]:
    """How well digits fit a kind that was asked for or named: score, and whether check digits agree."""
    count = len(digits)
    check = CHECKS.get(kind)
    if check is not None and check(digits):
        return 0.98, True
    if kind == "card":
        if 13 <= count <= 19 and luhn.is_valid(digits):
            return 0.98, True
        return (0.8, False) if count >= _MIN_ASKED_CARD else (0.0, False)
    if kind == "card_expiry":
        date = count in (3, 4, 6) or (count == 5 and digits[1:3] == "20")
        return (0.9, True) if date and 1 <= int(digits[: count % 2 or 2]) <= 12 else (0.0, False)
    if kind == "dob":
        year = (count == 2 or (count == 4 and digits[:2] in ("19", "20"))) and kind in context.asked and context.curt
        day = count == 4 and "0" not in digits[:2] and _is_a_days_answer(context)
        return (0.75, False) if year or day or count in (5, 6, 7, 8) else (0.0, False)
    if kind == "phone":
        return _phone_fit(digits, context)
    if kind == "serial" and context.capture:
        return 0.0, False
    low, high, score = _LENGTHS.get(kind, (1, 0, 0.0))
    if low <= count <= high:
        return score, False
    least = 3 if kind == "cpf" else 4
    part = kind in _GIVEN_IN_PART and least <= count < low and _is_given_in_part(kind, context)
    return (_PARTIAL, False) if part else (0.0, False)


def _is_a_days_answer(context: Context) -> bool:
    """Whether four digits are meant as a day, a month and a short year: "four nine eighty five"."""
    return ("dob" in context.asked and context.curt) or (context.named == "dob" and context.told and not context.loose)


def _is_given_in_part(kind: str, context: Context) -> bool:
    """Whether so few digits are meant as a part of it: an amount stands behind "celular" as well."""
    return kind in context.asked or (context.told and not context.loose)


_PARTIAL: Final = 0.55
_LAST_FOUR: Final = 4
_GIVEN_IN_PART: Final = ("cpf", "cnpj", "cuit", "rut", "dni", "cedula", "ssn", "account")
"""Of these people are asked for "the last four"."""
_FREE_OF_CHARGE: Final = "0800"
_LENGTHS: Final[dict[str, tuple[int, int, float]]] = {
    # kind → fewest and most digits when the recogniser may have lost or added one, score
    "cvv": (3, 4, 0.9),
    "cpf": (9, 12, 0.75),
    "cnpj": (12, 15, 0.75),
    "cuit": (10, 12, 0.75),
    "rut": (7, 9, 0.75),
    "dni": (7, 9, 0.8),
    "cedula": (6, 11, 0.8),
    "ssn": (4, 10, 0.7),
    "curp": (8, 18, 0.6),
    "rfc": (6, 13, 0.6),
    "account": (6, 24, 0.75),
    "address": (1, 14, 0.7),
    "secret": (3, 12, 0.7),
    "digits": (3, 12, 0.6),
    "serial": (8, 48, 0.8),
    "reference": (1, 20, 0.65),
}


_WHOLE: Final = {
    "phone": 7, "ssn": 9, "secret": 4, **{kind: _LENGTHS[kind][0] for kind in _GIVEN_IN_PART if kind != "ssn"}
}  # fmt: skip
"""Fewest digits of all of a number that people read in parts."""


def falls_short(digits: str, kinds: Sequence[str]) -> bool:
    """Whether so few digits are but the beginning of a number of one of these kinds."""
    return any(len(digits) < _WHOLE.get(kind, 0) for kind in kinds)


def is_begun(verdict: Verdict, context: Context) -> bool:
    """Whether the rest of what was asked is still awaited. Four digits are the last ones of it, asked for as such."""
    if verdict.label in context.asked:
        return falls_short(verdict.digits, [verdict.label]) and len(verdict.digits) > _LAST_FOUR
    return context.begun and verdict.label == "number"


def _phone_fit(digits: str, context: Context) -> tuple[float, bool]:
    if not 7 <= len(digits) <= 15:
        part = 4 <= len(digits) < 7 and digits != _FREE_OF_CHARGE and _is_given_in_part("phone", context)
        return (_PARTIAL, False) if part else (0.0, False)
    return (0.95, True) if is_phone(digits, context.country) else (0.76, False)


def _unnamed(readings: Sequence[str], longest: str, context: Context) -> Verdict:
    """Nothing beside the run says what it is."""
    for reading in readings:
        label = by_check_digits(reading, context.country)
        if label and not (label == "rut" and context.near_card):  # one digit agrees by chance every eleventh time
            return Verdict(label, 0.85, reading, whole=True)
    count = len(longest)
    if count == 1 and not (context.capture or context.after_card or (context.near_card and context.terse)):
        return Verdict("", 0.5, longest)
    if context.loose and not context.capture and not context.near_card:
        return Verdict("", 0.5, longest)
    own = readings[0] == longest and not context.by_agent  # one person's, who has the card
    code = own and context.may_be_a_code and not (context.loose or context.capture)
    if code and (count == _CODE or is_end_with_code(longest, sure=True)):
        return Verdict("cvv", 0.5, longest, dated=count != _CODE)
    if context.capture and count >= _MIN_ASKED_CARD:
        return Verdict("card", 0.8, longest)
    if count >= 14:
        card_like = longest[0] in "23456" and (context.near_card or any(map(is_about_a_card, readings)))
        return Verdict("card" if card_like else "number", 0.5, longest)
    if 7 <= count <= 13:
        phone = next((reading for reading in readings if is_phone(reading, context.country)), "")
        if phone:  # beside a card it may as well be one that was broken off
            return Verdict("number" if context.near_card else "phone", 0.7, phone, whole=True)
        if context.near_card and count >= _HALF_A_CARD:
            return Verdict("card", 0.5, longest)
    if count <= _HARMLESS and not (context.capture or context.near_card or context.bare or context.begun):
        return Verdict("", 0.5, longest)
    return Verdict("number", 0.5, longest)
