"""Phones of desks: who takes a call is waited for, and of two organisations on one bridge none rings for the other."""

import time

import pytest

from engine.control.phone_pass import PhonePass
from engine.control.routes import AGENTS
from media.bridge import phone_messages as say
from media.bridge.call import BridgedCall
from media.bridge.dial_plan import DialPlan
from media.bridge.party import Answered
from media.bridge.phones import BrowserPhone, BrowserPhones
from media.webrtc.ports import LegPorts
from tests.media.bridge.test_call import INVITATION, FakeExchange, FakeParty, Scene, Tape
from tests.media.bridge.test_dial_plan import Lines

NUMBER = "+57 601 555 0134"


class Window:
    def tell(self, message: say.ToBrowser) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


def come(
    phones: BrowserPhones, organisation: str, aor: str, *numbers: str, extension: str = "", window: str = "w"
) -> BrowserPhone:
    """An agent's window is there and free."""
    user = f"{organisation}/{aor}"
    claims = PhonePass(organisation, user, aor, aor, extension, numbers, "", time.time() + 60)
    phone = phones.register(claims, window, away=False)
    phone.attach(Window())
    return phone


@pytest.fixture
def phones() -> BrowserPhones:
    return BrowserPhones(LegPorts())


def rung(phones: BrowserPhones, address: str, organisation: str = "") -> list[str] | None:
    reach = DialPlan((), phones, Lines()).find(address, AGENTS, organisation)
    return None if reach is None else [f"{party.organisation}: {party.aor}" for party in reach]


def test_a_window_replaces_those_of_its_own_organisation_alone(phones: BrowserPhones) -> None:
    ours = come(phones, "acme", "ana@desk")
    theirs = come(phones, "other", "ana@desk")
    assert ours is not theirs
    assert not ours.replaced
    come(phones, "acme", "ana@desk", window="w2")
    assert ours.replaced
    assert not theirs.replaced


def test_a_number_rings_its_own_organisation_also_while_all_are_busy(phones: BrowserPhones) -> None:
    ours = come(phones, "acme", "ana@desk", NUMBER)
    theirs = come(phones, "other", "eve@desk", "6015550134")
    assert rung(phones, NUMBER) == ["acme: ana@desk"], "theirs is only like it"
    ours.away = True
    assert rung(phones, NUMBER) == []
    ours.away = False
    assert rung(phones, "15550134") is None, "like both"
    theirs.claims = PhonePass("other", "u", "eve", "eve@desk", "", (NUMBER,), "", time.time() + 60)
    assert rung(phones, NUMBER) is None
    assert rung(phones, NUMBER, "acme") == ["acme: ana@desk"]
    assert rung(phones, NUMBER, "other") == ["other: eve@desk"]
    assert rung(phones, NUMBER, "third") is None


def test_a_call_stays_with_the_organisation_that_it_has_rung(phones: BrowserPhones) -> None:
    for aor in ("ana@desk", "ben@desk"):
        come(phones, "acme", aor, NUMBER)
    reach = DialPlan((), phones, Lines()).find(NUMBER, AGENTS)
    assert reach is not None
    assert next(reach).aor == "ana@desk"
    come(phones, "other", "eve@desk", NUMBER)
    assert [party.aor for party in reach] == ["ben@desk"]


@pytest.mark.parametrize("theirs", ["576015550134", "6015550134", "1001", "ana"])
def test_an_extension_is_not_taken_for_what_is_another_s(phones: BrowserPhones, theirs: str) -> None:
    come(phones, "acme", "ana@desk", NUMBER, extension="1001")
    assert rung(phones, theirs) == ["acme: ana@desk"]
    come(phones, "other", "eve@desk", extension=theirs)
    number = theirs.endswith("6015550134")
    assert rung(phones, theirs) == (["acme: ana@desk"] if number else None), "numbers are one organisation's, and win"
    assert rung(phones, theirs, "acme") == ["acme: ana@desk"]
    assert rung(phones, theirs, "other") == ["other: eve@desk"]


def test_a_user_part_of_two_organisations_rings_nobody_and_a_whole_address_its_owner(phones: BrowserPhones) -> None:
    come(phones, "acme", "ana@acme.example")
    come(phones, "other", "ana@other.example")
    assert phones.named("ana") is None
    owner = phones.named("sip:ana@other.example")
    assert owner is not None
    assert owner.organisation == "other"
    assert phones.named("ana@other.example", "acme") is not owner


def test_a_call_is_the_organisation_s_whose_agent_took_it_and_stays_so() -> None:
    scene = Scene()
    assert scene.call.organisation == ""
    agent = scene.exchange.made[0]
    agent.organisation = "acme"
    agent.says(Answered("PCMU"))
    assert scene.call.organisation == "acme"
    other = FakeParty("eve@desk")
    other.organisation = "other"
    scene.call.take_over(1, other)
    assert scene.call.organisation == "acme"


def test_a_call_accepted_in_the_last_second_of_its_ringing_waits_for_the_path_of_its_sound(
    phones: BrowserPhones,
) -> None:
    phone, exchange = come(phones, "acme", "ana@desk"), FakeExchange()
    call = BridgedCall(INVITATION, FakeParty("+34600"), exchange, Tape(), ring_s=20.0)
    call.start(iter([phone.party()]), 0.0)
    call.tick(19.5)
    phone.calls[call.call_id].taken()
    call.tick(39.0)
    assert not call.ended
    call.tick(39.5)
    assert exchange.ended == ["rejected"]
