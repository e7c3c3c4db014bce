"""What the text models read in a turn: its sentiment, what the customer wants, and their mood over the call."""

from collections import deque

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
    """An utterance that moved the mood."""

    stream: str
    text: str
    sentiment: Scored
    end_ms: int


class Temper:
    """One call's. Turns come in the order in which they were heard.

    Where agents are not to be judged (`agents` is False), nothing is read of the feelings of anybody but who is known
    to be the customer. What was read of a stream and would not be of who turns out to be on it is withdrawn, and moves
    no mood any more.
    """

    def __init__(self, ledger: Ledger, *, agents: bool = True) -> None:
        self._ledger = ledger
        self._agents = agents
        self._mood = Mood()
        self._felt: deque[Felt] = deque(maxlen=FELT_KEPT)
        self._read: dict[str, list[tuple[InsightKind, int]]] = {}
        """By stream, what was read of it, with its `seq`."""

    def facts_of(self, turn: Turn, reading: Reading, leg: Leg) -> list[Fact]:
        """Sentiment of whoever spoke; intents of all but the agent; the mood of the customer alone, or of both people
        on a single stream."""
        said = turn.utterance
        about = turn.place(leg) | {"measured": self._ledger.measured_turn(turn)}
        evidence = {"evidence": (turn.evidence(leg),)}
        is_felt = reading.sentiment != UNFELT
        scores: list[tuple[InsightKind, Scored]] = [("sentiment", reading.sentiment)] if is_felt else []
        scores += [("intent", intent) for intent in reading.intents]
        if is_felt and self._is_read("mood", leg):
            self._felt.append(Felt(said.stream, turn.text, reading.sentiment, said.end_ms))
            scores.append(("mood", self._mood.hear(turn.text, reading.sentiment, said.end_ms)))
        facts: list[Fact] = []
        for kind, found in scores:
            if self._is_read(kind, leg):
                more = about | {"lean": found.lean} if kind == "mood" else about | evidence
                score = round(found.score, 4)
                facts.append(self._ledger.insight(kind, turn.turn, value=found.label, score=score, **more))
                self._read.setdefault(said.stream, []).append((kind, facts[-1].seq))
        return facts

    def is_felt(self, leg: Leg) -> bool:
        """Whether anything may be inferred of the feelings of such a person."""
        return self._is_read("sentiment", leg)

    def role_changed(self, decision: RoleDecision, now_ms: int) -> list[Fact]:
        """A stream is somebody else's than was thought."""
        read = self._read.pop(decision.stream, [])
        kept = [(kind, seq) for kind, seq in read if self._is_read(kind, decision.role)]
        self._read[decision.stream] = kept
        if not self._is_read("mood", decision.role) and any(one.stream == decision.stream for one in self._felt):
            self._feel_anew(decision.stream)
        gone = sorted({seq for _, seq in read} - {seq for _, seq in kept})
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

    def _feel_anew(self, without: str) -> None:
        self._felt = deque((one for one in self._felt if one.stream != without), maxlen=FELT_KEPT)
        self._mood = Mood()
        for one in self._felt:
            self._mood.hear(one.text, one.sentiment, one.end_ms)
