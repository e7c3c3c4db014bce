"""A process of ours beside the engine: messages on a socket, memory that both see, and a life no longer than the
engine's."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

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


def die_with(parent: int) -> None:
    """In the child, first of all: be killed when the engine dies, by whatever signal. Where the kernel cannot, the
    closed socket ends us. An interrupt at the terminal is the engine's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)
