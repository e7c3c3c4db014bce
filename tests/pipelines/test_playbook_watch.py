"""A call moves its campaign's playbook on, live and in a replay alike, and each move is one event."""

import datetime
import itertools
import json

import pytest

from engine.facts import CallEvent, Fact, Insight
from engine.ports.intake import RoleDecision
from engine.ports.reading import Reading, Scored
from models.compliance import CallContext, Judge, load_detectors, load_rules
from models.playbooks import bundled_playbooks
from models.privacy import DigitGuard
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.playbook_watch import SIGNALS_KEPT, PlaybookWatch
from pipelines.replay import parse_line
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.turn import Turn
from pipelines.understand import read_here
from pipelines.utterance import Utterance
from tests.fakes import FakeReader
from tests.pipelines.test_replay import facts_of, script

CONTEXT = CallContext(
    country="CO",
    region="",
    campaign="collections",
    direction="outbound",
    language="es",
    day=datetime.date(2026, 11, 27),
    segment="opening",
)


def moves(facts: list[Fact]) -> list[CallEvent]:
    return [fact for fact in facts if isinstance(fact, CallEvent) and fact.name == "playbook.changed"]


def filled(move: CallEvent | Fact) -> dict[str, tuple[str, int]]:
    """By slot, what fills it and the turn."""
    assert isinstance(move, CallEvent)
    return {one["slot"]: (one["value"] or one["last4"], one["turn"]) for one in move.data["slots"] if "turn" in one}


@pytest.mark.parametrize(
    ("language", "playbook", "done"),
    [
        ("es", "collections", {"greet", "notice", "person"}),
        ("pt", "care", {"greet", "notice", "ask_need"}),
        ("en", "sales", {"greet", "notice"}),
    ],
)
async def test_each_demo_call_opens_as_its_playbook_says(language: str, playbook: str, done: set[str]) -> None:
    told = moves(await facts_of(script(language)))
    assert {one.data["playbook"] for one in told} == {playbook}
    assert told[0].data["stage"] == "opening"
    assert not any(step.get("done") for step in told[0].data["steps"])
    ticked = {step["step"] for one in told for step in one.data["steps"] if step.get("done")}
    assert done <= ticked
    for before, after in itertools.pairwise(told):
        assert before.data != after.data


async def test_no_word_that_was_said_is_in_it_but_those_that_fill_a_slot() -> None:
    facts = await facts_of(script("es"))
    told = moves(facts)
    assert filled(told[-1]) == {"promised_date": ("hoy", 8)}
    shown = json.dumps([one.data for one in told]).lower()
    for word in ("julián", "juli\\u00e1n", "empleo", "marzo", "cuatro cinco"):
        assert word not in shown


async def test_what_is_judged_as_the_call_ends_fills_its_slot_too() -> None:
    said = [("agent", "And your phone number?"), ("customer", "Four one five two six seven four one two three.")]
    turns = [{"leg": leg, "text": text} for leg, text in said]
    line = {"id": "one", "language": "en", "country": "US", "campaign": "care", "turns": turns}
    facts = await facts_of(parse_line(json.dumps(line).encode()))
    assert [fact.turn for fact in facts if isinstance(fact, Insight) and fact.entity_type == "PHONE"] == [1]
    last = moves(facts)[-1].data["slots"][0]
    assert (last["slot"], last["value"], last["turn"]) == ("contact", "", 1)


class Followed:
    """The collections playbook on one call."""

    def __init__(self, kind: type[PlaybookWatch] = PlaybookWatch) -> None:
        self.roster = Roster()
        self.ledger = Ledger("call-1", lambda: 0.0)
        watch = kind.of_call(bundled_playbooks(), CONTEXT, load_detectors(), ledger=self.ledger, roster=self.roster)
        assert watch
        self.watch = watch

    def decide(self, stream: str, role: str) -> list[Fact]:
        decision = RoleDecision(stream=stream, role=role, rule="position", confidence=0.7)  # type: ignore[arg-type]
        self.roster.decide([decision])
        return self.watch.roles_changed(5_000)

    def say(self, stream: str, text: str, turn: int = 1) -> list[Fact]:
        said = Utterance(stream=stream, leg="unknown", start_ms=0, end_ms=1_000, text=text, language="es")
        reading: Reading = FakeReader().read(text)
        return self.watch.hear(Turn(said, turn, text, (), 0.0, reading=reading), reading)

    def settle(self, stream: str, text: str, turn: int) -> list[Fact]:
        self.watch.saw([self.ledger.event("text.settled", 1_000, {"turn": turn, "text": text}, stream=stream)])
        return self.watch.tell(2_000)

    def agree(self) -> None:
        """The agent offers an arrangement: the slots of what is promised are open."""
        self.decide("1", "customer")
        self.decide("2", "agent")
        self.say("1", "Sí, con él habla.", 1)
        self.say("2", "Puedo ofrecerle un acuerdo de pago.", 2)


def test_what_did_not_change_is_not_told_again() -> None:
    call = Followed()
    assert len(call.watch.tell(0)) == 1
    assert call.watch.tell(250) == []
    assert call.say("1", "buenas") == []


def test_who_is_the_agent_may_be_known_late() -> None:
    call = Followed()
    call.watch.tell(0)
    assert call.say("2", "Buenas tardes, le habla Andrea Rojas, del banco Horizonte.") == []
    [move] = call.decide("2", "agent")
    assert isinstance(move, CallEvent)
    assert [step["step"] for step in move.data["steps"] if step.get("done")] == ["greet"]
    [back] = call.decide("2", "customer")
    assert isinstance(back, CallEvent)
    assert not any(step.get("done") for step in back.data["steps"])


