"""Who is who on a call, as it stands now: decisions of `engine.control.roles` joined by stream."""

from collections.abc import Sequence

from engine.facts import CallEvent, Leg
from engine.ports.intake import RoleDecision
from pipelines.ledger import Ledger
from pipelines.utterance import Utterance


class Roster:
    """Roles by stream; a later decision replaces an earlier one."""

    def __init__(self) -> None:
        self._decisions: dict[str, RoleDecision] = {}

    def decide(self, decisions: Sequence[RoleDecision]) -> list[RoleDecision]:
        """Takes new decisions; gives those that changed something a reader can see."""
        changed = [one for one in decisions if self._decisions.get(one.stream) != one]
        for decision in changed:
            self._decisions[decision.stream] = decision
        return changed

    def leg(self, stream: str) -> Leg:
        decision = self._decisions.get(stream)
        return decision.role if decision else "unknown"

    def leg_of(self, utterance: Utterance) -> Leg:
        """Who spoke: as decided by now, else as it was known when the words came."""
        leg = self.leg(utterance.stream)
        return utterance.leg if leg == "unknown" else leg


def role_decided(ledger: Ledger, decision: RoleDecision, now_ms: int) -> CallEvent:
    """The event that tells readers, who join it by stream."""
    data = {
        "stream": decision.stream,
        "role": decision.role,
        "rule": decision.rule,
        "confidence": round(decision.confidence, 4),
        "from_ms": 0,
        "user": decision.user_id,
    }
    return ledger.event("role.decided", now_ms, data, stream=decision.stream, leg=decision.role)
