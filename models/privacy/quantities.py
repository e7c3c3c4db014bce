"""Numbers that are judged at once because what stands beside them says what they are: amounts, times, counts."""

import re
from collections.abc import Sequence

from models.privacy.cardinals import Group
from models.privacy.lexicon import word_set
from models.privacy.numbers import Lexed, Run

_UNITS = word_set(
    """
    dia dias day days semana semanas week weeks mes meses month months ano anos year years hora horas hour hours hr
    hrs minuto minutos minute minutes min mins segundo segundos second seconds secs noche noches noite noites night
    nights quincena quincenas trimestre trimestres quarter quarters siglo am pm oclock decada decadas peso
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
    lunes martes miercoles jueves viernes sabado domingo segunda terca quarta quinta sexta feira monday tuesday
    wednesday thursday friday saturday sunday
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
