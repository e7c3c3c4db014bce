"""Which sound a recording must not hold: the turns whose digits are a card's, or stay unexplained."""

from typing import Final, NamedTuple

from models.privacy import TurnText
from pipelines.utterance import Utterance

NEVER_KEPT: Final = frozenset({"card", "cvv", "card_expiry"})
"""PCI DSS 4.0.1 §3.3 forbids keeping what authenticates a card, §3.5 an unprotected number."""
UNEXPLAINED: Final = "number"
"""The mask of digits that are not judged, or could not be: guilty in sound as they are in text."""


class Withheld(NamedTuple):
    held_from_ms: int | None
    """From here on nothing may be written yet: digits wait for judgement. None when none do."""
    cuts: tuple[tuple[int, int], ...]
    """Spans of media time (start, end) that must be silence. Whole turns: where in a turn a digit was said is known
    from its words' order alone."""


class Withholding:
    """Follows the masks of a call's turns. Pure."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, int]] = {}
        """Turns with unexplained digits: their spans."""
        self._cuts: list[tuple[int, int]] = []

    def saw(self, utterance: Utterance, text: TurnText) -> None:
        """A turn as it may be shown now, for the first time or again."""
        span = utterance.start_ms, utterance.end_ms
        labels = {mask.label for mask in text.masks}
        if labels & NEVER_KEPT:
            self._cuts.append(span)
        if UNEXPLAINED in labels:
            self._open[text.turn] = span
        else:
            self._open.pop(text.turn, None)

    def take(self, held_from_ms: int | None) -> Withheld:
        """`held_from_ms`: start of the earliest turn whose digits still wait; those before it are judged, and what is
        unexplained in them stays so."""
        judged = [turn for turn, span in self._open.items() if held_from_ms is None or span[0] < held_from_ms]
        self._cuts += [self._open.pop(turn) for turn in judged]
        cuts, self._cuts = tuple(self._cuts), []
        return Withheld(held_from_ms, cuts)
