"""A socket server on free ports, with an intake that takes every call unless told otherwise."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache

from engine.control.peers import Peer
from engine.ports.intake import CallOffer, IngestSession, MediaEvent, Notice, Refusal
from media.sockets.plane import SocketPlane
from media.sockets.server import SocketServer
from media.sockets.session import SocketSession
from media.vad import VadBank


@cache
def bank() -> VadBank:
    return VadBank()


class FakeClock:
    """Stands still until it is moved: what a client sends comes at one moment, and nothing is late."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._asked = asyncio.Event()

    def __call__(self) -> float:
        self._asked.set()
        return self.now

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until that is so. Whatever comes over a socket asks for the time; then it is looked at once more."""
        async with asyncio.timeout(10):
            while not condition():
                self._asked.clear()
                await self._asked.wait()


class FakeIntake:
    """Takes calls, and reads their events to the end."""

    def __init__(self) -> None:
        self.refusal: Refusal | None = None
        self.offers: list[CallOffer] = []
        self.places: set[str] = set()
        """Calls that were admitted and have neither begun nor been withdrawn."""
        self.sessions: list[SocketSession] = []
        self.events: dict[str, list[MediaEvent]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def admit(self, offer: CallOffer) -> Refusal | None:
        self.offers.append(offer)
        if self.refusal is None:
            self.places.add(offer.call_id)
        return self.refusal

    def withdraw(self, offer: CallOffer) -> None:
        self.places.discard(offer.call_id)

    def notice(self, offer: CallOffer) -> Notice | None:
        return None

    def full(self) -> Refusal | None:
        return None

    def begin(self, session: IngestSession) -> None:
        assert isinstance(session, SocketSession)
        self.places.discard(session.offer.call_id)
        self.sessions.append(session)
        task = asyncio.get_running_loop().create_task(self._read(session))
        self._tasks.add(task)
        self._changed.set()

    async def _read(self, session: IngestSession) -> None:
        kept = self.events.setdefault(session.offer.call_id, [])
        async for event in session.events():
            kept.append(event)
            self._changed.set()

    async def over(self) -> list[MediaEvent]:
        """All events of the only call, once it has ended."""
        await self.until(lambda self: bool(self._tasks))
        await asyncio.wait_for(asyncio.gather(*self._tasks), 10)
        (events,) = self.events.values()
        return events

    async def session(self) -> SocketSession:
        """The only call's."""
        await self.until(lambda self: bool(self.sessions))
        return self.sessions[0]

    async def told(self, name: str) -> None:
        """Waits for a notice of that name in the only call."""
        await self.until(
            lambda self: any(getattr(event, "name", "") == name for events in self.events.values() for event in events)
        )

    async def until(self, test: Callable[["FakeIntake"], bool]) -> None:
        """Waits until that is so."""
        async with asyncio.timeout(10):
            while not test(self):
                self._changed.clear()
                await self._changed.wait()


class Counted:
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        self.outcomes.append(labels["outcome"])

    def set(self, name: str, value: float, /, **labels: str) -> None:
        pass


class Site:
    """No time passes, and nothing is heard of it, but by `passes`."""

    def __init__(self, server: SocketServer, intake: FakeIntake, clock: FakeClock, counted: Counted) -> None:
        self.server, self.intake, self.clock, self.counted = server, intake, clock, counted

    def address(self, peer: Peer) -> tuple[str, int]:
        return "127.0.0.1", self.server.tcp_port(peer.name) if peer.protocol == "audiosocket" else self.server.port

    def passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.server.board.plane.tick()


@asynccontextmanager
async def site(peers: Sequence[Peer], *, now: float = 1_700_000_000.0, max_links: int = 64) -> AsyncIterator[Site]:
    """`now` is the wall clock that signatures are judged by."""
    clock, intake, counted = FakeClock(), FakeIntake(), Counted()
    server = SocketServer(
        *("127.0.0.1", 0, peers, intake, SocketPlane(bank=bank(), clock=clock, ahead_ms=3_600_000)),
        metrics=counted,
        wall_clock=lambda: now,
        max_links=max_links,
        failed_after_s=0.01,
    )
    await server.open()
    try:
        yield Site(server, intake, clock, counted)
    finally:
        await server.close(grace_s=0.2)
        await server.board.plane.aclose()
    assert not intake.places
