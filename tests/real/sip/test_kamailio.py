"""Kamailio before the engine: proxies that stay in the dialog, a dispatcher that pings us, SIP over WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from engine.control.roles import decide_roles
from engine.control.trunks import Account, Line, Trunk, parse_trunks
from engine.ports.intake import Refusal
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.sip.caller import Caller, CallPlan, CallRefused, place_call
from media.sip.server import SipServer
from media.sip.tls import client_context, server_context
from media.sip.transport import Listeners
from media.siprec_source import RecordedParty
from tests.media.sip.sip_fakes import FakeCounts, FakeIntake, FakeMedia
from tests.media.sip.test_sipp import SIPP, run_sipp
from tests.media.sip.test_transport import certify
from tests.media.sockets.site import bank
from tests.media.sockets.speech import best_correlation, voices
from tests.media.sockets.test_called import Intake
from tests.media.sockets.test_interop import ROUTING
from tests.real.kamailio import KAMAILIO, MISSING, MODULES, Kamailio, kamailio
from tests.real.telephone import give_voices, telephone

pytestmark = [pytest.mark.real, pytest.mark.skipif(not KAMAILIO, reason=MISSING)]
needs_sipp = pytest.mark.skipif(not SIPP, reason="sipp is missing: apt-get install sip-tester")
needs_ws = pytest.mark.skipif(
    not (MODULES / "websocket.so").exists(), reason="apt-get install kamailio-websocket-modules"
)
needs_tls = pytest.mark.skipif(not (MODULES / "tls.so").exists(), reason="apt-get install kamailio-tls-modules")
PARTIES = (RecordedParty("1", "sip:+15550101@caller.example"), RecordedParty("2", "sip:agent7@desk.example"))


class Engine:
    """Our server, with what it was offered and what it counted."""

    def __init__(
        self, refusal: Refusal | None = None, trunks: Sequence[Trunk] = (), listeners: Listeners | None = None
    ) -> None:
        self.intake, self.media, self.counts = FakeIntake(refusal), FakeMedia(), FakeCounts()
        trunks = trunks or parse_trunks("")
        self.server = SipServer(
            "127.0.0.1", 0, self.intake, self.media, trunks=trunks, metrics=self.counts, listeners=listeners
        )

    def uri(self, transport: str = "udp") -> str:
        return f"sip:127.0.0.1:{self.server.port};transport={transport}"


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Engine]:
    await engine.server.open()
    try:
        async with asyncio.timeout(40):
            yield engine
    finally:
        await engine.server.close(0.2)


@asynccontextmanager
async def two_hops(engine: Engine, hop: str, last: str, where: Path) -> AsyncIterator[tuple[Kamailio, Kamailio]]:
    """A source → edge → core → us: the transports between the proxies, and to us."""
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(kamailio(where / "core", next_hop=engine.uri(last)))
        next_hop = f"sip:127.0.0.1:{core.port};transport={hop}"
        yield await stack.enter_async_context(kamailio(where / "edge", next_hop=next_hop)), core


# ─── proxies that stay in the dialog ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.interop("SIPREC (Kamailio)", "connects")
@pytest.mark.interop("SIPREC (Kamailio)", "pause")
@needs_sipp
@pytest.mark.parametrize("hops", ["udp udp udp", "tcp tcp tcp", "udp udp tcp"])
@pytest.mark.parametrize("hangs_up", ["sipp", "we"])
async def test_recording_through_two_proxies(hops: str, hangs_up: str, tmp_path: Path) -> None:
    """The requests of both sides visit the proxies in the order of the route set (RFC 3261 §12.1, §12.2.1.1)."""
    first, middle, last = hops.split()
    async with running(Engine()) as it, two_hops(it, middle, last, tmp_path) as (edge, core):
        scenario = "proxied_bye.xml" if hangs_up == "sipp" else "proxied_hold.xml"
        playing = asyncio.create_task(run_sipp(edge, scenario, tmp_path, "-m", "1", "-t", f"{first[0]}1"))
        await it.intake.begun()
        (session,) = it.media.sessions
        if hangs_up == "we":
            await session.until(lambda session: "hold" in session.history and session.heard(1))
            await it.counts.until("sip_messages_total in ACK", 2)  # a peer that waits for our 200 expects no BYE
            await it.server.close(2.0)
        await playing
        await session.ended.wait()
        assert session.offer.protocol == "siprec"
        assert session.offer.peer.endswith(f"/{last}")
        assert [session.heard(line) for line in (0, 1)] == [True, True]
        assert [p.aor for p in session.participants] == ["+15550101@caller.example", "agent7@desk.example"]
        assert session.history[-1:] == ["hold"]
        assert session.reason == ("bye" if hangs_up == "sipp" else "shutdown")
        # a proxy between two transports stays in the dialog with a route for each (two fields)
        routes, of_core = (2, 1) if middle == last else (3, 2)
        assert edge.routes("INVITE") == [0, routes]
        assert core.routes("INVITE") == [0, of_core]
        if hangs_up == "sipp":
            assert (edge.routes("BYE"), core.routes("BYE")) == ([routes], [of_core])
        else:
            assert (core.routes("BYE"), edge.routes("BYE")) == ([routes], [1])
        assert it.server.calls == 0


@pytest.mark.interop("SIPREC (Kamailio)", "legs right")
@pytest.mark.interop("SIPREC (Kamailio)", "audio exact")
@needs_sipp
async def test_each_voice_is_on_its_leg_as_it_was_said(tmp_path: Path) -> None:
    give_voices(tmp_path)
    intake = Intake()
    async with asyncio.timeout(40), RtpPlane("127.0.0.1", PortRange(31_300, 31_399), bank=bank()) as plane:
        server = SipServer("127.0.0.1", 0, intake, plane)
        await server.open()
        try:
            next_hop = f"sip:127.0.0.1:{server.port};transport=tcp"
            async with (
                kamailio(tmp_path / "kam", next_hop=next_hop) as proxy,
                telephone("proxied_bye.xml", tmp_path, f"127.0.0.1:{proxy.port}"),
            ):
                await intake.begun()
                assert await intake.reason() == "bye"
        finally:
            await server.close(0.2)
    (session,) = intake.sessions
    members = {"agent7@desk.example": "u7"}
    routing = msgspec.structs.replace(ROUTING, members=members)
    roles = {one.stream: one.role for one in decide_roles(session.offer.participants, routing)}
    assert roles == {"1": "customer", "2": "agent"}
    for stream, voice in zip(("1", "2"), voices(), strict=True):
        assert best_correlation(session.audio(stream, 0, 2_000), voice[:4_000]) > 0.99


@needs_sipp
@needs_tls
@pytest.mark.parametrize("hangs_up", ["sipp", "we"])
async def test_recording_over_mutual_tls(hangs_up: str, tmp_path: Path) -> None:
    pem = certify(tmp_path)
    it = Engine(
        listeners=Listeners(tls_port=0, server_tls=server_context(pem, "", pem), client_tls=client_context(pem, pem))
    )
    async with running(it):
        next_hop = f"sip:127.0.0.1:{it.server.endpoint.transports.local_port('TLS')};transport=tls"
        async with kamailio(tmp_path / "kam", next_hop=next_hop, pem=pem) as proxy:
            scenario = "proxied_bye.xml" if hangs_up == "sipp" else "proxied_hold.xml"
            playing = asyncio.create_task(run_sipp(proxy, scenario, tmp_path, "-m", "1"))
            await it.intake.begun()
            (session,) = it.media.sessions
            if hangs_up == "we":
                await session.until(lambda session: "hold" in session.history and session.heard(1))
                await it.counts.until("sip_messages_total in ACK", 2)  # a peer that waits for our 200 expects no BYE
                await it.server.close(2.0)
            await playing
            await session.ended.wait()
        assert session.offer.peer.endswith("/tls")
        assert session.reason == ("bye" if hangs_up == "sipp" else "shutdown")
        assert proxy.routes("BYE") == [2]  # one for each of its transports


# ─── a dispatcher before two engines ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.interop("SIPREC (Kamailio)", "abnormal end")
@needs_sipp
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_dispatcher_goes_on_to_the_next_when_we_refuse(transport: str, tmp_path: Path) -> None:
    quiet = Trunk(parse_trunks("127.0.0.1")[0].network, None, Line("kam", tell_load=False))
    full, free = Engine(Refusal("overloaded", 5), [quiet]), Engine()
    async with running(full), running(free):
        targets = [full.uri(transport), free.uri(transport)]
        async with kamailio(tmp_path / "kam", targets=targets) as proxy:
            for engine in (full, free):
                await engine.counts.until("sip_messages_total in OPTIONS")
                await engine.counts.until("sip_messages_total out 2xx")
            await run_sipp(proxy, "proxied_bye.xml", tmp_path, "-m", "1")
            assert (len(full.intake.offers), full.intake.sessions) == (1, [])  # asked first, and answered 503
            (session,) = free.media.sessions
            await session.ended.wait()
            assert [session.heard(line) for line in (0, 1)] == [True, True]
            assert session.reason == "bye"
            assert not [line for line in proxy.said if line.startswith("DOWN")]  # a 503 to a call is no dead engine

            await full.server.close(0)
            await proxy.until(f"DOWN {targets[0]}")
            (tmp_path / "later").mkdir()
            await run_sipp(proxy, "proxied_bye.xml", tmp_path / "later", "-m", "1")
            assert len(full.intake.offers) == 1
            assert len(free.media.sessions) == 2


async def test_dispatcher_sends_us_no_calls_while_our_pings_say_that_we_are_full(tmp_path: Path) -> None:
    full, free = Engine(Refusal("overloaded", 5)), Engine()
    async with running(full), running(free):
        targets = [full.uri(), free.uri()]
        async with kamailio(tmp_path / "kam", targets=targets) as proxy, Caller() as caller:
            await proxy.until(f"DOWN {targets[0]}")
            plan = CallPlan(f"sip:5000@127.0.0.1:{proxy.port}", "127.0.0.1", [40_000, 40_002], parties=PARTIES)
            call = await place_call(caller, plan)
            assert (len(full.intake.offers), len(free.intake.offers)) == (0, 1)
            call.bye()
            full.intake.refusal = None
            await proxy.until(f"UP {targets[0]}")
            call = await place_call(caller, plan)
            assert (len(full.intake.offers), len(free.intake.offers)) == (1, 1)
            call.bye()
            await call.ended


async def test_nobody_left_leaves_nothing_pending(tmp_path: Path) -> None:
    full = Engine(Refusal("overloaded", 5))
    async with running(full), kamailio(tmp_path / "kam", targets=[full.uri()]) as proxy, Caller() as caller:
        plan = CallPlan(f"sip:5000@127.0.0.1:{proxy.port}", "127.0.0.1", [40_000, 40_002], parties=PARTIES)
        with pytest.raises(CallRefused) as refused:
            await place_call(caller, plan)
        assert refused.value.status == 500  # what a proxy makes of the last 503 (RFC 3261 §16.7.6)
        assert full.server.calls == 0


async def test_we_ping_the_proxy(tmp_path: Path) -> None:
    async with kamailio(tmp_path / "kam", next_hop="sip:127.0.0.1:9") as proxy:
        line = Line("kam", f"sip:127.0.0.1:{proxy.port}", ping_s=1)
        async with running(Engine(trunks=[Trunk(parse_trunks("127.0.0.1")[0].network, None, line)])) as it:
            await it.counts.until("sip_trunk_up kam")
            assert it.server.lines[0].up


# ─── SIP over WebSocket ──────────────────────────────────────────────────────────────────────────────────────────────


@needs_ws
async def test_call_from_a_websocket_reaches_us_through_the_proxy(tmp_path: Path) -> None:
    it = Engine()
    async with running(it), kamailio(tmp_path / "kam", next_hop=it.uri(), ws=True) as proxy, Caller() as caller:
        plan = CallPlan(f"sip:5000@127.0.0.1:{proxy.ws_port};transport=ws", "127.0.0.1", [40_000])
        call = await place_call(caller, plan, "WS")
        await it.intake.begun()
        assert await call.reinvite(hold=True) == 200
        await it.server.close(2.0)  # our BYE goes back over the connection that the caller opened
        assert await call.ended == "bye"
        assert it.media.sessions[0].history[-1:] == ["hold"]
        assert len(proxy.routes("BYE")) == 1


@needs_ws
async def test_call_to_us_over_the_websocket_by_which_we_registered(tmp_path: Path) -> None:
    async with kamailio(tmp_path / "kam", ws=True) as proxy:
        line = Line(
            "kam",
            f"sip:registered@127.0.0.1:{proxy.ws_port};transport=ws",
            account=Account("registered", "unused"),
            register=True,
            ping_s=0,
        )
        async with running(Engine(trunks=[Trunk(parse_trunks("127.0.0.1")[0].network, None, line)])) as it:
            await it.counts.until("sip_trunk_registered kam")
            async with Caller() as caller:
                plan = CallPlan(
                    f"sip:registered@127.0.0.1:{proxy.port}", "127.0.0.1", [40_000, 40_002], parties=PARTIES
                )
                call = await place_call(caller, plan)
                await it.intake.begun()
                (session,) = it.media.sessions
                assert session.offer.peer.endswith("/ws")
                assert await call.reinvite(hold=True) == 200
                call.bye()
                await session.ended.wait()
                assert session.reason == "bye"
