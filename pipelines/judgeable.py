"""What a person may judge of a live call: its cards and alerts that stand, by the `seq` under which they were shown."""

from typing import Any

from engine.facts import CallEvent, Fact, Insight, Suggestion
from engine.feedback import alert_judged
from engine.ports.desk import DeskCommand, Person

KEPT = 1_000
"""Cards and alerts of one call; of more the oldest can no longer be judged while it is live."""


class Judgeable:
    """One call's."""

    def __init__(self) -> None:
        self._facts: dict[int, Insight | Suggestion] = {}

    def follow(self, fact: Fact) -> None:
        match fact:
            case Suggestion() | Insight(kind="compliance", outcome="violation" | "event"):
                self._facts[fact.seq] = fact
                while len(self._facts) > KEPT:
                    del self._facts[next(iter(self._facts))]
            case CallEvent(name="withdrawn"):
                for seq in fact.data["of"]:
                    self._facts.pop(seq, None)

    def card(self, person: Person, command: DeskCommand) -> dict[str, Any] | None:
        """What the event says of a card that was used, put away or found wrong; None when there is no such card."""
        shown = self._facts.get(command.seq)
        if not isinstance(shown, Suggestion):
            return None
        return {"of": command.seq, "article": shown.article, "by": person.user_id, "role": person.role}

    def alert(self, person: Person, command: DeskCommand) -> dict[str, Any] | None:
        """What the event says of an alert that was judged; None when there is no such alert."""
        shown = self._facts.get(command.seq)
        if not isinstance(shown, Insight) or command.action not in ("right", "wrong"):
            return None
        return alert_judged(shown, person, command.action, command.reason)
