"""The bridged call as a machine: whatever its parties do, nobody is left alone on the line."""

from collections.abc import Callable, Iterator
from typing import Literal

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from media.bridge.call import BridgedCall, Slot
from media.bridge.party import (
    Answered,
    Direction,
    EarlyMedia,
    HungUp,
    Invitation,
    Party,
    PartyEvent,
    Pressed,
    Refused,
    Ringing,
    Taken,
    TransferAsked,
    Turned,
)
from media.bridge.rtp_line import ignore
from media.rtp import RtpPacket
from media.session import AudioCodec

INVITATION = Invitation("019c0000-0000-7000-8000-000000000000", "+34600", "Ana", "100", ("PCMU", "PCMA"))


class FakeParty:
    """Keeps what it is told. `gone` when it has left or was hung up."""

    def __init__(self, aor: str) -> None:
        self.aor, self.name, self.organisation = aor, "", ""
        self.withheld = False
        self.hear: Callable[[PartyEvent], None] = ignore
        self.voice: Callable[[RtpPacket], None] = ignore
        self.told: list[object] = []
        self.heard: list[RtpPacket] = []
        self.keeps_codec = True
        """It has no other any more once it was told one for early media."""
        self.state: Literal["new", "ringing", "up", "gone"] = "new"

    def ring(self, invitation: Invitation) -> None:
        self.state = "ringing"
        self.told.append(invitation)

    def progress(self, codec: AudioCodec | None) -> bool:
        self.told.append(("progress", codec))
        return self.keeps_codec and codec is not None

    def accept(self, codec: AudioCodec) -> None:
        if self.state != "gone":
            self.state = "up"
        self.told.append(("accept", codec))

    def play(self, packet: RtpPacket) -> None:
        self.heard.append(packet)

    def press(self, key: str, duration_ms: int) -> None:
        self.told.append((key, duration_ms))

    def turn(self, direction: str) -> None:
        self.told.append(direction)

    def transferred(self, status: int) -> None:
        self.told.append(status)

    def hang_up(self, reason: str, status: int = 0) -> None:
        self.state = "gone"
        self.told.append((reason, status))

    def says(self, event: PartyEvent) -> None:
        """As a party would: nothing comes after the end."""
        if self.state == "gone":
            return
        if isinstance(event, HungUp | Refused):
            self.state = "gone"
        elif isinstance(event, Answered):
            self.state = "up"
        self.hear(event)


class FakeExchange:
    """Gives out parties for transfers, and keeps what it is told."""

    def __init__(self) -> None:
        self.made: list[FakeParty] = []
        self.calls: dict[str, BridgedCall] = {}
        self.ended: list[str] = []

    def candidates(self, count: int) -> Iterator[Party]:
        for _ in range(count):
            made = FakeParty(f"desk{len(self.made)}")
            self.made.append(made)
            yield made

    def targets(self, wanted: str, call: BridgedCall, referrer: object) -> Iterator[Party]:
        if wanted == "nobody":
            raise ValueError
        return self.candidates(2)

    def consulted(self, call_id: str) -> BridgedCall | None:
        return self.calls.get(call_id)

    def over(self, call: BridgedCall, reason: str) -> None:
        self.ended.append(reason)


class Tape:
    def __init__(self) -> None:
        self.history: list[str] = []

    def begin(self, call: BridgedCall) -> None:
        self.history.append("begin")

    def talk(self, slot: Slot, packet: RtpPacket) -> None:
        pass

    def changed(self, call: BridgedCall) -> None:
        self.history.append("held" if call.held else "changed")

    def end(self) -> None:
        self.history.append("end")


class Scene:
    def __init__(self, desks: int = 2) -> None:
        self.exchange, self.tape = FakeExchange(), Tape()
        self.caller = FakeParty("+34600")
        self.call = BridgedCall(INVITATION, self.caller, self.exchange, self.tape)
        self.call.start(self.exchange.candidates(desks), 0.0)

    @property
    def last(self) -> FakeParty:
        return self.exchange.made[-1]

    def answered(self) -> FakeParty:
        self.last.says(Answered("PCMU"))
        return self.last

    def people(self) -> list[FakeParty]:
        return [self.caller, *self.exchange.made]


