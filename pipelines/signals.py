"""What a playbook may wait for: of words, and of what the rest of the engine makes of them. Pure."""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from engine.facts import CallEvent, Fact, Insight
from engine.ports.reading import Reading
from models.compliance import Detectors
from models.compliance.phrases import Phrase
from models.compliance.text import Folded, versions
from models.playbooks import Playbook
from models.review.denial import meant

SignalKind = Literal["said", "act", "phrase", "intent", "sentiment", "entity", "silence", "figure", "words"]
"""`said`: a final, whatever it says. The last two fill slots and nothing else."""
_SENTENCE_ENDS = re.compile(
    r"[.?!;…¿](?!\d)|,(?=\s*(?:can|could|would|will|shall|does|do|is|are|how|what|when|which|should"
    r"|o senhor|a senhora|você|pode|consegue|podemos|qual|como|quando|que tal)\b)",
    re.IGNORECASE,
)
"""An opened question ends what stands before it: "venció el cinco, ¿cómo quiere pagarla?", "six payments, does that
work?"."""


class Signal(msgspec.Struct, frozen=True):
    """Something that a playbook may wait for. Of words that were said it holds none but those that fill a slot."""

    kind: SignalKind
    name: str = ""
    """An act, an intent, a sentiment, a type of entity, a kind of figure, or a phrase as the playbook has it."""
    stream: str = ""
    turn: int = 0
    at: int = 0
    """Where in the turn."""
    value: str = ""
    """Of a figure, or of words that a slot waits for: as masked, and as readers see it."""
    last4: str = ""
    asked: bool = False
    """A phrase that stands in a question."""


class Listener:
    """Hears what one playbook waits for, and nothing else."""

    def __init__(self, playbook: Playbook, detectors: Detectors) -> None:
        whens = list(playbook.whens())
        sources = {source for when in whens for phrases in when.says.values() for source in phrases}
        self._detectors = detectors
        self._acts = sorted({act for when in whens for act in when.acts})
        self._phrases = [Phrase(source, {}) for source in sorted(sources)]

    def in_words(
        self, folded: Folded, reading: Reading | None, language: str, stream: str, turn: int
    ) -> Iterator[Signal]:
        """Phrases that are denied where they stand say nothing. `language` is what is spoken there."""
        yield Signal("said", stream=stream, turn=turn)
        for act in self._acts:
            if self._detectors[act].find(folded, reading):
                yield Signal("act", act, stream, turn)
        texts = versions(folded)
        for phrase in self._phrases:
            found = [text.span(*span)[1] for text in texts for span in meant([phrase], text, language)]
            if found:
                asked = all(_is_asked(folded.text, end) for end in found)
                yield Signal("phrase", phrase.source, stream, turn, asked=asked)


def _is_asked(text: str, end: int) -> bool:
    mark = _SENTENCE_ENDS.search(text, end)
    return mark is not None and mark.group() == "?"


def signal_of(fact: Fact) -> Signal | None:
    """What a fact of the rest of the engine says to a playbook."""
    match fact:
        case Insight(kind="intent"):
            return Signal("intent", fact.value, fact.stream, fact.turn)
        case Insight(kind="sentiment"):
            return Signal("sentiment", fact.value, fact.stream, fact.turn)
        case Insight(kind="entity"):
            return Signal("entity", fact.entity_type, fact.stream, fact.turn, fact.start or 0, last4=fact.last4)
        case CallEvent(name="dead_air"):
            return Signal("silence")
        case _:
            return None
