"""A conversation that notes all that reaches it: what it is told, and what models, search and voices answer it."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.facts import CallEvent, Fact, Insight
from engine.ports.intake import RoleDecision
from engine.ports.reading import KnowledgeSearch, Passage, Reading, TextReader
from pipelines import notes
from pipelines.cards import Reads, Searches
from pipelines.conversation import Conversation
from pipelines.utterance import Utterance
from pipelines.voices import Speaking

CARD_TYPES = ("CARD", "CVV", "CARD_EXPIRY")
Take = Callable[[notes.Note], None]
"""Takes a note. Returns at once and raises nothing."""


class NotedConversation(Conversation):
    """What is asked of it but makes nothing of the call (`withheld`, `duties`, `question_of`…) is not noted."""

    def __init__(self, take: Take, spoil: Callable[[], None], **parts: Any) -> None:
        """`spoil` is called once a card is spoken of: of such a call nothing may be kept."""
        super().__init__(**parts)
        self._take = take
        self._spoil = spoil

    async def hear(self, utterance: Utterance) -> AsyncIterator[list[Fact]]:
        self._take(notes.Heard(seq=self._ledger.seq, utterance=utterance))
        async for facts in super().hear(utterance):
            self._made(facts, last=False)
            yield facts
            self._take(notes.WentOn(seq=self._ledger.seq))
        self._made([])

    def unheard(self, stream: str, start_ms: int, end_ms: int, *, lost: bool) -> None:
        note = notes.Unheard(seq=self._ledger.seq, stream=stream, start_ms=start_ms, end_ms=end_ms, lost=lost)
        self._take(note)
        super().unheard(stream, start_ms, end_ms, lost=lost)
        self._made([])

    def tick(self, now_ms: int) -> list[Fact]:
        self._take(notes.Ticked(seq=self._ledger.seq, at_ms=now_ms))
        return self._made(super().tick(now_ms))

    def held(self, at_ms: int) -> None:
        self._take(notes.Held(seq=self._ledger.seq, at_ms=at_ms))
        super().held(at_ms)
        self._made([])

    def resumed(self, at_ms: int) -> None:
        self._take(notes.Resumed(seq=self._ledger.seq, at_ms=at_ms))
        super().resumed(at_ms)
        self._made([])

    def decide_roles(self, decisions: Sequence[RoleDecision], now_ms: int) -> list[Fact]:
        self._take(notes.RolesDecided(seq=self._ledger.seq, decisions=tuple(decisions), at_ms=now_ms))
        return self._made(super().decide_roles(decisions, now_ms))

    def speak(self, language: str, now_ms: int) -> list[Fact]:
        self._take(notes.Spoke(seq=self._ledger.seq, language=language, at_ms=now_ms))
        return self._made(super().speak(language, now_ms))

    def noticed(self, event: CallEvent) -> list[Fact]:
        self._take(notes.Noticed(seq=self._ledger.seq, event=event))
        return self._made(super().noticed(event))

    def answered_card(self, action: str, article: str, now_ms: int) -> None:
        self._take(notes.CardAnswered(seq=self._ledger.seq, action=action, article=article, at_ms=now_ms))
        super().answered_card(action, article, now_ms)
        self._made([])

    def end(self, now_ms: int, *, cut_off: bool = False) -> list[Fact]:
        self._take(notes.Ended(seq=self._ledger.seq, at_ms=now_ms, cut_off=cut_off))
        return self._made(super().end(now_ms, cut_off=cut_off))

    def _made(self, facts: list[Fact], *, last: bool = True) -> list[Fact]:
        if any(_of_a_card(fact) for fact in facts):
            self._spoil()
        self._take(notes.Made(tuple(fact.seq for fact in facts), last))
        return facts


def _of_a_card(fact: Fact) -> bool:
    """Whether one was asked for or read: its code must not be kept, sealed or not (PCI DSS 4.0.1, 3.3.1)."""
    match fact:
        case CallEvent(name="capture.started"):
            return True
        case Insight(kind="entity"):
            return fact.entity_type in CARD_TYPES
    return False


def noted_reads(reads: Reads, take: Take) -> Reads:
    async def read(reader: TextReader, text: str, before: str, language: str, *, feelings: bool) -> Reading:
        reading = await reads(reader, text, before, language, feelings=feelings)
        take(notes.note_of_reading(text, before, language, reading))
        return reading

    return read


def noted_searches(searches: Searches, take: Take) -> Searches:
    async def search(
        knowledge: KnowledgeSearch, text: str, vector: NDArray[np.float32], language: str
    ) -> Sequence[Passage]:
        passages = await searches(knowledge, text, vector, language)
        take(notes.note_of_search(text, passages))
        return passages

    return search


class NotedVoices:
    """They change beside the conversation, so what it was told of them is noted whenever that is news to it."""

    def __init__(self, voices: Speaking, take: Take) -> None:
        self._voices = voices
        self._take = take
        self._told: notes.Voiced | None = None

    @property
    def now_ms(self) -> int:
        return self._tell().now_ms

    def agent_speaks(self) -> bool:
        return self._tell().agent_speaks

    def _tell(self) -> notes.Voiced:
        now = notes.Voiced(self._voices.now_ms, self._voices.agent_speaks())
        if now != self._told:
            self._told = now
            self._take(now)
        return now
