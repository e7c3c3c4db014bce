"""Finds digits in what is shown, by a way of reading of the tests' own: nothing of the product's lexicon is used."""

import re
import unicodedata

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
ALSO = {"duas": 2, "meia": 6, "oh": 0}


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
    for token in _TOKEN.findall(plain(text)):
        digits = token if token.isascii() and token.isdigit() else _VALUES.get(token, "")
        if digits:
            found[-1] += digits
        elif found[-1]:
            found.append("")
    return [run for run in found if run]


def stretches(text: str, number: str, size: int) -> list[str]:
    """Runs of the text that hold `size` digits of `number` in a row."""
    parts = [number[at : at + size] for at in range(len(number) - size + 1)]
    return [run for run in runs(text) if any(part in run for part in parts)]
