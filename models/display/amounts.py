"""Percentages, money, measures and plain numbers."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from models.display.line import Found, Line, Number
from models.display.locale import grouped, money, percent, separators
from models.display.sequences import NUMBERED
from models.privacy.lexicon import word_set

_POINT: Final = {"es": ("coma", "punto"), "pt": ("virgula", "ponto"), "en": ("point",)}
_VERSION: Final = ("version", "versao")
_CURRENCIES: Final = {
    word: name
    for name, words in {
        "peso": "peso pesos", "dollar": "dolar dolares dollar dollars", "euro": "euro euros", "real": "reais",
        "sol": "soles", "quetzal": "quetzales", "colon": "colones", "boliviano": "bolivianos", "guarani": "guaranies",
        "pound": "pounds",
    }.items()
    for word in words.split()
}  # fmt: skip
_PER_CENT: Final = (("por", "ciento"), ("por", "cien"), ("por", "cento"), ("por", "cem"), ("per", "cent"))
_CENTS: Final = word_set("centavo centavos centimo centimos cent cents pence")
_PER: Final = word_set("al ao por cada a an per each every")
_PERIODS: Final = word_set("mes ano dia semana hora persona pessoa month year week day hour share person user line")
_PRICED: Final = word_set("mensual mensuales mensais anuales anuais each total please")
_AND: Final = {"es": ("y", "con"), "pt": ("e",), "en": ("and",)}
_HALF: Final = {
    "es": (("y", "medio"), ("y", "media")), "pt": (("e", "meio"), ("e", "meia")), "en": (("and", "a", "half"),),
}  # fmt: skip
_MEASURES: Final = {
    (language, *words.split()): sign
    for language, pairs in {
        "es": {
            "kilometros": "km", "kilometros por hora": "km/h", "kilogramos": "kg", "gigabytes": "GB", "megabytes": "MB",
            "terabytes": "TB", "megabits por segundo": "Mbps", "kilovatios hora": "kWh", "kilowatts hora": "kWh",
            "metros cuadrados": "m²", "grados centigrados": "°C", "centimetros": "cm", "milimetros": "mm",
        },
        "pt": {
            "quilometros": "km", "quilometros por hora": "km/h", "quilogramas": "kg", "gigabytes": "GB",
            "megabytes": "MB", "terabytes": "TB", "megabits por segundo": "Mbps", "quilowatts hora": "kWh",
            "metros quadrados": "m²", "graus celsius": "°C", "centimetros": "cm", "milimetros": "mm",
        },
        "en": {
            "kilometers": "km", "kilometres": "km", "kilograms": "kg", "gigabytes": "GB", "megabytes": "MB",
            "terabytes": "TB", "megabits per second": "Mbps", "kilowatt hours": "kWh", "square meters": "m²",
            "square feet": "sq ft", "degrees celsius": "°C", "degrees fahrenheit": "°F", "centimeters": "cm",
            "miles per hour": "mph",
        },
    }.items()
    for words, sign in pairs.items()
}  # fmt: skip
_FIGURES_OF_SPEECH: Final = word_set("gracias disculpas perdones thanks maravillas apologies veces vezes")
_SCALES: Final = {
    "mil": 1000, "thousand": 1000, "hundred": 100,
    **dict.fromkeys(("millon", "millones", "milhao", "milhoes", "million"), 1_000_000),
}  # fmt: skip
_RANGES: Final = {
    "es": {"o": (), "y": ("entre",), "a": ("de", "desde")},
    "pt": {"ou": (), "e": ("entre",), "a": ("de", "desde")},
    "en": {"or": (), "to": (), "and": ("between",)},
}
"""What parts the ends of a range, and what has to stand before the first, if anything, for it to be one."""
_MILLION: Final = {"es": "millones", "pt": "milhões", "en": "million"}


class _Amount(NamedTuple):
    """A number with its decimals, as it would be written."""

    number: Number
    """Its whole part."""
    first: int
    last: int
    written: str
    """Thousands apart."""
    whole: int
    cents: str
    """Digits behind the decimal sign; empty when none was said."""


def percentages(line: Line) -> Iterator[Found]:
    for amount in _amounts(line):
        at = amount.last + 1
        if (last := _percent(line, at)) is not None:
            yield Found(amount.first, last, percent(amount.written, line.language))


def ranges(line: Line) -> Iterator[Found]:
    """The first end of "fifty to sixty thousand dollars", whose multiplier and currency are said with the second; where
    it may be meant otherwise both are written as they were said."""
    for high in line.numbers.values():
        scale = _scale(line, high)
        low, sure = _low(line, high)
        if low is None or high.bare or _scale(line, low) >= scale or low.value >= high.value // scale:
            continue
        if sure and (written := _written_as(line, low, high, scale)):
            yield Found(low.first, low.last, written)
        else:
            first = _first_listed(line, low)
            yield Found(first, high.last, line.said(first, high.last))


def sums(line: Line) -> Iterator[Found]:
    """Money, with its cents."""
    for amount in _amounts(line):
        at = amount.last + 1
        if line.next(at) in ("de", "of"):
            at += 1
        currency = _CURRENCIES.get(line.next(at), "")
        if not currency:
            continue
        last, cents = (at, amount.cents) if amount.cents else _cents(line, at, amount.whole)
        if last > at and not cents:
            yield Found(amount.first, last, line.said(amount.first, last))
            continue
        if amount.whole == 1 and not cents:
            continue
        number = grouped(amount.whole, line.language, line.country)
        if cents:
            number += separators(line.language, line.country)[1] + cents.ljust(2, "0")
        written = money(number, currency, line.language, line.country)
        if written:
            yield Found(amount.first, last, written)
        elif last == at and amount.whole >= 10:
            yield Found(amount.first, amount.last, amount.written)


def measures(line: Line) -> Iterator[Found]:
    for amount in _amounts(line):
        for length in (3, 2, 1):
            at = amount.last + 1
            words = tuple(line.next(at + ahead) for ahead in range(length))
            sign = _MEASURES.get((line.language, *words), "")
            if sign and amount.written != "1":
                space = "" if sign == "°F" else " "
                yield Found(amount.first, at + length - 1, f"{amount.written}{space}{sign}")
                break


def plain(line: Line) -> Iterator[Found]:
    """Numbers of two digits and more that nothing else explains; those that stand side by side are left as words."""
    for amount in _amounts(line):
        if amount.cents:
            yield Found(amount.first, amount.last, amount.written)
        elif amount.last == amount.number.last and (written := _plain(line, amount.number)):
            yield Found(amount.number.first, amount.last, written)


def may_be_money(line: Line, found: Found) -> bool:
    """Whether what `plain` found may be an amount whose currency is not said: "I can pay two hundred". No year, and
    nothing that is counted or numbered."""
    number = line.numbers.get(found.first)
    if number is None or number.last != found.last or number.value < 100 or 1900 <= number.value <= 2099:
        return False
    return line.before(found.first) not in NUMBERED and not line.is_plural_noun(found.last + 1)


def _scale(line: Line, number: Number) -> int:
    """What multiplies it: 1000 in "sixty thousand"; 1 where nothing does."""
    return max(_SCALES.get(line.word(at), 1) for at in range(number.first, number.last + 1))


def _low(line: Line, high: Number) -> tuple[Number | None, bool]:
    """The number that a range ending in `high` begins with, and whether it surely is one."""
    at = high.first - 1
    low = line.number_before(at)
    parts = _RANGES[line.language]
    if low is None or line.before(high.first) not in parts:
        return (line.ending(at), False) if "," in line.gap(high.first) else (None, False)
    required = parts[line.word(at)]
    alone = line.number_before(low.first) is None and line.word(low.first - 1) not in _POINT[line.language]
    listed = _first_listed(line, low) < low.first
    sure = not low.weak and alone and not listed and (not required or line.before(low.first) in required)
    return low, sure


def _first_listed(line: Line, number: Number) -> int:
    """First token of a list that ends in a number: "twenty, thirty"."""
    first = number.first
    while (before := line.ending(first - 1)) and line.gap(first).strip() == ",":
        first = before.first
    return first


def _written_as(line: Line, low: Number, high: Number, scale: int) -> str:
    """The low end of a range, written as the high end is; empty where that is left in words."""
    at = high.last + 1
    exact = _SCALES.get(line.word(high.last)) == scale and high.value % scale == 0
    hundreds = low.value < 10 and high.value // scale >= 100
    if not exact or hundreds or line.number(at) or _half_million(line, high):
        return ""
    currency = _CURRENCIES.get(line.next(at + 1 if line.next(at) in ("de", "of") else at), "")
    number = grouped(low.value * scale, line.language, line.country)
    if currency:
        return money(number, currency, line.language, line.country) or number
    if not _plain(line, high):
        return ""
    if scale == 1_000_000:
        return str(low.value)
    return str(low.value * scale) if low.value * scale < 10_000 and line.language != "en" else number


def _is_figure(line: Line, number: Number) -> bool:
    listed = any(_is_listed(line, at) for at in (number.first, number.last + 1))
    of_speech = number.value >= 1000 and line.next(number.last + 1) in _FIGURES_OF_SPEECH
    code = number.digits.startswith("0")
    return number.value >= 10 and not (listed or of_speech or number.bare or code or _is_second(line, number))


def _is_second(line: Line, number: Number) -> bool:
    """Whether it is the rest of something that is left in words: "nove e noventa" """
    first = line.number_before(number.first - 1) if line.before(number.first) in _AND[line.language] else None
    return first is not None and len(first.digits) == 1


def _is_listed(line: Line, at: int) -> bool:
    """Whether numbers meet at a token with nothing but a space or, beside a lone digit, a comma between."""
    left, right = line.ending(at - 1), line.numbers.get(at)
    if left is None or right is None or left.weak:
        return False
    single = len(left.digits) == 1 or len(right.digits) == 1
    return line.linked(at) or (single and line.gap(at).strip() == ",")


def _plain(line: Line, number: Number) -> str:
    """Empty where it stays in words."""
    value, language = number.value, line.language
    if value == 1001 or not _is_figure(line, number):
        return ""
    if value >= 1_000_000 and value % 1_000_000 == 0:
        millions = value // 1_000_000
        return f"{millions} {_MILLION[language]}" if millions > 1 else ""
    is_year = 1900 <= value <= 2099
    if value < 10_000 and (language != "en" or is_year):
        return str(value)
    return grouped(value, language, line.country)


def _amounts(line: Line) -> Iterator[_Amount]:
    """Numbers with what is said behind the point; none that stands beside another number."""
    for number in line.numbers.values():
        if (number.digits.startswith("0") and len(number.digits) > 1) or not _stands_alone(line, number):
            continue
        before = line.word(number.first - 1)
        if before in _POINT[line.language] and line.number_before(number.first - 1):
            continue
        first = _article(line, number)
        if first is None:
            continue
        last, decimals = _decimals(line, number)
        whole = number.value
        if not decimals and (half := _half_million(line, number)):
            whole, last = half
        if line.number(last + 1):
            continue
        written = grouped(whole, line.language, line.country)
        if decimals:
            version = line.word(number.first - 1) in _VERSION
            written += ("." if version else separators(line.language, line.country)[1]) + decimals
        yield _Amount(number, first, last, written, whole, decimals)


def _stands_alone(line: Line, number: Number) -> bool:
    """Whether no other number stands right before it; an article is none ("un veinte por ciento")."""
    before = line.number_before(number.first)
    return before is None or (before.weak and before.digits == "1" and line.language != "en")


def _article(line: Line, number: Number) -> int | None:
    """First token, "a" of "a thousand" included; None behind a "hundred" that was not read as part of it."""
    before = line.before(number.first)
    if before == "hundred" or (before == "and" and line.before(number.first - 1) == "hundred"):
        return None
    return number.first - 1 if before == "a" and line.word(number.first) in ("thousand", "million") else number.first


def _decimals(line: Line, number: Number) -> tuple[int, str]:
    at = number.last + 1
    first = line.number(at + 1)
    if line.next(at) not in _POINT[line.language] or first is None:
        return number.last, ""
    digits, last = first.digits, first.last
    while len(digits) < 4 and (following := line.number(last + 1)) and len(following.digits) == 1 and len(digits) <= 2:
        digits, last = digits + following.digits, following.last
    return (last, digits) if len(digits) <= 4 else (number.last, "")


def _half_million(line: Line, number: Number) -> tuple[int, int] | None:
    """ "dos millones y medio": the value and its last token."""
    if number.value % 1_000_000 or not number.value:
        return None
    for words in _HALF[line.language]:
        if all(line.next(number.last + 1 + ahead) == word for ahead, word in enumerate(words)):
            return number.value + 500_000, number.last + len(words)
    return None


def _cents(line: Line, at: int, whole: int) -> tuple[int, str]:
    """Last token and digits of "con cincuenta", "and fifty cents", "ninety nine" behind the currency at a token. One
    behind it without digits: whether these are its cents is in doubt, and all of it stays words."""
    joined = line.next(at + 1) in _AND[line.language]
    cents = line.number(at + 2 if joined else at + 1)
    if cents is None or cents.value > 99 or len(cents.digits) > 2:
        return at, ""
    after = cents.last + 1
    if line.next(after) in _CENTS:
        return after, f"{cents.value:02d}"
    spoken_so = not joined or line.word(at + 1) == "con" or line.language == "pt"
    if not spoken_so or cents.value < 10 or _counts(line, after):
        return at, ""
    sure = _closes(line, after) and (whole < 1000 or whole % 100 > 0)
    return cents.last, f"{cents.value:02d}" if sure else ""


def _counts(line: Line, at: int) -> bool:
    """Whether a number before a token is one of its own: of things, of money, of percent, of days."""
    word = line.next(at)
    period = word in _PERIODS and line.language == "en"
    counted = word in _CURRENCIES or _percent(line, at) is not None or period
    return counted or (line.is_plural_noun(at) and word not in _PRICED)


def _percent(line: Line, at: int) -> int | None:
    """Last token of the "percent", "por ciento" at a token; None in "dos por cien mil", where it is a number."""
    if line.next(at) == "percent":
        return at
    unit = (line.next(at), line.next(at + 1)) in _PER_CENT
    return at + 1 if unit and line.tokens[at + 1].number is None else None


def _closes(line: Line, at: int) -> bool:
    """Whether a price ends before a token: "a month", "al mes", or the end of the clause."""
    priced = line.next(at) in _PER and line.next(at + 1) in _PERIODS
    return not line.linked(at) or priced or line.next(at) in _PRICED
