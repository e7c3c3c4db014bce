"""Streets and the houses in them, where the words beside a number say so. Pure; offsets are code points."""
# ruff: noqa: E501
# A pattern reads best with its alternatives in one row.

import re
from typing import Final

from models.privacy.lexicon import NUMBER_WORDS, word_set

_WORDS: Final = "|".join(word for word, number in NUMBER_WORDS.items() if not number.weak and " " in number.languages)
"""Less those that are everyday words of another language."""
_NUMBER = rf"(?:\d|(?i:{_WORDS})\b)"
_NO_NAME = "|".join(
    sorted(
        word_set(
            """
            on in at to of for by near from off up down along past behind with and or but so if when then before after
            the a an this that these those my your our his her their its i we you he she they it is are was were am pm
            can could will would should must may not just usually always per each every any some no
            """
        )
    )
)
_STREET_BEHIND = re.compile(
    rf"(?:\s(?!(?i:{_NO_NAME})\b)[\w'’.]+){{1,3}}\s(?i:street|avenue|boulevard)\b"
    r"|(?!\sGoogle\b)(?:\s(?!(?:\w+day|Dr|Mr|Mrs|Ms)\b)(?:[A-Z][\w'’.]*|\d+(?:st|nd|rd|th))){1,3}"
    r"\s(?:Road|Drive|Lane|Court|Way|Place|Terrace|Circle|Parkway|Highway|Trail|St|Ave|Rd|Dr(?!\.? [A-Z])|Blvd|Ln|Pl|Pkwy|Hwy|Ct|Cir)\b"
)
_LIVES_AT = re.compile(r"\b(?i:(?:liv|resid)(?:e|es|ed|ing) at) $")
_REACH = 16
"""Code points."""
_PARTICLES = r"(?:de|del|da|do|dos|das|e|y|la|el|los|las)"
_NAME = rf"(?:\s(?:{_PARTICLES}\s){{0,3}}[A-ZÁÉÍÓÚÂÊÔÃÕÇÑ][\w'’.-]*){{1,5}}"
_LIVES_IN = r"(?i:(?:viv(?:o|e|imos)|resid(?:o|imos)) en|(?:mor(?:o|a|amos)|resid(?:o|imos)) (?:na|no|em))"
_PLACE = r"(?i:paseo|plaza|circuito|privada|camino|ronda|glorieta|calzada|cerrada|prolongaci[oó]n|bulevar|blvd|pra[cç]a|largo|alameda)"
_SHORT = r"(?:[Aa]v(?:da?)?(?!\.?\s[Vv]illas\b)|[Cc](?:ra|rr|ll))\.?"
"""Names of streets cut short, by themselves also those of a bank and of authorities: "AV Villas", "the CRA"."""
_BEFORE_A_HOUSE = re.compile(
    rf"\b(?:(?:{_LIVES_IN}|{_PLACE}){_NAME}|{_SHORT}(?:\s[\w'’-]+){{0,4}}?),?(?:\s(?i:n[uú]mero|n[º°]|#))?\s(?={_NUMBER})"
    rf"|\b{_LIVES_IN}\s(?=\d\d?\sde\s[A-Z])"
)
"""Also before a street that is called by a day: "vivo en 25 de Mayo"."""


def is_house_number(text: str, start: int, end: int) -> bool:
    """Whether the name of a street stands right behind a number, or "live at" before it: "12 Oak Street"."""
    lives_at = _LIVES_AT.search(text, max(0, start - _REACH), start)
    return lives_at is not None or _STREET_BEHIND.match(text, end) is not None


def before_house_numbers(text: str) -> list[tuple[int, int]]:
    """Words right before a number that make a house's of it: "Paseo de la Reforma 222"."""
    return [match.span() for match in _BEFORE_A_HOUSE.finditer(text)]
