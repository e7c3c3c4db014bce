"""Calls through the bridge, on loopback: telephones on both sides, and what each is told and hears."""

import asyncio
import dataclasses
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from engine.control.routes import Route
from engine.control.trunks import LOOPBACK, Line, Trunk
from engine.errors import Overloaded, StartupError
from media.bridge.call import BridgedCall, Slot
from media.bridge.dial_plan import DialPlan, NoPhones
from media.bridge.exchange import SipExchange
from media.bridge.journal import Journal
from media.bridge.party import Answered, Direction, EarlyMedia, HungUp, Invitation, Pressed, Refused, Ringing, Turned
from media.bridge.sip_party import again_s
from media.bridge.telephone_events import info_body
from media.ports import PortRange
from media.rtp import RtpPacket
from media.sip.address import aor_of, parse_address, readable
from media.sip.caller import Caller, CallPlan, CallRefused, PlacedCall, place_call
from media.sip.message import Headers, Response
from media.sip.referral import Replaces
from media.sip.transport import Listeners
from media.sip.trunk_line import TrunkLine
from media.udp_pair import bind_udp
from tests.media.bridge.telephones import SECONDS, Talk, Telephone, describe, refer, refuse_next, replacing, turn_late
from tests.media.bridge.test_call import FakeParty
from tests.media.sip.sip_fakes import FakeCounts

SOUND = tuple(bytes([number]) * 160 for number in range(1, 40))


class Unrecorded:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[Slot, bytes]] = []
        self.history: list[str] = []
        self._told = asyncio.Event()

    async def until(self, what: str) -> None:
        async with asyncio.timeout(SECONDS):
            while what not in self.history:
                self._told.clear()
                await self._told.wait()

    def _tell(self, what: str) -> None:
        self.history.append(what)
        self._told.set()

    def begin(self, call: BridgedCall) -> None:
        self._tell("begin")

    def talk(self, slot: Slot, packet: RtpPacket) -> None:
        self.said.append((slot, packet.payload))

    def changed(self, call: BridgedCall) -> None:
        self._tell("held" if call.held else "changed")

    def end(self) -> None:
        self._tell("end")


class Office:
    """A bridge, a caller's telephone and two desks."""

    def __init__(
        self, bridge: SipExchange, caller: Telephone, desks: tuple[Telephone, Telephone], tape: Unrecorded
    ) -> None:
        self.bridge, self.caller, self.desks, self.tape = bridge, caller, desks, tape

    def dial(self, number: str = "100", *, protected: bool = False) -> Talk:
        port = self.bridge.port
        return self.caller.call(f"sip:{number}@127.0.0.1:{port}", port, "PCMA", "PCMU", protected=protected)

    async def talking(self, number: str = "100") -> tuple[Talk, Talk]:
        """A standing call to the first desk."""
        customer = self.dial(number)
        agent = await self.desks[0].rung()
        agent.party.accept("PCMU")
        assert (await customer.told(Answered)).codec == "PCMU"
        return customer, agent


@asynccontextmanager
async def office(
    where: Path,
    max_calls: int = 0,
    silence_s: float = 30.0,
    dead_s: float = 32.0,
    trunks: tuple[Trunk, ...] = LOOPBACK,
    metrics: FakeCounts | None = None,
) -> AsyncIterator[Office]:
    tape = Unrecorded()
    async with AsyncExitStack() as stack:
        caller = await stack.enter_async_context(Telephone(PortRange(26_000, 26_019)))
        desks = (
            await stack.enter_async_context(Telephone(PortRange(26_020, 26_039))),
            await stack.enter_async_context(Telephone(PortRange(26_040, 26_059))),
        )
        routes = (
            Route("100", uri=desks[0].uri),
            Route("200", uri=desks[1].uri),
            Route("300", uri=desks[0].uri),
            Route("300", uri=desks[1].uri),
            Route("400", uri=desks[0].uri, srtp=True),
        )
        journal = Journal(where / "dialogs")
        stack.callback(journal.close)
        bridge = SipExchange(
            *("127.0.0.1", 0, PortRange(26_060, 26_099), NoPhones(), lambda: tape, journal),
            trunks=trunks,
            routes=routes,
            max_calls=max_calls,
            metrics=metrics,
            silence_s=silence_s,
            dead_s=dead_s,
        )
        await bridge.open()
        stack.push_async_callback(bridge.close, 0.5)
        yield Office(bridge, caller, desks, tape)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as one:
        yield one


