"""What is read of feelings, and of whom."""

from engine.facts import CallEvent, Leg
from engine.ports.intake import RoleDecision
from engine.ports.reading import Reading
from pipelines.ledger import Ledger
from pipelines.temper import Temper
from pipelines.turn import Turn
from pipelines.utterance import Utterance
from tests.fakes import FakeReader


def read(temper: Temper, stream: str, leg: Leg, turn: int) -> list[int]:
    """The numbers of what is said of the feelings in a turn."""
    utterance = Utterance(stream=stream, leg=leg, start_ms=0, end_ms=1_000, text="No es justo.", language="es")
    reading: Reading = FakeReader().read("No es justo.")
    facts = temper.facts_of(Turn(utterance, turn, "No es justo.", (), 0.0), reading, leg)
    return [fact.seq for fact in facts]


def decided(stream: str, role: Leg) -> RoleDecision:
    return RoleDecision(stream=stream, role=role, rule="override", confidence=1.0)


def test_who_is_not_known_to_be_the_customer_is_not_judged_where_agents_are_not() -> None:
    temper = Temper(Ledger("call-1", lambda: 0.0), agents=False)
    assert read(temper, "1", "customer", 1)
    others: tuple[Leg, ...] = ("agent", "mixed", "unknown")
    assert [read(temper, "2", leg, 2) for leg in others] == [[], [], []]


def test_what_was_read_of_an_agent_who_was_taken_for_the_customer_is_withdrawn() -> None:
    temper = Temper(Ledger("call-1", lambda: 0.0), agents=False)
    mine = read(temper, "1", "customer", 1) + read(temper, "1", "customer", 2)
    read(temper, "2", "customer", 3)
    assert temper.role_changed(decided("2", "customer"), 5_000) == []
    (withdrawn,) = temper.role_changed(decided("1", "agent"), 5_000)
    assert isinstance(withdrawn, CallEvent)
    assert withdrawn.data == {"of": mine, "reason": "role_changed"}
    assert temper.role_changed(decided("1", "unknown"), 6_000) == []


def test_where_agents_are_judged_nothing_is_withdrawn() -> None:
    temper = Temper(Ledger("call-1", lambda: 0.0))
    assert read(temper, "1", "agent", 1)
    assert temper.role_changed(decided("1", "agent"), 5_000) == []
