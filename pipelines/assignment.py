"""Whose desk a call is on: by who takes part in it, or by who claimed it."""

from collections.abc import Sequence

from engine.ports.intake import Participant, RoleDecision


class Assignment:
    """Of one call. Pure; `agent_id` is always that of its record, empty while nobody has it."""

    def __init__(self, agent_id: str) -> None:
        self._claimed = bool(agent_id)
        self._agents = frozenset[str]()
        """Members who speak for the agent, or did when the call last came to somebody."""
        self._is_away = self._handed_on = False
        """With somebody who is no member; and nobody has claimed it since: it is welcome."""

    def moves_to(self, agent_id: str, decided: Sequence[RoleDecision], participants: Sequence[Participant]) -> str:
        """User id of the member who has the call from now on; empty where nothing changes. `decided` are all of its
        roles as they stand. Who handed it to somebody unknown (another desk, but also a survey) keeps it until it is
        claimed, for it is theirs to wrap up."""
        agents = [one.user_id for one in decided if one.role == "agent" and one.user_id]
        was_away = self._is_away
        self._is_away = not agents and bool(self._agents) and _is_with_a_stranger(decided, participants)
        self._handed_on = self._is_away and (self._handed_on or not was_away)
        if not agents:
            return ""
        if was_away or self._agents.isdisjoint(agents):
            self._claimed = self._claimed and not self._agents  # a transfer: it was claimed from who is gone
            self._agents = frozenset(agents)
        return "" if self._claimed or agent_id in agents else agents[0]

    def may_claim(self, user_id: str, agent_id: str) -> bool:
        return agent_id in ("", user_id) or self._handed_on

    def claim(self) -> None:
        self._claimed, self._handed_on = True, False


def _is_with_a_stranger(decided: Sequence[RoleDecision], participants: Sequence[Participant]) -> bool:
    """Whether somebody speaks for the agent whose address is told, and is no member's."""
    told = {one.stream for one in participants if one.aor}
    return any(one.role == "agent" and not one.user_id and one.stream in told for one in decided)