async def test_call_goes_through_and_sound_is_the_same_both_ways(here: Office) -> None:
    customer, agent = await here.talking()
    customer.say(*SOUND[:10])
    agent.say(*SOUND[10:20])
    await agent.hears(*SOUND[:10])
    await customer.hears(*SOUND[10:20])
    assert {slot for slot, _ in here.tape.said} == {0, 1}
    assert [payload for slot, payload in here.tape.said if slot == 0] == list(SOUND[:10])
    customer.party.hang_up("bye")
    assert (await agent.told(HungUp)).reason == "bye"
    assert here.tape.history == ["begin", "end"]
    assert not here.bridge.calls


async def test_early_media_is_heard_before_the_answer_and_goes_on(here: Office) -> None:
    customer = here.dial()
    agent = await here.desks[0].rung()
    agent.party.progress("PCMU")
    assert (await customer.told(EarlyMedia)).codec == "PCMU"
    agent.say(*SOUND[:5])
    await customer.hears(*SOUND[:5])
    agent.party.accept("PCMU")
    await customer.told(Answered)
    agent.say(*SOUND[5:9])
    await customer.hears(*SOUND[5:9])
    assert len({packet.ssrc for packet in customer.packets}) == 1
    numbers = [packet.sequence for packet in customer.packets]
    assert [(number - numbers[0]) & 0xFFFF for number in numbers] == list(range(len(numbers)))


async def test_codec_of_early_media_is_kept_by_an_answer_that_has_another_first(here: Office) -> None:
    customer = here.dial()
    agent = await here.desks[0].rung()
    describe(agent, 183, "PCMU")
    await customer.told(EarlyMedia)
    describe(agent, 200, "PCMA", "PCMU")
    assert await customer.outcome(SECONDS) == Answered("PCMU")


async def test_hold_and_its_end_are_passed_on(here: Office) -> None:
    customer, agent = await here.talking()
    agent.party.turn("sendonly")
    assert (await customer.told(Turned)).direction == "sendonly"
    assert here.tape.history == ["begin", "held"]
    agent.party.turn("sendrecv")
    assert (await customer.told(Turned)).direction == "sendrecv"
    customer.party.turn("inactive")
    assert (await agent.told(Turned)).direction == "inactive"
    customer.party.turn("sendrecv")
    assert (await agent.told(Turned)).direction == "sendrecv"
    customer.say(*SOUND[:4])
    await agent.hears(*SOUND[:4])


async def test_hold_and_its_end_by_an_answer_to_our_offer_are_passed_on(here: Office) -> None:
    customer, agent = await here.talking()
    customer.party.turn("inactive")
    assert (await agent.told(Turned)).direction == "inactive"
    directions: tuple[Direction, ...] = ("sendrecv", "sendonly", "sendrecv")
    for direction in directions:
        await turn_late(customer, direction)
        assert (await agent.told(Turned)).direction == direction
    agent.party.turn("sendonly")
    assert (await customer.told(Turned)).direction == "sendonly"
    await turn_late(customer, "sendrecv")  # it can but answer recvonly, and has not turned
    agent.party.turn("sendrecv")
    assert (await customer.told(Turned)).direction == "sendrecv"
    assert here.tape.history[-5:] == ["changed", "held", "changed", "held", "changed"]
    customer.say(*SOUND[:4])
    await agent.hears(*SOUND[:4])


