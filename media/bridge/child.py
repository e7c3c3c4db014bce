"""The bridge as a child of the engine: started when none is there, and again when it has died.

It does not die with the engine: one that is there already, of an engine that was killed, is kept. One that somebody
else started, such as a unit of its own, is used and not stopped.
"""

import asyncio
import contextlib
import hashlib
import os
import signal
import sys
from pathlib import Path

import aiohttp
import structlog

from engine.settings import Settings

log = structlog.get_logger(__name__)

STARTED_FOR = "WELCOMEDLY_BRIDGE_STARTED_FOR"
"""Variable by which a bridge knows that an engine started it, and tells so at `/healthz`: see `mark_of`."""

_EVERY_S = 1.0
_LONGEST_PAUSE_S = 30.0
_STOP_S = 5.0


def mark_of(data_dir: Path) -> str:
    """The same for every engine on that folder, of which there is one at a time."""
    return hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]


class BridgeChild:
    """An async context manager; a bridge that it started, or an engine before it, is told to stop at the end."""

    def __init__(self, settings: Settings) -> None:
        self._mark = mark_of(settings.data_dir)
        self._environment = {**os.environ, **settings.environment(), STARTED_FOR: self._mark}
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.bridge_http_host, settings.bridge_http_host)
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{settings.bridge_http_port}/healthz"
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self.pid = 0
        """Of the bridge that answers; 0: none does."""
        self._foreign = 0
        """Of the last that answered and somebody else started."""
        self._drains = False

    async def __aenter__(self) -> "BridgeChild":
        self._watch = asyncio.create_task(self._keep(), name="bridge")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        self._tell(signal.SIGTERM)
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_S)

    def drain(self) -> None:
        """One that is ours takes no new call, ends with its last one, and is not started again."""
        self._drains = True
        self._tell(signal.SIGUSR1)

    @property
    def draining(self) -> bool:
        """It drains, and has not ended yet."""
        return self._drains and self._to_stop() != 0

    def renew_certificate(self) -> None:
        self._tell(signal.SIGHUP)

    def _tell(self, number: signal.Signals) -> None:
        if pid := self._to_stop():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _to_stop(self) -> int:
        if self._process is not None and self._process.returncode is None:
            return self._process.pid
        return self.pid if self.pid != self._foreign else 0

    async def _keep(self) -> None:
        pause_s = _EVERY_S
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_EVERY_S)) as http:
            while True:
                self.pid = await self._asked(http)
                running = self._process is not None and self._process.returncode is None
                if self._drains:
                    self._tell(signal.SIGUSR1)  # it may have been on its way when the others were told
                    pause_s = _EVERY_S
                elif self.pid:
                    pause_s = _EVERY_S
                elif not running:
                    await self._start()
                    pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
                await asyncio.sleep(pause_s if not self.pid and running else _EVERY_S)

    async def _asked(self, http: aiohttp.ClientSession) -> int:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, KeyError, ValueError):
            async with http.get(self._url) as response:
                answer = await response.json()
            pid = int(answer["pid"])
            if answer.get("started_for") != self._mark and pid != self._foreign:
                self._foreign = pid
                log.warning("bridge.not_ours", pid=pid)
            return pid
        return 0

    async def _start(self) -> None:
        if self._process is not None:
            log.warning("bridge.died", status=self._process.returncode)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pipelines.commands.bridge"),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the engine, which stops it in order
        )
        log.info("bridge.started", pid=self._process.pid)
