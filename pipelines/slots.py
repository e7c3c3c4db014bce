"""The form of a playbook on one call: what fills its slots is heard, and the newest of it holds. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from engine.facts import Leg
from models.compliance.phrases import Phrase
from models.compliance.text import Folded, versions
from models.display import figures, to_display, write
from models.playbooks import Playbook, Slot
from models.review.denial import stands
from models.review.forms import title_in
from pipelines.signals import Signal


class SlotListener:
    """Hears in words what one playbook's slots wait for, and nothing else."""

    def __init__(self, playbook: Playbook, country: str = "") -> None:
        """`country` (ISO 3166-1 alpha-2) decides how amounts are written."""
        self._figures = {kind for slot in playbook.slots for kind in slot.figures}
        sources = {source for slot in playbook.slots for phrases in slot.says.values() for source in phrases}
        self._phrases = [Phrase(source, {}) for source in sorted(sources)]
        self._country = country

    def in_words(self, folded: Folded, language: str, stream: str, turn: int) -> list[Signal]:
        """`folded` is the text as masked, in its own `language`: what is withheld in it fills nothing."""
        return [
            *self._of_figures(folded.text, language, stream, turn),
            *self._of_phrases(folded, language, stream, turn),
        ]

    def _of_figures(self, text: str, language: str, stream: str, turn: int) -> Iterator[Signal]:
        for one in figures(text, language, self._country) if self._figures else ():
            if one.kind in self._figures and stands(text, one.start, one.end, language):
                yield Signal("figure", one.kind, stream, turn, one.start, one.written)

    def _of_phrases(self, folded: Folded, language: str, stream: str, turn: int) -> Iterator[Signal]:
        texts = versions(folded)
        found = dict.fromkeys(
            (phrase.source, text.span(*span))
            for phrase in self._phrases
            for text in texts
            for span in phrase.spans(text)
        )
        met = [(source, span) for source, span in found if stands(folded.text, *span, language)]
        if not met:
            return
        display = write(folded.text, language, self._country)
        for source, (start, end) in met:
            first, last = to_display(display.spans, start, end)
            yield Signal("words", source, stream, turn, start, display.text[first:last])


class Slots:
    """What the call has given so far."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots
        self._given: dict[str, Signal] = {}
        self._by: dict[str, Leg] = {}
        """Who gave it."""

    def take(self, signal: Signal, leg: Leg, stage: str) -> bool:
        """Whether it fills a slot, perhaps anew. What was said before what fills it does not, however late it is
        understood; nor does an agent's word in the place of the customer's own."""
        filled = [
            slot.id for slot in self._slots if _fills(slot, signal, leg, stage) and self._holds(slot.id, signal, leg)
        ]
        self._given |= dict.fromkeys(filled, signal)
        self._by |= dict.fromkeys(filled, leg)
        return bool(filled)

    def given(self) -> dict[str, str]:
        """By slot: its value, or the type of private data."""
        return {slot: one.name if one.kind == "entity" else one.value for slot, one in self._given.items()}

    def state(self, language: str) -> list[dict[str, Any]]:
        """As `playbook.changed` tells."""
        return [self._state(slot, language, self._given.get(slot.id)) for slot in self._slots]

    @staticmethod
    def _state(slot: Slot, language: str, given: Signal | None) -> dict[str, Any]:
        told = {"slot": slot.id, "text": title_in(slot.title, language)}
        if given is None:
            return {**told, "value": "", "last4": ""}
        return {**told, "value": given.value, "last4": given.last4, "turn": given.turn}

    def _holds(self, slot: str, signal: Signal, leg: Leg) -> bool:
        """Against what fills the slot."""
        than = self._given.get(slot)
        return than is None or _weight(signal, leg) >= _weight(than, self._by[slot])


def _weight(signal: Signal, leg: Leg) -> tuple[bool, int, int]:
    return leg != "agent", signal.turn, signal.at


def _fills(slot: Slot, signal: Signal, leg: Leg, stage: str) -> bool:
    if slot.by not in (leg, "any") or (slot.stages and stage not in slot.stages):
        return False
    match signal.kind:
        case "entity":
            return signal.name in slot.entities
        case "figure":
            return signal.name in slot.figures
        case "words":
            return any(signal.name in sources for sources in slot.says.values())
        case _:
            return False
