"""Those that we call: rtpengine over NG and Asterisk over ARI, played from their documents, with RTP on loopback."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web

from engine.control.peers import Peer
from engine.control.roles import decide_roles
from engine.errors import Overloaded
from engine.ports.intake import (
    TAKEN_UP_S,
    CallOffer,
    IngestSession,
    MediaEvent,
    MediaNotice,
    Notice,
    ParticipantsChanged,
    Refusal,
)
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.session import MediaSession
from media.sockets.ari import Ari
from media.sockets.rtpengine import LISTED, Rtpengine
from tests.media.sockets.site import FakeClock, bank
from tests.media.sockets.speech import FRAME, best_correlation, to_ulaw, voices
from tests.media.sockets.test_interop import ROUTING


class Intake:
    """Takes calls of the RTP plane, and reads their events."""

    def __init__(self) -> None:
        self.refusal: Refusal | None = None
        self.offers: list[CallOffer] = []
        self.places: set[str] = set()
        """Calls that were admitted and have neither begun nor been withdrawn."""
        self.sessions: list[IngestSession] = []
        self.events: list[MediaEvent] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def admit(self, offer: CallOffer) -> Refusal | None:
        self.offers.append(offer)
        if self.refusal is None:
            self.places.add(offer.call_id)
        self._changed.set()
        return self.refusal

    def withdraw(self, offer: CallOffer) -> None:
        self.places.discard(offer.call_id)
        self._changed.set()

    def notice(self, offer: CallOffer) -> Notice | None:
        return None

    def full(self) -> Refusal | None:
        return None

    def begin(self, session: IngestSession) -> None:
        self.places.discard(session.offer.call_id)
        self.sessions.append(session)
        self._changed.set()
        task = asyncio.get_running_loop().create_task(self._read(session))
        self._tasks.add(task)

    async def _read(self, session: IngestSession) -> None:
        async for event in session.events():
            self.events.append(event)
            self._changed.set()

    async def reason(self) -> str:
        await asyncio.wait_for(asyncio.gather(*self._tasks), 10)
        return str(getattr(self.events[-1], "reason", ""))

    async def until(self, test: Callable[["Intake"], bool]) -> None:
        """Waits until that is so."""
        async with asyncio.timeout(15.0):
            while not test(self):
                self._changed.clear()
                await self._changed.wait()

    async def begun(self, calls: int = 1) -> None:
        await self.until(lambda self: len(self.sessions) >= calls)

    async def noticed(self, name: str) -> None:
        await self.until(
            lambda self: any(isinstance(event, MediaNotice) and event.name == name for event in self.events)
        )


class Room:
    """An RTP plane in virtual time, with real sockets."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.plane = RtpPlane("127.0.0.1", PortRange(31_000, 31_199), bank=bank(), clock=self.clock)

    def hear(self, ports: list[int], seconds: float) -> None:
        """Both voices, from one socket each, at 20 ms a packet; then half a second of nothing."""
        with ExitStack() as stack:
            senders = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in ports]
            for number in range(round(seconds * 50)):
                for place, (sender, port) in enumerate(zip(senders, ports, strict=True)):
                    sound = to_ulaw(voices()[place][number * FRAME : (number + 1) * FRAME])
                    header = b"\x80\x00" + (number + 100).to_bytes(2, "big") + (number * FRAME).to_bytes(4, "big")
                    sender.sendto(header + (77 + place).to_bytes(4, "big") + sound, ("127.0.0.1", port))
                self._tick()
        for _ in range(25):
            self._tick()

    def _tick(self) -> None:
        self.clock.now += 0.020
        self.plane.tick()


def assert_heard(intake: Intake, streams: tuple[str, ...], seconds: float) -> None:
    """Each voice is on its stream; its place on the clock is the first packet's arrival."""
    for stream, voice in zip(streams, voices(), strict=False):
        assert best_correlation(intake.sessions[0].audio(stream, 0, 6000), voice[: int(seconds * 8000)]) > 0.99


# ─── rtpengine ───────────────────────────────────────────────────────────────────────────────────────────────────────


