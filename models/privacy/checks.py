"""Numbers that are whole by a rule of their own: cards, phones, and identities with check digits. Pure."""

import re
from collections.abc import Callable
from typing import Final

import phonenumbers
from stdnum import luhn
from stdnum.ar import cuit
from stdnum.br import cnpj, cpf
from stdnum.cl import rut
from stdnum.us import ssn

CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "cpf": cpf.is_valid,
    "cnpj": cnpj.is_valid,
    "cuit": cuit.is_valid,
    "rut": rut.is_valid,
    "ssn": ssn.is_valid,
}


def is_card(digits: str) -> bool:
    """A primary account number by scheme prefix, length (ISO/IEC 7812-1) and Luhn."""
    return len(digits) in scheme_lengths(digits) and bool(luhn.is_valid(digits))


def is_whole_card(digits: str) -> bool:
    """A card's number, as long as its scheme's nearly always are. The first fifteen digits of one of sixteen pass Luhn
    as well, every tenth time."""
    return is_card(digits) and len(digits) == scheme_lengths(digits)[0]


def is_about_a_card(digits: str) -> bool:
    """As long as its scheme's numbers are, give or take a digit that was misheard. Fifteen from 35 are no card short of
    a digit: so begin the numbers of telephones (IMEI)."""
    near = any(abs(len(digits) - length) <= 1 for length in scheme_lengths(digits))
    return near and not (len(digits) == 15 and digits.startswith("35"))


def scheme_lengths(digits: str) -> tuple[int, ...]:
    """Of the card scheme that numbers with this beginning belong to, the usual one first; none where there is no such
    scheme."""
    two = int(digits[:2] or 0)
    if digits[:1] == "4":
        return (16, 13, 19)
    if 51 <= two <= 55 or 2221 <= int(digits[:4] or 0) <= 2720:
        return (16,)
    if two in (34, 37):
        return (15,)
    if two in (30, 36, 38, 39):
        return (14, 16)
    if two in (35, 60, 62, 64, 65):
        return (16, 17, 18, 19)
    if two == 50 or 56 <= two <= 69:
        return (16, 13, 14, 15, 17, 18, 19)
    return ()


_END = r"(?:0?[1-9]|1[0-2])(?:20)?(?:2[4-9]|[34]\d)"
_END_WITH_CODE = re.compile(rf"{_END}\d{{3,4}}|\d{{3,4}}{_END}")
_SURELY = re.compile(r"(?:0[1-9]|1[0-2])(?:2[4-9]|3[0-5])\d{3}")


def is_end_with_code(digits: str, *, sure: bool = False) -> bool:
    """A card's month and year and its security code, read in one breath. `sure`: although nobody asked for them."""
    return (_SURELY if sure else _END_WITH_CODE).fullmatch(digits) is not None


def is_phone(digits: str, country: str) -> bool:
    """A number of the country's plan, or an international one with its country code."""
    for written in (digits, "+" + digits):
        try:
            number = phonenumbers.parse(written, country or None)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and (written is digits or len(digits) > 10):
            return True
    return False


def by_check_digits(digits: str, country: str) -> str:
    """The kind of a number that gives itself away by its check digits in a country where it is at home, or empty."""
    if country == "BR" and len(digits) == 11 and cpf.is_valid(digits) and not is_phone(digits, country):
        return "cpf"
    if country == "BR" and len(digits) == 14 and cnpj.is_valid(digits):
        return "cnpj"
    if country == "AR" and len(digits) == 11 and cuit.is_valid(digits):
        return "cuit"
    if country == "CL" and len(digits) in (8, 9) and rut.is_valid(digits) and not is_phone(digits, country):
        return "rut"
    return ""
