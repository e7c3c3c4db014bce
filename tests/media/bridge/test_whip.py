"""WHIP with aiortc as the client, and the engine's own SIP server and RTP plane to hear it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import NoReturn

import msgspec
import numpy as np
import pytest
import soxr
from aiohttp import ClientResponse, ClientSession, web
from numpy.typing import NDArray

from engine.control.phone_pass import PhonePass, sign, verify
from engine.errors import Overloaded
from engine.facts import Pcm16
from engine.ports.intake import CallEnded, CallOffer, IngestSession, Refusal
from engine.settings import read_ice_servers
from engine.web.site import Site
from media.bridge.recording_source import Recorders
from media.bridge.whip import Whip
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.sip.server import SipServer
from media.webrtc.ports import LegPorts
from tests.media.sip.sip_fakes import FakeCounts, FakeIntake
from tests.webrtc_peer import Peer

FloatArray = NDArray[np.float64]
KEY = b"k" * 32
TONE = (8000 * np.sin(np.arange(40_000) * 2 * np.pi * 440 / 8000)).astype(np.int16)
NOISE = np.random.default_rng(4).integers(-9000, 9000, 24_000).astype(np.int16)
ICE = '[{"urls": ["turn:turn.example:3478"], "username": "u", "credential": "p\\"q"}, {"urls": "stun:stun.example"}]'


class ToldPlane(RtpPlane):
    """Says when it has heard what came."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", PortRange(26_200, 26_219))
        self._ticked = asyncio.Event()

    def tick(self) -> None:
        super().tick()
        self._ticked.set()

    async def ticked(self) -> None:
        self._ticked.clear()
        await self._ticked.wait()


class Desk:
    """The endpoint, who uses it, and the engine behind it."""

    whip: Whip
    later_s = 0.0
    """So much later is it for passes."""
    counts: FakeCounts

    def __init__(self, url: str, client: ClientSession, intake: FakeIntake, plane: ToldPlane) -> None:
        self.url, self.client, self.intake, self.plane = url, client, intake, plane

    def token(self, aor: str = "ana@desk") -> str:
        numbers = ("Sales", "+57 (601) 555-0134")
        return sign(PhonePass("org", f"user-{aor}", "Ana", aor, "", numbers, "", time.time() + 60), KEY)

    async def publish(self, sdp: bytes, number: str = "sales", **headers: str) -> ClientResponse:
        given = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/sdp"} | headers
        return await self.client.post(f"{self.url}/whip/{number}", data=sdp, headers=given)

    async def ask(self, method: str, where: str, *, aor: str = "ana@desk", **headers: str) -> ClientResponse:
        given = {"Authorization": f"Bearer {self.token(aor)}"} | headers
        return await self.client.request(method, self.url + where, headers=given)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    intake, counts = FakeIntake(), FakeCounts()
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(ToldPlane())
        server = SipServer("127.0.0.1", 0, intake, plane)
        await server.open()
        stack.push_async_callback(server.close)
        recorders = await stack.enter_async_context(Recorders(f"sip:127.0.0.1:{server.port};transport=tcp", "0.0.0.0"))
        whip = Whip(
            lambda token: verify(token, KEY, time.time() + one.later_s),
            LegPorts(),
            recorders,
            ice_servers=read_ice_servers(ICE),
            metrics=counts,
        )
        app = web.Application()
        whip.routes(app)
        site = Site(app, "127.0.0.1", 0)
        await site.open()
        stack.push_async_callback(site.close)
        stack.callback(whip.close)
        client = await stack.enter_async_context(ClientSession())
        one = Desk(site.url, client, intake, plane)
        one.whip, one.counts = whip, counts
        yield one


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer(TONE)
    yield peer
    await peer.close()


async def reason_of(session: IngestSession) -> str:
    async with asyncio.timeout(10):
        async for event in session.events():
            if isinstance(event, CallEnded):
                return event.reason
    return ""


async def voice(desk: Desk) -> Pcm16:
    """The first second of sound without a gap, at 16 kHz, wherever in the call a busy machine has put it."""
    session = desk.intake.sessions[0]
    async with asyncio.timeout(20):
        while True:
            await desk.plane.ticked()
            sound = session.audio("1", 0, 20_000)
            loud = np.abs(sound.reshape(-1, 320).astype(int)).max(axis=1) > 1_000
            runs = np.convolve(loud, np.ones(50), "valid") == 50
            if runs.any():
                at = int(np.argmax(runs)) * 320
                return sound[at : at + 16_000]


