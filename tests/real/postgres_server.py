"""A PostgreSQL server of the system's package, on a free loopback port and a throwaway directory, with a password."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import asyncpg

USER, PASSWORD = "welcomedly", "a secret of the test"
UNPRIVILEGED = ("postgres", "nobody")
"""The server refuses to run as root: the first of these that there is runs it then."""


def programs() -> Path | None:
    """Folder of `initdb` and `postgres`; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


class PostgresServer:
    """`start` and `stop` as often as wanted (both block); the data stay until `remove`."""

    def __init__(self, programs: Path, of: "PostgresServer | None" = None) -> None:
        """`of`: a server that runs, whose standby this becomes."""
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="welcomedly-postgres-"))
        self._data = self._folder / "data"
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        if of is None:
            self._make_cluster()
        else:
            self._copy(of)

    def url(self, database: str, *, password: str = PASSWORD, port: int = 0) -> str:
        return f"postgresql://{USER}:{password.replace(' ', '%20')}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Blocks until it answers."""
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(self.port),
            "fsync": "off",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(self._data), *settings)
        for _ in range(300):
            if self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)).wait() == 0:
                return
            assert self._process.poll() is None, "postgres ended at start"
            time.sleep(0.05)
        raise TimeoutError("postgres does not answer")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends every session and stops; SIGQUIT lets go of everything at once, as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    async def query(self, statement: str, database: str = "postgres") -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url(database))
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_cluster(self) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        options = ["-U", USER, "-E", "UTF8", "--no-locale", "--no-sync", "--auth=scram-sha-256", f"--pwfile={secret}"]
        made = self._run("initdb", "-D", str(self._data), *options)
        assert made.wait(60) == 0, "initdb failed"

    def _copy(self, of: "PostgresServer") -> None:
        copied = self._run("pg_basebackup", "-D", str(self._data), "-R", "-c", "fast", "-d", of.url("postgres"))
        assert copied.wait(60) == 0, "pg_basebackup failed"

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self._programs / program, *arguments],
            user=self._user,
            extra_groups=[] if self._user else None,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _unprivileged() -> str | None:
    """None when we are no root ourselves."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name for account in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Address:
    """Where clients look for the server, whichever it is just now."""

    def __init__(self, server: PostgresServer) -> None:
        self.leads_to = server
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Gives the port to connect to."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _carry(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection("127.0.0.1", self.leads_to.port)
        await asyncio.gather(_copy(near, to_far), _copy(far, to_near))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


class Cut:
    """A way to the server that breaks when told to: after a COMMIT has gone through, before its answer comes back."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self.armed = False
        self.cuts = 0
        self.done = False
        self.away = False
        """Nobody comes through any more."""

    async def open(self) -> int:
        """Gives the port to connect to."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _carry(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        if self.away:
            to_near.close()
            return
        far, to_far = await asyncio.open_connection("127.0.0.1", self._target)
        answered = asyncio.Event()
        back = asyncio.create_task(self._carry_back(far, to_near, answered))
        while not answered.is_set() and (data := await near.read(65_536)):
            to_far.write(data)
            if self.armed and b"COMMIT" in data:
                self.armed = self.done = False
                self.cuts += 1
                await answered.wait()
        to_far.close()
        await back
        to_near.close()

    async def _carry_back(
        self, far: asyncio.StreamReader, to_near: asyncio.StreamWriter, answered: asyncio.Event
    ) -> None:
        while data := await far.read(65_536):
            if self.cuts and not self.done:
                self.done = True
                answered.set()
                return
            to_near.write(data)
        to_near.close()
