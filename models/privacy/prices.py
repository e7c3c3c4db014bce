"""Amounts of money, by the words around them alone: "la factura me llegó por ciento veinticinco mil novecientos"."""
# ruff: noqa: E501
# A pattern reads best with its alternatives in one row.

import re
from collections.abc import Sequence
from typing import Final

from models.privacy.cardinals import Group
from models.privacy.cues import folded
from models.privacy.lexicon import JOINERS
from models.privacy.numbers import Lexed, Run

WRITTEN_AMOUNT = re.compile(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d{1,7}(?:[.,]\d{1,2})?")
_CENTS = re.compile(r"[.,]\d{1,2}$")
_MOST: Final = 8
"""Digits before the cents of what people pay for by telephone."""
_PLAIN: Final = 5
"""…and of those that are written without signs, like anybody's number."""
_IDENTITY: Final = 7
"""So many that are told to the last are a person's sooner than a price's."""
_BEHIND: Final = 24
"""Code points."""
_CLAUSE_ENDS = re.compile(r"[.,;:?!\n]")
_CLAUSE_STARTS = re.compile(r"[?!;¿¡\n]|[.,](?!\d)")
_MONEY = (
    r"(?:deud\w+|deb[eo]\w*|dev[eo]|devem|devendo|divida|ow(?:e|es|ed|ing)|saldos?|balance"
    r"|totale?s?|val(?:e(?! *,)|en|em|or|ores|ia)"
    r"|preci\w+|preco\w*|prices?d?|cuesta\w*|cost\w*|custa\w*|cuotas?|parcelas?|pag(?:a|o|ar|as|ue|ou|aba|ava|amos|aron|aria|ando|os|uei)"
    r"|pay\w*|paid|cobr\w+|cargos?|charg\w+|factur\w+|fatur\w+|bills?|mora|capital|interes(?:es|t)?|juros|gan\w+|ganh\w+|sueldo|salari\w+"
    r"|salary|ingresos?|credito|prestamo|prestaron|emprestimo|loan|mont[oa]\w*|importe|amount\w*|abon\w+|descuento|desconto|discount"
    r"|dinero|dinheiro|money|plata|pesos|reais|dolares|dollars|cop|usd|presupuesto|orcamento|ventas|vendas|sales|made)"
)
_OF_MONEY = re.compile(rf"\b{_MONEY}\b")
_MONEY_BEHIND = re.compile(rf"\W*(?:(?:de|del|do|da|no|na|em|en|of|in|the|la|el|o|a|su|mi) ){{0,2}}{_MONEY}\b")
_AT_A_PRICE = re.compile(
    r"\b(?:lleg(?:o|a|aba)|qued(?:o|a|aba|aria|an|aron|e)|sal(?:e|io|ia|dria|en|ieron)|sub(?:e|io)|baj[ao]|vin(?:o|ieron)|vienen?|dej(?:o|an?|aron|aria|amos|e)"
    r"|sai(?:u|a)?|fic(?:a|ou|aria|am)|ve(?:io|m)|deu|da|foi|c[ao]mes?|goes|went|ends? up|r[au]ns?|is|was)"
    r"(?: \w+){0,2}? (?:en|por|a|em|to|at|for)(?: (?:los|unos|uns|os|about|around))?\s*$"
)
"""What something comes to."""
_IT_IS = re.compile(r"\b(?:deu|da|foi|e|es|fue|is|s|was|veio|vino|son|sao)\s*$")
_ANOTHER = re.compile(r"\b(?:en|por|a|em|to|at|for|de|y|e|and|ou|o|or)\s*$")
"""Before one more price: "queda en 45.900 y el equipo en 899.900"."""
_OF_A_PERSON = re.compile(
    r"\b(?:numero|number|document\w*|identi\w+|cedula|dni|rut|cpf|soy|me llamo|sou|me chamo|my name|nombre|nome)\b"
)
_OF_A_CARD = re.compile(
    r"\b(?:tarjetas?|plastico|cartao|cartoes|cards?|visa|master(?:card)?|amex|codigo|clave|code|senha|nip|pin|token|anot\w+|apunt\w+|tome nota|dict\w+|dit\w+|down"
    r"|(?:con|com|with|no) (?:(?:mi|la|el|meu|my) )?(?:credito|debito|credit|debit)(?! (?:de|of)\b))\b"
)
"""…or of a code, or of its reading."""
_SOMEBODYS = re.compile(r"\b(?:la|el|lo|o|a|the)\s*$")
"""Before a number it is no price: "la 52.345.678"."""


def speaks_of_money(lexed: Lexed, groups: Sequence[Group]) -> bool:
    """Whether the clause up to the number, or a word right behind it, is about a debt, a price or a wage."""
    plain = folded(lexed.text)
    start, end = groups[0].start, groups[-1].end
    clause = plain[max(plain.rfind(sign, 0, start) for sign in ".?!;¿¡") + 1 : start]
    return _OF_MONEY.search(f"{clause} {_behind(plain, end)}") is not None and _OF_A_PERSON.search(clause) is None


def is_price(lexed: Lexed, run: Run, *, of_a_thing: bool = False, another: bool = False) -> bool:
    """Whether a number that is said as a whole, or written as an amount, is what something costs, and not somebody's.

    `of_a_thing`: what is sold may have a number too ("el celular queda en…"), so the price has to stand right before.
    `another`: a price stands before it in its turn.
    """
    if not _is_one_amount(lexed, run):
        return False
    plain = folded(lexed.text)
    before = plain[max((match.end() for match in _CLAUSE_STARTS.finditer(plain, 0, run.start)), default=0) : run.start]
    if _OF_A_PERSON.search(before):
        return False
    said = before[max((match.end() for match in _OF_A_CARD.finditer(before)), default=0) :]
    text = lexed.text[run.start : run.end]
    cents = _CENTS.search(text) is not None
    if _AT_A_PRICE.search(said) or (cents and _IT_IS.search(said)):
        return True
    exact = not cents and len(run.digits) >= _IDENTITY and not run.digits.endswith("0")
    if of_a_thing or exact or text.isdigit() or _SOMEBODYS.search(said):
        return False
    if another and len(run.digits) < _MOST and _ANOTHER.search(said):
        return True
    return _OF_MONEY.search(said) is not None or _MONEY_BEHIND.match(_behind(plain, run.end)) is not None


def _is_one_amount(lexed: Lexed, run: Run) -> bool:
    """ "ciento veinticinco mil novecientos", "125.900", "mil duzentos e noventa e nove e noventa"."""
    first, *rest = run.groups
    text = lexed.text[run.start : run.end]
    if WRITTEN_AMOUNT.fullmatch(text):
        whole = [sign for sign in _CENTS.sub("", text) if sign.isdigit()]
        return not text.startswith("0") and len(whole) <= (_PLAIN if text.isdigit() else _MOST)
    if not first.cardinal or len(first.digits) > _MOST:
        return False
    between = [token.word for token in lexed.tokens[first.last + 1 : rest[0].first]] if rest else []
    cents = len(rest) == 1 and rest[0].cardinal and len(rest[0].digits) == 2 and len(between) == 1
    return not rest or (cents and JOINERS.issuperset(between))


def _behind(plain: str, end: int) -> str:
    return _CLAUSE_ENDS.split(plain[end : end + _BEHIND], maxsplit=1)[0]
