"""Whole calls over loopback between our caller and our server."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
import uvloop
from structlog.testing import capture_logs

from engine.control.trunks import parse_trunks
from engine.errors import StartupError
from engine.ports.intake import Refusal
from media.sip.caller import Caller, CallPlan, CallRefused, PlacedCall, place_call, prepare_call
from media.sip.server import SipServer
from media.sip.telemetry import TurnedAway
from media.siprec_source import RecordedParty
from tests.media.sip.sip_fakes import FakeCounts, FakeIntake, FakeMedia, HandClock

PARTIES = (
    RecordedParty("1", "+573001112233@pstn.example", "Ana"),
    RecordedParty("2", "1001@pbx.example", "Luis"),
)
Transport = Literal["UDP", "TCP"]
SILENCE_S, DEAD_S = 30.0, 32.0


class Bench:
    def __init__(self, server: SipServer, caller: Caller, intake: FakeIntake, media: FakeMedia) -> None:
        self.server, self.caller, self.intake, self.media = server, caller, intake, media

    def plan(self, *, recorded: bool = True, host: str = "127.0.0.1") -> CallPlan:
        target = f"sip:5000@{host}:{self.server.port}"
        if not recorded:
            return CallPlan(target, "127.0.0.1", [40_000], from_uri="sip:+573001112233@pstn.example", from_name="Ana")
        return CallPlan(target, "127.0.0.1", [40_000, 40_002], parties=PARTIES)

    async def call(self, *, recorded: bool = True, transport: Transport = "UDP") -> PlacedCall:
        count = len(self.intake.sessions)
        call = await place_call(self.caller, self.plan(recorded=recorded), transport)
        await self.intake.begun(count + 1)
        return call


@asynccontextmanager
async def bench(refusal: Refusal | None = None, room: int = 1_000, **options: Any) -> AsyncIterator[Bench]:
    intake, media = FakeIntake(refusal), FakeMedia(room)
    server = SipServer("127.0.0.1", 0, intake, media, silence_s=SILENCE_S, dead_s=DEAD_S, **options)
    await server.open()
    try:
        async with asyncio.timeout(20), Caller() as caller:
            yield Bench(server, caller, intake, media)
    finally:
        await server.close(0.2)
    assert not intake.places


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_recorded_call_from_invite_to_bye(transport: Transport) -> None:
    async with bench() as it:
        call = await it.call(transport=transport)
        offer, session = it.intake.offers[0], it.media.sessions[0]
        assert offer.protocol == "siprec"
        assert [(p.stream, p.aor) for p in offer.participants] == [
            ("1", "+573001112233@pstn.example"),
            ("2", "1001@pbx.example"),
        ]
        assert call.remote_ports() == [("127.0.0.1", port) for port in session.local_ports().values()]
        assert call.sdp is not None
        assert [(line.label, call.sdp.direction(line)) for line in call.sdp.media] == [
            ("1", "recvonly"),
            ("2", "recvonly"),
        ]
        call.bye()
        await session.ended.wait()
        assert session.reason == "bye"
        assert it.server.calls == 0


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_call_over_ipv6(transport: Transport) -> None:
    intake, media = FakeIntake(), FakeMedia()
    server = SipServer("::1", 0, intake, media)
    try:
        await server.open()
    except StartupError:
        pytest.skip("this machine has no IPv6 loopback")
    async with asyncio.timeout(10), Caller("::1") as caller:
        call = await place_call(caller, CallPlan(f"sip:5000@[::1]:{server.port}", "::1", [40_000]), transport)
        await intake.begun()
        assert intake.offers[0].peer.startswith("[::1]:")
        call.bye()
        await media.sessions[0].ended.wait()
    await server.close(0)
    assert media.sessions[0].reason == "bye"


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_call_on_uvloop(transport: Transport) -> None:
    """The engine runs on uvloop, whose transports are not asyncio's own."""

    async def call() -> str:
        async with bench() as it:
            placed = await it.call(transport=transport)
            placed.bye()
            await it.media.sessions[0].ended.wait()
            return it.media.sessions[0].reason

    assert uvloop.run(call()) == "bye"


