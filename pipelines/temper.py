"""What the text models read in a turn: its sentiment, what the customer wants, and their mood over the call."""

from engine.facts import Fact, Insight, InsightKind, Leg
from engine.ports.intake import RoleDecision
from engine.ports.reading import Reading, Scored
from models.mood import Mood
from pipelines.ledger import Ledger
from pipelines.turn import Turn


class Temper:
    """One call's. Turns come in the order in which they were heard.

    Where agents are not to be judged (`agents` is False), nothing is read of the feelings of anybody but who is known
    to be the customer, and what was read of a stream that turns out to be another's is withdrawn.
    """

    def __init__(self, ledger: Ledger, *, agents: bool = True) -> None:
        self._ledger = ledger
        self._agents = agents
        self._mood = Mood()
        self._read: dict[str, list[int]] = {}
        """`seq` of the sentiments of each stream, where they may have to be withdrawn."""

    def facts_of(self, turn: Turn, reading: Reading, leg: Leg) -> list[Fact]:
        """Sentiment of whoever spoke; intents of all but the agent; the mood of the customer alone."""
        about = turn.place(leg) | {"measured": self._ledger.measured_turn(turn)}
        evidence = (turn.evidence(leg),)
        judged = self._agents or leg == "customer"
        facts: list[Fact] = [
            self._ledger.insight(
                kind, turn.turn, value=said.label, score=round(said.score, 4), evidence=evidence, **about
            )
            for kind, said in _scores(reading, leg, judged=judged)
        ]
        if judged and leg in ("customer", "mixed"):
            mood = self._mood.hear(turn.text, reading.sentiment, turn.utterance.end_ms)
            facts.append(self._ledger.insight("mood", turn.turn, value=mood.label, score=round(mood.score, 4), **about))
        if judged and not self._agents:
            felt = [fact.seq for fact in facts if isinstance(fact, Insight) and fact.kind in ("sentiment", "mood")]
            self._read.setdefault(turn.utterance.stream, []).extend(felt)
        return facts

    def role_changed(self, decision: RoleDecision, now_ms: int) -> list[Fact]:
        """A stream is somebody else's than was thought."""
        gone = self._read.pop(decision.stream, []) if decision.role != "customer" else []
        return [self._ledger.event("withdrawn", now_ms, {"of": gone, "reason": "role_changed"})] if gone else []


def _scores(reading: Reading, leg: Leg, *, judged: bool) -> list[tuple[InsightKind, Scored]]:
    scores: list[tuple[InsightKind, Scored]] = [("sentiment", reading.sentiment)] if judged else []
    if leg != "agent":
        scores += [("intent", intent) for intent in reading.intents]
    return scores
