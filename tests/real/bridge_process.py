"""The bridge as a process of its own, with a dial plan, for peers in real time."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

SECONDS = 30.0


class BridgeProcess:
    def __init__(self, process: asyncio.subprocess.Process, url: str, port: int) -> None:
        self.process, self.url, self.port = process, url, port

    async def kill(self) -> None:
        """SIGKILL: it says nothing to anybody."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def bridge_process(
    where: Path, routes: Mapping[str, str], port: int = 0, rtp: str = "27000-27399", engine: str = "off"
) -> AsyncIterator[BridgeProcess]:
    """`routes`: SIP URI by number. Its data stay in `where`, for the process after it."""
    plan = where / "routes.toml"
    plan.write_text("".join(f'[[route]]\nnumber = "{number}"\nuri = "{uri}"\n' for number, uri in routes.items()))
    settings = {
        "BRIDGE_SIP_PORT": str(port),
        "BRIDGE_HTTP_PORT": "0",
        "BRIDGE_RTP_PORTS": rtp,
        "BRIDGE_ROUTES": str(plan),
        "BRIDGE_ENGINE": engine,
        "DATA_DIR": str(where / "data"),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pipelines.commands.bridge"),
        env=os.environ | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(SECONDS):
            while not (sip := re.search(r"SIP\s+\S+?:(\d+)", said)):
                line = await process.stdout.readline()
                assert line, f"the bridge ended at start: {said}"
                said += line.decode()
        url = re.search(r"Bridge\s+(\S+)", said)
        assert url, said
        draining = asyncio.create_task(process.stdout.read())  # its log must not fill the pipe
        yield BridgeProcess(process, url[1], int(sip[1]))
        draining.cancel()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), SECONDS)