async def test_end_of_a_hold_that_was_refused_is_offered_again(here: Office) -> None:
    customer, agent = await here.talking()
    agent.party.turn("inactive")
    assert (await customer.told(Turned)).direction == "inactive"
    refuse_next(customer, 500, ("Retry-After", "0"))
    agent.party.turn("sendrecv")
    assert (await customer.told(Turned)).direction == "sendrecv"
    agent.say(*SOUND[:4])
    await customer.hears(*SOUND[:4])


@pytest.mark.parametrize(
    ("named", "seconds"), [("", 2.0), ("soon", 2.0), ("0", 1.0), ("7 (a meeting);duration=60", 7.0), ("3600", 30.0)]
)
def test_a_turn_that_was_refused_is_offered_again_when_the_refusal_says_but_soon(named: str, seconds: float) -> None:
    assert again_s(Response(status=503, headers=Headers((("Retry-After", named),)))) == seconds


async def test_keys_reach_the_other_side_once(here: Office) -> None:
    customer, agent = await here.talking()
    customer.say(*SOUND[:3])  # the first packets of a source are heard from the second one on
    await agent.hears(*SOUND[:3])
    customer.party.press("5", 100)
    customer.party.press("#", 60)
    assert [(await agent.told(Pressed)) for _ in range(2)] == [Pressed("5", 100), Pressed("#", 60)]
    customer.say(*SOUND[3:6])
    await agent.hears(*SOUND[3:6])


async def test_next_one_is_rung_when_the_first_is_busy(here: Office) -> None:
    customer = here.dial("300")
    (await here.desks[0].rung()).party.hang_up("rejected", 486)
    (await here.desks[1].rung()).party.accept("PCMU")
    assert (await customer.told(Answered)).codec == "PCMU"


@pytest.mark.parametrize(
    ("number", "refusals", "status"), [("300", (486, 480), 486), ("100", (603,), 603), ("9", (), 404)]
)
async def test_caller_hears_why_nobody_comes(here: Office, number: str, refusals: tuple[int, ...], status: int) -> None:
    customer = here.dial(number)
    for desk, refusal in zip(here.desks, refusals, strict=False):
        (await desk.rung()).party.hang_up("rejected", refusal)
    assert (await customer.told(Refused)).status == status
    assert not here.bridge.calls


async def test_caller_who_gives_up_frees_the_desk(here: Office) -> None:
    customer = here.dial()
    agent = await here.desks[0].rung()
    agent.party.progress(None)
    await customer.told(Ringing)
    customer.party.hang_up("cancelled")
    assert (await agent.told(HungUp)).reason == "cancelled"
    assert not here.bridge.calls


async def test_blind_transfer(here: Office) -> None:
    customer, agent = await here.talking()
    refer(agent, "sip:200@bridge.example")
    second = await here.desks[1].rung()
    second.party.accept("PCMU")
    assert (await agent.told(HungUp)).reason == "bye"
    customer.say(*SOUND[:4])
    await second.hears(*SOUND[:4])
    second.say(*SOUND[4:8])
    await customer.hears(*SOUND[4:8])
    assert here.tape.history == ["begin", "changed"]
    second.party.hang_up("bye")
    await customer.told(HungUp)


async def test_blind_transfer_that_nobody_takes_leaves_the_call_as_it_was(here: Office) -> None:
    customer, agent = await here.talking()
    refer(agent, "sip:200@bridge.example")
    (await here.desks[1].rung()).party.hang_up("rejected", 486)
    customer.say(*SOUND[:4])
    await agent.hears(*SOUND[:4])
    agent.party.hang_up("bye")
    await customer.told(HungUp)


async def test_who_asks_for_a_transfer_may_leave_at_once(here: Office) -> None:
    customer, agent = await here.talking()
    refer(agent, "sip:200@bridge.example")
    second = await here.desks[1].rung()
    agent.party.hang_up("bye")
    second.party.accept("PCMU")
    await here.tape.until("changed")
    customer.say(*SOUND[:4])
    await second.hears(*SOUND[:4])


