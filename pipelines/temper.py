"""What the text models read in a turn: its sentiment, what the customer wants, and their mood over the call."""

from engine.facts import Fact, InsightKind, Leg
from engine.ports.reading import Reading, Scored
from models.mood import Mood
from pipelines.ledger import Ledger
from pipelines.turn import Turn


class Temper:
    """One call's. Turns come in the order in which they were heard."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._mood = Mood()

    def facts_of(self, turn: Turn, reading: Reading, leg: Leg) -> list[Fact]:
        """Sentiment of whoever spoke; intents of all but the agent; the mood of the customer alone."""
        about = turn.place(leg) | {"measured": self._ledger.measured_turn(turn)}
        evidence = (turn.evidence(leg),)
        facts: list[Fact] = [
            self._ledger.insight(
                kind, turn.turn, value=said.label, score=round(said.score, 4), evidence=evidence, **about
            )
            for kind, said in _scores(reading, leg)
        ]
        if leg in ("customer", "mixed"):
            mood = self._mood.hear(turn.text, reading.sentiment, turn.utterance.end_ms)
            facts.append(self._ledger.insight("mood", turn.turn, value=mood.label, score=round(mood.score, 4), **about))
        return facts


def _scores(reading: Reading, leg: Leg) -> list[tuple[InsightKind, Scored]]:
    scores: list[tuple[InsightKind, Scored]] = [("sentiment", reading.sentiment)]
    if leg != "agent":
        scores += [("intent", intent) for intent in reading.intents]
    return scores