async def test_plain_call_has_one_stream_of_the_caller() -> None:
    async with bench() as it:
        call = await it.call(recorded=False)
        offer = it.intake.offers[0]
        assert (offer.protocol, offer.from_aor) == ("sip", "+573001112233@pstn.example")
        assert offer.to_aor == "5000@127.0.0.1"
        (participant,) = offer.participants
        assert (participant.aor, participant.name, participant.mixed) == (offer.from_aor, "Ana", False)
        call.bye()


async def test_two_lines_without_a_word_on_recording_are_a_recording() -> None:
    """Network-based recording of some PBXs: two lines, no metadata, no option tag."""
    async with bench() as it:
        plan = CallPlan(it.plan().target, "127.0.0.1", [40_000, 40_002], from_uri="sip:cucm@pbx.example")
        plan.direction = "sendonly"
        call = await place_call(it.caller, plan)
        await it.intake.begun(1)
        offer = it.intake.offers[0]
        assert offer.protocol == "siprec"
        assert [one.position for one in offer.participants] == [0, 1]
        call.bye()


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal("overloaded", 7), 503),
        (Refusal("shutting_down"), 503),
        (Refusal("unknown_number"), 404),
        (Refusal("forbidden"), 403),
    ],
)
async def test_refusals_become_answers(refusal: Refusal, status: int) -> None:
    async with bench(refusal) as it:
        with pytest.raises(CallRefused) as caught:
            await place_call(it.caller, it.plan())
        assert not it.intake.places
        assert caught.value.status == status
        assert ("Retry-After" in caught.value.headers) == (status == 503)
        assert it.media.sessions == []


async def test_no_rtp_port_is_503() -> None:
    async with bench(room=0) as it:
        with pytest.raises(CallRefused, match="503"):
            await place_call(it.caller, it.plan())
        assert it.intake.offers
        assert not it.intake.places


async def test_hold_and_resume_keep_ports_and_labels() -> None:
    async with bench() as it:
        call = await it.call()
        before = call.remote_ports()
        assert await call.reinvite(hold=True) == 200
        assert call.sdp is not None
        assert [call.sdp.direction(line) for line in call.sdp.media] == ["inactive", "inactive"]
        assert await call.reinvite() == 200
        assert call.remote_ports() == before
        assert it.media.sessions[0].history == ["update", "hold", "update", "resume"]
        call.bye()


async def test_metadata_alone_changes_participants() -> None:
    async with bench() as it:
        call = await it.call()
        session = it.media.sessions[0]
        late = (RecordedParty("2", "2002@pbx.example", "Eva"),)
        assert await call.update_metadata(late, "partial") == 200
        await session.changed.wait()
        assert [p.aor for p in session.participants] == ["+573001112233@pstn.example", "2002@pbx.example"]
        assert session.history == []
        call.bye()


async def test_shutdown_says_bye_to_everybody() -> None:
    async with bench() as it:
        calls = [await it.call(), await it.call(recorded=False)]
        await it.server.close(1.0)
        assert [await call.ended for call in calls] == ["bye", "bye"]
        assert {session.reason for session in it.media.sessions} == {"shutdown"}


async def test_silent_peer_that_answers_probes_stays_and_one_that_does_not_is_ended() -> None:
    clock, counts = HandClock(), FakeCounts()
    async with bench(clock=clock, metrics=counts) as it:
        call = await it.call()
        session = it.media.sessions[0]
        session.silent_since = clock.now
        for answered in (1, 2):
            clock.now += SILENCE_S + 1
            it.server.look_after(clock.now)
            await counts.until("sip_messages_total in 2xx", answered)
        assert it.server.calls == 1
        await it.caller.endpoint.transports.close()  # the peer vanishes without BYE
        clock.now += SILENCE_S + 1
        it.server.look_after(clock.now)
        assert session.reason == "", "a probe has its time to be answered"
        clock.now += DEAD_S + 1
        it.server.look_after(clock.now)
        await session.ended.wait()
        assert session.reason == "peer_vanished"
        assert not call.ended.done()


