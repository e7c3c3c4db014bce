"""The process `ears`, started anew whenever it dies, and the socket to it."""

import asyncio
import contextlib
import math
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from engine.child import SILENT_S, Watch, framed, messages, spawn
from engine.cores import cores
from engine.errors import StartupError
from models.listening import Answer, Begun, FromEars, Ready, Stop, ToEars, Windows
from models.listening import from_ears_decoder as decoder
from models.processor import INFO, flags

_STOP_S = 1.0
_BACKOFF_S = (0.05, 0.2, 1.0, 5.0)
"""Wait before the next start after so many starts in a row that never became ready."""
_FAILURES = 2
"""Starts in a row that never became ready, until whoever waits for readiness is told."""
RUN_S = 180.0
"""A job that runs for longer hangs. The longest window, 28 s, full of one sentence over and over, took base 36 s on two
cores that others kept busy; a larger model takes longer."""

_AVX512 = frozenset({"avx512f", "avx512cd", "avx512vl", "avx512bw", "avx512dq"})
"""What CTranslate2's AVX-512 code is compiled for."""

log = structlog.get_logger("ears")


class EarsSettings(msgspec.Struct, frozen=True):
    """How `ears` runs."""

    weights: Path
    """Directory of a CTranslate2 Whisper model."""
    workers: int = 0
    """Decodes at once, one thread each; 0 is one a core that we may use."""
    device: str = "auto"
    """`auto cpu cuda`; with `cuda` a GPU that is not there is an error."""
    compute_type: str = ""
    """CTranslate2's; empty is int8 on a CPU and float16 on a GPU."""
    prompted: bool = False
    """See `models.decoding.Decoding`."""
    nice: int = 10
    windows_s: float = 600.0
    """Sound that may wait or run at once, over all calls (32 kB a second of shared memory)."""


class EarsOwner(Protocol):
    """Who sends jobs to the process. None of it waits."""

    def connected(self) -> None:
        """A process is there that knows of no job yet."""

    def hear(self, message: FromEars) -> None: ...

    def lost(self, was_ready: bool) -> None:
        """The process is gone, whether or not it had become ready."""


class EarsProcess:
    """Used on one event loop, whose thread must live as long: on Linux the process dies with the thread that started
    it. `start`, and `close` at the end. Once it has loaded the model a process that hangs is ended; loading takes as
    long as it takes."""

    def __init__(self, settings: EarsSettings, owner: EarsOwner) -> None:
        self.starts = 0
        self.closed = False
        self.device = ""
        """Of the model that was loaded last."""
        self.watch = Watch()
        self._settings = settings
        self._owner = owner
        self._ready = asyncio.Event()
        self._failing = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the one now running; None between two."""
        return self._process.pid if self._process is not None else None

    @property
    def is_ready(self) -> bool:
        """The model is loaded and jobs run."""
        return self._ready.is_set()

    @property
    def is_connected(self) -> bool:
        return self._writer is not None

    def start(self, windows: Windows) -> None:
        """Returns at once."""
        self._keeper = asyncio.create_task(self._keep(windows), name="ears")

    async def ready(self) -> None:
        """Wait until the model is loaded (again). Raises `StartupError` when the process fails again and again."""
        news = [asyncio.create_task(event.wait()) for event in (self._ready, self._failing)]
        try:
            await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in news:
                waiting.cancel()
        if not self._ready.is_set():
            raise StartupError(f"ears cannot load the model in {self._settings.weights}; its log says why")

    def send(self, message: ToEars) -> None:
        """Between two processes it goes nowhere."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(framed(message))

    async def close(self) -> None:
        self.closed = True
        self.send(Stop())
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, _STOP_S)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _keep(self, windows: Windows) -> None:
        """Run one process after another until closed."""
        failures = 0
        while not self.closed:
            try:
                await self._run(windows)
            except TimeoutError as error:
                log.error("ears.hangs", pid=self.pid, reason=str(error))
            except Exception as error:
                log.exception("ears.broken", error=type(error).__name__)
            finally:
                was_ready = self._ready.is_set()
                failures = 0 if was_ready else failures + 1
                if failures >= _FAILURES:
                    self._failing.set()
                self._ready.clear()
                self._owner.lost(was_ready)
                await asyncio.shield(asyncio.to_thread(self._reap))
            if not self.closed:
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])

    async def _run(self, windows: Windows) -> None:
        """One process's life."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _spawn(self._settings, windows, theirs)
            self.starts += 1
        try:
            reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            ours.close()
            raise
        if self.closed:  # while the process started: nobody waits for its words
            self.send(Stop())
        else:
            self._owner.connected()
        try:
            await self.watch.over(self._hear(reader))
        finally:
            self._writer.close()
            self._writer = None

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        async for message in messages(reader, decoder()):
            match message:
                case Ready():
                    log.info("ears.ready", pid=self.pid, workers=message.workers, device=message.device)
                    self.device = message.device
                    self._failing.clear()
                    self._ready.set()
                case Begun(job):
                    self.watch.owes(f"job {job}", RUN_S)
                case Answer(heard):
                    self.watch.gave(f"job {heard.job}")
            if self._ready.is_set():
                self.watch.owes("any word", SILENT_S)
            self._owner.hear(message)

    def _reap(self) -> None:
        """Blocking. No process of ours outlives its connection."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def _spawn(settings: EarsSettings, windows: Windows, theirs: socket.socket) -> subprocess.Popen[bytes]:
    arguments = {
        "socket-fd": theirs.fileno(),
        "windows-fd": windows.fd,
        "windows-samples": windows.samples,
        "parent": os.getpid(),
        "weights": settings.weights,
        "workers": settings.workers or math.ceil(cores()),
        "nice": settings.nice,
        "device": settings.device,
        "compute-type": settings.compute_type,
        "prompted": int(settings.prompted),
    }
    environment = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"} | widest_vectors(
        os.environ
    )
    return spawn("models.ears", arguments, (theirs.fileno(), windows.fd), environment)


def widest_vectors(environment: Mapping[str, str], cpu: Path = INFO) -> dict[str, str]:
    """CTranslate2 does not use AVX-512 unless told to, and an encoder pass is 11 to 19 % shorter with it. It refuses to
    start where the processor lacks a part of it."""
    if "CT2_FORCE_CPU_ISA" in environment:
        return {}  # the operator knows better
    return {"CT2_FORCE_CPU_ISA": "AVX512"} if flags(cpu) >= _AVX512 else {}
