"""Doubles for signalling tests: an intake that records, and media that opens real sockets and counts packets."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping

import numpy as np

from engine.errors import Overloaded
from engine.facts import Pcm16
from engine.flow import Channel
from engine.ports.intake import (
    CallEnded,
    CallOffer,
    IngestSession,
    MediaEvent,
    Notice,
    Participant,
    ParticipantsChanged,
    Pause,
    Refusal,
)
from media.session import StreamOffer
from media.sip.layer import Flow
from media.sip.transport import Receiver, Transports


class FakeIntake:
    """Admits unless `refusal` is set."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self.refusal = refusal
        self.says: Notice | None = None
        self.offers: list[CallOffer] = []
        self.places: set[str] = set()
        """Calls that were admitted and have neither begun nor been withdrawn."""
        self.sessions: list[IngestSession] = []
        self._begun = asyncio.Event()

    def admit(self, offer: CallOffer) -> Refusal | None:
        self.offers.append(offer)
        if self.refusal is None:
            self.places.add(offer.call_id)
        return self.refusal

    def withdraw(self, offer: CallOffer) -> None:
        self.places.discard(offer.call_id)

    def notice(self, offer: CallOffer) -> Notice | None:
        return self.says

    def full(self) -> Refusal | None:
        return self.refusal if self.refusal and self.refusal.code in ("overloaded", "shutting_down") else None

    def begin(self, session: IngestSession) -> None:
        self.places.discard(session.offer.call_id)
        self.sessions.append(session)
        self._begun.set()

    async def begun(self, count: int = 1) -> None:
        """Waits until that many calls have begun."""
        while len(self.sessions) < count:
            self._begun.clear()
            await self._begun.wait()


class FakeCounts:
    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        """By name and label values, e.g. `sip_messages_total in INVITE`."""
        self._counted = asyncio.Event()

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        self.seen[" ".join([name, *labels.values()])] += int(amount)
        self._counted.set()

    def set(self, name: str, value: float, /, **labels: str) -> None:
        self.seen[" ".join([name, *labels.values()])] = int(value)
        self._counted.set()

    async def until(self, key: str, count: int = 1) -> None:
        """Waits until so many were counted; what was counted has then been dealt with."""
        while self.seen[key] < count:
            self._counted.clear()
            await self._counted.wait()


class HandClock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class _Port(asyncio.DatagramProtocol):
    def __init__(self, moved: asyncio.Event) -> None:
        self.packets = 0
        self._moved = moved

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.packets += 1
        self._moved.set()


class FakeMediaSession:
    def __init__(self, offer: CallOffer) -> None:
        self.offer = offer
        self.streams: tuple[StreamOffer, ...] = ()
        self.history: list[str] = []
        self.reason = ""
        self.participants = offer.participants
        self.ended = asyncio.Event()
        self.changed = asyncio.Event()
        self.silent_since = time.monotonic()
        self.gate = asyncio.Event()
        """Ports of an `update` open once it is set."""
        self.gate.set()
        self._moved = asyncio.Event()
        """Set by whatever changes what a test can see."""
        self._ports: dict[int, tuple[asyncio.DatagramTransport, _Port]] = {}
        self._events: Channel[MediaEvent] = Channel(100, "refuse")

    async def open(self, streams: tuple[StreamOffer, ...]) -> None:
        self.streams = streams
        loop = asyncio.get_running_loop()
        for stream in streams:
            if stream.position not in self._ports:
                made = await loop.create_datagram_endpoint(lambda: _Port(self._moved), local_addr=("127.0.0.1", 0))
                self._ports[stream.position] = made

    def heard(self, position: int) -> bool:
        """Whether at least a quarter of a second of RTP came to that line."""
        return self._ports[position][1].packets >= 12

    async def until(self, test: Callable[["FakeMediaSession"], bool]) -> None:
        """Waits until that is so of this session."""
        async with asyncio.timeout(15.0):
            while not test(self):
                self._moved.clear()
                await self._moved.wait()

    def local_ports(self) -> Mapping[int, int]:
        return {key: transport.get_extra_info("sockname")[1] for key, (transport, _) in self._ports.items()}

    async def update(self, streams: tuple[StreamOffer, ...]) -> None:
        self.history.append("update")
        self._moved.set()
        await self.gate.wait()
        if not self.reason:
            await self.open(streams)
        self._moved.set()

    def hold(self) -> None:
        self.history.append("hold")
        self._moved.set()

    def resume(self) -> None:
        self.history.append("resume")
        self._moved.set()

    def participants_changed(self, participants: tuple[Participant, ...]) -> None:
        self.participants = participants
        self._events.put(ParticipantsChanged(0, participants))
        self.changed.set()
        self._moved.set()

    def announce(self, sound: Pcm16, *, words: bool, beep_every_s: int) -> None:
        self.history.append(f"announce {len(sound)} {words} {beep_every_s}")

    def last_packet_at(self) -> float:
        return self.silent_since

    def close(self, reason: str) -> None:
        if self.reason:
            return
        self.reason = reason
        for transport, _ in self._ports.values():
            transport.close()
        self._events.put(CallEnded(0, reason))
        self._events.close()
        self.ended.set()
        self._moved.set()

    def events(self) -> AsyncIterator[MediaEvent]:
        return aiter(self._events)

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        return np.zeros(16 * (end_ms - start_ms), np.int16)

    def kept_from_ms(self, stream: str) -> int:
        return 0

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        return float(at_ms)

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        """See `IngestSession`."""


class FakeMedia:
    def __init__(self, room: int = 1_000) -> None:
        self.room = room
        self.sessions: list[FakeMediaSession] = []
        self.gate, self.asked, self.allocated = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.gate.set()

    def address(self, peer_host: str) -> str:
        return "127.0.0.1"

    async def allocate(self, offer: CallOffer, streams: tuple[StreamOffer, ...]) -> FakeMediaSession:
        if len(self.sessions) >= self.room:
            raise Overloaded("no RTP port is free")
        self.asked.set()
        await self.gate.wait()
        session = FakeMediaSession(offer)
        await session.open(streams)
        self.sessions.append(session)
        # set after the caller of `allocate` has gone on
        asyncio.get_running_loop().call_soon(self.allocated.set)
        return session


class RecordingTransports(Transports):
    """Keeps what would go onto the wire; opens no socket."""

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(receiver)
        self.host, self.port = "127.0.0.1", 5060
        self.sent: list[bytes] = []
        self.final = asyncio.Event()
        """Set by each final response."""

    def send(self, data: bytes, flow: Flow) -> bool:
        self.sent.append(data)
        if self.responses()[-1:] > [199]:
            self.final.set()
        return True

    def responses(self) -> list[int]:
        """Statuses in order; a refusal may echo headers that do not parse."""
        return [int(data.split()[1]) for data in self.sent if data.startswith(b"SIP/2.0 ")]
