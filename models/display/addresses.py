"""E-mail and web addresses that were spelled."""

import re
from collections.abc import Iterator

from models.display.spans import Rewrite
from models.privacy.cues import folded
from models.privacy.emails import emails
from models.privacy.lexicon import word_set

_DOT = r"(?:punto|ponto|dot)"
_LABEL = r"[a-z0-9ñ][a-z0-9ñ-]{1,40}"
_TOP = r"(?:com|net|org|edu|gov|gob|info|io)"
_COUNTRY = r"(?:co|mx|br|ar|cl|pe|es|us|uk|pt|ve|ec|uy)"
_WWW = (
    r"(?:www|w w w|triple (?:doble )?(?:u|ve|w)|tres w|(?:doble (?:u|ve) ){2}doble (?:u|ve)"
    r"|double u double u double u)"
)
_URL = re.compile(
    rf"\b(?:{_WWW}[ ,.]+{_DOT}?[ ,]*)?{_LABEL}(?: {_DOT} {_LABEL})? {_DOT} {_TOP}(?: {_DOT} {_COUNTRY})?\b"
    rf"|\b{_WWW}[ ,.]+{_DOT}?[ ,]*{_LABEL}(?: {_DOT} {_LABEL})? {_DOT} {_COUNTRY}\b"
)
_STARTS = re.compile(rf"{_WWW}[ ,.]+(?:{_DOT})?[ ,]*")
_NO_LABELS = word_set(
    """
    el la lo los las un una de del al en por con que este ese aquel cada mismo otro cierto algun ningun
    os as um uma do da dos das no na nos nas em ao desse deste daquele esse nesse neste naquele aquele mesmo outro
    noutro certo algum nenhum qualquer seu meu
    the an of at on in to this that which each every some any no
    """
)
"""What stands before a "punto" that is none of an address: "el punto", "em ponto"."""
_ENDS = re.compile(r"\s*(?:[,.;:?!…]|$)")


def addresses(text: str, language: str) -> Iterator[Rewrite]:
    """Longest first; an address that is written already is left alone. Portuguese "com" is "with" as well: without more
    of an address it counts at the end of a clause alone."""
    plain = folded(text)
    taken = 0
    for found in sorted(emails(text), key=lambda one: one.start):
        spelled = found.value and "@" not in text[found.start : found.end] and "@www." not in found.value
        if found.start >= taken and spelled:
            taken = found.end
            yield Rewrite(found.start, found.end, found.value.lower())
    for match in _URL.finditer(plain):
        start = _STARTS.match(match.group())
        may_be_with = language == "pt" and not start and match.group().endswith(" com")
        if may_be_with and not _ENDS.match(plain, match.end()):
            continue
        host = re.sub(rf"\s*{_DOT}\s*", ".", match.group()[start.end() if start else 0 :])
        if _NO_LABELS.isdisjoint(host.split(".")[:-1]):
            yield Rewrite(match.start(), match.end(), f"www.{host}" if start else host)