def bencoded(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"d" + b"".join(bencoded(key) + bencoded(item) for key, item in value.items()) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(map(bencoded, value)) + b"e"
    if isinstance(value, int):
        return f"i{value}e".encode()
    text = value if isinstance(value, bytes) else str(value).encode()
    return str(len(text)).encode() + b":" + text


def bdecoded(data: bytes, at: int = 0) -> tuple[Any, int]:
    if data[at : at + 1] == b"d" or data[at : at + 1] == b"l":
        items, end = [], at + 1
        while data[end : end + 1] != b"e":
            item, end = bdecoded(data, end)
            items.append(item)
        return (dict(zip(items[::2], items[1::2], strict=True)) if data[at : at + 1] == b"d" else items), end + 1
    if data[at : at + 1] == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end].decode(), end


SUBSCRIPTION = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=rtpengine\r\nt=0 0\r\n"
    "m=audio 30000 RTP/AVP 0 8 101\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n"
    "m=audio 30002 RTP/AVP 0 8 101\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n"
)

PCMU = "RTP/AVP 0 8 101\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:0 PCMU/8000"
AMR_WB = "RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:96 AMR-WB/16000"


class PlayedRtpengine(asyncio.DatagramProtocol):
    """Answers NG as documented; loses every first datagram of a cookie when told to."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.sdp = SUBSCRIPTION
        self.answered_sdp = ""
        self.lossy = self.dead = self.garbled = False
        self.refuses = self.loses = ""
        """Commands that it says no to, or gets no answer out to."""
        self._seen: set[bytes] = set()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        cookie, _, body = data.partition(b" ")
        first = cookie not in self._seen
        self._seen.add(cookie)
        if self.dead or (self.lossy and first):
            return
        if self.garbled:
            self._transport.sendto(cookie + b" d6:result", addr)
            return
        request, _ = bdecoded(body)
        self.asked.append(request)
        if request["command"] == self.loses:
            return
        self._transport.sendto(cookie + b" " + bencoded({"result": "ok"} | self._answer(request)), addr)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["command"] == self.refuses:
            return {"result": "error"}
        call = request.get("call-id", "")
        match request["command"]:
            case "list":
                return {"calls": list(self.calls)[: request["limit"]]}
            case "query" if call not in self.calls:
                return {"result": "error"}
            case "query":
                return {"tags": self.calls[call]}
            case "subscribe request" if "from-tags" in request:
                one_line = SUBSCRIPTION[: SUBSCRIPTION.index("m=audio 30002")]
                return {"sdp": one_line, "from-tags": request["from-tags"], "to-tag": f"sub-{request['from-tags'][0]}"}
            case "subscribe request":
                return {"sdp": self.sdp, "from-tags": list(self.calls[call]), "to-tag": "sub-1"}
            case "subscribe answer":
                self.answered_sdp = request["sdp"]
        return {}

    def ports(self) -> list[int]:
        return [int(line.split()[1]) for line in self.answered_sdp.splitlines() if line.startswith("m=audio")]


@asynccontextmanager
async def following(intake: Intake, listed: int = LISTED) -> AsyncIterator[tuple[PlayedRtpengine, Rtpengine, Room]]:
    loop = asyncio.get_running_loop()
    transport, played = await loop.create_datagram_endpoint(PlayedRtpengine, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    peer = Peer("edge", "rtpengine", url=f"127.0.0.1:{port}", number="+34910000000")
    room = Room()
    engine = Rtpengine(peer, intake, room.plane, look_every_s=3600, tries_s=(0.05, 0.1), listed=listed)
    await engine.open()
    try:
        yield played, engine, room
    finally:
        await engine.close()
        await room.plane.aclose()
        transport.close()
    assert not intake.places


async def no_port(offer: CallOffer, streams: object) -> MediaSession:
    raise Overloaded("no RTP port is free")


ANSWERED: dict[str, dict[str, Any]] = {"caller-tag": {"medias": []}, "callee-tag": {"medias": []}}


@pytest.mark.interop("rtpengine", "connects")
@pytest.mark.interop("rtpengine", "legs right")
@pytest.mark.interop("rtpengine", "audio exact")
async def test_a_relayed_call_is_heard_to_its_end() -> None:
    intake = Intake()
    async with following(intake) as (played, engine, room):
        listener = {"tag": "l", "subscriptions": [{"tag": "caller-tag", "type": "pub/sub"}]}
        played.calls["call-1"] = {"caller-tag": {"tag": "caller-tag"}, "<untagged 1>": {"tag": ""}, "l": listener}
        await engine.look()
        assert not intake.offers  # nobody has answered yet
        played.calls["call-1"] = ANSWERED
        played.lossy = True
        await engine.look()
        (offer,) = intake.offers
        assert offer.correlation == {"call-id": "call-1"}
        roles = {one.stream: one.role for one in decide_roles(offer.participants, ROUTING)}
        assert roles == {"0": "customer", "1": "agent"}
        assert "a=recvonly" in played.answered_sdp
        room.hear(played.ports(), 1.5)
        assert_heard(intake, ("0", "1"), 1.4)
        del played.calls["call-1"]
        await engine.look()
        assert await intake.reason() == "bye"


@pytest.mark.interop("rtpengine", "abnormal end")
async def test_an_rtpengine_that_is_gone_ends_its_calls() -> None:
    intake = Intake()
    async with following(intake) as (played, engine, _):
        played.calls["call-1"] = ANSWERED
        await engine.look()
        played.dead = True
        for _ in range(5):
            await engine.look()
        assert await intake.reason() == "peer_vanished"
        assert engine.calls == 0
        played.dead, before = False, len(played.asked)
        await engine.look()
        assert [one["command"] for one in played.asked[before:]][:2] == ["list", "unsubscribe"]
        assert engine.calls == 1  # and is followed anew


@pytest.mark.parametrize("gone", [False, True], ids=["we come", "rtpengine was gone"])
async def test_who_talks_already_when_we_come_is_past_the_opening(gone: bool) -> None:
    intake = Intake()
    async with following(intake) as (played, engine, _):
        if gone:
            await engine.look()
            played.dead = True
            for _ in range(5):
                await engine.look()
            played.dead = False
        played.calls = {"call-1": ANSWERED, "call-2": {"caller-tag": {"medias": []}}}  # the second rings
        await engine.look()
        played.calls = dict.fromkeys(("call-1", "call-2", "call-3"), ANSWERED)
        await engine.look()
    ages = {offer.correlation["call-id"]: offer.age_s for offer in intake.offers}
    assert ages == {"call-1": TAKEN_UP_S, "call-2": 0.0, "call-3": 0.0}


@pytest.mark.parametrize("fails", ["query", "subscribe request", "subscribe answer", "ports"])
async def test_who_talks_already_is_past_the_opening_also_where_it_is_heard_later(
    fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake()
    async with following(intake) as (played, engine, room):
        played.calls["call-1"] = ANSWERED
        if fails == "ports":
            monkeypatch.setattr(room.plane, "allocate", no_port)
        else:
            played.refuses = fails
        await engine.look()
        assert engine.calls == 0
        monkeypatch.undo()
        played.refuses = ""
        await engine.look()
        assert engine.calls == 1
        assert intake.offers[-1].age_s == TAKEN_UP_S


@pytest.mark.parametrize("last", [["call-3", "call-4"], ["call-3"]], ids=["cut", "whole"])
async def test_who_is_named_late_by_lists_that_are_cut_is_past_the_opening_unless_it_rang(last: list[str]) -> None:
    intake = Intake()
    async with following(intake, listed=2) as (played, engine, _):
        played.calls = dict.fromkeys(("call-1", "call-2", *last), ANSWERED)
        played.calls["call-2"] = {"caller-tag": {"medias": []}}  # it rings
        await engine.look()
        played.calls["call-2"] = ANSWERED
        await engine.look()
        for gone in ("call-1", "call-2"):
            del played.calls[gone]
        await engine.look()
    ages = {offer.correlation["call-id"]: offer.age_s for offer in intake.offers}
    assert ages == {"call-1": TAKEN_UP_S, "call-2": 0.0} | dict.fromkeys(last, TAKEN_UP_S)


async def test_a_call_that_a_cut_list_leaves_out_goes_on() -> None:
    intake = Intake()
    async with following(intake, listed=2) as (played, engine, _):
        played.calls["call-1"] = ANSWERED
        await engine.look()
        played.calls = {"other-1": {}, "other-2": {}} | played.calls
        await engine.look()
        assert engine.calls == 1
        del played.calls["call-1"]
        await engine.look()
        assert await intake.reason() == "bye"
        assert len(intake.offers) == 1


@pytest.mark.interop("rtpengine", "change")
async def test_who_joins_later_or_takes_the_call_over_is_heard_too() -> None:
    intake = Intake()
    async with following(intake) as (played, engine, room):
        played.calls["call-1"] = ANSWERED
        await engine.look()
        first = played.ports()
        played.calls["call-1"] = ANSWERED | {"third-tag": {"medias": []}}
        await engine.look()
        await engine.look()
        asked = [one for one in played.asked if one["command"] == "subscribe request"]
        assert [one.get("from-tags") for one in asked] == [None, ["third-tag"]]
        (third,) = played.ports()
        assert third not in first
        room.hear([*first, third][1:], 2)  # the second side, and who came
        assert intake.sessions[0].audio("2", 0, 2_000).any()
        played.calls.clear()
        await engine.look()
        assert await intake.reason() == "bye"
        (change,) = [event for event in intake.events if isinstance(event, ParticipantsChanged)]
        assert [(one.stream, one.position, one.side) for one in change.participants] == [
            ("0", 0, "caller"),
            ("1", 1, "called"),
            ("2", 2, ""),
        ]


@pytest.mark.parametrize(("port", "heard"), [(30_000, ("1", 1, "called")), (30_002, ("0", 0, "caller"))])
async def test_a_side_that_cannot_be_heard_keeps_its_place(port: int, heard: tuple[str, int, str]) -> None:
    intake = Intake()
    async with following(intake) as (played, engine, _):
        played.sdp = SUBSCRIPTION.replace(f"{port} {PCMU}", f"{port} {AMR_WB}")
        played.calls["call-1"] = ANSWERED
        await engine.look()
        played.calls["call-1"] = ANSWERED | {"third-tag": {"medias": []}}
        await engine.look()
        await intake.until(lambda it: bool(it.events))
        (change,) = intake.events
        assert isinstance(change, ParticipantsChanged)
        told = [(one.stream, one.position, one.side) for one in change.participants]
        assert told == [heard, ("2", 2, "")]


async def test_every_listening_is_given_up() -> None:
    async with following(Intake()) as (played, engine, _):
        played.calls["call-1"] = ANSWERED
        await engine.look()
        played.calls["call-1"] = ANSWERED | {"third-tag": {"medias": []}}
        await engine.look()
        await engine.close()
        given_up = [one["to-tag"] for one in played.asked if one["command"] == "unsubscribe"]
        assert given_up == ["sub-1", "sub-third-tag"]


async def test_a_refused_call_is_left_and_not_asked_for_again() -> None:
    intake = Intake()
    intake.refusal = Refusal("unknown_number")
    async with following(intake) as (played, engine, _):
        played.calls["call-1"] = ANSWERED
        await engine.look()
        await engine.look()
        assert [one["command"] for one in played.asked].count("subscribe request") == 1
        assert [one["command"] for one in played.asked].count("unsubscribe") == 1


@pytest.mark.parametrize("fails", ["ports", "answer"])
async def test_a_call_that_cannot_be_heard_gives_its_place_back(fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = Intake()
    async with following(intake) as (played, engine, room):
        played.calls["call-1"] = ANSWERED
        if fails == "ports":
            monkeypatch.setattr(room.plane, "allocate", no_port)
        else:
            played.refuses = "subscribe answer"
        await engine.look()
        assert len(intake.offers) == 1
        assert not intake.places
        assert not intake.sessions
        monkeypatch.undo()
        played.refuses = ""
        await engine.look()
        assert len(intake.sessions) == 1


@pytest.mark.parametrize("fails", ["refused", "lost", "sdp"])
async def test_a_subscription_that_comes_to_nothing_is_given_up_and_few_are_tried(fails: str) -> None:
    intake = Intake()
    async with following(intake) as (played, engine, _):
        played.calls["call-1"] = ANSWERED
        played.refuses = "subscribe answer" if fails == "refused" else ""
        played.loses = "subscribe answer" if fails == "lost" else ""
        played.sdp = "none" if fails == "sdp" else SUBSCRIPTION
        for _ in range(5):
            await engine.look()
        commands = [one["command"] for one in played.asked]
        assert commands.count("subscribe request") == 3
        assert commands.count("unsubscribe") == 3
        assert not intake.sessions
        played.calls.clear()
        await engine.look()
        played.calls["call-1"] = ANSWERED  # another call, for all we know
        played.refuses, played.loses, played.sdp = "", "", SUBSCRIPTION
        await engine.look()
        assert engine.calls == 1


async def test_a_side_whose_listening_comes_to_nothing_is_left() -> None:
    async with following(Intake()) as (played, engine, _):
        played.calls["call-1"] = ANSWERED
        await engine.look()
        played.calls["call-1"] = ANSWERED | {"third-tag": {"medias": []}}
        played.refuses = "subscribe answer"
        await engine.look()
        assert [one["to-tag"] for one in played.asked if one["command"] == "unsubscribe"] == ["sub-third-tag"]
        assert engine.calls == 1


@pytest.mark.interop("rtpengine", "malformed input")
async def test_answers_that_are_none_hurt_nobody() -> None:
    intake = Intake()
    async with following(intake) as (played, engine, _):
        played.calls["call-1"] = ANSWERED
        await engine.look()
        played.garbled = True
        await engine.look()
        assert engine.calls == 1


# ─── ARI ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def agent_of(channel: dict[str, Any]) -> dict[str, Any]:
    """The channel that it talks with."""
    return {"id": f"agent of {channel['id']}", "name": "PJSIP/1001"}


class PlayedAsterisk:
    """ARI's part that is used: events, snoops, external media, bridges."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.hosts: dict[str, str] = {}
        self.refuses = ""
        self.silent = False
        """It answers no request any more."""
        self.unanswered = ""
        """A path: what is asked there gets no answer."""
        self.stuck = ""
        """What begins so gets its answer once it is `freed`."""
        self.freed = asyncio.Event()
        self.together = 1
        """So many channels must be asked for a variable at once before the first answer comes."""
        self._asking, self._enough = 0, asyncio.Event()
        self.bridges: dict[str, dict[str, Any]] = {}
        """By name: as `GET /bridges` tells of them."""
        self.channels: list[dict[str, Any]] = []
        """As `GET /channels` tells of them."""
        self.marks: dict[str, str] = {}
        """By channel, of those that were marked before anybody listened."""
        self.made: set[str] = set()
        """Paths of what was made for us and is still there."""
        self.gone: dict[str, Any] | None = None
        """A channel that is hung up while it is snooped on."""
        self._events: web.WebSocketResponse | None = None
        self.connected = asyncio.Event()
        self.refused = asyncio.Event()
        self._asked = asyncio.Event()

    async def events(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != encode_basic_auth("ari", "hush"):
            self.refused.set()
            return web.Response(status=401)
        self._events = web.WebSocketResponse()
        await self._events.prepare(request)
        async for _ in self._events:
            pass
        return self._events

    async def say(self, kind: str, channel: dict[str, Any], **more: Any) -> None:
        assert self._events is not None
        await self._events.send_str(json.dumps({"type": kind, "channel": channel} | more))

    async def mark(self, channel: dict[str, Any], role: str) -> None:
        await self.say("ChannelVarset", channel, variable="WELCOMEDLY", value=role)

    async def enters(self, channel: dict[str, Any], bridge: str = "bridge-1", kind: str = "mixing") -> None:
        about = self.bridges.setdefault(bridge, {"id": bridge, "bridge_type": kind, "channels": []})
        about["channels"].append(channel["id"])
        await self.say("ChannelEnteredBridge", channel, bridge=about)

    async def leaves(self, channel: dict[str, Any], bridge: str = "bridge-1") -> None:
        self.bridges[bridge]["channels"].remove(channel["id"])
        await self.say("ChannelLeftBridge", channel, bridge=self.bridges[bridge])

    async def talks(self, channel: dict[str, Any], role: str) -> None:
        """It is marked, and an agent answers."""
        await self.mark(channel, role)
        for one in (channel, agent_of(channel)):
            await self.enters(one, f"bridge of {channel['id']}")

    async def rest(self, request: web.Request) -> web.Response:
        path, query = request.match_info["path"], dict(request.query)
        self.requests.append((request.method, path, query))
        self._asked.set()
        if path == "bridges":  # what it is told from now on is news
            self.connected.set()
        if self.silent or path == self.unanswered:
            await asyncio.Event().wait()
        if self.stuck and path.startswith(self.stuck):
            await self.freed.wait()
        if self.refuses and self.refuses in path:
            return web.Response(status=500)
        self._keep(request.method, path, query)
        if self.gone is not None and request.method == "POST":
            await self.say("ChannelDestroyed", self.gone)
        if request.method == "POST" and "/snoop/" in path:
            await self.say("StasisStart", {"id": path.rpartition("/")[2]}, args=[])
            self.hosts[query["spy"]] = ""
        if path == "channels/externalMedia":
            await self.say("StasisStart", {"id": query["channelId"]}, args=[])
            direction = next((name for name, host in self.hosts.items() if not host), "in")
            self.hosts[direction] = query["external_host"]
        if path.endswith("/variable"):
            self._asking += 1
            if self._asking >= self.together:
                self._enough.set()
            await self._enough.wait()
            marked = self.marks.get(path.split("/")[1])
            return web.json_response({"value": marked}) if marked else web.Response(status=404)
        return web.json_response({"bridges": list(self.bridges.values()), "channels": self.channels}.get(path, {}))

    def _keep(self, method: str, path: str, query: dict[str, str]) -> None:
        if method == "DELETE":
            self.made.discard(path)
        elif "/snoop/" in path:
            self.made.add(f"channels/{path.rpartition('/')[2]}")
        elif path == "channels/externalMedia":
            self.made.add(f"channels/{query['channelId']}")
        elif method == "POST" and not path.endswith("/addChannel"):
            self.made.add(path)
        self._asked.set()

    async def emptied(self) -> None:
        """Waits until nothing of what was made for us is there any more."""
        async with asyncio.timeout(15.0):
            while self.made:
                self._asked.clear()
                await self._asked.wait()

    async def cleared(self, count: int) -> None:
        """Waits until so many things that were made for us have been removed."""
        async with asyncio.timeout(15.0):
            while sum(method == "DELETE" for method, _, _ in self.requests) < count:
                self._asked.clear()
                await self._asked.wait()

    async def requested(self, part: str, count: int) -> None:
        """Waits until so many requests have come with that in their paths."""
        async with asyncio.timeout(15.0):
            while sum(part in path for _, path, _ in self.requests) < count:
                self._asked.clear()
                await self._asked.wait()

    async def hang(self) -> None:
        assert self._events is not None
        await self._events.close()


@asynccontextmanager
async def asterisk(intake: Intake, secret: str = "hush") -> AsyncIterator[tuple[PlayedAsterisk, Ari, Room]]:
    played = PlayedAsterisk()
    app = web.Application()
    app.router.add_get("/ari/events", played.events)
    app.router.add_route("*", "/ari/{path:.+}", played.rest)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    peer = Peer("pbx", "ari", url=f"http://{host}:{port}", key="ari", secret=secret, number="+34910000000")
    room = Room()
    ari = Ari(peer, intake, room.plane, pause_s=0.05, leaves_within_s=0.2)
    await ari.open()
    try:
        yield played, ari, room
    finally:
        await ari.close()
        await room.plane.aclose()
        await runner.cleanup()
    assert not intake.places


CHANNEL = {
    "id": "1700000000.7",
    "name": "PJSIP/trunk-1",
    "caller": {"number": "+34600000001", "name": "Ana"},
    "connected": {"number": "", "name": ""},
    "dialplan": {"exten": "910000000"},
}


@pytest.mark.interop("ari", "connects")
@pytest.mark.interop("ari", "legs right")
@pytest.mark.interop("ari", "audio exact")
@pytest.mark.interop("ari", "pause")
@pytest.mark.interop("ari", "change")
async def test_a_marked_channel_is_heard_in_both_directions() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, ari, room):
        await asyncio.wait_for(played.connected.wait(), 5)
        await played.talks(CHANNEL, "customer")
        await intake.begun()
        (offer,) = intake.offers
        roles = {one.stream: one.role for one in decide_roles(offer.participants, ROUTING)}
        assert roles == {"in": "customer", "out": "agent"}
        ports = [int(played.hosts[direction].rpartition(":")[2]) for direction in ("in", "out")]
        room.hear(ports, 1.5)
        assert_heard(intake, ("in", "out"), 1.4)
        await played.say("ChannelHold", agent_of(CHANNEL))
        await intake.noticed("call.held")
        await played.say("ChannelUnhold", agent_of(CHANNEL))
        await intake.noticed("call.resumed")
        await played.say("ChannelConnectedLine", CHANNEL | {"connected": {"number": "1001", "name": "Bea"}})
        await intake.until(lambda it: any(isinstance(event, ParticipantsChanged) for event in it.events))
        await played.say("ChannelDestroyed", CHANNEL)
        assert await intake.reason() == "bye"
        await played.cleared(6)
        assert ari.calls == 0


