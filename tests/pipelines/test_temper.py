"""What is read of feelings, and of whom."""

import datetime

import msgspec
import pytest

from engine.facts import CallEvent, Fact, Insight, Leg
from engine.ports.intake import RoleDecision
from engine.ports.reading import UNFELT, Reading, Scored
from models.compliance import CallContext, Judge
from models.mood import Mood
from models.privacy import DigitGuard
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.temper import Temper
from pipelines.turn import Turn, Turns
from pipelines.understand import read_here
from pipelines.utterance import Utterance
from tests.fakes import FakeReader


def read(temper: Temper, stream: str, leg: Leg, turn: int) -> list[int]:
    """The numbers of what is said of the feelings in a turn."""
    utterance = Utterance(stream=stream, leg=leg, start_ms=0, end_ms=1_000, text="No es justo.", language="es")
    reading: Reading = FakeReader().read("No es justo.")
    facts = temper.facts_of(Turn(utterance, turn, "No es justo.", (), 0.0), reading, leg)
    return [fact.seq for fact in facts]


def mood(temper: Temper, stream: str, sentiment: str, turn: int) -> Scored:
    """The mood after a turn that leans that way."""
    said = f"No word of turn {turn}."
    utterance = Utterance(stream=stream, leg="customer", start_ms=0, end_ms=turn * 1_000, text=said, language="es")
    reading = msgspec.structs.replace(FakeReader().read(said), sentiment=Scored(sentiment, 0.9))
    found = temper.facts_of(Turn(utterance, turn, said, (), 0.0), reading, "customer")[-1]
    assert isinstance(found, Insight)
    assert found.kind == "mood"
    return Scored(found.value, found.score)


def wants(temper: Temper, stream: str, leg: Leg, intent: str, turn: int) -> int:
    """The number of the intent of a turn."""
    utterance = Utterance(stream=stream, leg=leg, start_ms=0, end_ms=1_000, text="¿Cancelar?", language="es")
    reading = msgspec.structs.replace(FakeReader().read("¿Cancelar?"), intents=(Scored(intent, 0.9),))
    facts = temper.facts_of(Turn(utterance, turn, "¿Cancelar?", (), 0.0), reading, leg)
    (found,) = [fact.seq for fact in facts if isinstance(fact, Insight) and fact.kind == "intent"]
    return found


def withdrawn(temper: Temper, stream: str, role: Leg) -> list[int]:
    """What is taken back once the stream is this one's."""
    facts = temper.roles_changed([decided(stream, role)], (), 5_000)
    return [seq for fact in facts if isinstance(fact, CallEvent) for seq in fact.data["of"]]


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
    assert temper.roles_changed([decided("2", "customer")], (), 5_000) == []
    taken, again = temper.roles_changed([decided("1", "agent")], (), 5_000)
    assert isinstance(taken, CallEvent)
    assert taken.data == {"of": mine, "reason": "role_changed"}
    assert isinstance(again, Insight)
    assert (again.kind, again.turn, again.stream) == ("mood", 3, "2")
    assert temper.roles_changed([decided("1", "unknown")], (), 6_000) == []


def test_where_agents_are_judged_what_an_agent_feels_stays_and_is_no_mood_of_the_customer() -> None:
    temper = Temper(Ledger("call-1", lambda: 0.0))
    assert read(temper, "1", "agent", 1)
    assert temper.roles_changed([decided("1", "agent")], (), 5_000) == []
    sentiment, felt = read(temper, "2", "customer", 2)
    assert (sentiment, withdrawn(temper, "2", "agent")) == (felt - 1, [felt])
    assert withdrawn(temper, "2", "customer") == []


def test_what_an_agent_was_heard_to_want_is_withdrawn() -> None:
    temper = Temper(Ledger("call-1", lambda: 0.0))
    wish = wants(temper, "1", "unknown", "cancel_service", 1)
    assert withdrawn(temper, "1", "customer") == []
    assert withdrawn(temper, "1", "agent") == [wish]


def test_the_mood_is_made_anew_of_what_is_the_customer_s() -> None:
    temper = Temper(Ledger("call-1", lambda: 0.0))
    alone = Temper(Ledger("call-2", lambda: 0.0))
    assert mood(temper, "1", "positive", 1) == mood(alone, "1", "positive", 1)
    assert mood(temper, "2", "negative", 2) != mood(alone, "1", "positive", 2)
    taken, again = temper.roles_changed([decided("2", "agent")], (), 2_000)
    assert isinstance(taken, CallEvent)
    assert isinstance(again, Insight)
    assert (again.kind, again.turn, again.stream, again.leg) == ("mood", 1, "1", "customer")
    assert Scored(again.value, again.score) == mood(Temper(Ledger("call-3", lambda: 0.0)), "1", "positive", 1)
    mood(temper, "1", "positive", 2)
    assert mood(temper, "1", "negative", 3) == mood(alone, "1", "negative", 3)


