"""Whom a number rings, over phones that are there or not."""

from engine.control.routes import Route
from media.bridge.dial_plan import DialPlan
from media.bridge.party import Party
from tests.media.bridge.test_call import FakeParty


class Desk:
    def __init__(self, aor: str, extension: str, *numbers: str, busy: bool = False) -> None:
        self.aor, self.extension, self.numbers, self.busy = aor, extension, numbers, busy

    def party(self) -> Party:
        return FakeParty(self.aor)


class Desks:
    def __init__(self, *desks: Desk) -> None:
        self.desks = desks

    def named(self, address: str, organisation: str = "") -> Desk | None:
        return next((one for one in self.desks if address in (one.aor, one.extension, one.aor.partition("@")[0])), None)

    def for_number(self, number: str, organisation: str = "") -> list[Desk]:
        return [one for one in self.desks if number in one.numbers]


class Lines:
    """No SIP party can be made."""

    def to_uri(self, route: Route, uri: str) -> Party | None:
        return None

    def to_trunk(self, route: Route, number: str) -> Party | None:
        return None


DESKS = Desks(
    Desk("marta@desk", "1001", "+3491"), Desk("ben@desk", "1002", "+3491"), Desk("eva@desk", "1003", "+3492", busy=True)
)


def rung(plan: DialPlan, address: str) -> list[str] | None:
    reach = plan.find(address, "")
    return None if reach is None else [party.aor for party in reach]


def test_numbers_extensions_and_names_ring_agents_without_a_file() -> None:
    plan = DialPlan((), DESKS, Lines())
    assert rung(plan, "sip:+3491@bridge.example") == ["marta@desk", "ben@desk"]
    assert rung(plan, "1002") == ["ben@desk"]
    assert rung(plan, "marta@bridge.example") == ["marta@desk"]


def test_nobody_there_is_not_nothing_there() -> None:
    plan = DialPlan((), DESKS, Lines())
    assert rung(plan, "1003") == rung(plan, "+3492") == [], "she is busy"
    assert rung(plan, "9999") is None
    assert rung(DialPlan((Route("88", phones=True),), DESKS, Lines()), "88") == []


def test_a_party_that_cannot_be_made_is_passed_over() -> None:
    plan = DialPlan((Route("1001", uri="sip:pbx.invalid"), Route("1001", phones=True)), DESKS, Lines())
    assert rung(plan, "1001") == ["marta@desk"]


def test_each_agent_is_looked_for_when_it_is_to_be_rung() -> None:
    desks = Desks(Desk("marta@desk", "1001", "+3491"), Desk("ben@desk", "1002", "+3491"))
    reach = DialPlan((), desks, Lines()).find("+3491", "")
    assert reach is not None
    assert next(reach).aor == "marta@desk"
    desks.desks[1].busy = True
    desks.desks += (Desk("eva@desk", "1003", "+3491"),)
    assert [party.aor for party in reach] == ["eva@desk"]
