"""Two desks and a bridge between them, in one process: the real socket, phones, parties and call; only the dial plan is
a stand-in, which rings the phone that is named."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web
from uuid_utils import uuid7

from engine.control.phone_pass import PhonePass, sign
from engine.facts import Pcm16
from engine.web.site import Site
from media.bridge.call import BridgedCall, Slot
from media.bridge.party import Invitation, Party
from media.bridge.phone_socket import BEAT_S, MAX_SOCKETS, OVER_CHECK_S, PhoneSockets
from media.bridge.phone_web import add_phones
from media.bridge.phones import PATIENCE, BrowserPhone, BrowserPhones, Patience
from media.rtp import RtpPacket
from media.session import AudioCodec
from media.webrtc.ports import LegPorts
from tests.webrtc_peer import Peer

KEY = b"k" * 32
WAIT_S = 15.0


class NoRecorder:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = [0, 0]

    def begin(self, call: BridgedCall) -> None: ...

    def talk(self, slot: Slot, packet: RtpPacket) -> None:
        self.heard[slot] += 1

    def changed(self, call: BridgedCall) -> None: ...

    def end(self) -> None: ...


class Switch:
    """A dial plan of phones alone; the owner of the calls."""

    def __init__(self, phones: BrowserPhones) -> None:
        self.phones = phones
        self.calls: dict[str, BridgedCall] = {}
        self.ended: list[str] = []
        self.recorder = NoRecorder()
        self.far: dict[str, Party] = {}
        """Who is not a phone, by number."""

    def dial(self, caller: Party, invitation: Invitation) -> str:
        self.begin(caller, invitation, self._reach(invitation.to_aor))
        return invitation.call_id

    def begin(self, caller: Party, invitation: Invitation, candidates: Iterator[Party]) -> BridgedCall:
        call = self.calls[invitation.call_id] = BridgedCall(invitation, caller, self, self.recorder)
        call.start(candidates, time.monotonic())
        return call

    def consult(self, call_id: str) -> bool:
        return call_id in self.calls and self.calls[call_id].up

    def consulted(self, call_id: str) -> BridgedCall | None:
        return self.calls.get(call_id)

    def targets(self, wanted: str, call: BridgedCall, referrer: Party) -> Iterator[Party]:
        return self._reach(wanted)

    def _reach(self, number: str) -> Iterator[Party]:
        if number in self.far:
            return iter([self.far[number]])
        phone = self.phones.named(number)
        if phone is None:
            raise ValueError("nobody is at that number")
        return iter([] if phone.busy else [phone.party()])

    def over(self, call: BridgedCall, reason: str) -> None:
        self.ended.append(reason)
        self.calls.pop(call.call_id, None)


class ToldPhones(BrowserPhones):
    """Says when somebody has come."""

    def __init__(self, ports: LegPorts, patience: Patience) -> None:
        super().__init__(ports, patience)
        self._came = asyncio.Event()

    def register(self, claims: PhonePass, window: str, *, away: bool) -> BrowserPhone:
        phone = super().register(claims, window, away=away)
        self._came.set()
        return phone

    async def there(self, name: str) -> BrowserPhone:
        """That phone, now or when it comes."""
        async with asyncio.timeout(WAIT_S):
            while (phone := self.named(name)) is None:
                self._came.clear()
                await self._came.wait()
        return phone


class Door:
    """Where desks come in: a bridge's address, and passes for it."""

    def __init__(self, url: str = "", key: bytes = KEY) -> None:
        self.url, self.key = url, key
        self.now = time.time
        self.desks: list[Desk] = []
        self.client: ClientSession

    def desk(self, aor: str, window: str = "w1") -> "Desk":
        desk = Desk(self, aor, window)
        self.desks.append(desk)
        return desk

    def token(
        self,
        aor: str,
        *,
        organisation: str = "org",
        lasts_s: float = 600.0,
        extension: str = "",
        numbers: tuple[str, ...] = (),
    ) -> str:
        claims = PhonePass(
            organisation, f"user-{aor}", aor.title(), aor, extension, numbers, "", expires_at=self.now() + lasts_s
        )
        return sign(claims, self.key)

    async def shut(self) -> None:
        for desk in self.desks:
            with suppress(ConnectionError):
                await desk.close()
        await self.client.close()


