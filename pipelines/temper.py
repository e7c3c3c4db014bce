"""What the text models read in a turn: its sentiment, what the customer wants, and their mood over the call."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from engine.facts import Fact, InsightKind, Leg
from engine.ports.intake import RoleDecision
from engine.ports.reading import UNFELT, Reading, Scored
from models.mood import Mood
from pipelines.ledger import Ledger
from pipelines.turn import Turn

FELT_KEPT = 200
"""Utterances from which a mood is made anew when some turn out to be another's; what was said before has faded."""


class Felt(msgspec.Struct, frozen=True):
    """An utterance that moved the mood, and whose it is taken for."""

    turn: Turn
    sentiment: Scored
    leg: Leg

    @property
    def stream(self) -> str:
        return self.turn.utterance.stream

    @property
    def end_ms(self) -> int:
        return self.turn.utterance.end_ms


class Temper:
    """One call's. Turns come in the order in which they were heard.

    Where agents are not to be judged (`agents` is False), nothing is read of the feelings of anybody but who is known
    to be the customer. What was read of a stream and would not be of who turns out to be on it is withdrawn, and moves
    no mood any more; what was not told of it and is the customer's is told then.
    """

    def __init__(self, ledger: Ledger, *, agents: bool = True) -> None:
        self._ledger = ledger
        self._agents = agents
        self._mood = Mood()
        self._felt: deque[Felt] = deque(maxlen=FELT_KEPT)
        self._read: dict[str, list[tuple[InsightKind, int, int]]] = {}
        """By stream, what was told of it: with its turn, and its `seq`."""

    def facts_of(self, turn: Turn, reading: Reading, leg: Leg) -> list[Fact]:
        """Sentiment of whoever spoke; intents of all but the agent; the mood of the customer alone, or of both people
        on a single stream."""
        facts = self._told(turn, reading, leg)
        if reading.sentiment != UNFELT and self._is_read("mood", leg):
            self._felt.append(Felt(turn, reading.sentiment, leg))
            facts.append(self._moved(self._felt[-1]))
        return facts

    def is_felt(self, leg: Leg) -> bool:
        """Whether anything may be inferred of the feelings of such a person."""
        return self._is_read("sentiment", leg)

    def roles_changed(self, decisions: Sequence[RoleDecision], turns: Iterable[Turn], now_ms: int) -> list[Fact]:
        """Streams are somebody else's than was thought. `turns` are those of the call that are still known, in their
        order."""
        legs = {decision.stream: decision.role for decision in decisions}
        facts = [fact for stream, leg in legs.items() for fact in self._withdrawn(stream, leg, now_ms)]
        theirs = [turn for turn in turns if turn.utterance.stream in legs]
        for stream, leg in legs.items():
            known = {(kind, number) for kind, number, _ in self._read.get(stream, ())}
            for turn in theirs:
                if turn.utterance.stream == stream and turn.reading:
                    facts += self._told(turn, turn.reading, leg, known)
        return facts + self._felt_anew(legs, theirs)

    def _told(
        self, turn: Turn, reading: Reading, leg: Leg, known: Collection[tuple[InsightKind, int]] = ()
    ) -> list[Fact]:
        """But for the mood, and for what is `known`."""
        felt = [reading.sentiment] if reading.sentiment != UNFELT else []
        read: dict[InsightKind, Sequence[Scored]] = {"sentiment": felt, "intent": reading.intents}
        evidence = (turn.evidence(leg),)
        return [
            self._insight(kind, turn, leg, found, evidence=evidence)
            for kind, every in read.items()
            if self._is_read(kind, leg) and (kind, turn.turn) not in known
            for found in every
        ]

    def _insight(self, kind: InsightKind, turn: Turn, leg: Leg, found: Scored, **more: Any) -> Fact:
        about = turn.place(leg) | {"measured": self._ledger.measured_turn(turn)} | more
        fact = self._ledger.insight(kind, turn.turn, value=found.label, score=round(found.score, 4), **about)
        self._read.setdefault(turn.utterance.stream, []).append((kind, turn.turn, fact.seq))
        return fact

    def _moved(self, felt: Felt) -> Fact:
        mood = self._mood.hear(felt.turn.text, felt.sentiment, felt.end_ms)
        return self._insight("mood", felt.turn, felt.leg, mood, lean=mood.lean)

    def _withdrawn(self, stream: str, leg: Leg, now_ms: int) -> list[Fact]:
        read = self._read.pop(stream, [])
        kept = [one for one in read if self._is_read(one[0], leg)]
        self._read[stream] = kept
        gone = sorted({seq for _, _, seq in read} - {seq for _, _, seq in kept})
        return [self._ledger.event("withdrawn", now_ms, {"of": gone, "reason": "role_changed"})] if gone else []

    def _is_read(self, kind: InsightKind, leg: Leg) -> bool:
        """Whether this is read of the words of such a person."""
        match kind:
            case "sentiment":
                return self._agents or leg == "customer"
            case "mood":
                return leg == "customer" or (self._agents and leg == "mixed")
            case _:
                return leg != "agent"

    def _felt_anew(self, legs: Mapping[str, Leg], turns: Iterable[Turn]) -> list[Fact]:
        """The mood of those whose it is, told where it was made of others' words, or without theirs."""
        before = {one.turn.turn for one in self._felt}
        late = [Felt(turn, turn.reading.sentiment, "unknown") for turn in turns if turn.reading]
        felt: dict[int, Felt] = {}
        for one in [*self._felt, *late]:
            leg = legs.get(one.stream, one.leg)
            if one.sentiment != UNFELT and self._is_read("mood", leg):
                felt[one.turn.turn] = Felt(one.turn, one.sentiment, leg)
        self._felt = deque(sorted(felt.values(), key=lambda one: one.end_ms), maxlen=FELT_KEPT)
        if {one.turn.turn for one in self._felt} == before:
            return []
        self._mood = Mood()
        for one in list(self._felt)[:-1]:
            self._mood.hear(one.turn.text, one.sentiment, one.end_ms)
        return [self._moved(self._felt[-1])] if self._felt else []
