"""Which sound a recording must not hold: where digits were said that are a card's, or stay unexplained."""

from typing import Final, NamedTuple

from models.privacy import Mask, TurnText
from pipelines.utterance import Utterance
from pipelines.word_times import surely_within

NEVER_KEPT: Final = frozenset({"card", "cvv", "card_expiry"})
"""PCI DSS 4.0.1 §3.3 forbids keeping what authenticates a card, §3.5 an unprotected number."""
UNEXPLAINED: Final = "number"
"""The mask of digits that are not judged, or could not be: guilty in sound as they are in text."""


class Withheld(NamedTuple):
    held_from_ms: int | None
    """From here on nothing may be written yet: digits wait for judgement. None when none do."""
    cuts: tuple[tuple[int, int], ...]
    """Spans of media time (start, end) that must be silence, margins included."""


MARGIN_MS: Final = 300
"""So much more on each side of a turn: under noise of 8 dB one ends up to 0.17 s behind what the VAD says, and none
begins before it (`make bench CELL=accuracy.turn_edges`)."""


UNHEARD_MS: Final = 1_000
"""Speech for so long without a word is more than a word's end that was put too early."""


class Withholding:
    """Follows the masks of a call's turns. Pure."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, list[tuple[int, int]]]] = {}
        """Turns with unexplained digits: where they begin, and the spans of those digits."""
        self._cuts: list[tuple[int, int]] = []

    def saw(self, utterance: Utterance, text: TurnText) -> None:
        """A turn as it may be shown now, for the first time or again."""
        self._cuts += [_span(utterance, mask) for mask in text.masks if mask.label in NEVER_KEPT]
        unexplained = [_span(utterance, mask) for mask in text.masks if mask.label == UNEXPLAINED]
        if unexplained:
            self._open[text.turn] = utterance.start_ms, unexplained
        else:
            self._open.pop(text.turn, None)

    def lose_behind(self, said: Utterance) -> None:
        """Speech behind the last word heard, in a turn that offers a card: recognition stops amid long digits."""
        heard_ms = max((word.end_ms for word in said.words), default=said.start_ms)
        if said.end_ms - heard_ms > UNHEARD_MS:
            self.lose(heard_ms, said.end_ms)

    def lose(self, start_ms: int, end_ms: int) -> None:
        """What was said there is never judged."""
        self._cuts.append((max(0, start_ms - MARGIN_MS), end_ms + MARGIN_MS))

    def take(self, held_from_ms: int | None) -> Withheld:
        """`held_from_ms`: start of the earliest turn whose digits still wait; those before it are judged, and what is
        unexplained in them stays so."""
        judged = [turn for turn, (at_ms, _) in self._open.items() if held_from_ms is None or at_ms < held_from_ms]
        for turn in judged:
            self._cuts += self._open.pop(turn)[1]
        cuts, self._cuts = tuple(dict.fromkeys(self._cuts)), []
        return Withheld(held_from_ms, cuts)


def _span(said: Utterance, mask: Mask) -> tuple[int, int]:
    """Where the masked words were said, no later than their turn's margins."""
    turn = max(0, said.start_ms - MARGIN_MS), said.end_ms + MARGIN_MS
    return surely_within(said.words, mask.start, mask.end, turn)
