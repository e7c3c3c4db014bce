"""Finds digits in what is shown, by a way of reading of the tests' own: nothing of the product's lexicon is used.

Digits one by one, in pairs ("cuarenta y cinco", "forty five"), doubled ("doble cero", "triple one") and written."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

# fmt: off
UNITS = {
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
    "pt": ["zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove"],
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
}
TEENS = {
    "es": ["diez", "once", "doce", "trece", "catorce", "quince", "dieciséis", "diecisiete", "dieciocho", "diecinueve"],
    "pt": ["dez", "onze", "doze", "treze", "quatorze", "quinze", "dezesseis", "dezessete", "dezoito", "dezenove"],
    "en": [
        "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    ],
}
TENS = {
    "es": ["veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"],
    "pt": ["vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"],
    "en": ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
}
# fmt: on
TWENTIES = ["uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"]
ALSO = {"duas": 2, "meia": 6, "oh": 0} | {f"veinti{word}": 21 + at for at, word in enumerate(TWENTIES)}
TIMES = {"doble": 2, "double": 2, "duplo": 2, "triple": 3, "triplo": 3, "treble": 3}
JOINS = ("y", "e", "and")


def plain(text: str) -> str:
    """Lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))


_VALUES = {plain(word): str(value) for words in UNITS.values() for value, word in enumerate(words)}
_VALUES |= {plain(word): str(10 + value) for words in TEENS.values() for value, word in enumerate(words)}
_VALUES |= {plain(word): str(20 + 10 * value) for words in TENS.values() for value, word in enumerate(words)}
_VALUES |= {word: str(value) for word, value in ALSO.items()}
_TOKEN = re.compile(r"\d|\[\w+\]|[^\W\d_]+")


def runs(text: str) -> list[str]:
    """Digits that stand beside each other, written or said in any of the three languages."""
    found = [""]
    tokens = _TOKEN.findall(plain(text))
    at = 0
    while at < len(tokens):
        digits, at = _number(tokens, at)
        if digits:
            found[-1] += digits
        elif found[-1]:
            found.append("")
    return [run for run in found if run]


def _number(tokens: list[str], at: int) -> tuple[str, int]:
    """The digits that are said at a token, and where the next ones begin."""
    token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
    if token.isascii() and token.isdigit():
        return token, at + 1
    if token in TIMES and len(_VALUES.get(following, following if following.isdigit() else "")) == 1:
        return _VALUES.get(following, following) * TIMES[token], at + 2
    said = _VALUES.get(token, "")
    if len(said) == 2 and said[0] in "23456789" and said[1] == "0":
        skip = 1 if following in JOINS else 0
        unit = _VALUES.get(tokens[at + 1 + skip], "") if at + 1 + skip < len(tokens) else ""
        if len(unit) == 1 and unit != "0":
            return said[0] + unit, at + 2 + skip
    return said, at + 1


def strings(value: Any, skipped: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every text in a decoded document, but what lies under the skipped names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in skipped:
                yield from strings(inner, skipped)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner, skipped)


def stretches(text: str, number: str, size: int) -> list[str]:
    """Runs of the text that hold `size` digits of `number` in a row."""
    parts = [number[at : at + size] for at in range(len(number) - size + 1)]
    return [run for run in runs(text) if any(part in run for part in parts)]