async def test_attended_transfer(here: Office) -> None:
    customer, agent = await here.talking()
    consult = here.desks[0].call(f"sip:200@127.0.0.1:{here.bridge.port}", here.bridge.port, user="desk@office.example")
    second = await here.desks[1].rung()
    second.party.accept("PCMU")
    await consult.told(Answered)
    consult.party.turn("inactive")
    assert (await second.told(Turned)).direction == "inactive"
    refer(agent, "sip:200@bridge.example", replacing(consult))
    assert (await agent.told(HungUp)).reason == "bye"
    assert (await consult.told(HungUp)).reason == "bye"
    assert (await second.told(Turned)).direction == "sendrecv"
    customer.say(*SOUND[:4])
    await second.hears(*SOUND[:4])
    second.say(*SOUND[4:8])
    await customer.hears(*SOUND[4:8])
    assert len(here.bridge.calls) == 1


async def test_protected_sound_on_one_side(here: Office) -> None:
    customer = here.dial("400")
    agent = await here.desks[0].rung()
    agent.party.accept("PCMU")
    await customer.told(Answered)
    assert agent.party._line.keys is not None
    customer.say(*SOUND[:5])
    await agent.hears(*SOUND[:5])
    agent.say(*SOUND[5:9])
    await customer.hears(*SOUND[5:9])


async def test_protected_caller(here: Office) -> None:
    customer = here.dial(protected=True)
    agent = await here.desks[0].rung()
    agent.party.accept("PCMU")
    await customer.told(Answered)
    assert customer.party._line.keys is not None
    assert agent.party._line.keys is None
    customer.say(*SOUND[:5])
    await agent.hears(*SOUND[:5])


async def test_call_over_the_limit_is_told_to_come_again(tmp_path: Path) -> None:
    counts = FakeCounts()
    async with office(tmp_path, max_calls=1, metrics=counts) as here:
        customer, _ = await here.talking()
        second = here.dial("200")
        assert (await second.told(Refused)).status == 503
        with pytest.raises(ValueError, match="busy"):
            here.bridge.dial(FakeParty("marta@desk"), Invitation("a-call", "marta@desk", "Marta", "200", ("PCMU",)))
        assert counts.seen["calls_refused_total overloaded"] == 2
        here.bridge.drain()
        assert (await here.dial("200").told(Refused)).status == 503
        assert counts.seen["calls_refused_total shutting_down"] == 1
        customer.party.hang_up("bye")


async def test_a_call_that_finds_no_port_is_counted_whoever_makes_it(tmp_path: Path) -> None:
    counts = FakeCounts()
    async with office(tmp_path, metrics=counts) as here:
        with suppress(Overloaded):
            while True:
                here.bridge.rtp.open()
        assert (await here.dial("200").told(Refused)).status == 503
        assert counts.seen["calls_refused_total overloaded"] == 1
        here.bridge.dial(FakeParty("marta@desk"), Invitation("a-call", "marta@desk", "Marta", "200", ("PCMU",)))
        assert counts.seen["calls_refused_total overloaded"] == 2


@pytest.mark.parametrize(("tell_load", "wait_s"), [(True, 5), (False, 0)])
async def test_load_is_told_as_the_trunk_wants_it_and_the_end_always(
    tmp_path: Path, tell_load: bool, wait_s: int
) -> None:
    trunk = Trunk(LOOPBACK[0].network, None, Line("sbc", tell_load=tell_load))
    async with office(tmp_path, max_calls=1, trunks=(trunk,)) as here:
        assert here.bridge.busy("127.0.0.1") == 0
        await here.talking()
        assert here.bridge.busy("127.0.0.1") == wait_s
        assert (await here.dial("200").told(Refused)).status == 503
        here.bridge.drain()
        assert here.bridge.busy("127.0.0.1") == 30


async def test_close_says_bye_to_both_sides(here: Office) -> None:
    customer, agent = await here.talking()
    await here.bridge.close(0.5)
    assert (await customer.told(HungUp)).reason == "bye"
    assert (await agent.told(HungUp)).reason == "bye"


