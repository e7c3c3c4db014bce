"""What becomes of jobs when `ears` dies of one, and when it hangs: its words are a test's."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.child import SILENT_S, Watch, framed
from engine.errors import EarsClosed
from engine.ports.hearing import Headroom, Heard, ListenJob, ListenKind
from models.ears_client import EarsClient, EarsSettings
from models.ears_process import RUN_S, EarsProcess
from models.listening import Answer, Begun, Cancel, FromEars, Ready, Status, Submit, ToEars, Windows
from tests.virtual_time import VirtualTime

SOUND = np.ones(160, np.int16)
FINE = Status(Headroom(up=True, load=0.0, finals_late_ms=0.0, partials=True))


def job(number: int, kind: ListenKind = "final") -> ListenJob:
    due = time.monotonic() + number
    return ListenJob(job=number, call_id="c", stream=str(number), segment=1, kind=kind, due=due, language="en")


class Mortal:
    """Stands for `EarsProcess`: two jobs at a time, in the order in which they come, and the killers end it."""

    def __init__(self, killers: set[int]) -> None:
        self.starts, self.closed, self.is_connected, self.is_ready = 0, False, False, True
        self.killers = killers
        self.waiting: list[ListenJob] = []
        self.ran: list[set[int]] = []
        self.running: set[int] = set()

    def __call__(self, _settings: EarsSettings, owner: EarsClient) -> "Mortal":
        self.owner = owner
        return self

    def start(self, _windows: Windows) -> None: ...

    async def close(self) -> None:
        self.closed = True

    def send(self, message: ToEars) -> None:
        match message:
            case Submit(waits):
                self.waiting.append(waits)
            case Cancel(number) if number not in self.running:  # what runs is heard to its end
                self.waiting = [waits for waits in self.waiting if waits.job != number]
                self.owner.hear(Answer(Heard(job=number, text="", language="en", shed="cancelled")))

    async def live(self) -> bool:
        """Whether it ran all that came, and did not die of any."""
        self.waiting.clear()
        self.is_connected = True
        self.owner.connected()
        while self.waiting:
            running = [self.waiting.pop(0).job for _ in range(min(2, len(self.waiting)))]
            self.ran.append(set(running))
            self.begin(*running)
            if self.killers.intersection(running):
                self.die()
                return False
            self.running.clear()
            for number in running:
                self.owner.hear(Answer(Heard(job=number, text=f"words {number}", language="en")))
            await asyncio.sleep(0)
        return True

    def begin(self, *numbers: int) -> None:
        for number in numbers:
            self.running.add(number)
            self.owner.hear(Begun(number))

    def die(self) -> None:
        self.is_connected = False
        self.running.clear()
        self.owner.lost(was_ready=True)


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> Mortal:
    mortal = Mortal(killers=set())
    monkeypatch.setattr("models.ears_client.EarsProcess", mortal)
    return mortal


@pytest.fixture
async def client(mortal: Mortal, tmp_path: Path) -> AsyncIterator[EarsClient]:
    (tmp_path / "model.bin").touch()
    client = EarsClient(EarsSettings(tmp_path))
    await client.start()
    yield client
    await client.close()


def listen(client: EarsClient, *jobs: ListenJob) -> list["asyncio.Task[Heard]"]:
    return [asyncio.create_task(client.listen(one, SOUND)) for one in jobs]


async def test_the_final_that_ends_ears_takes_no_other_with_it(client: EarsClient, mortal: Mortal) -> None:
    mortal.killers = {3}
    finals = listen(client, *map(job, range(1, 9)))
    await asyncio.sleep(0)
    deaths = 0
    while not await mortal.live():
        deaths += 1
        finals += listen(client, job(10 + deaths))  # others go on speaking
        await asyncio.sleep(0)
    heard = await asyncio.gather(*finals)
    assert {one.job: one.shed for one in heard if one.shed} == {3: "failed"}
    assert all(one.text == f"words {one.job}" for one in heard if not one.shed)
    assert deaths == 4
    assert sum({3, 4} <= running for running in mortal.ran) == 1, "whoever was beside it is not beside it again"


async def test_where_nothing_ran_what_was_sent_is_suspected(client: EarsClient, mortal: Mortal) -> None:
    first, second = listen(client, job(1), job(2))
    await asyncio.sleep(0)
    for _ in range(7):  # the first time both, and then by turns
        mortal.waiting.clear()
        mortal.is_connected = True
        client.connected()
        mortal.die()
    assert [(await one).shed for one in (first, second)] == ["failed", "failed"]


async def test_a_suspect_that_waits_for_its_turn_may_be_cancelled(client: EarsClient, mortal: Mortal) -> None:
    mortal.killers = {1}
    first, second, third = listen(client, *map(job, (1, 2, 3)))
    await asyncio.sleep(0)
    assert not await mortal.live()
    mortal.is_connected = True
    mortal.waiting.clear()
    client.connected()
    assert [waits.job for waits in mortal.waiting] == [3, 1]
    client.cancel(2)
    assert (await second).shed == "cancelled"
    client.cancel(1)
    third.cancel()
    assert (await first).shed == "cancelled"


async def test_what_is_taken_back_while_it_runs_is_not_sent_again(client: EarsClient, mortal: Mortal) -> None:
    taken_back, other = listen(client, job(1, "speculation"), job(2, "speculation"))
    await asyncio.sleep(0)
    mortal.is_connected = True
    client.connected()
    mortal.waiting.clear()
    mortal.begin(1, 2)
    client.cancel(1)
    await asyncio.sleep(0)
    assert not taken_back.done()
    mortal.die()
    assert client._jobs.keys() == {2}
    assert (await taken_back).shed == "cancelled"
    assert await mortal.live()
    assert mortal.ran == [{2}]
    assert (await other).text == "words 2"


async def test_what_is_said_of_a_job_before_it_is_asked_holds(client: EarsClient, mortal: Mortal) -> None:
    asked = [job(1, "partial"), job(2, "speculation"), job(3, "speculation"), job(4, "speculation")]
    partial, taken_back, promoted, other = listen(client, *asked)
    client.cancel(1)  # none of these tasks has had a turn
    client.cancel(2)
    client.promote(3, 7.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    mortal.is_connected = True
    client.connected()
    assert [(waits.job, waits.kind) for waits in mortal.waiting] == [(3, "final"), (4, "speculation")]
    assert mortal.waiting[0].due == 7.0
    assert await mortal.live()
    heard = await asyncio.gather(partial, taken_back, promoted, other)
    assert [one.shed for one in heard] == ["cancelled", "cancelled", "", ""]


async def test_what_is_said_of_answered_jobs_is_not_kept_for_ever(client: EarsClient) -> None:
    for number in range(10_000):
        client.cancel(number)
        client.promote(number, 1.0)
    assert len(client._ahead) <= 256


async def test_partials_are_lost_with_the_process(client: EarsClient, mortal: Mortal) -> None:
    partial, final = listen(client, job(1, "partial"), job(2))
    await asyncio.sleep(0)
    mortal.is_connected = True
    client.connected()
    mortal.die()
    assert (await partial).shed == "ears_lost"
    assert await mortal.live()
    assert (await final).text == "words 2"


async def test_room_goes_to_the_final_that_is_due_first_and_while_one_waits_to_nothing_else(
    mortal: Mortal, tmp_path: Path
) -> None:
    (tmp_path / "model.bin").touch()
    client = EarsClient(EarsSettings(tmp_path, windows_s=0.03))  # three windows, one of which none is in at first
    await client.start()
    first = listen(client, job(1), job(2))
    await asyncio.sleep(0)
    large = asyncio.create_task(client.listen(job(4), np.ones(480, np.int16)))
    late, urgent, speculation, partial = listen(client, job(5), job(3), job(6, "speculation"), job(7, "partial"))
    assert [(await one).shed for one in (speculation, partial)] == ["load", "load"]
    finals = [*first, large, late, urgent]
    while not all(one.done() for one in finals):
        assert await mortal.live()
        await asyncio.sleep(0)
    ran = [number for together in mortal.ran for number in sorted(together)]
    assert list(dict.fromkeys(ran)) == [1, 2, 3, 4, 5]
    waiting = listen(client, job(8), job(9), job(10), job(11), job(12))
    await asyncio.sleep(0)
    await client.close()
    assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {EarsClosed}


@pytest.mark.parametrize("kind", ["final", "speculation"])
@pytest.mark.parametrize("up", [True, False])
async def test_finals_are_late_wherever_they_wait(
    client: EarsClient, mortal: Mortal, kind: ListenKind, *, up: bool
) -> None:
    mortal.is_ready = up
    client.hear(FINE)
    first, second = job(1), msgspec.structs.replace(job(2, kind), after=(("1", 1),))
    answers = listen(client, first, second)
    await asyncio.sleep(0)
    assert client.headroom().finals_late_ms == 0.0
    client.promote(1, time.monotonic() + 60.0)
    client.promote(2, time.monotonic() - 60.0)  # behind the first, and unknown to `ears`
    assert client.headroom().finals_late_ms >= 60_000.0
    while not all(one.done() for one in answers):
        assert await mortal.live()
        await asyncio.sleep(0)
    assert [one.text for one in await asyncio.gather(*answers)] == ["words 1", "words 2"]
    assert client.headroom().finals_late_ms == 0.0


@pytest.mark.parametrize(("past_s", "late_s"), [(8.0, 0.0), (60.0, 50.0)])
async def test_a_final_that_runs_is_late_once_it_has_run_for_long(
    client: EarsClient, mortal: Mortal, past_s: float, late_s: float
) -> None:
    client.hear(FINE)
    (answer,) = listen(client, msgspec.structs.replace(job(1), due=time.monotonic() - past_s))
    await asyncio.sleep(0)
    assert client.headroom().finals_late_ms >= 1000 * past_s
    mortal.is_connected = True
    client.connected()
    mortal.begin(1)
    assert client.headroom().finals_late_ms == pytest.approx(1000 * late_s, abs=1000)
    answer.cancel()
    await asyncio.gather(answer, return_exceptions=True)
    assert client.headroom().finals_late_ms == 0.0
    client.promote(1, 0.0)
    client.hear(Answer(Heard(job=1, text="too late", language="en")))
    assert client.headroom().finals_late_ms == 0.0


# ─── hanging ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Owner:
    """Keeps the losses."""

    def __init__(self) -> None:
        self.lives: asyncio.Queue[bool] = asyncio.Queue()

    def connected(self) -> None: ...

    def hear(self, message: FromEars) -> None: ...

    def lost(self, was_ready: bool) -> None:
        self.lives.put_nowait(was_ready)


class Puppet:
    """A process that does nothing, and in whose name a test speaks."""

    def __init__(self) -> None:
        self._ours: socket.socket | None = None
        self.spawned = asyncio.Event()

    def spawn(self, _settings: EarsSettings, _windows: Windows, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        self.close()
        self._ours = theirs.dup()
        self.spawned.set()
        return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])

    def says(self, *messages: FromEars) -> None:
        assert self._ours is not None
        self._ours.sendall(b"".join(map(framed, messages)))

    def close(self) -> None:
        if self._ours is not None:
            self._ours.close()


@pytest.fixture
async def hanging(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[tuple[Any, ...]]:
    time, owner, puppet = VirtualTime(), Owner(), Puppet()
    monkeypatch.setattr("models.ears_process._spawn", puppet.spawn)
    process = EarsProcess(EarsSettings(tmp_path), owner)
    process.watch = Watch(time, time.sleep)
    windows = Windows.create(160)
    process.start(windows)
    await puppet.spawned.wait()
    yield time, owner, puppet, process
    if process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
    await process.close()
    puppet.close()
    windows.close()


async def test_ears_that_says_no_word_any_more_is_ended_and_followed(hanging: tuple[Any, ...]) -> None:
    time, owner, puppet, process = hanging
    time.goes.set()
    await time.until(10 * SILENT_S)  # loading takes as long as it takes
    time.goes.clear()
    puppet.says(Ready(1, "cpu"))
    await process.ready()
    ready_at, first = time.now, process.pid
    puppet.spawned.clear()
    time.goes.set()
    async with asyncio.timeout(20):
        assert await owner.lives.get()
        assert SILENT_S <= time.now - ready_at < 2 * SILENT_S
        await puppet.spawned.wait()
    assert process.pid not in (None, first)


async def test_a_job_that_runs_for_ever_ends_ears(hanging: tuple[Any, ...]) -> None:
    time, owner, puppet, process = hanging
    puppet.says(Ready(1, "cpu"), Begun(1))
    await process.ready()
    time.passed = lambda: puppet.says(FINE)
    time.goes.set()
    await time.until(RUN_S - 10.0)
    puppet.says(Answer(Heard(job=1, text="slow", language="en")), Begun(2))
    begun_at = time.now
    async with asyncio.timeout(20):
        assert await owner.lives.get()
    assert RUN_S <= time.now - begun_at < RUN_S + 10.0
