"""A call's turns: as they are heard, and as they may be shown."""

from collections.abc import Sequence

import msgspec

from engine.facts import Leg
from models.privacy.entities import Entity
from models.privacy.masking import Mask, render, without_overlaps
from models.privacy.parsed import Piece


class SpokenTurn(msgspec.Struct, frozen=True):
    """A final, unmasked: the only place where unjudged digits exist."""

    turn: int
    stream: str
    leg: Leg
    text: str
    start_ms: int
    end_ms: int
    language: str
    """`es pt en`, as far as the recogniser knows; it may be wrong."""


class TurnText(msgspec.Struct, frozen=True):
    """A turn as it may be shown."""

    turn: int
    text: str
    """Masked."""
    masks: tuple[Mask, ...]


class Judged(msgspec.Struct, frozen=True):
    """What is known after a turn, a tick or the end."""

    texts: tuple[TurnText, ...]
    """First the new turn as it may be shown now (of `hear`), then earlier turns whose masks changed."""
    entities: tuple[Entity, ...]
    capture: bool
    """A card or security code is expected or being read."""
    capture_started: bool
    capture_ended: bool
    open_run: bool
    """Digits wait for judgement."""
    held_from_ms: int | None
    """Earliest media time still withheld, for the recorder's watermark; None when nothing is."""


class Page:
    """A turn with masks that may still change."""

    def __init__(self, turn: SpokenTurn, masks: Sequence[Mask]) -> None:
        self.turn = turn
        self.settled = list(masks)
        self.waiting: list[Piece] = []

    def shown(self) -> TurnText:
        waiting = [Mask(piece.start, piece.end, "number") for piece in self.waiting if not piece.shown]
        masks = without_overlaps([*self.settled, *waiting])
        return TurnText(self.turn.turn, render(self.turn.text, masks), masks)