def test_what_is_read_in_a_turn_calls_for_a_step() -> None:
    call = Followed()
    call.decide("1", "customer")
    angry = Scored("negative", 0.9)
    fact: Insight = call.ledger.insight("sentiment", 3, value=angry.label, stream="1", leg="customer")
    call.watch.saw([fact])
    [move] = call.watch.tell(2_000)
    assert isinstance(move, CallEvent)
    assert (move.data["next"], move.data["because"]["name"]) == ("empathy", "negative")


@pytest.mark.parametrize("agent_spoke", [1, 7])
def test_what_is_known_late_to_be_the_customer_s_stands_where_it_was_said_and_once(agent_spoke: int) -> None:
    states = []
    for known in ("at once", "late"):
        call = Followed()
        call.decide("2", "agent")
        call.decide("1", "customer" if known == "at once" else "agent")
        told = [
            call.ledger.insight("intent", 3, value="complaint", stream="1", leg="customer"),
            call.ledger.insight("sentiment", 3, value="negative", stream="1", leg="customer"),
        ]
        if known == "at once":
            call.watch.saw(told)
        call.say("1", "Esto es una vergüenza.", 3)
        for turn in range(4, 4 + agent_spoke):
            call.say("2", "Un momento, por favor.", turn)
        if known == "late":
            for role in ("customer", "agent", "customer"):
                call.watch.saw(told)
                call.decide("1", role)
        states.append((call.watch._play.state("es"), [one.kind for one in call.watch._signals]))
    assert states[0] == states[1]
    assert (states[0][0]["next"] == "empathy") is (agent_spoke == 1)


def test_a_step_of_the_beginning_stays_done_however_long_the_call() -> None:
    call = Followed()
    call.decide("2", "agent")
    call.say("2", "Buenas tardes, le habla Andrea Rojas, del banco Horizonte.")
    for turn in range(2 * SIGNALS_KEPT):
        call.watch.saw([call.ledger.insight("sentiment", turn, value="neutral", stream="1", leg="customer")])
    call.watch.tell(4_000)
    assert call.decide("1", "customer") == []
    assert len(call.watch._signals) <= SIGNALS_KEPT


def test_decisions_that_are_as_they_were_play_nothing_again() -> None:
    played: list[int] = []

    class Noting(PlaybookWatch):
        def roles_changed(self, now_ms: int) -> list[Fact]:
            played.append(now_ms)
            return super().roles_changed(now_ms)

    call = Followed(Noting)
    conversation = Conversation(
        ledger=call.ledger,
        roster=call.roster,
        guard=DigitGuard("CO", b"x" * 32),
        judge=Judge(load_rules(), CONTEXT),
        reader=FakeReader(),
        reads=read_here,
        knowledge=None,
        governor=Governor(),
        language="es",
        clock_ms=lambda: 0.0,
        playbook=call.watch,
    )
    for now_ms in (1_000, 2_000):
        conversation.decide_roles([RoleDecision("2", "agent", "position", 0.7)], now_ms)
    assert played == [1_000]


def test_what_was_withheld_fills_its_slot_once_it_is_judged_and_not_before() -> None:
    call = Followed()
    call.agree()
    assert call.say("1", "Puedo pagar [number] pesos el dos de abril.", 3) != []
    assert call.say("1", "O bien doscientos mil.", 5) != []
    assert call.settle("1", "Puedo pagar cuatrocientos mil pesos el dos de abril.", 3) == []  # newer words hold
    [move] = call.settle("1", "[number]", 5)
    assert filled(move) == {"promised_amount": ("$400.000", 3), "promised_date": ("2 de abril", 3)}


def test_what_is_masked_late_leaves_its_slot() -> None:
    call = Followed()
    call.agree()
    [move] = call.say("1", "El quince de marzo.", 3)
    assert filled(move) == {"promised_date": ("15 de marzo", 3)}
    [move] = call.settle("1", "El [dob].", 3)
    assert filled(move) == {}


def test_a_turn_that_is_settled_before_it_is_read_is_read_as_it_is_then() -> None:
    call = Followed()
    call.agree()
    assert call.settle("1", "El quince de marzo.", 3) == []
    [move] = call.say("1", "El quince de marzo.", 3)
    assert filled(move) == {"promised_date": ("15 de marzo", 3)}


def test_slots_are_filled_anew_when_it_is_known_who_spoke() -> None:
    call = Followed()
    phone = call.ledger.insight("entity", 4, entity_type="PHONE", last4="7890", start=3, stream="3", leg="unknown")
    call.watch.saw([phone])
    assert filled(call.watch.tell(0)[0]) == {}
    [move] = call.decide("3", "customer")
    assert filled(move) == {"phone": ("7890", 4)}
    [move] = call.decide("3", "agent")
    assert filled(move) == {}


def test_a_slot_keeps_the_newest_that_filled_it_however_long_the_call() -> None:
    call = Followed()
    call.decide("1", "customer")
    for turn in (1, 2):
        found = call.ledger.insight("entity", turn, entity_type="PHONE", last4=f"000{turn}", stream="1", leg="customer")
        call.watch.saw([found])
    for turn in range(3, 2 * SIGNALS_KEPT):
        call.watch.saw([call.ledger.insight("sentiment", turn, value="neutral", stream="1", leg="customer")])
    assert filled(call.watch.tell(0)[0]) == {"phone": ("0002", 2)}
    assert call.decide("2", "agent") == []
