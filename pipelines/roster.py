"""Who is who on a call, as it stands now: decisions of `engine.control.roles` joined by stream."""

from collections.abc import Sequence

from engine.facts import Leg
from engine.ports import RoleDecision


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

    def agent(self) -> str:
        """User id of the member who is the agent, or empty."""
        return next((one.user_id for one in self._decisions.values() if one.role == "agent" and one.user_id), "")
