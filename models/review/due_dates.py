"""The day that somebody means: "el viernes", "depois de amanhã", "in three days", "March 15". Pure.

Only what names one day is taken; "soon" and "at the end of the month" are no dates, and neither is a day that is past
or that somebody is thanked for.
"""

import datetime
import re
from collections.abc import Callable

from models.compliance.text import fold
from models.privacy.lexicon import word_set

_DAYS = {
    "monday": 0, "lunes": 0, "segunda": 0, "tuesday": 1, "martes": 1, "terca": 1, "wednesday": 2, "miercoles": 2,
    "quarta": 2, "thursday": 3, "jueves": 3, "quinta": 3, "friday": 4, "viernes": 4, "sexta": 4, "saturday": 5,
    "sabado": 5, "sunday": 6, "domingo": 6,
}  # fmt: skip
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january enero janeiro", "february febrero fevereiro", "march marzo marco", "april abril",
            "may mayo maio", "june junio junho", "july julio julho", "august agosto",
            "september septiembre setiembre setembro", "october octubre outubro", "november noviembre novembro",
            "december diciembre dezembro",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_NUMBERS = {
    name: number
    for number, names in enumerate(
        (
            "one un uno una um uma", "two dos dois duas", "three tres", "four cuatro quatro", "five cinco",
            "six seis", "seven siete sete", "eight ocho oito", "nine nueve nove", "ten diez dez", "eleven once onze",
            "twelve doce doze", "thirteen trece treze", "fourteen catorce quatorze", "fifteen quince quinze",
            "sixteen dieciseis dezesseis", "seventeen diecisiete dezessete", "eighteen dieciocho dezoito",
            "nineteen diecinueve dezenove", "twenty veinte vinte", "veintiuno veintiun veintiuna", "veintidos",
            "veintitres", "veinticuatro", "veinticinco", "veintiseis", "veintisiete", "veintiocho", "veintinueve",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_TENS = {
    name: tens
    for tens, names in zip(
        range(20, 100, 10),
        (
            "twenty veinte veinti vinte", "thirty treinta trinta", "forty cuarenta quarenta",
            "fifty cincuenta cinquenta", "sixty sesenta sessenta", "seventy setenta", "eighty ochenta oitenta",
            "ninety noventa",
        ),
        strict=True,
    )
    for name in names.split()
}  # fmt: skip
_OPEN = frozenset({*_TENS, "decimo", "vigesimo", "trigesimo"})
"""Words before a number that may be its beginning."""
_MORE = frozenset({"mil", "thousand", "hundred"})
"""Words behind a number with which it is no day."""
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "primero": 1,
    "primeiro": 1,
}  # fmt: skip
_AHEAD = datetime.timedelta(183)
"""A day of a month that lies further ahead was meant as past."""
_LEADS = word_set("el al antes para on by this next na no ate proximo este until")
"""Words before a day of the week that is one ("segunda" alone is also an ordinal)."""
_ORDINAL_DAYS = frozenset({"segunda", "terca", "quarta", "quinta", "sexta"})
_ORDINAL_LEADS = word_set("na ate proxima para pra essa nessa nesta")
_COUNTED = frozenset(
    (
        "parcela", "parcelas", "fatura", "faturas", "vez", "via", "vias", "linha", "conta", "prestacao", "mensalidade",
        "tentativa", "ligacao", "opcao", "etapa", "parte", "cobranca", "compra", "semana", "quinzena", "metade",
        "visita", "proposta", "oferta", "alternativa", "forma", "condicao", "data", "pessoa", "negociacao", "fase",
        "reuniao", "chamada",
    )
)  # fmt: skip
"""What an ordinal counts: "na segunda parcela" is no Monday."""
_PAST = frozenset({"pasado", "passado", "passada", "last", "past", "ultimo", "ultima", "anterior"})
"""Beside a day that was."""
_WAS = frozenset(("since", "was", "were", "missed"))
"""Within three words before a day on which something was: "I missed Monday", "it was due on Friday"."""
_DONE = frozenset(("made", "got", "called", "paid", "sent"))
"""Of a day that was as well: "the payment you made Friday"."""
_NOT_YET = frozenset(("be", "get", "have", "ve"))
"""Within three words before one of these, which is still to be: "I'll have it paid by Friday", "you've got Friday"."""
_NO_LEADS = frozenset(("al", "ao", "por", "todo", "cada", "bom", "buen", "un", "um", "algun", "algum", "otro", "outro"))
"""Words before a day ("dia") whose number counts something else, or that is no one day."""
_NO_DAYS = frozenset(("veces", "vezes", "horas", "cuotas", "parcelas", "llamadas", "ligacoes", "personas", "pessoas"))
_EVERY = frozenset(("cada", "todo", "todos", "every", "each"))
_DUE = word_set("vencio venceu vencia era fue foi desde pague paguei")
"""Before a day of a month on which something was."""
_TO_COME = word_set(
    """
    para hasta mejor pero puedo voy pago pagare pagar pagarle abono abonar consigno deposito llamo llamare
    pra ate melhor mas posso vou consigo pagarei ligo
    """
)
"""Before a day of a month on which something is to be."""
_OF_NOUN = word_set("el su mi del de un o seu meu do um")
"""Before a payment or a deposit ("pago", "deposito"), which says neither."""
_BACK = 6
"""Words before a day of a month in which it is looked for whether the day was or is to be."""
_LATER = frozenset(("next", "proximo", "viene", "vem", "entrante"))
"""Behind a day of the month that comes."""
_ONE = (["un"], ["una"], ["um"], ["uma"], ["one"])
_UNITS = {"day": 1, "days": 1, "dia": 1, "dias": 1, "week": 7, "weeks": 7, "semana": 7, "semanas": 7}
_WORKED = frozenset({"habil", "habiles", "laborable", "laborables", "util", "uteis", "business", "working"})
"""Beside days of which Saturday and Sunday are none."""
_WORD = re.compile(r"[^\W_]+|%", re.UNICODE)
"""A percent sign is a word, so that "el 15%" is not the fifteenth."""
_THANKS = re.compile(
    r"\b(?:thank(?:s| you)(?:\s+\w+){0,2}\s+for|gracias(?:\s+\w+){0,2}\s+por"
    r"|obrigad[oa]s?(?:\s+\w+){0,2}\s+(?:por|pela|pelo)|agrade[cz]\w+)\b[^,.;:!?…]*",
    re.IGNORECASE,
)
"""With what it is for: "thank you for calling today"."""


def due_date(
    text: str, day: datetime.date, holds: Callable[[int, int], bool] = lambda start, end: True
) -> datetime.date | None:
    """The first day that the text names, from the day of the call on; None when it names none. `holds`: whether a day
    whose word lies between these places of the text is one that is meant."""
    found = list(_WORD.finditer(_THANKS.sub(lambda thanks: " " * len(thanks.group()), text)))
    words = [fold(match.group()) for match in found]
    for at, match in enumerate(found):
        if (named := _named(words, at, day)) and holds(*match.span()):
            return named
    return None


def _named(words: list[str], at: int, day: datetime.date) -> datetime.date | None:
    ways = (_near, _in_days, _weekday, _of_month, _of_no_month)
    return next((found for way in ways if (found := way(words, at, day))), None)


def _near(words: list[str], at: int, day: datetime.date) -> datetime.date | None:
    here, before, after = words[at], words[max(0, at - 3) : at], words[at + 1 : at + 2]
    if here in ("hoy", "hoje", "today", "tonight"):
        return day
    if here == "pasado" and after == ["manana"]:
        return day + datetime.timedelta(2)
    if here == "amanha":
        return day + datetime.timedelta(2 if before[-2:] == ["depois", "de"] else 1)
    if here == "manana" and before[-1:] not in (["la"], ["esta"]):  # else it is the morning
        return day + datetime.timedelta(1)
    if here == "tomorrow":
        return day + datetime.timedelta(2 if before[-2:] == ["day", "after"] else 1)
    return None


def _in_days(words: list[str], at: int, day: datetime.date) -> datetime.date | None:
    """ "en tres días", "em uma semana", "in 5 days", "within two weeks", "en cinco días hábiles"."""
    if words[at] not in ("en", "em", "in", "within", "dentro", "daqui"):
        return None
    rest = words[at + 1 :]
    rest = rest[1:] if rest[:1] in (["de"], ["a"]) and words[at] in ("dentro", "daqui") else rest
    count, behind = (1, 1) if rest[:1] == ["a"] else _number(rest, 0)
    worked = bool(_WORKED & set(rest[behind : behind + 2]))
    behind += rest[behind : behind + 1] in (["business"], ["working"])
    unit = _UNITS.get(rest[behind], 0) if behind < len(rest) else 0
    if not 0 < count <= 90 or not unit:
        return None
    return _working_day(day, count) if worked and unit == 1 else day + datetime.timedelta(count * unit)


def _working_day(day: datetime.date, count: int) -> datetime.date:
    """So many days from Monday to Friday on; a holiday, which no calendar here knows, makes it later."""
    while count:
        day += datetime.timedelta(1)
        count -= day.weekday() < _DAYS["saturday"]
    return day


def _weekday(words: list[str], at: int, day: datetime.date) -> datetime.date | None:
    """The next such day; today's own name means a week on."""
    here = words[at]
    if here not in _DAYS:
        return None
    fair = words[at + 1 : at + 2] == ["feira"]
    behind = words[at + 2 if fair else at + 1 :]
    if _PAST & {*words[max(0, at - 1) : at], *behind[:1]} or {"pasada", "passada"} & set(behind[:4]):
        return None
    led = _ORDINAL_LEADS & set(words[max(0, at - 1) : at]) and not _COUNTED & set(behind[:1])
    if here in _ORDINAL_DAYS and not fair and not led:
        return None
    named = _LEADS & set(words[max(0, at - 2) : at]) or _is_alone(words, at)
    if (here not in _ORDINAL_DAYS and not named) or _was(words, at):
        return None
    return day + datetime.timedelta((_DAYS[here] - day.weekday() - 1) % 7 + 1)


def _is_alone(words: list[str], at: int) -> bool:
    """An English name needs nothing before it ("I'll call you Monday"); it is no one day in "every Monday", "Monday's"
    and "Monday to Friday"."""
    around = (words[max(0, at - 2) : at + 1], words[at : at + 3])
    spans = any(three[1:2] in (["to"], ["through"], ["till"]) and {*three[::2]} <= _DAYS.keys() for three in around)
    whole = words[max(0, at - 1) : at] not in (["every"], ["each"]) and words[at + 1 : at + 2] != ["s"]
    return words[at].endswith("day") and whole and not spans


def _was(words: list[str], at: int) -> bool:
    """Whether the words before tell, in English, what was on that day."""
    for back in reversed(range(max(0, at - 3), at)):
        if words[back] in ("and", "but", "so", "until", "next"):
            return False
        done = words[back] in _DONE and not _NOT_YET & set(words[max(0, back - 3) : back])
        if done or words[back] in _WAS:
            return True
    return False


def _of_month(words: list[str], at: int, day: datetime.date) -> datetime.date | None:
    """ "el 15 de marzo", "vinte e cinco de novembro", "March 15", "the fifth of May". One that is past means next
    year's; a number that may be read in two ways names no day."""
    month = _MONTHS.get(words[at])
    if month is None:
        return None
    if {"pasado", "passado", "last"} & set(words[at + 1 : at + 4]):
        return None
    end = at
    while end > max(0, at - 3) and words[end - 1] in ("de", "of", "the"):
        end -= 1
    number = _day_before(words, end)
    return _next(day, month, _day_after(words, at + 1) if number is None else number)


def _day_before(words: list[str], end: int) -> int | None:
    """The number whose words end there: 0 for one that is no day, None when there is none."""
    for start in range(max(0, end - 3), end):
        number, behind = _number(words, start, ordinal=True)
        if number and behind == end:
            return 0 if start and words[start - 1] in _OPEN else number
    return None


def _day_after(words: list[str], start: int) -> int:
    number, behind = _number(words, start, ordinal=True)
    if behind < len(words) and words[behind] in _MORE:
        return 0
    year, _ = _number(words, behind)
    if words[start:behind] == ["twenty"] and 0 < year < 100 and words[behind : behind + 2] != ["twenty"] * 2:
        return 0  # "March twenty twenty seven" is that year's
    return number


def _of_no_month(words: list[str], at: int, day: datetime.date) -> datetime.date | None:
    """ "el día quince", "el quince de este mes", "no dia 10", "on the fifteenth": the next one."""
    number, behind = _number(words, at + 1, ordinal=True)
    before, after = words[max(0, at - _BACK) : at], words[behind : behind + 4]
    of_it = set(after[1:2] if after[:1] in (["de"], ["of"]) else ())
    if not number or words[at + 1 : at + 2] in _ONE or of_it & (_EVERY | _MONTHS.keys()) or _MORE & set(after[:1]):
        return None
    if _PAST & set(after) or _is_over(words, at):
        return None
    match words[at]:
        case "dia":
            led = not (_NO_LEADS & set(before[-1:]) or _NO_DAYS & set(after[:1]))
        case "el":  # "acepto el dos" is no day
            alone = number > 4 and after[:1] in ([], ["sin"]) and not _TO_COME.isdisjoint(before)
            led = alone or after[:3] == ["de", "este", "mes"] or after[:2] in (["del", "mes"], ["del", "proximo"])
        case "the" if words[behind - 1] in _ORDINALS or words[behind - 1].endswith(("st", "nd", "rd", "th")):
            led = before[-1:] in (["on"], ["by"], ["until"], ["before"]) and (
                not after or after[:2] in (["of", "this"], ["of", "next"])
            )
        case _:
            return None
    return _in_month(day, number, later=bool(_LATER & set(after))) if led else None


def _is_over(words: list[str], at: int) -> bool:
    """Whether the nearest word before that tells says that something was on that day."""
    for back in reversed(range(max(0, at - _BACK), at)):
        if words[back] in _DUE:
            return True
        if words[back] in _TO_COME and _OF_NOUN.isdisjoint(words[max(0, back - 1) : back]):
            return False
    return False


def _in_month(day: datetime.date, number: int, *, later: bool) -> datetime.date | None:
    for ahead in range(later, 3):
        month = day.month - 1 + ahead
        try:
            found = datetime.date(day.year + month // 12, month % 12 + 1, number)
        except ValueError:
            continue
        if day <= found:
            return found
    return None


def _next(day: datetime.date, month: int, number: int) -> datetime.date | None:
    for year in (day.year, day.year + 1):
        try:
            found = datetime.date(year, month, number)
        except ValueError:
            continue
        if day <= found <= day + _AHEAD:
            return found
    return None


def _number(words: list[str], at: int, *, ordinal: bool = False) -> tuple[int, int]:
    """The number whose words begin there, and the place behind them; 0 when there is none."""
    word = words[at] if at < len(words) else ""
    if digits := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?", word):
        return int(digits[1]), at + 1
    if word in _TENS:
        last = at + 2 if words[at + 1 : at + 2] in (["y"], ["e"]) else at + 1
        unit = _word_number(words, last, ordinal=ordinal)
        if 0 < unit < 10:
            return _TENS[word] + unit, last + 1
        return _TENS[word], at + 1
    return _word_number(words, at, ordinal=ordinal), at + 1


def _word_number(words: list[str], at: int, *, ordinal: bool) -> int:
    word = words[at] if at < len(words) else ""
    return _NUMBERS.get(word, 0) or (_ORDINALS.get(word, 0) if ordinal else 0)