@pytest.mark.interop("ari", "abnormal end")
async def test_a_lost_connection_ends_its_calls_and_comes_back() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        await played.talks(CHANNEL, "agent")
        await intake.begun()
        played.connected.clear()
        await played.hang()
        assert await intake.reason() == "peer_vanished"
        await asyncio.wait_for(played.connected.wait(), 5)


@pytest.mark.interop("ari", "bad auth")
async def test_an_asterisk_that_does_not_let_us_in_is_asked_again_later() -> None:
    intake = Intake()
    async with asterisk(intake, secret="wrong") as (played, ari, _):
        for _ in range(2):  # and again
            await asyncio.wait_for(played.refused.wait(), 5)
            played.refused.clear()
        assert not played.connected.is_set()
        assert ari.calls == 0


@pytest.mark.interop("ari", "malformed input")
async def test_events_that_are_none_and_snoops_that_fail_hurt_nobody() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, ari, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        for event in ("{", "[]", '{"type":7}', '{"type":"ChannelVarset","variable":"WELCOMEDLY","value":"agent"}'):
            assert played._events is not None
            await played._events.send_str(event)
        played.refuses = "externalMedia"
        await played.talks(CHANNEL, "customer")
        await played.cleared(2)  # the snoop, and what would have sent its sound
        assert ari.calls == 0
        assert not intake.sessions
        played.refuses = ""
        await played.talks(CHANNEL | {"id": "8"}, "customer")
        await intake.begun()


async def test_a_channel_that_cannot_be_heard_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, room):
        await asyncio.wait_for(played.connected.wait(), 5)
        monkeypatch.setattr(room.plane, "allocate", no_port)
        await played.talks(CHANNEL, "customer")
        await intake.until(lambda it: bool(it.offers) and not it.places)
        monkeypatch.undo()
        played.refuses = "externalMedia"
        await played.talks(CHANNEL, "customer")
        await intake.until(lambda it: len(it.offers) == 2 and not it.places)
        assert not intake.sessions


async def test_a_channel_that_is_gone_before_it_is_heard_gives_its_place_back() -> None:
    intake = Intake()
    async with asterisk(intake) as (played, _, _):
        await asyncio.wait_for(played.connected.wait(), 5)
        played.gone = CHANNEL
        await played.talks(CHANNEL, "customer")
        await intake.until(lambda it: bool(it.offers) and not it.places)
        assert not intake.sessions
