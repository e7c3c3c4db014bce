"""What the engine makes of a media worker's answers: here a worker that says what the test wants, when it wants."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.child import SILENT_S, Watch, framed
from engine.errors import Overloaded
from engine.facts import CallEvent, EventName
from engine.ports.intake import CallEnded, MediaNotice
from media.ports import PortRange
from media.session import StreamOffer
from media.workers.keeper import ASK_S
from media.workers.line import WorkerLine
from media.workers.pool import MediaWorkers
from media.workers.session import WorkerSession
from media.workers.wire import (
    Alive,
    Announce,
    FromWorker,
    Noticed,
    Open,
    Opened,
    Over,
    Ready,
    Refused,
    Told,
    ToWorker,
    Update,
)
from tests.media.workers.test_workers import LINE, OFFER, OTHER, Ear
from tests.virtual_time import VirtualTime


class Deaf:
    """A worker that lives and says nothing but what it is told to."""

    def __init__(self) -> None:
        self._ours: socket.socket | None = None
        self._there = asyncio.Event()

    def spawn(self, _line: WorkerLine, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        self.close()
        self._ours = theirs.dup()
        self._ours.setblocking(False)
        self.says(Ready())
        self._there.set()
        return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])

    def says(self, *messages: FromWorker) -> None:
        """All at once."""
        assert self._ours is not None
        self._ours.sendall(b"".join(map(framed, messages)))

    def lives(self) -> None:
        self.says(Alive())

    async def asked(self) -> ToWorker:
        """The next that the engine says, perhaps to the worker that follows."""
        await self._there.wait()
        size = int.from_bytes(await self._read(4), "big")
        message: ToWorker = msgspec.msgpack.Decoder(ToWorker).decode(await self._read(size))
        return message

    async def _read(self, size: int) -> bytes:
        assert self._ours is not None
        data = b""
        while len(data) < size:
            data += await asyncio.get_running_loop().sock_recv(self._ours, size - len(data))
        return data

    def dies(self) -> None:
        self._there.clear()
        self.close()

    def close(self) -> None:
        if self._ours is not None:
            self._ours.close()


@pytest.fixture
def time() -> VirtualTime:
    """By which a worker is late."""
    return VirtualTime()


@pytest.fixture
async def scripted(monkeypatch: pytest.MonkeyPatch, time: VirtualTime) -> AsyncIterator[tuple[MediaWorkers, Deaf]]:
    """One such worker, and two rings."""
    deaf = Deaf()
    monkeypatch.setattr(WorkerLine, "_spawn", lambda line, theirs: deaf.spawn(line, theirs))
    workers = MediaWorkers(1, "127.0.0.1", PortRange(32_632, 32_635))
    (keeper,) = workers.keepers
    keeper.line.watch = Watch(time, time.sleep)
    async with workers:
        yield workers, deaf
        assert keeper.line.pid is not None
        os.kill(keeper.line.pid, signal.SIGKILL)
    deaf.close()


async def asking(deaf: Deaf, question: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """Put to the worker, and not answered."""
    task = asyncio.create_task(question)
    async with asyncio.timeout(20):
        await deaf.asked()
    return task


async def answered(workers: MediaWorkers, deaf: Deaf) -> WorkerSession:
    """A call of one line, which the worker hears."""
    opening = await asking(deaf, workers.allocate(OFFER, (LINE,)))
    deaf.says(Opened(1, {0: 32_632}, {"customer": 32_632}))
    session: WorkerSession = await opening
    return session


REFUSED = Refused(0, 2, "the call is over")
OVER = Over(0, CallEnded(0, "error"))


@pytest.mark.parametrize("told", [(REFUSED, OVER), (OVER, REFUSED)], ids=["refused", "over"])
async def test_a_call_that_ends_while_it_asks_gives_each_ring_back_once(
    scripted: tuple[MediaWorkers, Deaf], told: tuple[FromWorker, ...]
) -> None:
    workers, deaf = scripted
    session = await answered(workers, deaf)
    update = await asking(deaf, session.update((LINE, OTHER)))
    deaf.says(*told)
    with pytest.raises(Overloaded, match="over"):
        await update
    async with asyncio.timeout(20):
        with pytest.raises(Overloaded, match="port"):  # there are two
            await workers.allocate(OFFER, (LINE, OTHER, StreamOffer("third", 2, "PCMU", 0)))
    again = await asking(deaf, workers.allocate(OFFER, (LINE, OTHER)))
    deaf.says(Opened(3, {0: 32_632, 1: 32_634}, {"customer": 32_632, "agent": 32_634}), Over(2, CallEnded(0, "error")))
    assert set((await again).local_ports()) == {0, 1}


async def test_what_the_worker_opens_for_nobody_keeps_its_ring(scripted: tuple[MediaWorkers, Deaf]) -> None:
    workers, deaf = scripted
    session = await answered(workers, deaf)
    update = await asking(deaf, session.update((LINE, OTHER)))
    update.cancel()
    with pytest.raises(asyncio.CancelledError):
        await update
    async with asyncio.timeout(20):
        undone = await deaf.asked()
        assert isinstance(undone, Update)
        assert undone.streams == (LINE,)
        with pytest.raises(Overloaded, match="port"):  # what is written there is the first call's
            await workers.allocate(OFFER, (OTHER,))
    deaf.says(OVER)
    await Ear(session).end()
    assert [keeper.streams for keeper in workers.keepers] == [0]


NOTICE = np.full(800, 500, np.int16)
PLAYED = MediaNotice(100, "notice.played", "customer", {"what": "words", "length_ms": 100})
RECORDED: tuple[EventName, ...] = ("recording.started", "recording.paused", "recording.resumed", "recording.silenced")


@pytest.mark.parametrize("left", [NOTICE.tobytes(), b""], ids=["unplayed", "played"])
async def test_the_next_worker_goes_on_with_what_the_call_is_played(
    scripted: tuple[MediaWorkers, Deaf], left: bytes
) -> None:
    workers, deaf = scripted
    session = await answered(workers, deaf)
    ear = Ear(session)
    session.announce(NOTICE, words=True, beep_every_s=15)
    session.told([CallEvent(call_id="call", seq=at, name=name) for at, name in enumerate(RECORDED)])
    async with asyncio.timeout(20):
        await deaf.asked()
        await deaf.asked()
        if not left:
            deaf.says(Noticed(0, PLAYED))
            await ear.until(lambda event: event == PLAYED)
        deaf.dies()
        session.hold()  # nobody is there to hear it
        opened, announced, told = [await deaf.asked() for _ in range(3)]
    assert isinstance(opened, Open)
    assert opened.held
    assert announced == Announce(0, left, True, 15)
    assert isinstance(told, Told)
    assert [event.name for event in told.events] == ["recording.resumed"]
    deaf.says(OVER)
    await ear.end()
    assert [event.name for event in ear.events if isinstance(event, MediaNotice) and event != PLAYED] == ["call.held"]


async def test_the_next_worker_hears_a_stream_at_the_rate_it_began_with(
    scripted: tuple[MediaWorkers, Deaf],
) -> None:
    workers, deaf = scripted
    session = await answered(workers, deaf)
    ear = Ear(session)
    wide = msgspec.structs.replace(LINE, codec="G722", payload_type=9)
    update = await asking(deaf, session.update((wide,)))
    deaf.says(Opened(2, {0: 32_632}, {"customer": 32_632}))
    await update
    deaf.dies()
    async with asyncio.timeout(20):
        opened = await deaf.asked()
    assert isinstance(opened, Open)
    assert (opened.streams, opened.rates) == ((wide,), {"customer": 8_000})
    deaf.says(OVER)
    await ear.end()


async def test_a_call_whose_line_is_refused_is_played_to_once_it_has_one_again(
    scripted: tuple[MediaWorkers, Deaf],
) -> None:
    workers, deaf = scripted
    session = await answered(workers, deaf)
    session.announce(NOTICE, words=True, beep_every_s=15)
    async with asyncio.timeout(20):
        await deaf.asked()
        refused = await asking(deaf, session.update(()))
        deaf.says(Opened(2, {}, {}))
        await refused
        deaf.dies()
        opened = await deaf.asked()
        assert isinstance(opened, Open)
        back = await asking(deaf, session.update((LINE,)))
        deaf.says(Opened(3, {0: 32_632}, {"customer": 32_632}))
        await back
        assert await deaf.asked() == Announce(0, NOTICE.tobytes(), True, 15)


async def test_a_worker_that_does_not_answer_is_ended_and_the_call_refused(
    scripted: tuple[MediaWorkers, Deaf], time: VirtualTime
) -> None:
    workers, deaf = scripted
    (keeper,) = workers.keepers
    time.passed = deaf.lives
    time.goes.set()
    await time.until(5 * SILENT_S)
    asked_at = time.now
    with pytest.raises(Overloaded, match="gone"):
        await workers.allocate(OFFER, (LINE,))
    assert ASK_S <= time.now - asked_at < 2 * ASK_S
    assert keeper.streams == 0
    time.passed = lambda: None
    time.goes.clear()
    await asyncio.wait_for(keeper.line.ready.wait(), 20)
    assert keeper.line.starts == 2
