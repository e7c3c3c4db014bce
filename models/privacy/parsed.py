"""What a turn's words come to: what is judged at once, and the pieces of numbers that wait for judgement."""

from typing import NamedTuple

from engine.facts import Leg
from models.privacy.entities import Entity
from models.privacy.masking import Mask
from models.privacy.readings import Part

_SINGLE, _GROUP, _HALF_A_CARD = 3, 4, 8
"""Digits one by one, in a group as a card has them, and in two of those."""


class Piece(NamedTuple):
    """A stretch of one turn that belongs to a number."""

    turn: int
    leg: Leg
    start: int
    end: int
    parts: tuple[Part, ...]
    start_ms: int
    end_ms: int
    named: str = ""
    """Kind of number that the words beside it name."""
    words_before: int = 0
    """Other words between the piece before it (or the turn's start) and this one."""
    shown: bool = False
    """A lone digit at a turn's end: visible, but remembered in case the next turn goes on."""
    garbled: bool = False
    bare: bool = False
    """No other word stands in its turn, or none that parts its digits."""
    curt: bool = False
    """Hardly another word stands in its turn."""
    told: bool = False
    """It stands right behind its name: "mi celular es…"."""
    natural: bool = False
    """One number said as a whole ("veinte", "doscientos mil"), not a list of digits."""
    thing: str = ""
    """What has the number as its own ("vuelo", "gate"), said between the piece before it and this one."""

    @property
    def digits(self) -> str:
        return "".join(part.digits for part in self.parts)

    @property
    def listed(self) -> bool:
        """A few digits, one by one or in a card's groups, that nothing names: they may be the first of it."""
        few = len(self.digits) <= _HALF_A_CARD and (len(self.parts) >= _SINGLE or len(self.digits) >= _GROUP)
        return few and not (self.natural or self.named or self.thing)


class Parsed(NamedTuple):
    masks: tuple[Mask, ...]
    """Judged at once."""
    entities: tuple[Entity, ...]
    pieces: tuple[Piece, ...]
    words: int
    """Words that are neither numbers, fillers nor "go on"."""
    words_after: int
    """All words after the last piece but fillers."""
    corrects_before: bool
    """A correction stands before the first piece: "perdón, cuatro"."""
    corrects_after: bool
    """…or ends the turn, and is for the next piece: "cuatro ocho, no, perdón"."""
