"""Which kind of number the words beside it name. Pure; places are code points."""

import re
from collections.abc import Sequence
from typing import Final

from models.privacy.cues import Cue, beside_a_card, folded
from models.privacy.numbers import Run

_CUE_REACH = 70
"""Code points between the word that names a number and its first digit."""
_REACH = {"address": 25}
_CUE_REACH_BACK = 30
_LONGEST_PART = 6
_PART_REACH = 20
"""Between the name of a part of a card and its digits: no more than so many of either."""
_COUNTS: Final = frozenset({"3", "4", "15", "16"})
_COUNTED = re.compile(
    r"[\s-]+(?:digit|numer|number|algarismo|cifra|ultimo|on the"
    r"|(?:de |del |do |al |en el |no )?(?:tras|atras|detras|reverso|verso)\b)"
)
_SENTENCE_END = re.compile(r"(?<!\bn)(?<!\bno)(?<!\bnr)(?<!\bnro)(?<!\bnum)[.?!…](?:\s|$)")
"""A stop that shortens no "número"."""
_MONTH_OR_YEAR = re.compile(r"\b(?:mes|month|ano|year)(?: (?:es|is|e))?(?: (?:el|o|the))?,? $")
_ORDER = re.compile(
    r"\b(?:orden|order|guia|factura|nota fiscal|invoice)(?: (?:es|e|is))?(?: (?:la|el|a|o|numero|number))*:? $"
)
_LONGEST_ORDER = 40
"""Code points."""
_TOLD = re.compile(
    r"\W*(?:(?:es|e|is|s|era|seria|son|sao|are|el|la|o|a|the|my|number|numero|en|em|in|with|con|com|por"
    r"|termin\w+|acab\w+|ends?|ending|final|empieza|comeca|starts?)\W+)*"
)

_LINK = r"(?:es|e|is|sera|seria|el|la|o|a|the|numero|number|nro|no|num)"
_CALLED = re.compile(rf"[\s.:#]*(?:{_LINK}[\s.:#]+)*")
_GIVEN_OUT = re.compile(
    rf"[\s.:#]*(?:(?:de|del|da|do|of|for|on) (?:\w+ ){{1,4}}?)?"
    rf"(?:(?:{_LINK}|como|con|com|with|bajo|queda|quedo|fica|ficou|gerad[oa]|generad[oa]|registrad[oa]|asignad[oa])[\s.:#]+)*"
)


def name_of(cues: Sequence[Cue], start: int, end: int, others: Sequence[Run] = ()) -> str:
    """The nearest naming word before the number, or right after it ("…is my social") where it names no other one."""
    before = [cue for cue in cues if 0 <= start - cue.end <= _REACH.get(cue.kind, _CUE_REACH)]
    if before:
        return before[-1].kind
    after = next((cue for cue in cues if 0 <= cue.start - end <= _CUE_REACH_BACK), None)
    shared = after is not None and after.kind == "address"
    if after is None or (not shared and any(0 <= run.start - after.end <= _CUE_REACH_BACK for run in others)):
        return ""
    return after.kind


def still_said(cues: Sequence[Cue], text: str, start: int) -> list[Cue]:
    """The cues less references whose sentence is over before the number: "los datos de su pedido. 310 456 7890"."""
    plain = folded(text)
    return [cue for cue in cues if cue.kind != "reference" or _SENTENCE_END.search(plain, cue.end, start) is None]


def name_around(cues: Sequence[Cue], run: Run) -> str:
    """What a number is amid the words that name it: "el código 712 de atrás"."""
    return next((cue.kind for cue in cues if cue.start <= run.start and run.end <= cue.end), "")


def is_count_in_a_name(cues: Sequence[Cue], text: str, run: Run) -> bool:
    """Whether the number says how many digits are meant, "los 16 dígitos", or is part of a name, "CVV2"."""
    cue = next((cue for cue in cues if cue.start <= run.start and run.end <= cue.end), None)
    if cue is None:
        return False
    return len(run.digits) == 1 or (run.digits in _COUNTS and _COUNTED.match(folded(text), run.end) is not None)


def is_amount_on_a_card(cues: Sequence[Cue], run: Run, capture: bool) -> bool:
    """ "o cartão com mil e setecentos e o empréstimo". In a `capture` it may be four digits of the card."""
    whole = len(run.groups) == 1 and run.groups[0].cardinal and (not capture or run.digits.endswith("00"))
    return whole and any(cue.kind == "card" and cue.start <= run.start and run.end <= cue.end for cue in cues)


def is_told(cues: Sequence[Cue], text: str, start: int) -> bool:
    """Whether nothing but "is" stands between the name and the number: "mi celular es…", "my account ends in…"."""
    before = next((cue for cue in reversed(cues) if cue.end <= start), None)
    return before is not None and _TOLD.fullmatch(folded(text), before.end, start) is not None


def is_given_out(cues: Sequence[Cue], text: str, start: int, *, by_agent: bool) -> bool:
    """Whether the number is said to be the reference: "el folio de su reporte es el…", which an agent words as he
    likes. Behind a comma another one may follow: "los datos de su pedido, 310 456 7890"."""
    before = next((cue for cue in reversed(cues) if cue.end <= start), None)
    called = _GIVEN_OUT if by_agent else _CALLED
    return before is not None and called.fullmatch(folded(text), before.end, start) is not None


def name_along_with_a_card(text: str, start: int, run: Run) -> str:
    """What a short number is that is read along with a card: "vence 08/27 y atrás dice 712"."""
    if len(run.digits) > _LONGEST_PART:
        return ""
    said = [cue for cue in beside_a_card(text[start : run.end]) if cue.end + start <= run.start]
    near = said and run.start - start - said[-1].end <= _PART_REACH
    return said[-1].kind if near else ""


def is_of_an_order(text: str, run: Run) -> bool:
    """Whether it stands right behind what a firm numbers itself, "su orden es la", "nota fiscal", and is not told in
    groups, as phones are."""
    return len(run.groups) == 1 and _ORDER.search(folded(text[: run.start])[-_LONGEST_ORDER:]) is not None


def is_month_or_year(text: str, run: Run) -> bool:
    """ "mes 10 año 27"."""
    return len(run.digits) in (1, 2, 4) and _MONTH_OR_YEAR.search(folded(text[: run.start])[-20:]) is not None