class Desk:
    """One window: its socket, and a WebRTC peer a call."""

    def __init__(self, door: Door, aor: str, window: str) -> None:
        self.door, self.aor, self.window = door, aor, window
        self.said: list[dict[str, Any]] = []
        self.peers: list[Peer] = []
        self.closed: int | None = None
        self.registered: dict[str, Any] = {}
        self._changed = asyncio.Event()
        self._socket: ClientWebSocketResponse
        self._reading: asyncio.Task[None] | None = None

    async def open(self, token: str | None = None, *, away: bool = False) -> "Desk":
        await self.knock(self.door.token(self.aor) if token is None else token, away=away)
        self.registered = await self.hears("registered", aor=self.aor)
        return self

    async def knock(self, token: str, *, away: bool = False) -> "Desk":
        await self.connect()
        await self.say(type="register", token=token, window=self.window, away=away)
        return self

    async def connect(self) -> None:
        self._socket = await self.door.client.ws_connect(self.door.url + "/phone")
        self._reading = asyncio.create_task(self._read())

    async def say(self, **message: object) -> None:
        await self._socket.send_str(msgspec.json.encode(message).decode())

    async def send(self, frame: bytes | str) -> None:
        await (self._socket.send_bytes(frame) if isinstance(frame, bytes) else self._socket.send_str(frame))

    async def hears(self, kind: str, **fields: object) -> dict[str, Any]:
        """The first message of that kind and content, now or later; what came before it is forgotten."""
        async with asyncio.timeout(WAIT_S):
            while True:
                for index, message in enumerate(self.said):
                    if message["type"] == kind and all(message.get(key) == value for key, value in fields.items()):
                        del self.said[: index + 1]
                        return message
                self._changed.clear()
                await self._changed.wait()

    async def is_closed(self) -> int:
        async with asyncio.timeout(WAIT_S):
            while self.closed is None:
                self._changed.clear()
                await self._changed.wait()
        return self.closed

    async def sound(self, call: str, samples: Pcm16 | None = None) -> Peer:
        """Offers, and takes the answer."""
        peer = Peer(samples)
        self.peers.append(peer)
        await self.say(type="offer", call=call, sdp=(await peer.offer()).decode())
        answer = await self.hears("answer", call=call)
        await peer.answered(answer["sdp"].encode())
        return peer

    async def lose(self) -> None:
        """The socket, not the sound."""
        await self._socket.close()
        if self._reading is not None:
            await self._reading

    async def close(self) -> None:
        await self.lose()
        for peer in self.peers:
            await peer.close()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                self.said.append(msgspec.json.decode(message.data))
                self._changed.set()
        self.closed = self._socket.close_code
        self._changed.set()


class World(Door):
    """The bridge, as an async context manager; a test opens desks on it."""

    def __init__(
        self,
        patience: Patience = PATIENCE,
        *,
        max_sockets: int = MAX_SOCKETS,
        over_check_s: float = OVER_CHECK_S,
        beat_s: float = BEAT_S,
    ) -> None:
        super().__init__()
        self.ports = LegPorts()
        self.phones = ToldPhones(self.ports, patience)
        self.switch = Switch(self.phones)
        sockets = PhoneSockets(
            *(self.phones, self.switch, KEY),
            origin="https://desk.example",
            max_sockets=max_sockets,
            over_check_s=over_check_s,
            beat_s=beat_s,
            wall_clock=lambda: self.now(),
        )
        app = web.Application()
        add_phones(app, sockets)
        self._site = Site(app, "127.0.0.1", 0)

    async def __aenter__(self) -> "World":
        await self._site.open()
        self.url = self._site.url
        self.client = ClientSession()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.shut()
        await self.stop()

    async def vanish(self) -> None:
        """No socket gets through any more; phones and calls are there, and wait."""
        await self._site.close()

    async def stop(self) -> None:
        self.phones.close()
        await self._site.close()

    def call_in(self, party: Party, to: str, codecs: tuple[AudioCodec, ...] = ("PCMU",)) -> BridgedCall:
        """A call from elsewhere to the phone of that name."""
        phone = self.phones.named(to)
        assert phone is not None
        invitation = Invitation(str(uuid7()), party.aor, party.name, to, codecs)
        return self.switch.begin(party, invitation, iter([phone.party()]))