def is_tone(sound: Pcm16) -> bool:
    spectrum = np.abs(np.fft.rfft(sound.astype(float)))
    return bool(abs(np.argmax(spectrum) * 16_000 / len(sound) - 440) < 10)


def likeness(heard: FloatArray, said: FloatArray) -> float:
    """Correlation where it is best; of a stretch that a late packet has not touched it is that of the same sound."""
    at = int(np.argmax(np.correlate(said, heard)))
    return float(np.corrcoef(heard, said[at : at + len(heard)])[0, 1])


@pytest.mark.interop("whip", "connects")
@pytest.mark.interop("whip", "legs right")
async def test_a_published_voice_is_heard_as_a_call_of_that_person(desk: Desk, peer: Peer) -> None:
    response = await desk.publish(await peer.offer())
    assert (response.status, response.content_type) == (201, "application/sdp")
    assert response.headers.getall("Link") == [
        '<turn:turn.example:3478>; rel="ice-server"; username="u"; credential="p\\"q"; credential-type="password"',
        '<stun:stun.example>; rel="ice-server"',
    ]
    await peer.answered(await response.read())
    await desk.intake.begun()
    session = desk.intake.sessions[0]
    offer: CallOffer = session.offer
    assert (offer.protocol, offer.to_aor.partition("@")[0]) == ("siprec", "sales")
    assert offer.from_aor == "bridge@127.0.0.1"
    assert [one.aor for one in offer.participants] == ["ana@desk"]
    ending = asyncio.create_task(reason_of(session))
    assert is_tone(await voice(desk))
    where = response.headers["Location"]
    assert (await desk.ask("DELETE", where, aor="ben@desk")).status == 404
    assert (await desk.ask("DELETE", where)).status == 200
    assert await ending == "bye"
    assert (await desk.ask("DELETE", where)).status == 404


@pytest.mark.interop("whip", "audio exact")
async def test_g711_is_heard_as_it_was_said(desk: Desk) -> None:
    peer = Peer(NOISE)
    sdp = re.sub(rb"(m=audio \d+ \S+) [\d ]+", rb"\1 0", await peer.offer())
    response = await desk.publish(sdp)
    await peer.answered(await response.read())
    await desk.intake.begun()
    said = soxr.resample(NOISE.astype(float), 8_000, 16_000)
    heard = (await voice(desk)).astype(float)
    assert max(likeness(heard[at : at + 1_600], said) for at in range(0, 14_400, 1_600)) > 0.99
    await peer.close()


async def test_candidates_may_trickle_and_ice_is_not_restarted(desk: Desk, peer: Peer) -> None:
    response = await desk.publish(await peer.offer())
    where, etag, kind = response.headers["Location"], response.headers["ETag"], "application/trickle-ice-sdpfrag"
    for headers, status in (
        ({"Content-Type": "text/plain", "If-Match": etag}, 415),
        ({"Content-Type": kind}, 428),
        ({"Content-Type": kind, "If-Match": '"other"'}, 412),
        ({"Content-Type": kind, "If-Match": "*"}, 422),
        ({"Content-Type": kind, "If-Match": etag}, 204),
    ):
        assert (await desk.ask("PATCH", where, **headers)).status == status


async def test_the_pass_that_began_a_session_ends_it_though_it_is_over(desk: Desk, peer: Peer) -> None:
    passes = [f"Bearer {desk.token(aor)}" for aor in ("ana@desk", "ben@desk")]
    offer = await peer.offer()
    where = (await desk.publish(offer, Authorization=passes[0])).headers["Location"]
    desk.later_s = 600.0
    assert (await desk.publish(offer, Authorization=passes[0])).status == 401
    assert (await desk.ask("PATCH", where, Authorization=passes[0])).status == 415
    assert (await desk.ask("DELETE", where, Authorization=passes[1])).status == 401
    assert (await desk.ask("DELETE", where, Authorization=passes[0])).status == 200