def test_a_mood_says_where_it_stands_also_while_it_has_no_name() -> None:
    temper = Temper(Ledger("call-1", lambda: 0.0))
    text, feeling = "No me llegó la factura de este mes.", Scored("neutral", 0.6, -0.3)
    utterance = Utterance(stream="1", leg="customer", start_ms=0, end_ms=1_000, text=text, language="es")
    reading = msgspec.structs.replace(FakeReader().read(text), sentiment=feeling)
    *_, mood = temper.facts_of(Turn(utterance, 1, text, (), 0.0), reading, "customer")
    assert isinstance(mood, Insight)
    assert (mood.kind, mood.value, mood.lean) == ("mood", "neutral", Mood().hear(text, feeling, 1_000).lean)
    assert mood.lean < 0


class Asked(FakeReader):
    """Keeps whether it was asked for feelings."""

    def __init__(self) -> None:
        self.feelings: list[bool] = []

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        self.feelings.append(feelings)
        return super().read(text, before, language)


@pytest.mark.parametrize("leg", ["customer", "agent", "mixed", "unknown"])
@pytest.mark.parametrize("agents", [True, False])
async def test_the_models_are_asked_for_the_feelings_of_those_alone_who_are_judged(leg: Leg, agents: bool) -> None:
    reader, context = Asked(), CallContext("ES", "", "care", "inbound", "es", datetime.date(2026, 11, 28))
    conversation = Conversation(
        ledger=Ledger("call-1", lambda: 0.0), roster=Roster(), guard=DigitGuard("ES", b"key"),
        judge=Judge((), context), reader=reader, reads=read_here, knowledge=None, governor=Governor(), language="es",
        clock_ms=lambda: 0.0, agent_sentiment=agents,
    )  # fmt: skip
    said = Utterance(stream="1", leg=leg, start_ms=0, end_ms=1_000, text="No es justo.", language="es")
    facts = [fact async for some in conversation.hear(said) for fact in some]
    assert reader.feelings == [agents or leg == "customer"]
    told = [fact.kind for fact in facts if isinstance(fact, Insight) and fact.kind == "sentiment"]
    assert bool(told) is reader.feelings[0]


def heard(temper: Temper, turns: Turns, stream: str, leg: Leg, number: int, reading: Reading) -> list[Fact]:
    said = Utterance(
        stream=stream, leg=leg, start_ms=number * 1_000, end_ms=number * 1_000 + 800, text="¿Qué?", language="es"
    )
    turn = Turn(said, number, said.text, (), 0.0, reading=reading)
    turns.remember(turn)
    return temper.facts_of(turn, reading, leg)


def wanting(intent: str, sentiment: Scored) -> Reading:
    return msgspec.structs.replace(FakeReader().read(""), intents=(Scored(intent, 0.9),), sentiment=sentiment)


@pytest.mark.parametrize(
    ("agents", "first"), [(True, "agent"), (False, "agent"), (True, "unknown"), (False, "unknown")]
)
def test_what_the_customer_wanted_and_felt_is_told_once_it_is_known_who_that_is(agents: bool, first: Leg) -> None:
    temper, turns = Temper(Ledger("call-1", lambda: 0.0), agents=agents), Turns()
    felt = Scored("negative", 0.9, -0.8)
    unknown = wanting("cancel_service", felt if temper.is_felt(first) else UNFELT)
    before = heard(temper, turns, "2", first, 1, unknown)
    seemed = heard(temper, turns, "1", "customer", 2, wanting("billing_dispute", Scored("positive", 0.9, 0.8)))
    taken, *told = temper.roles_changed([decided("1", "agent"), decided("2", "customer")], turns, 3_000)
    assert isinstance(taken, CallEvent)
    kinds = {fact.seq: fact.kind for fact in seemed if isinstance(fact, Insight)}
    gone = {"intent", "mood"} if agents else {"sentiment", "intent", "mood"}
    assert {kinds[seq] for seq in taken.data["of"]} == gone
    insights = [fact for fact in [*before, *told] if isinstance(fact, Insight)]
    assert {(fact.turn, fact.stream, fact.start_ms) for fact in insights} == {(1, "2", 1_000)}
    found = {fact.kind: fact for fact in insights}
    assert len(found) == len(insights)
    assert found["intent"].value == "cancel_service"
    assert ("sentiment" in found, "mood" in found) == (agents, agents)
    if agents:
        assert (found["mood"].leg, found["mood"].lean) == ("customer", Mood().hear("¿Qué?", felt, 1_800).lean)
    assert temper.roles_changed([decided("2", "customer")], turns, 4_000) == []
