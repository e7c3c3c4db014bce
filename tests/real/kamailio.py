"""Kamailio as a process beside the tests: configured, started, read, stopped."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.media.sip.test_sipp import free_port

KAMAILIO = shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin:/usr/bin") or ""
MODULES = next(iter(sorted(Path("/usr/lib").glob("*/kamailio/modules"))), Path("/usr/lib/kamailio/modules"))
CONFIG = Path(__file__).parents[1] / "data" / "kamailio" / "kamailio.cfg"
MISSING = "Kamailio is missing: apt-get install kamailio kamailio-tls-modules kamailio-websocket-modules"


class Kamailio:
    """What a running one is known by. `said` are the lines that its script logs."""

    def __init__(self, port: int, ws_port: int) -> None:
        self.port, self.ws_port = port, ws_port
        self.said: list[str] = []
        self.log: list[str] = []
        """All its lines, for the message of a failed test."""
        self._more = asyncio.Event()

    def hear(self, line: str) -> None:
        self.log.append(line)
        _, script, said = line.partition("<script>: ")
        if script:
            self.said.append(said.strip())
            self._more.set()

    async def until(self, beginning: str) -> None:
        """Waits until it has logged a line that begins so."""
        while not any(line.startswith(beginning) for line in self.said):
            self._more.clear()
            await self._more.wait()

    def routes(self, method: str) -> list[int]:
        """Of each request of that method, in order: how many routes it still had to take, this proxy included."""
        return [line.count("<sip:") for line in self.said if line.startswith(f"HOP {method} ")]


@asynccontextmanager
async def kamailio(
    where: Path, *, next_hop: str = "", targets: Sequence[str] = (), ng_port: int = 0, ws: bool = False, pem: str = ""
) -> AsyncIterator[Kamailio]:
    """One that sends calls to `next_hop`, or to one of `targets` (a dispatcher that pings them); with `ng_port`
    sound goes through the rtpengine there; with `ws` it takes WebSockets, and calls to `registered` go to who is.
    With `pem` (certificate, key and authority) it speaks mutual TLS."""
    where.mkdir()
    one = Kamailio(free_port(), free_port())
    (where / "dispatcher.list").write_text("".join(f"1 {uri} 0 {len(targets) - n}\n" for n, uri in enumerate(targets)))
    text = CONFIG.read_text()
    values = {
        "PORT": one.port,
        "PORT_WS": one.ws_port,
        "PORT_TLS": free_port(),
        "PEM": pem,
        "MODULES": f"{MODULES}/",
        "NEXT": next_hop,
        "LIST": where / "dispatcher.list",
        "NG": ng_port,
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    (where / "kamailio.cfg").write_text(text)
    parts = {"WITH_TLS": bool(pem), "WITH_DISPATCHER": bool(targets), "WITH_RTPENGINE": bool(ng_port), "WITH_WS": ws}
    chosen = [word for name, wanted in parts.items() if wanted for word in ("-A", name)]
    process = await asyncio.create_subprocess_exec(
        *(KAMAILIO, "-f", str(where / "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "4"),
        *("-P", str(where / "pid"), "-Y", str(where), *chosen),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    reading = asyncio.create_task(_read(process, one))
    try:
        ready = asyncio.create_task(one.until("READY"))
        await asyncio.wait([ready, reading], return_when=asyncio.FIRST_COMPLETED)
        assert ready.done(), "".join(one.log)
        yield one
    finally:
        await _stop(process)
        await reading


async def _read(process: asyncio.subprocess.Process, into: Kamailio) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        into.hear(line.decode(errors="replace"))


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:  # stopped while it was starting: its children wait for each other
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
