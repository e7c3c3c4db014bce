"""Numbers that are judged at once because what stands beside them says what they are: amounts, times, dates, counts."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from models.privacy.lexicon import word_set
from models.privacy.numbers import Group, Lexed, Run, Token

_UNITS = word_set(
    """
    dia dias day days semana semanas week weeks mes meses month months ano anos year years hora horas hour hours hr
    hrs minuto minutos minute minutes min mins segundo segundos second seconds secs noche noches noite noites night
    nights quincena quincenas trimestre trimestres quarter quarters siglo fecha am pm oclock decada decadas peso
    pesos dolar dolares dollar dollars cent cents centavo centavos buck bucks euro euros real reais sol soles libra
    libras pound pounds usd cop mxn brl clp ars eur pen uf percent porciento million millones millon milhao milhoes
    billion mangos lucas palos grand contos pila cuota cuotas parcela parcelas prestacao prestacoes prestacion
    mensualidad mensualidades mensalidade mensalidades installment installments instalment instalments payment
    payments pago pagos pagamento pagamentos abono abonos vez veces vezes times persona personas pessoa pessoas
    people person users usuario usuarios cliente clientes customers linea lineas line lines linha linhas canal
    canales canais channels mega megas megabyte megabytes megabits mb mbps gb kb tb giga gigas gig gigs gigabytes
    gbps punto puntos point points pontos metro metros meter meters feet foot km kilometro kilometros quilometros
    miles mile kilo kilos kg quilos gramos watts watt kw kwh kilowatts kilowatt volts grado grados graus degrees
    unidad unidades unit units producto productos produto produtos products item items itens articulos factura
    facturas fatura faturas invoices bills boletos llamada llamadas ligacao ligacoes calls chamadas mensaje mensajes
    mensagens messages correos emails hijos kids filhos children cuadra cuadras blocks quadras pulgadas inches
    polegadas litros liters galones gallons habitaciones rooms quartos pisos andares floors aparelhos equipos
    devices dispositivos televisores tvs asientos seats licencias licenses licencas empleados employees funcionarios
    oportunidades intentos attempts tentativas opciones opcoes options paginas pages tiendas lojas stores sucursales
    branches panels paneles paineis piezas pieces cajas boxes caixas habiles uteis dobles letras digitos digits
    numeros numbers algarismos por
    """
)
_BETWEEN = word_set(
    """
    business working work calendar more full whole short extra additional different straight consecutive monthly
    equal easy free long of de do da mas mais primeros ultimos proximos primeiros outros otros otras outras other
    square small solar active fixed bonus total sencillas iguales fijas fixas mensuales corridos seguidos seguidas
    seguidos leve comodas suaves new nuevos
    """
)
_TO = word_set("a al to o u or ou y e and hasta ate")
_LAST = word_set("ultimos ultimas primeros primeras siguientes last first next final primeiros seguintes otros outros")
_PER = frozenset({"por", "per", "al", "a", "each", "cada", "ao", "off", "of", "de"})
_PER_UNITS = word_set(
    """
    ciento cento cent month mes mensuales year ano piece week semana dia day hour hora mensais mensal monthly cada
    """
)
_WEEKDAYS = word_set(
    """
    lunes martes miercoles jueves viernes sabado domingo segunda terca quarta quinta sexta feira monday tuesday wednesday
    thursday friday saturday sunday
    """
)
_DAYPARTS = word_set(
    """
    tarde manana noche madrugada manha noite morning afternoon evening night mediodia
    """
)
_AT = word_set(
    """
    las los la as at until till around about before after ate by desde hasta entre from between antes despues apos
    since
    """
)
_YEAR_AFTER = word_set(
    """
    en in em desde since del de do year ano until hasta ate para by before after for
    """
)
_COUNTED = word_set(
    """
    desculpas gracias disculpas perdones thanks maravillas abrazos cosas things vezes veces times saludos besos beijos
    """
)
_NOT_A_NOUN = word_set(
    """
    gracias pues entonces antes despues menos depois thanks yes this plus minus las los nos les vos ustedes does
    pois mas mais as is us was has his its was because unas unos ellos eles elas quizas jamas ademas porque tras
    tres atras alias perdones dos seis es
    """
)
_SUFFIX = re.compile(r"(?:\s?%|\s?[€$£°]|(?:k|st|nd|rd|th|h|hs|hrs|am|pm|p|g|mb|gb|kg|km|cm|ª|º|a\.m|p\.m)\b)", re.I)
_CURRENCY_BEFORE = re.compile(
    r"(?:\b(?:R|US|U\$S|MX|COL|AR|S/\.?)?\s?[$€£]|S/\.?|\bRS|\b(?:USD|COP|MXN|BRL|EUR|CLP|ARS))\s?$", re.I
)
_WRITTEN_AMOUNT = re.compile(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d{1,7}(?:[.,]\d{1,2})?")
_CLOCK = re.compile(r"\d{1,2}[:h]\d{2}")
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
_ORDINALS = word_set(
    """
    primero primer primeiro first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
    thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth st nd rd th
    """
)
_DATE_GLUE = frozenset({"de", "del", "do", "of", "the", "el", "o", "dia", "year", "ano", "st", "nd", "rd", "th", "in"})


class DateSpan(NamedTuple):
    start: int
    end: int
    has_year: bool


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
    if not groups:
        return found
    for at, token in enumerate(lexed.tokens):
        if token.word in _MONTHS:
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
    ahead = _skip(tokens, at + 1, 1)
    if not has_day and ahead < len(tokens):
        last, has_day = _day_after(tokens, by_first, ahead, last)
        ahead = _skip(tokens, last + 1, 1)
    end, has_year = _year(by_first, ahead)
    if end >= 0:
        last = end
    if not has_day and not has_year:
        return None
    return DateSpan(tokens[first].start, tokens[last].end, has_year)


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


def _year(by_first: dict[int, Group], ahead: int) -> tuple[int, bool]:
    group = by_first.get(ahead)
    if group is None:
        return -1, False
    if len(group.digits) == 4 and group.digits[:2] in ("19", "20"):
        return group.last, True
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


def is_quantity(lexed: Lexed, run: Run, *, guarded: bool, strict: bool = False) -> bool:
    """Whether the run is an amount, a duration, a time, a count or a year by what stands beside it.

    `guarded`: a number is being read aloud; then only a lone number with its own unit is let through.
    `strict`: a number was asked for or named; then being round, or in the millions, does not make it an amount.
    """
    groups = run.groups
    while len(groups) > 1 and groups[0].weak:
        groups = groups[1:]
    if len(groups) == 1 and len(groups[0].digits) == 1 and _counts_digits(lexed, groups[0]):
        return True
    if not guarded and not strict and len(groups) <= 2 and (any(group.big for group in groups) or _is_round(groups)):
        return True
    if guarded and (len(groups) > 1 or (len(groups[0].digits) > 3 and not _money(lexed, groups))):
        return False
    if _written_quantity(lexed, groups):
        return True
    if len(groups) > 2 or sum(len(group.digits) for group in groups) > 9:
        return False
    if _unit_follows(lexed, groups) or (len(groups) == 1 and _range_follows(lexed, groups[0])):
        return True
    return not guarded and (_is_time(lexed, groups) or _is_year(lexed, groups) or _follows_amount(lexed, groups))


def _counts_digits(lexed: Lexed, group: Group) -> bool:
    """ "los últimos cuatro", "the last four"."""
    return group.first > 0 and lexed.tokens[group.first - 1].word in _LAST


def _is_round(groups: Sequence[Group]) -> bool:
    """ "cien mil", "twenty thousand"."""
    only = groups[0]
    return len(groups) == 1 and only.cardinal and len(only.digits) >= 4 and only.digits.endswith("000")


def _money(lexed: Lexed, groups: Sequence[Group]) -> bool:
    return _CURRENCY_BEFORE.search(lexed.text[: groups[0].start][-8:]) is not None or _unit_follows(lexed, groups)


def _written_quantity(lexed: Lexed, groups: Sequence[Group]) -> bool:
    """ "$45.50", "1.250.000 pesos", "15%", "10:30"."""
    start, end = groups[0].start, groups[-1].end
    whole = lexed.text[start:end]
    amount = _WRITTEN_AMOUNT.fullmatch(whole) is not None
    if amount and _CURRENCY_BEFORE.search(lexed.text[max(0, start - 8) : start]):
        return True
    if len(groups) > 1 and not amount:
        return len(groups) == 2 and _CLOCK.fullmatch(whole) is not None
    if amount and _SUFFIX.match(lexed.text, end):
        return True
    return amount and len(groups) > 2 and _word_follows_is_unit(lexed, groups[-1])


def _word_follows_is_unit(lexed: Lexed, group: Group) -> bool:
    tokens, at = lexed.tokens, group.last + 1
    if at >= len(tokens) or _has_stop(lexed.text[group.end : tokens[at].start]):
        return False
    for _ in range(2):
        if at < len(tokens) and tokens[at].word in _BETWEEN and tokens[at].word not in _UNITS:
            at += 1
    if at >= len(tokens):
        return False
    word = tokens[at].word
    following = tokens[at + 1].word if at + 1 < len(tokens) else ""
    if word in ("por", "per", "al", "a", "ao", "each", "o", "p", "da", "de", "in", "en") or word in _PER:
        return following in _PER_UNITS or following in ("m", "clock") or following in _DAYPARTS or following == "punto"
    return word in _UNITS or word in _COUNTED or word in _DAYPARTS


def _has_stop(gap: str) -> bool:
    return any(c in ".,;:?!" for c in gap)


def _unit_follows(lexed: Lexed, groups: Sequence[Group]) -> bool:
    last = groups[-1]
    if _daypart_follows(lexed, last) or _word_follows_is_unit(lexed, last):
        return len(groups) == 1 or sum(len(group.digits) for group in groups) <= 4 or _one_amount(lexed, groups)
    if lexed.text[last.end :].startswith(("%", " %", "°", "º")):
        return len(groups) == 1
    return False


def _range_follows(lexed: Lexed, group: Group) -> bool:
    """ "doce a quince días", "two to three weeks": the unit stands beside the second number."""
    tokens, at = lexed.tokens, group.last + 1
    if at + 1 >= len(tokens) or tokens[at].word not in _TO or not tokens[at + 1].numeric:
        return False
    second = next((one for run in lexed.runs for one in run.groups if one.first == at + 1), None)
    return second is not None and _unit_follows(lexed, [second])


def _one_amount(lexed: Lexed, groups: Sequence[Group]) -> bool:
    return _WRITTEN_AMOUNT.fullmatch(lexed.text[groups[0].start : groups[-1].end]) is not None


def _daypart_follows(lexed: Lexed, group: Group) -> bool:
    """ "cinco de la tarde", "dez da manhã", "six in the evening"."""
    words = [token.word for token in lexed.tokens[group.last + 1 : group.last + 4]]
    return bool(words) and words[0] in ("de", "da", "in", "por") and any(word in _DAYPARTS for word in words)


def _is_time(lexed: Lexed, groups: Sequence[Group]) -> bool:
    """ "a las diez y media", "at ten thirty", "às 14"."""
    before = lexed.tokens[groups[0].first - 1].word if groups[0].first else ""
    if (before == "dia" or before in _WEEKDAYS) and len(groups) == 1:
        return int(groups[0].digits[:6] or 0) <= 31
    if before == "la" and groups[0].digits != "1":
        return False
    if before not in _AT or not groups[0].digits or int(groups[0].digits[:6]) > 24:
        return False
    return len(groups) == 1 or (len(groups[1].digits) == 2 and int(groups[1].digits) <= 59)


def _is_year(lexed: Lexed, groups: Sequence[Group]) -> bool:
    before = lexed.tokens[groups[0].first - 1].word if groups[0].first else ""
    digits = "".join(group.digits for group in groups)
    return (
        before in _YEAR_AFTER
        and len(digits) == 4
        and digits[:2] in ("19", "20")
        and groups[0].digits[:2] in ("19", "20")
    )


def _follows_amount(lexed: Lexed, groups: Sequence[Group]) -> bool:
    """ "cuarenta dólares con cincuenta"; and a count of things: "veinte empleados"."""
    tokens, first = lexed.tokens, groups[0].first
    if first >= 2 and tokens[first - 1].word in ("con", "and", "e", "y", "com") and tokens[first - 2].word in _UNITS:
        return len(groups) == 1 and len(groups[0].digits) <= 2
    at = groups[-1].last + 1
    if len(groups) > 1 or len(groups[0].digits) > 3 or at >= len(tokens):
        return False
    word = tokens[at].word
    plural = len(word) >= 4 and word.endswith("s") and word not in _NOT_A_NOUN
    return plural and not tokens[at].numeric and not _has_stop(lexed.text[groups[-1].end : tokens[at].start])
