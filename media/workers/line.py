"""The engine's line to one media worker: its process, started again whenever it dies, and the messages both ways."""

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
from collections.abc import Callable

import msgspec

from engine.child import SILENT_S, Watch, framed, messages, spawn
from engine.errors import StartupError
from media.ports import PortRange
from media.workers.rings import SharedRings
from media.workers.wire import FromWorker, Ready, Stop, ToWorker

STOP_S = 2.0
_BACKOFF_S = (0.0, 0.2, 1.0, 5.0)
"""Wait before the next start after so many starts in a row that never became ready."""
_FAILURES = 2
"""Such starts, until whoever waits for readiness is told."""

log = logging.getLogger(__name__)


class WorkerSettings(msgspec.Struct, frozen=True):
    host: str
    ports: PortRange
    """This worker's own."""
    gated: bool = False


class WorkerLine:
    """`start` it in the loop that uses it, `aclose` it there; on Linux the process dies with the thread that started
    it."""

    def __init__(
        self,
        settings: WorkerSettings,
        rings: SharedRings,
        take_in: Callable[[FromWorker], None],
        lost: Callable[[], None],
    ) -> None:
        """`take_in` is told what the worker says, `Ready` first; `lost` that it is gone, or hangs and was ended."""
        self.starts = 0
        self.watch = Watch()
        """What is owed here and does not come ends the worker."""
        self.ready = asyncio.Event()
        """It takes calls."""
        self._settings, self._rings = settings, rings
        self._take_in, self._lost = take_in, lost
        self._failing = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the process now running; None between two."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="media-worker")

    async def wait_ready(self) -> None:
        """Returns once it takes calls. Raises `StartupError` when its process fails again and again."""
        news = [asyncio.create_task(event.wait()) for event in (self.ready, self._failing)]
        try:
            await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in news:
                waiting.cancel()
        if not self.ready.is_set():
            raise StartupError("a media worker does not start; its log says why")

    async def aclose(self) -> None:
        self._closed = True
        self.send(Stop())
        if self._process is not None and self.ready.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, STOP_S)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def send(self, message: ToWorker) -> None:
        """While no worker is there, nothing is sent: what it must know it is told when it comes."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(framed(message))

    async def _keep(self) -> None:
        failures = 0
        while not self._closed:
            try:
                await self._run()
            except TimeoutError as error:
                log.error("media worker %s hangs: %s", self.pid, error)
                if self._process is not None:
                    self._process.kill()  # before its calls' rings are wiped
            except Exception:
                log.exception("a media worker's connection broke")
            finally:
                failures = 0 if self.ready.is_set() else failures + 1
                if failures >= _FAILURES:
                    self._failing.set()
                self.ready.clear()
                if not self._closed:
                    self._lost()
                await asyncio.shield(asyncio.to_thread(self._reap))
            if not self._closed:
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])

    async def _run(self) -> None:
        """One process's life."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = self._spawn(theirs)
            self.starts += 1
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        try:
            await self.watch.over(self._hear(reader))
        finally:
            self._writer.close()
            self._writer = None

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        async for message in messages(reader, msgspec.msgpack.Decoder(FromWorker)):
            self.watch.owes("any word", SILENT_S)
            self._take_in(message)
            if isinstance(message, Ready):
                log.info("media worker %s hears ports %s", self.pid, self._settings.ports)
                self._failing.clear()
                self.ready.set()

    def _spawn(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        settings = self._settings
        arguments = {
            "socket-fd": theirs.fileno(),
            "rings-fd": self._rings.fd,
            "rings": self._rings.count,
            "parent": os.getpid(),
            "host": settings.host,
            "first-port": settings.ports.first,
            "last-port": settings.ports.last,
            "gated": int(settings.gated),
        }
        return spawn("media.workers.process", arguments, (theirs.fileno(), self._rings.fd))

    def _reap(self) -> None:
        """Blocking. No process of ours outlives its connection."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
