"""The card for the agent: a customer's need, the article that answers it, and the governor's word on whether to show
it."""

from collections.abc import Sequence
from typing import Protocol

from engine.facts import Fact, Leg
from engine.ports import KnowledgeSearch, Passage, Reading, TextReader
from engine.tracing import NO_TRACES, Tracing
from pipelines.ledger import Ledger
from pipelines.suggest import Governor
from pipelines.turn import Turn, Turns

JOIN_MS = 2_000
"""A speaker who goes on within this pause is still on the same need."""


class Reads(Protocol):
    """Runs the blocking text models off the event loop."""

    async def __call__(self, reader: TextReader, text: str, before: str, language: str) -> Reading: ...


class Cards:
    """One call's. Without `knowledge` there are none."""

    def __init__(
        self,
        *,
        knowledge: KnowledgeSearch | None,
        governor: Governor,
        ledger: Ledger,
        turns: Turns,
        reader: TextReader,
        reads: Reads,
        language: str,
        tracing: Tracing = NO_TRACES,
    ) -> None:
        self._knowledge = knowledge
        self._governor = governor
        self._ledger = ledger
        self._turns = turns
        self._reader = reader
        self._reads = reads
        self._language = language
        self._tracing = tracing

    async def suggest(self, turn: Turn, reading: Reading, leg: Leg) -> Fact | None:
        """A suggestion, or the event that says why what was found is not shown; None when nothing was called for."""
        if self._knowledge is None:
            return None
        trigger = self._governor.needs_help(leg, turn.text, reading)
        if not trigger:
            return None
        with self._tracing.span("search", turn=turn.turn) as span:
            passages = await self._search(self._knowledge, turn, reading)
            span.note(passages=len(passages))
        choice = self._governor.choose(trigger, passages, turn.utterance.end_ms)
        if choice.passage is None:
            return self._withheld(turn, leg, trigger, choice.refused)
        return self._card(turn, leg, trigger, choice.passage)

    def answered(self, action: str) -> None:
        """What the agent did with a card: `accepted` or `dismissed`."""
        self._governor.answered(action)

    async def _search(self, knowledge: KnowledgeSearch, turn: Turn, reading: Reading) -> Sequence[Passage]:
        """Articles for the turn, or for the whole need when a pause cut it in two; the surer of both searches."""
        language = self._language or turn.utterance.language
        alone = knowledge.search(turn.text, reading.vector, language=language)
        if not (first := self._begun(turn)):
            return alone
        whole = f"{first.text} {turn.text}"
        read = await self._reads(self._reader, whole, "", turn.utterance.language)
        joined = knowledge.search(whole, read.vector, language=language)
        return max(alone, joined, key=lambda found: found[0].score if found else 0.0)

    def _begun(self, turn: Turn) -> Turn | None:
        """The final just before, when the same speaker went on after a short pause and nobody spoke between."""
        earlier = self._turns.before(turn)
        if earlier is None or earlier.utterance.stream != turn.utterance.stream:
            return None
        gap = turn.utterance.start_ms - earlier.utterance.end_ms
        return earlier if 0 <= gap < JOIN_MS else None

    def _withheld(self, turn: Turn, leg: Leg, trigger: str, reason: str) -> Fact:
        said = turn.utterance
        data = {"turn": turn.turn, "trigger": trigger, "reason": reason}
        return self._ledger.event("card.withheld", said.end_ms, data, stream=said.stream, leg=leg)

    def _card(self, turn: Turn, leg: Leg, trigger: str, passage: Passage) -> Fact:
        return self._ledger.suggestion(
            turn.turn,
            article=passage.article,
            title=passage.title,
            body=passage.body,
            score=round(passage.score, 4),
            trigger=trigger,
            evidence=(turn.evidence(leg),),
            measured=self._ledger.measured_turn(turn),
            **turn.place(leg),
        )