def packet(number: int) -> RtpPacket:
    return RtpPacket(0, number, 160 * number, 1, b"x" * 160)


def test_sound_goes_to_the_other_side_alone() -> None:
    scene = Scene()
    agent = scene.answered()
    scene.caller.voice(packet(1))
    agent.voice(packet(2))
    assert (agent.heard, scene.caller.heard) == ([packet(1)], [packet(2)])
    assert scene.caller.told[-1] == ("accept", "PCMU")


def test_early_media_fixes_the_codec_of_those_that_are_rung_later() -> None:
    scene = Scene()
    scene.last.says(EarlyMedia("PCMA"))
    scene.last.says(Refused(486))
    assert isinstance(offered := scene.last.told[0], Invitation)
    assert offered.codecs == ("PCMA",)
    scene.last.says(Answered("PCMU"))
    assert scene.last.state == "gone"
    assert scene.caller.told[-1] == ("rejected", 486)


def test_early_media_fixes_no_codec_of_a_caller_who_can_have_another() -> None:
    scene = Scene()
    scene.caller.keeps_codec = False
    scene.last.says(EarlyMedia("PCMU"))
    scene.last.voice(packet(1))
    scene.last.says(Answered("PCMA"))
    assert scene.caller.heard == [packet(1)]
    assert scene.caller.told == [("progress", "PCMU"), ("accept", "PCMA")]
    assert scene.call.codec == "PCMA"


def test_next_one_is_rung_after_the_first_has_rung_long_enough() -> None:
    scene = Scene()
    first = scene.last
    first.says(Ringing())
    scene.call.tick(19.0)
    assert scene.last is first
    scene.call.tick(20.0)
    assert (first.state, scene.last.state) == ("gone", "ringing")
    scene.call.tick(40.0)
    assert scene.caller.told[-1] == ("rejected", 480)


def test_holds_and_keys_go_to_the_other_side() -> None:
    scene = Scene()
    agent = scene.answered()
    agent.says(Turned("sendonly"))
    scene.caller.says(Pressed("5", 90))
    assert scene.caller.told[-1] == "sendonly"
    assert agent.told[-1] == ("5", 90)
    assert scene.tape.history == ["begin", "held"]


def test_one_who_takes_over_is_told_of_a_hold_and_whom_he_gets() -> None:
    scene = Scene()
    agent = scene.answered()
    scene.caller.says(Turned("inactive"))
    agent.says(TransferAsked("200"))
    assert isinstance(offered := scene.last.told[0], Invitation)
    assert (offered.from_aor, offered.codecs) == ("+34600", ("PCMU",))
    second = scene.answered()
    assert agent.told[-2:] == [200, ("transferred", 0)]
    assert second.told[-1] == "inactive"
    scene.caller.voice(packet(1))
    assert second.heard == [packet(1)]


@pytest.mark.parametrize(("target", "status"), [("nobody", 404), ("200", 486)])
def test_transfer_that_fails_leaves_the_call_as_it_was(target: str, status: int) -> None:
    scene = Scene(desks=1)
    agent = scene.answered()
    agent.says(TransferAsked(target))
    for _ in range(2 if target == "200" else 0):
        scene.last.says(Refused(486))
    assert agent.told[-1] == status
    scene.caller.voice(packet(1))
    assert agent.heard == [packet(1)]
    assert not scene.exchange.ended