async def test_next_process_says_bye_for_one_that_was_killed(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        customer, agent = await here.talking()
        left = (tmp_path / "dialogs").read_bytes()
        assert b"Ana" not in left
        other = tmp_path / "other"
        other.mkdir()
        (other / "dialogs").write_bytes(left)
        async with office(other):
            assert (await customer.told(HungUp)).reason == "bye"
            assert (await agent.told(HungUp)).reason == "bye"
        assert (other / "dialogs").stat().st_mode & 0o777 == 0o600
        assert (other / "dialogs").read_bytes() == b""


async def test_second_bridge_keeps_off_the_calls_of_the_first(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        await here.talking()
        before = (tmp_path / "dialogs").read_bytes()
        with pytest.raises(StartupError, match="another bridge"):
            Journal(tmp_path / "dialogs")
        assert (tmp_path / "dialogs").read_bytes() == before != b""


async def test_key_by_info_reaches_the_other_side(here: Office) -> None:
    customer, agent = await here.talking()
    assert customer.party.leg is not None
    customer.party.leg.run(customer.party.leg.usage.inform("application/dtmf-relay", info_body("7", 120)))
    assert await agent.told(Pressed) == Pressed("7", 120)


async def test_side_that_vanishes_ends_the_call(tmp_path: Path) -> None:
    async with office(tmp_path, silence_s=0.2, dead_s=0.5) as here:
        _, agent = await here.talking()
        here.caller.rtp.close()
        await here.caller.endpoint.transports.close()
        assert (await agent.told(HungUp)).reason == "bye"
        assert here.tape.history[-1] == "end"


async def test_another_telephone_takes_a_place_over_but_not_as_one_that_only_rings(here: Office) -> None:
    customer, agent = await here.talking()
    wanted = replacing(agent)
    async with Caller() as caller:
        sock = bind_udp("127.0.0.1", 0)

        async def pick_up(replaces: Replaces) -> PlacedCall:
            plan = CallPlan(
                *(f"sip:100@127.0.0.1:{here.bridge.port}", "127.0.0.1", [sock.getsockname()[1]]),
                from_uri="sip:ben@office.example",
                extra=[("Replaces", replaces.text), ("Require", "replaces")],
            )
            return await place_call(caller, plan)

        with pytest.raises(CallRefused, match="486"):
            await pick_up(dataclasses.replace(wanted, early_only=True))
        placed = await pick_up(wanted)
        assert (await agent.told(HungUp)).reason == "bye"
        (call,) = here.bridge.calls.values()
        assert [party.aor if party else "" for party in call.parties] == [
            "+34600000001@127.0.0.1",
            "ben@office.example",
        ]
        assert here.tape.history == ["begin", "changed"]
        placed.bye()
        await customer.told(HungUp)
        sock.close()


@pytest.mark.parametrize(
    ("privacy", "withheld"), [("id", True), ("critical; User", True), ("header,id", True), ("none", False)]
)
async def test_number_that_is_withheld_is_told_to_nobody_who_is_rung(
    here: Office, privacy: str, withheld: bool
) -> None:
    async with Caller() as caller:
        sock = bind_udp("127.0.0.1", 0)
        plan = CallPlan(
            *(f"sip:100@127.0.0.1:{here.bridge.port}", "127.0.0.1", [sock.getsockname()[1]]),
            from_uri="sip:anonymous@anonymous.invalid",
            extra=[("P-Asserted-Identity", '"Ana" <sip:+34600000009@sbc.example>'), ("Privacy", privacy)],
        )
        placing = asyncio.ensure_future(place_call(caller, plan))
        agent = await here.desks[0].rung()
        agent.party.accept("PCMU")
        placed = await placing
        refer(agent, "sip:200@bridge.example")
        second = await here.desks[1].rung()
        for desk in (agent, second):
            assert desk.party.leg is not None
            invite = desk.party.leg.usage.invite
            caller_user = aor_of(parse_address(invite.headers.get("From")).uri).partition("@")[0]
            assert caller_user == ("anonymous" if withheld else "+34600000009")
            assert invite.headers.get("Privacy") == ("id" if withheld else "")
            assert (b"34600000009" in invite.to_bytes()) == (b"Ana" in invite.to_bytes()) == (not withheld)
        (call,) = here.bridge.calls.values()
        assert call.parties[0] is not None
        assert call.parties[0].aor == "+34600000009@sbc.example", "who speaks is known by it"
        placed.bye()
        await second.told(HungUp)
        sock.close()


async def test_call_that_goes_in_a_circle_ends(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        circle = Route("500", uri=f"sip:500@127.0.0.1:{here.bridge.port}")
        here.bridge._plan = DialPlan((circle,), NoPhones(), here.bridge)
        here.caller.hops = 3
        assert (await here.dial("500").told(Refused)).status == 480
        assert not here.bridge.calls


async def test_agent_calls_out_through_a_trunk_and_a_stranger_may_not(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        line = Line("carrier", uri=here.desks[0].uri.replace("desk@", ""))
        here.bridge.lines = (TrunkLine(line, here.bridge.endpoint),)
        route = Route("0*", trunk="carrier", strip=1, prefix="+34", show="+34910000000")
        here.bridge._plan = DialPlan((route,), NoPhones(), here.bridge)
        assert (await here.dial("0600000000").told(Refused)).status == 404
        assert here.bridge.to_trunk(route, "x\r\nX-Any: 1") is None
        agent = FakeParty("marta@desk")
        call_id = here.bridge.dial(agent, Invitation("a-call", agent.aor, "Marta", "0600000000", ("PCMU",)))
        far = await here.desks[0].rung()
        assert far.party.leg is not None
        invite = far.party.leg.usage.invite
        assert invite.uri == f"sip:+34600000000@127.0.0.1:{here.desks[0].endpoint.transports.port}"
        assert aor_of(parse_address(invite.headers.get("From")).uri) == "+34910000000@127.0.0.1"
        assert "Marta" not in invite.headers.get("From")
        far.party.accept("PCMU")
        await here.tape.until("begin")
        assert here.bridge.consult(call_id)
        assert here.bridge.calls[call_id].number == "+34910000000"
        assert agent.told[-1] == ("accept", "PCMU")
        with pytest.raises(ValueError, match="nobody"):
            here.bridge.dial(agent, Invitation("another", agent.aor, "Marta", "123", ("PCMU",)))
        agent.says(HungUp("bye"))
        await far.told(HungUp)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Marta Núñez", "Marta Núñez"),
        ('M"art\\a\u0007', "Marta"),
        ("Marta\r\nX-Any: 1\r\nX: ", "MartaX-Any: 1X:"),
        ("\r\n\r\n", ""),
    ],
)
async def test_an_agent_s_name_is_no_more_than_a_name_at_the_carrier(tmp_path: Path, name: str, shown: str) -> None:
    async with office(tmp_path) as here:
        line = Line("carrier", uri=here.desks[0].uri.replace("desk@", ""))
        here.bridge.lines = (TrunkLine(line, here.bridge.endpoint),)
        here.bridge._plan = DialPlan((Route("0*", trunk="carrier"),), NoPhones(), here.bridge)
        here.bridge.dial(FakeParty("marta@desk"), Invitation("a-call", "marta@desk", name, "0600", ("PCMU",)))
        far = await here.desks[0].rung()
        assert far.party.leg is not None
        invite = far.party.leg.usage.invite
        assert readable(parse_address(invite.headers.get("From")).name) == shown
        assert "X-Any" not in [header for header, _ in invite.headers.items]


async def test_the_bridge_names_its_own_tls_port_where_that_is_taken(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "dialogs")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listeners = Listeners(tls_port=taken.getsockname()[1], server_tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        bridge = SipExchange(
            *("127.0.0.1", 0, PortRange(26_060, 26_099), NoPhones(), Unrecorded, journal), listeners=listeners
        )
        with pytest.raises(StartupError, match=r"the port is taken; set BRIDGE_SIP_TLS_PORT$"):
            await bridge.open()
    journal.close()
