"""E-mail and web addresses that were spelled."""

import re
from collections.abc import Iterator

from models.display.spans import Rewrite
from models.privacy.cues import folded
from models.privacy.written import emails

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


def addresses(text: str) -> Iterator[Rewrite]:
    """Longest first; an address that is written already is left alone."""
    plain = folded(text)
    taken = 0
    for found in sorted(emails(text), key=lambda one: one.start):
        spelled = "@" not in text[found.start : found.end] and "@www." not in found.value
        if found.start >= taken and spelled:
            taken = found.end
            yield Rewrite(found.start, found.end, found.value.lower())
    for match in _URL.finditer(plain):
        start = _STARTS.match(match.group())
        host = re.sub(rf"\s*{_DOT}\s*", ".", match.group()[start.end() if start else 0 :])
        yield Rewrite(match.start(), match.end(), f"www.{host}" if start else host)