@pytest.mark.interop("whip", "bad auth")
@pytest.mark.interop("whip", "malformed input")
async def test_what_cannot_be_taken_is_a_problem(desk: Desk, peer: Peer) -> None:
    offer = await peer.offer()
    for sdp, number, headers, status in (
        (offer, "sales", {"Authorization": ""}, 401),
        (offer, "sales", {"Authorization": "Bearer x.y"}, 401),
        (offer, "sales", {"Content-Type": "application/json"}, 415),
        (b"v=0\r\n", "sales", {}, 400),
        (offer.replace(b"a=sendrecv", b"a=recvonly"), "sales", {}, 400),
        (offer + b"a=x\r\n" * 20_000, "sales", {}, 413),
        (offer, "a%20b", {}, 404),
        (offer, "care", {}, 404),
        (offer, "+16015550134", {}, 404),
    ):
        response = await desk.publish(sdp, number, **headers)
        assert response.status == status
        assert response.content_type == "application/problem+json"
        assert msgspec.json.decode(await response.read())["status"] == status
    assert desk.intake.offers == []
    for method in ("GET", "PUT"):
        assert (await desk.ask(method, "/whip/sales")).status == 405
    options = await desk.ask("OPTIONS", "/whip/sales")
    assert (options.status, options.headers["Accept-Post"]) == (204, "application/sdp")


@pytest.mark.parametrize(
    ("refusal", "status"), [(Refusal("unknown_number"), 404), (Refusal("overloaded", retry_after_s=9), 503)]
)
async def test_an_engine_that_does_not_take_it_is_said(desk: Desk, peer: Peer, refusal: Refusal, status: int) -> None:
    desk.intake.refusal = refusal
    response = await desk.publish(await peer.offer())
    assert response.status == status
    assert ("Retry-After" in response.headers) == (status == 503)


async def test_a_voice_that_no_port_is_free_for_is_refused_and_counted(
    desk: Desk, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used_up(ports: LegPorts) -> NoReturn:
        raise Overloaded("no UDP port is free for a browser")

    monkeypatch.setattr(LegPorts, "open", used_up)
    assert (await desk.publish(await peer.offer())).status == 503
    assert desk.counts.seen["calls_refused_total overloaded"] == 1


async def test_the_engine_is_told_the_person_s_number_and_none_that_is_like_it(desk: Desk, peer: Peer) -> None:
    assert (await desk.publish(await peer.offer(), "6015550134")).status == 201
    await desk.intake.begun()
    assert desk.intake.sessions[0].offer.to_aor.partition("@")[0] == "576015550134"


async def test_one_person_does_not_take_all_the_places(desk: Desk, peer: Peer) -> None:
    offer = await peer.offer()
    answers = await asyncio.gather(*(desk.publish(offer) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 201, 429, 429]
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.content_type, "Retry-After" in refused.headers) == ("application/problem+json", True)
    assert (await desk.publish(offer, Authorization=f"Bearer {desk.token('ben@desk')}")).status == 201
    taken = next(answer for answer in answers if answer.status == 201)
    assert (await desk.ask("DELETE", taken.headers["Location"])).status == 200
    desk.intake.refusal = Refusal("overloaded", retry_after_s=9)
    assert (await desk.publish(offer)).status == 503
    desk.intake.refusal = None
    assert (await desk.publish(offer)).status == 201


async def test_one_that_drains_keeps_its_sessions_and_begins_no_other(desk: Desk, peer: Peer) -> None:
    offer = await peer.offer()
    taken = await desk.publish(offer)
    desk.whip.drain()
    refused = await desk.publish(offer)
    assert (taken.status, refused.status, "Retry-After" in refused.headers) == (201, 503, True)
    assert desk.whip.count == 1
    assert (await desk.ask("DELETE", taken.headers["Location"])).status == 200
    assert desk.whip.count == 0


@pytest.mark.interop("whip", "abnormal end")
async def test_a_client_that_closes_ends_its_session(desk: Desk, peer: Peer) -> None:
    response = await desk.publish(await peer.offer())
    await peer.answered(await response.read())
    await desk.intake.begun()
    await peer.connected()
    ending = asyncio.create_task(reason_of(desk.intake.sessions[0]))
    await peer.close()
    assert await ending == "bye"
    assert (await desk.ask("DELETE", response.headers["Location"])).status == 404
