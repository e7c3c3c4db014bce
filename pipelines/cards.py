"""The card for the agent: a customer's need, the article that answers it, and the governor's word on whether to show
it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.facts import Fact, Leg
from engine.ports import KnowledgeSearch, Passage, Reading, TextReader
from engine.tracing import NO_TRACES, Tracing
from pipelines.ledger import Ledger
from pipelines.suggest import NEED, Governor, resolved
from pipelines.turn import Turn, Turns

JOIN_MS = 2_000
"""A speaker who goes on within this pause is still on the same need."""


JOINED_DOUBT = 2.7
"""By how much smaller the odds of what only two finals together suggest: most pauses end what was said, and two idle
turns side by side can sound like a need."""


class Reads(Protocol):
    """Runs the blocking text models off the event loop."""

    async def __call__(self, reader: TextReader, text: str, before: str, language: str) -> Reading: ...


class _View(msgspec.Struct, frozen=True):
    """Words to search with."""

    text: str
    vector: NDArray[np.float32]


class _Need(msgspec.Struct, frozen=True):
    """Why a card may be called for, and what to search with: the turn, then the turn with the final before it."""

    trigger: str
    views: tuple[_View, ...]


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
        need = await self._need(turn, reading, leg)
        if not need.trigger:
            return None
        with self._tracing.span("search", turn=turn.turn) as span:
            passages = self._search(self._knowledge, turn, need)
            span.note(passages=len(passages))
        choice = self._governor.choose(need.trigger, passages, turn.utterance.end_ms)
        if choice.passage is not None:
            return self._card(turn, leg, need.trigger, choice.passage)
        if need.trigger == NEED and choice.refused in ("low_confidence", "nothing_fits"):
            return None  # nothing called for a card, and nothing was found
        return self._withheld(turn, leg, need.trigger, choice.refused)

    def answered(self, action: str) -> None:
        """What the agent did with a card: `accepted` or `dismissed`."""
        self._governor.answered(action)

    async def _need(self, turn: Turn, reading: Reading, leg: Leg) -> "_Need":
        """The turn's own need, and that of the turn with the final before it when a pause cut a need in two."""
        views = [_View(turn.text, _vectors(reading))]
        trigger = self._governor.needs_help(leg, turn.text, reading)
        if (first := self._begun(turn)) and not resolved(turn.text):
            whole = f"{first.text} {turn.text}"
            read = await self._reads(self._reader, whole, "", turn.utterance.language)
            views.append(_View(whole, _vectors(read)))
            if trigger in ("", NEED):
                trigger = self._governor.needs_help(leg, whole, read) or trigger
        return _Need(trigger, tuple(views))

    def _search(self, knowledge: KnowledgeSearch, turn: Turn, need: "_Need") -> Sequence[Passage]:
        """Articles for the turn or for the whole need, each by its surer search. What an earlier card has served counts
        by the turn's own words alone, so that it does not stand before a new need."""
        language = self._language or turn.utterance.language
        found: dict[str, Passage] = {}
        for number, view in enumerate(need.views):
            for passage in knowledge.search(view.text, view.vector, language=language):
                known = found.get(passage.article)
                if number and self._governor.served(passage.article):
                    continue
                score = _doubted(passage.score) if number else passage.score
                if known is None or score > known.score:
                    found[passage.article] = msgspec.structs.replace(passage, score=score)
        return sorted(found.values(), key=lambda passage: (-passage.score, passage.article))

    def _begun(self, turn: Turn) -> Turn | None:
        """The final before, when the same speaker went on after a short pause; an agent's "mhm" in it ends nothing."""
        earlier = self._turns.before_of_stream(turn)
        if earlier is None:
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


def _doubted(score: float) -> float:
    return score / (score + JOINED_DOUBT * (1 - score))


def _vectors(reading: Reading) -> NDArray[np.float32]:
    return reading.vector if reading.views is None else reading.views
