"""Whose desk a call is on."""

from engine.ports.intake import Participant, RoleDecision
from pipelines.assignment import Assignment

STRANGER = Participant("2", 1, "carla@partner.example")
ANA = Participant("2", 1, "1001@pbx")


def move(assignment: Assignment, agent_id: str, who: Participant, user: str) -> str:
    decided = [RoleDecision("1", "customer", "position", 0.7), RoleDecision("2", "agent", "position", 0.7, user)]
    return assignment.moves_to(agent_id, decided, (Participant("1", 0), who))


def test_what_was_claimed_from_a_stranger_is_claimed_once_and_comes_back_with_its_agent() -> None:
    call = Assignment("")
    assert move(call, "", ANA, "ana") == "ana"
    assert not call.may_claim("eva", "ana")
    assert move(call, "ana", STRANGER, "") == ""
    assert call.may_claim("eva", "ana")
    call.claim()
    assert move(call, "eva", STRANGER, "") == "", "its metadata is told again"
    assert not call.may_claim("ben", "eva")
    assert move(call, "eva", ANA, "ana") == "ana"
