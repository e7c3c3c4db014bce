"""Media workers as real processes: they hear as the engine's own plane does, and a call outlives the one it is on."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar, cast

import msgspec
import numpy as np
import pytest

from engine.child import SILENT_S, Watch, framed
from engine.errors import Overloaded
from engine.facts import CallEvent, SpeechSegment
from engine.ports.intake import (
    CallEnded,
    CallOffer,
    MediaEvent,
    MediaNotice,
    Participant,
    ParticipantsChanged,
    Pause,
)
from media.ports import PortRange
from media.rtp import RtpPacket, build_packet
from media.rtp_plane import RtpPlane
from media.rtp_sender import RtpLine, RtpSender
from media.session import MediaAllocator, MediaSession, StreamOffer
from media.srtp import SrtpKeys, SrtpWriter, new_key
from media.wav_file import read_channels
from media.workers.keeper import Keeper
from media.workers.pool import MediaWorkers, shares
from media.workers.process import MediaWorker
from media.workers.rings import SharedRings
from media.workers.session import LOSSES, WorkerSession
from media.workers.wire import Open, Stop, WeighPause
from tests.virtual_time import VirtualTime

CALL = Path(__file__).parents[2] / "data" / "call_15s.flac"
OFFER = CallOffer("call", "siprec", "192.0.2.1:5060/udp", "", "", ())
LINE = StreamOffer("customer", 0, "PCMU", 0, listens=True)
OTHER = StreamOffer("agent", 1, "PCMU", 0)


@pytest.fixture
async def workers() -> AsyncIterator[MediaWorkers]:
    async with MediaWorkers(2, "127.0.0.1", PortRange(32_600, 32_607)) as made:
        yield made


class Ear:
    """Reads a session, and waits for what is to come."""

    def __init__(self, session: WorkerSession) -> None:
        self.events: list[MediaEvent] = []
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._read(session))

    async def _read(self, session: WorkerSession) -> None:
        async for event in session.events():
            self.events.append(event)
            self._more.set()

    async def until(self, found: Callable[[MediaEvent], bool]) -> None:
        async with asyncio.timeout(20):
            while not any(map(found, self.events)):
                self._more.clear()
                await self._more.wait()

    async def end(self) -> None:
        async with asyncio.timeout(20):
            await self._task


def spoke(state: str, segment: int = 0) -> Callable[[MediaEvent], bool]:
    return lambda event: isinstance(event, SpeechSegment) and (event.state, event.segment) == (state, segment)


VOICE = read_channels(CALL)[0][0][4800 * 8 : 6000 * 8]


async def talk(port: int) -> None:
    """Sends some words, in real time."""
    sender = RtpSender([RtpLine(VOICE)], seed=1)
    await sender.send([("127.0.0.1", port)])
    sender.close()


def kill(workers: MediaWorkers, session: WorkerSession) -> Keeper:
    keeper = next(one for one in workers.keepers if session.number in one.sessions)
    assert keeper.line.pid is not None
    os.kill(keeper.line.pid, signal.SIGKILL)
    return keeper


def worker_lost(event: MediaEvent) -> bool:
    return isinstance(event, MediaNotice) and event.data.get("reason") == "worker"


async def test_calls_are_spread_and_heard(workers: MediaWorkers) -> None:
    allocator: MediaAllocator = workers
    first: MediaSession = await allocator.allocate(OFFER, (LINE,))
    second = await workers.allocate(OFFER, (LINE, OTHER))
    assert {first.local_ports()[0] in range(32_600, 32_604), second.local_ports()[0] in range(32_604, 32_608)} == {True}
    ear = Ear(second)
    await talk(second.local_ports()[0])
    await ear.until(spoke("ended"))
    sound = second.audio("customer", 0, 2500)[::2]
    assert np.correlate(sound.astype(float), VOICE.astype(float)).max() > 0.99 * float(np.sum(VOICE.astype(float) ** 2))
    second.announce(np.full(800, 500, np.int16), words=True, beep_every_s=1)
    await talk(second.local_ports()[0])
    await ear.until(lambda event: isinstance(event, MediaNotice) and event.name == "notice.played")
    second.told([CallEvent(call_id="call", seq=1, name="recording.started")])
    second.hold()
    await ear.until(lambda event: isinstance(event, MediaNotice) and event.name == "call.held")
    second.resume()
    await ear.until(lambda event: isinstance(event, MediaNotice) and event.name == "call.resumed")
    second.participants_changed((Participant("customer", 0),))
    second.close("bye")
    second.close("error")
    await ear.end()
    assert isinstance(ear.events[-1], CallEnded)
    assert ear.events[-1].reason == "bye"
    assert any(isinstance(event, ParticipantsChanged) for event in ear.events)
    assert np.array_equal(second.audio("customer", 0, 1000)[::2], sound[:8000])
    assert second.last_packet_at() > second.answered_s
    first.close("bye")


async def test_a_worker_passes_on_what_its_engine_says() -> None:
    class Plane:
        pauses: ClassVar[list[tuple[str, int, int, Pause]]] = []

        async def allocate(self, *_: object, **__: object) -> "Plane":
            return self

        def local_ports(self) -> dict[int, int]:
            return {}

        numbers = local_ports

        def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
            self.pauses.append((stream, segment, end_ms, pause))

    plane, reader = Plane(), asyncio.StreamReader()
    opening = Open(7, OFFER, (LINE,), {}, 0.0)
    pauses = [WeighPause(number, "customer", 3, 900, "reading") for number in (7, 8)]
    for message in (opening, *pauses, Stop()):
        reader.feed_data(framed(message))
    rings = SharedRings.create(1)
    await MediaWorker(cast(RtpPlane, plane), rings, lambda _: None).serve(reader)
    assert plane.pauses == [("customer", 3, 900, "reading")]


async def test_the_next_worker_opens_what_is_protected_also_when_its_numbers_have_begun_anew() -> None:
    key, rings = new_key(), SharedRings.create(1)
    line, writer = msgspec.structs.replace(LINE, srtp=SrtpKeys("1", key, new_key())), SrtpWriter(key)
    sent = [RtpPacket(0, number & 0xFFFF, number * 160, 7, bytes(160)) for number in range(65_530, 65_560)]
    packets = [writer.rtp(build_packet(packet)) for packet in sent]
    ports: dict[str, int] = {}
    for some in (packets[:20], packets[20:]):
        plane, reader = RtpPlane("127.0.0.1", PortRange(32_636, 32_639)), asyncio.StreamReader()
        worker = MediaWorker(plane, rings, lambda _: None)
        for message in (Open(7, OFFER, (line,), {"customer": 0}, time.monotonic(), ports=ports), Stop()):
            reader.feed_data(framed(message))
        await worker.serve(reader)
        call = worker._calls[7]
        assert call.session is not None
        stream = call.session.streams["customer"]
        for packet in some:
            stream.receive(packet, ("192.0.2.1", 4000), 0.0)
        plane.tick()
        call.tell()
        assert (stream.fates["played"], stream.fates.get("malformed", 0)) == (len(some), 0)
        ports = dict(call.session.numbers())
        await plane.aclose()
    rings.close()


async def test_a_worker_that_is_killed_is_replaced_and_its_call_goes_on(workers: MediaWorkers) -> None:
    session = await workers.allocate(OFFER, (LINE,))
    ports = session.local_ports()
    ear = Ear(session)
    await talk(ports[0])
    await ear.until(spoke("started"))
    before = session.audio("customer", 0, 1000)
    assert before.any()
    keeper = kill(workers, session)
    await ear.until(worker_lost)
    assert any(map(spoke("ended"), ear.events))  # what was being said
    assert session.local_ports() == ports
    await asyncio.wait_for(keeper.line.ready.wait(), 20)
    await session.update((LINE, OTHER))  # it is there and listens: the answer says so
    assert set(session.local_ports()) == {0, 1}
    await talk(ports[0])
    await ear.until(spoke("ended", 1))
    assert np.array_equal(session.audio("customer", 0, 1000), before)
    ordered = [event.start_ms for event in ear.events if isinstance(event, SpeechSegment)]
    assert ordered == sorted(ordered)
    session.close("bye")
    await ear.end()
    assert [event.reason for event in ear.events if isinstance(event, CallEnded)] == ["bye"]


async def test_a_worker_that_hangs_is_replaced_and_its_call_goes_on() -> None:
    time = VirtualTime()
    lost: list[None] = []
    workers = MediaWorkers(1, "127.0.0.1", PortRange(32_624, 32_627), lost=lambda: lost.append(None))
    (keeper,) = workers.keepers
    keeper.line.watch = Watch(time, time.sleep)
    async with workers:
        session = await workers.allocate(OFFER, (LINE,))
        ports = session.local_ports()
        ear = Ear(session)
        await talk(ports[0])
        await ear.until(spoke("started"))
        stopped = keeper.line.pid
        assert stopped is not None
        os.kill(stopped, signal.SIGSTOP)
        time.passed = lambda: time.goes.clear() if time.now >= SILENT_S else None
        time.goes.set()
        await ear.until(worker_lost)
        await asyncio.wait_for(keeper.line.ready.wait(), 20)
        assert (keeper.line.pid != stopped, len(lost)) == (True, 1)
        await talk(ports[0])
        await ear.until(spoke("ended", 1))


async def test_a_call_that_many_workers_died_with_ends(workers: MediaWorkers) -> None:
    session = await workers.allocate(OFFER, (LINE,))
    ear = Ear(session)
    session.losses = LOSSES - 1
    kill(workers, session)
    await ear.end()
    assert [event.reason for event in ear.events if isinstance(event, CallEnded)] == ["error"]


async def test_a_call_without_ports_is_refused_and_leaves_nothing(workers: MediaWorkers) -> None:
    streams = tuple(StreamOffer(str(at), at, "PCMU", 0) for at in range(3))
    with pytest.raises(Overloaded):
        await workers.allocate(OFFER, streams)
    assert [keeper.streams for keeper in workers.keepers] == [0, 0]
    session = await workers.allocate(OFFER, streams[:2])
    with pytest.raises(Overloaded):
        await session.update(streams)
    assert set(session.local_ports()) == {0, 1}
    session.close("bye")
    await Ear(session).end()


async def test_stopping_ends_calls_and_processes() -> None:
    async with MediaWorkers(2, "127.0.0.1", PortRange(32_608, 32_615)) as workers:
        ear = Ear(await workers.allocate(OFFER, (LINE,)))
        pids = [keeper.line.pid for keeper in workers.keepers]
    await ear.end()
    assert ear.events[-1].reason == "shutdown"  # type: ignore[union-attr]
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


ENGINE = """
import asyncio
import sys
from media.ports import PortRange
from media.workers.keeper import Keeper
from media.workers.pool import MediaWorkers

async def main() -> None:
    async with MediaWorkers(2, "127.0.0.1", PortRange(32_616, 32_623)) as workers:
        print(*(keeper.line.pid for keeper in workers.keepers), flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs a kernel that tells when a process is gone")
def test_no_worker_outlives_a_killed_engine() -> None:
    program = [sys.executable, "-c", ENGINE]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        gone = [os.pidfd_open(int(pid)) for pid in engine.stdout.readline().split()]
        engine.kill()
        for fd in gone:
            assert select.select([fd], [], [], 20)[0] == [fd]
            os.close(fd)


def test_shares_are_equal_and_even() -> None:
    assert shares(PortRange(20_001, 20_011), 2) == [PortRange(20_002, 20_005), PortRange(20_006, 20_009)]
    with pytest.raises(ValueError, match="too few"):
        shares(PortRange(20_000, 20_003), 3)
