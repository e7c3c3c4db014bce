"""A turn of a call as it is understood so far, and the memory of the last ones."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from engine.facts import Correction, Evidence, Leg
from engine.ports.reading import Reading
from models.compliance import EntityRef, JudgedTurn
from models.display import write
from models.privacy import Mask
from models.reading import spans_of
from pipelines.utterance import Utterance

JOIN_MS = 2_000
"""A speaker who goes on within this pause is still on the same thing."""
TURNS_KEPT = 400
"""Turns whose texts and readings stay in memory for late judgements; older ones are settled long since."""


class Turn(msgspec.Struct):
    """Grows as more is known of it; `utterance` holds the raw words: see there."""

    utterance: Utterance
    turn: int
    text: str
    """As masked now."""
    masks: tuple[Mask, ...]
    transcribed: float
    """When the words came, on the engine's monotonic clock, ms."""
    entities: tuple[EntityRef, ...] = ()
    reading: Reading | None = None

    def display(self, country: str) -> dict[str, Any]:
        """The fields that say how readers see it now; none where that is as it was spoken."""
        written = write(self.text, self.utterance.language, country)
        return {} if written.text == self.text else {"display": written.text, "display_map": written.spans}

    def corrected(self) -> tuple[Correction, ...]:
        """What was put right by the campaign's vocabulary, but for what is masked."""
        return tuple(
            one
            for one in self.utterance.corrections
            if not any(mask.start < one.end and one.start < mask.end for mask in self.masks)
        )

    def place(self, leg: Leg) -> dict[str, Any]:
        """The fields by which a fact says where in the call it is."""
        said = self.utterance
        return {"stream": said.stream, "leg": leg, "start_ms": said.start_ms, "end_ms": said.end_ms}

    def evidence(self, leg: Leg) -> Evidence:
        """All of it, as the words behind a fact."""
        said = self.utterance
        return Evidence(
            turn=self.turn,
            leg=leg,
            quote=self.text,
            start=0,
            end=len(said.text),
            start_ms=said.start_ms,
            end_ms=said.end_ms,
        )

    def settle(self, text: str, masks: tuple[Mask, ...]) -> None:
        """Its digits are judged: it reads otherwise now. Where its sentences are others than those that were read, an
        act stands in the whole of it."""
        others = len(spans_of(text)) != len(spans_of(self.text))
        self.text, self.masks = text, masks
        if self.reading and others:
            acts = tuple(msgspec.structs.replace(act, part=min(act.part, 0)) for act in self.reading.acts)
            self.reading = msgspec.structs.replace(self.reading, acts=acts)

    def judged(self, leg: Leg) -> JudgedTurn:
        """As the rules take it."""
        said = self.utterance
        return JudgedTurn(
            turn=self.turn,
            stream=said.stream,
            leg=leg,
            text=self.text,
            start_ms=said.start_ms,
            end_ms=said.end_ms,
            language=said.language,
            reading=self.reading,
            entities=self.entities,
            offsets=breakpoints(self.masks),
            words=said.words,
        )


class Turns:
    """A call's last `TURNS_KEPT` turns by number, in the order in which they were heard."""

    def __init__(self) -> None:
        self._turns: dict[int, Turn] = {}

    def remember(self, turn: Turn) -> None:
        self._turns[turn.turn] = turn
        while len(self._turns) > TURNS_KEPT:
            del self._turns[next(iter(self._turns))]

    def __iter__(self) -> Iterator[Turn]:
        return iter(self._turns.values())

    def get(self, number: int) -> Turn | None:
        return self._turns.get(number)

    def begun(self, turn: Turn) -> Turn | None:
        """The final before, when the same speaker went on after a short pause; the other's "mhm" in it ends nothing."""
        stream = turn.utterance.stream
        others = (one for one in reversed(self._turns.values()) if one.turn != turn.turn)
        earlier = next((one for one in others if one.utterance.stream == stream), None)
        if earlier is None:
            return None
        gap = turn.utterance.start_ms - earlier.utterance.end_ms
        return earlier if 0 <= gap < JOIN_MS else None


def breakpoints(masks: Sequence[Mask]) -> tuple[tuple[int, int], ...]:
    """Pairs (position in the masked text, position in the spoken text) between which both run alike, for
    `JudgedTurn`."""
    pairs = [(0, 0)]
    shift = 0
    for mask in masks:
        shown_start = mask.start + shift
        shown_end = shown_start + len(mask.label) + 2
        pairs += [(shown_start, mask.start), (shown_end, mask.end)]
        shift = shown_end - mask.end
    return tuple(pairs)