async def test_peer_that_does_not_answer_but_sends_sound_stays() -> None:
    clock = HandClock()
    async with bench(clock=clock) as it:
        await it.call()
        session = it.media.sessions[0]
        session.silent_since = clock.now
        await it.caller.endpoint.transports.close()
        clock.now += SILENCE_S + 1
        it.server.look_after(clock.now)
        session.silent_since = clock.now + 1
        clock.now += DEAD_S + 1
        it.server.look_after(clock.now)
        assert it.server.calls == 1


async def test_cancel_before_the_answer() -> None:
    async with bench() as it:
        it.media.gate.clear()
        call = await prepare_call(it.caller, it.plan())
        waiting = asyncio.ensure_future(call.wait_answered())
        await it.media.asked.wait()
        assert len(it.intake.places) == 1
        call.cancel()
        with pytest.raises(CallRefused, match="487"):
            await waiting
        assert not it.intake.places
        it.media.gate.set()
        await it.media.allocated.wait()
        assert it.media.sessions[0].reason == "cancelled"
        assert it.intake.sessions == []


async def test_busy_port_names_the_setting() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        server = SipServer("127.0.0.1", taken.getsockname()[1], FakeIntake(), FakeMedia())
        with pytest.raises(StartupError, match=r"^SIP cannot listen on .*set SIP_PORT$"):
            await server.open()


async def test_an_address_that_is_not_ours_is_no_fault_of_the_port() -> None:
    server = SipServer("192.0.2.1", 0, FakeIntake(), FakeMedia(), trunks=parse_trunks("192.0.2.7"))
    with pytest.raises(StartupError, match=r"set SIP_HOST$"):
        await server.open()


async def test_does_not_face_the_world_without_a_trunk() -> None:
    with pytest.raises(StartupError, match="SIP_TRUNKS"):
        await SipServer("0.0.0.0", 0, FakeIntake(), FakeMedia()).open()


async def test_strangers_are_dropped_in_silence() -> None:
    counts = FakeCounts()
    trunks = parse_trunks("192.0.2.0/24")
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), trunks=trunks, metrics=counts)
    await server.open()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            stranger.connect(("127.0.0.1", server.port))
            stranger.send(b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nbroken\r\n\r\n")
            async with asyncio.timeout(20):
                await counts.until("sip_dropped_total stranger")
            with pytest.raises(BlockingIOError):  # an answer over loopback would lie there by now
                stranger.recv(2_048)
    finally:
        await server.close(0)


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_the_log_says_once_a_minute_who_came_and_is_no_trunk(transport: Transport) -> None:
    clock, counts = HandClock(), FakeCounts()
    trunks = parse_trunks("192.0.2.0/24")
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), trunks=trunks, metrics=counts, clock=clock)
    await server.open()
    kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
    try:
        with capture_logs() as logs:
            for number, later in enumerate((0.0, 1.0, 60.0), 1):
                clock.now += later
                with socket.socket(socket.AF_INET, kind) as stranger:
                    stranger.connect(("127.0.0.1", server.port))
                    stranger.send(b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n\r\n")
                    async with asyncio.timeout(20):
                        await counts.until("sip_dropped_total stranger", number)
        assert [line["peer"] for line in logs if line["event"] == "sip.stranger"] == ["127.0.0.1"] * 2
    finally:
        await server.close(0)


def test_a_flood_of_strangers_is_few_lines() -> None:
    strangers = TurnedAway("sip.stranger", logging.INFO)
    with capture_logs() as logs:
        for number in range(1_000):
            strangers.add(f"203.0.113.{number % 250}", number / 20)
    assert len(logs) == 10
