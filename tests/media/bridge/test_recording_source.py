"""The bridge as a SIPREC source: what the engine's SIP server is told and sent of a bridged call."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from engine.errors import StartupError
from media.bridge.call import BridgedCall
from media.bridge.party import Answered, Turned
from media.bridge.recording_source import FIRST_PAUSE_S, PROBE_S, Recorders
from media.sip.server import SipServer
from tests.media.bridge.test_call import INVITATION, FakeExchange, FakeParty, packet
from tests.media.sip.mute_peer import MutePeer
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia, FakeMediaSession


class Engine:
    """A SIP server that may go away and come back on its port."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.intake, self.media = FakeIntake(), FakeMedia()
        self.port = 0
        self._host = host
        self._server: SipServer | None = None

    async def start(self) -> None:
        self._server = SipServer(self._host, self.port, self.intake, self.media)
        await self._server.open()
        self.port = self._server.port

    async def kill(self) -> None:
        """No BYE, and no answer to anything that comes."""
        assert self._server is not None
        await self._server.endpoint.close()
        for session in self.media.sessions:
            session.close("killed")

    @property
    def sessions(self) -> list[FakeMediaSession]:
        return self.media.sessions


@asynccontextmanager
async def recorded(
    *,
    host: str = "127.0.0.1",
    probe_s: float = PROBE_S,
    first_pause_s: float = FIRST_PAUSE_S,
    wall_clock: Callable[[], float] = time.time,
) -> AsyncIterator[tuple[BridgedCall, FakeParty, FakeParty, Engine]]:
    engine = Engine(host)
    await engine.start()
    where = f"[{host}]" if ":" in host else host
    uri = f"sip:{where}:{engine.port};transport=tcp"
    async with Recorders(uri, host, probe_s=probe_s, first_pause_s=first_pause_s, wall_clock=wall_clock) as recorders:
        exchange, customer = FakeExchange(), FakeParty("+34600")
        call = BridgedCall(INVITATION, customer, exchange, recorders.make())
        call.start(exchange.candidates(1), 0.0)
        agent = exchange.made[0]
        agent.aor = "marta@desk"
        agent.says(Answered("PCMU"))
        await engine.intake.begun()
        yield call, customer, agent, engine
        call.hang_up("bye")
    await engine.kill()


async def test_both_sides_are_told_and_heard_on_their_lines() -> None:
    async with recorded() as (call, customer, agent, engine):
        (offer,) = engine.intake.offers
        assert offer.protocol == "siprec"
        assert offer.to_aor == "100@127.0.0.1"
        assert [(one.aor, one.side) for one in offer.participants] == [("+34600", "caller"), ("marta@desk", "called")]
        assert offer.correlation["session-id"].startswith(call.call_id.replace("-", ""))
        for number in range(30):
            customer.voice(packet(number))
            agent.voice(packet(number))
        await engine.sessions[0].until(lambda session: session.heard(0) and session.heard(1))
        assert len(agent.heard) == len(customer.heard) == 30
        call.hang_up("bye")
        await engine.sessions[0].ended.wait()
        assert engine.sessions[0].reason == "bye"


async def test_engine_is_told_over_ipv6() -> None:
    try:
        async with asyncio.timeout(15), recorded(host="::1") as (_, _, _, engine):
            (offer,) = engine.intake.offers
            assert (offer.to_aor, offer.from_aor) == ("100@[::1]", "bridge@[::1]")
    except StartupError:
        pytest.skip("this machine has no IPv6 loopback")


async def test_hold_and_its_end_are_told() -> None:
    async with recorded() as (_, customer, _, engine):
        customer.says(Turned("inactive"))
        await engine.sessions[0].until(lambda session: "hold" in session.history)
        customer.says(Turned("sendrecv"))
        await engine.sessions[0].until(lambda session: "resume" in session.history)


async def test_who_takes_over_is_told() -> None:
    async with recorded() as (call, _, _, engine):
        call.take_over(1, FakeParty("ben@desk"))
        told = ["+34600", "ben@desk"]
        await engine.sessions[0].until(lambda session: [one.aor for one in session.participants] == told)


async def test_engine_that_starts_anew_is_told_again_and_nobody_waits_for_it() -> None:
    now_s = [1_795_514_400.0]
    async with recorded(probe_s=0.05, first_pause_s=0.05, wall_clock=lambda: now_s[0]) as (
        call,
        customer,
        agent,
        engine,
    ):
        await engine.kill()
        now_s[0] += 720.0
        customer.voice(packet(1))
        assert agent.heard == [packet(1)]
        await engine.start()
        await engine.intake.begun(2)
        first, again = engine.intake.offers
        assert [one.aor for one in again.participants] == ["+34600", "marta@desk"]
        assert (first.age_s, again.age_s) == (0.0, 720.0), "it is the same call, and goes on"
        assert not call.ended
        for number in range(30):
            customer.voice(packet(number))
        await engine.sessions[1].until(lambda session: session.heard(0))


async def test_engine_that_was_killed_before_its_answer_is_told_again() -> None:
    mute, engine = MutePeer(begun=True), Engine()
    await mute.endpoint.open("127.0.0.1", 0)
    engine.port = mute.endpoint.transports.port
    uri = f"sip:127.0.0.1:{engine.port};transport=tcp"
    async with asyncio.timeout(15), Recorders(uri, first_pause_s=0.05, answer_s=0.5) as recorders:
        exchange = FakeExchange()
        call = BridgedCall(INVITATION, FakeParty("+34600"), exchange, recorders.make())
        call.start(exchange.candidates(1), 0.0)
        exchange.made[0].says(Answered("PCMU"))
        await mute.asked.get()
        await mute.endpoint.close()
        await engine.start()
        await engine.intake.begun()
        call.hang_up("bye")
    await engine.kill()
