"""A process of ours beside the engine: messages on a socket, memory that both see, and a life no longer than the
engine's."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

SILENT_S = 10.0
"""A child that is ready says something several times within this, or it hangs."""
TICK_S = 1.0
"""Between two looks at a child."""

_OOM = Path("/proc/self/oom_score_adj")
_EXPENDABLE = 500
_FRAME_LIMIT = 1 << 20
_PR_SET_PDEATHSIG = 1

T = TypeVar("T")
_encoder = msgspec.msgpack.Encoder()


def framed(message: msgspec.Struct) -> bytes:
    """Length (4 bytes, big-endian) and MessagePack body."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


async def messages(reader: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[T]) -> AsyncIterator[T]:
    """Until the peer is gone, which is the normal end. Raises `ValueError` on a frame that is not ours."""
    while True:
        try:
            size = int.from_bytes(await reader.readexactly(4), "big")
            if size > _FRAME_LIMIT:
                raise ValueError(f"frame of {size} bytes exceeds {_FRAME_LIMIT}")
            body = await reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        yield decoder.decode(body)


class Watch:
    """What a child owes us, and by when. One that dies is gone from its socket; one that hangs is known by this alone.

    Time counts only as we see it pass, look by look: while the machine sleeps or a debugger stops us all, nobody is
    late."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._passed_s = 0.0
        self._due: dict[str, float] = {}

    def owes(self, what: str, within_s: float) -> None:
        """From now on, also when it was owed before."""
        self._due[what] = self._passed_s + within_s

    def gave(self, what: str) -> None:
        """Does nothing when it was not owed."""
        self._due.pop(what, None)

    async def over(self, life: Coroutine[Any, Any, None]) -> None:
        """Runs a child's `life` to its end; it owes nothing at first. Raises `TimeoutError` once something is overdue,
        and `life` ends with it."""
        self._due.clear()
        living, looking = asyncio.create_task(life), asyncio.create_task(self._overdue())
        try:
            await asyncio.wait((living, looking), return_when=asyncio.FIRST_COMPLETED)
            if not living.done():
                raise TimeoutError(f"{looking.result()} is overdue")
            living.result()
        finally:
            living.cancel()
            looking.cancel()
            await asyncio.gather(living, looking, return_exceptions=True)

    async def _overdue(self) -> str:
        last = self._clock()
        while True:
            await self._sleep(TICK_S)
            now = self._clock()
            self._passed_s += min(now - last, 2 * TICK_S)
            last = now
            if late := [what for what, due in self._due.items() if due <= self._passed_s]:
                return late[0]


def anonymous_file(name: str, size: int) -> int:
    """Memory to map, without a name in any file system: it lives while a process holds it, and a crash leaves nothing
    behind. Pages that nobody writes take no room. The caller closes it."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create(f"welcomedly-{name}", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd


def spawn(
    module: str, arguments: Mapping[str, object], fds: tuple[int, ...], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """`python -m module --name=value…` with these file descriptors and the logs on our standard error. On Linux it dies
    with the thread that calls this."""
    source = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(
        [sys.executable, "-m", module, *(f"--{name}={value}" for name, value in arguments.items())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **(environment or {}), "PYTHONPATH": path},
        pass_fds=fds,
    )


def go_first() -> None:
    """In a child that costs no call: where memory runs out the kernel is to end it, and not the engine, which may well
    be larger (proc(5); anybody may set this higher for himself)."""
    with contextlib.suppress(OSError, ValueError):  # no Linux, or nothing that we may see of it
        if int(_OOM.read_text()) < _EXPENDABLE:
            _OOM.write_text(str(_EXPENDABLE))


def die_with(parent: int) -> None:
    """In the child, first of all: be killed when the engine dies, by whatever signal. Where the kernel cannot, the
    closed socket ends us. An interrupt at the terminal, or its end, is the engine's to handle."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)