def test_attended_transfer_joins_those_who_are_left() -> None:
    scene, other = Scene(), Scene()
    agent, customer = scene.answered(), scene.caller
    other.caller.aor = agent.aor
    expert = other.answered()
    scene.exchange.calls["second"] = other.call
    agent.says(TransferAsked("", replaces="second"))
    assert (agent.state, other.caller.state) == ("gone", "gone")
    assert other.exchange.ended == ["transferred"]
    customer.voice(packet(1))
    expert.voice(packet(2))
    assert (expert.heard, customer.heard) == ([packet(1)], [packet(2)])


@pytest.mark.parametrize("theirs", ["inactive", "sendonly", "sendrecv"])
@pytest.mark.parametrize("own", ["inactive", "sendonly", "sendrecv"])
def test_attended_transfer_ends_a_hold_by_who_leaves_and_keeps_one_by_who_stays(
    theirs: Direction, own: Direction
) -> None:
    scene, other = Scene(), Scene()
    agent, customer = scene.answered(), scene.caller
    other.caller.aor = agent.aor
    expert = other.answered()
    other.caller.says(Turned(theirs))
    expert.says(Turned(own))
    scene.exchange.calls["second"] = other.call
    agent.says(TransferAsked("", replaces="second"))
    assert (expert.told[-1], customer.told[-1]) == ("sendrecv", own)
    assert scene.call.held == (own != "sendrecv")


def test_attended_transfer_to_another_codec_is_refused() -> None:
    scene, other = Scene(), Scene()
    agent = scene.answered()
    other.caller.aor = agent.aor
    other.last.says(Answered("PCMA"))
    scene.exchange.calls["second"] = other.call
    agent.says(TransferAsked("", replaces="second"))
    assert agent.told[-1] == 488
    assert not other.exchange.ended


def test_fault_of_ours_ends_the_call_for_everybody() -> None:
    scene = Scene()
    agent = scene.answered()

    def fails(direction: str) -> None:
        raise RuntimeError

    scene.caller.turn = fails  # type: ignore[method-assign]
    agent.says(Turned("sendonly"))
    assert (agent.state, scene.caller.state) == ("gone", "gone")
    assert scene.exchange.ended == ["error"]


EVENTS: list[PartyEvent] = [
    Ringing(),
    EarlyMedia("PCMU"),
    EarlyMedia("PCMA"),
    Taken(20.0),
    Answered("PCMU"),
    Answered("PCMA"),
    Refused(486),
    Turned("inactive"),
    Turned("sendrecv"),
    Pressed("1", 80),
    TransferAsked("200"),
    TransferAsked("nobody"),
    TransferAsked("", replaces="second"),
    HungUp("bye"),
]


@settings(deadline=None, max_examples=400)
@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from(EVENTS), st.integers(0, 15)), max_size=30))
def test_nobody_is_left_alone(steps: list[tuple[int, PartyEvent, int]]) -> None:
    scene, other = Scene(), Scene()
    other.caller.aor = "desk0"
    other.answered()
    scene.exchange.calls["second"] = other.call
    now = 0.0
    for who, event, seconds in steps:
        people = scene.people()
        person = people[who % len(people)]
        rung = person is not scene.caller and person.state == "ringing"
        if isinstance(event, Ringing | EarlyMedia | Taken | Answered | Refused) and not rung:
            continue
        person.says(event)
        now += seconds
        scene.call.tick(now)
        there: list[Party] = [one for one in [*scene.people(), *other.people()] if one.state != "gone"]
        rings = any(one.state == "ringing" for one in [*scene.people(), *other.people()])
        for call, exchange in ((scene.call, scene.exchange), (other.call, other.exchange)):
            seated = [party for party in call.parties if party is not None and party in there]
            assert call.ended == bool(exchange.ended)
            assert len(exchange.ended) <= 1
            if call.ended:
                assert not seated
            elif call.up:
                assert len(seated) == 2 or rings
            else:
                assert [party.aor for party in seated] == [scene.caller.aor]
                assert rings
    scene.call.hang_up("shutdown")
    other.call.hang_up("shutdown")
    assert all(one.state == "gone" for one in [*scene.people(), *other.people()])
