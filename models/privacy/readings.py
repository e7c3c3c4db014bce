"""The ways to read a number that was corrected while it was read, or said by two people in turns. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.facts import Leg

_MAX_READINGS = 64
_MAX_REPLACED = 4
"""A correction replaces at most so many digits before it."""


class Part(NamedTuple):
    """One group of digits of a run."""

    digits: str
    leg: Leg
    corrected: bool = False
    """A correction stands before it: it replaces something."""


def readings(parts: Sequence[Part]) -> list[str]:
    """Likeliest first: each speaker's own digits, then all; a correction replaces digits before it, or none."""
    legs = list(dict.fromkeys(part.leg for part in parts))
    found: dict[str, None] = {}
    for leg in legs:
        found.update(dict.fromkeys(_corrected([part for part in parts if part.leg == leg])))
    if len(legs) > 1 and not _is_echo(parts, legs):
        found.update(dict.fromkeys(_corrected(parts)))
    return list(found)


def likeliest(parts: Sequence[Part]) -> str:
    """One speaker's digits, each correction replacing as many digits as its first group has."""
    way = ""
    for part in parts:
        way = (way[: max(0, len(way) - len(part.digits))] if part.corrected else way) + part.digits
    return way


def _is_echo(parts: Sequence[Part], legs: Sequence[Leg]) -> bool:
    """One speaker only repeats what the other says."""
    said = ["".join(part.digits for part in parts if part.leg == leg) for leg in legs]
    shortest, longest = min(said, key=len), max(said, key=len)
    return shortest in longest


def _corrected(parts: Sequence[Part]) -> list[str]:
    ways = [""]
    for part in parts:
        if not part.corrected:
            ways = [way + part.digits for way in ways]
            continue
        ways = [cut + part.digits for way in ways for cut in _cuts(way, len(part.digits))][:_MAX_READINGS]
    plain = "".join(part.digits for part in parts)
    return list(dict.fromkeys([*ways, plain]))


def _cuts(way: str, length: int) -> list[str]:
    """What may be left of the digits before a correction: first as many replaced as are said after it."""
    sizes = dict.fromkeys([length, *range(1, _MAX_REPLACED + 1), 0])
    return [way[: len(way) - size] for size in sizes if size <= len(way)]
