"""The bridge as a child of the engine: started when none is there, and again when it has died.

It does not die with the engine: one that is there already, of an engine that was killed, is kept.
"""

import asyncio
import contextlib
import os
import signal
import sys

import aiohttp
import structlog

from engine.settings import Settings

log = structlog.get_logger(__name__)

_EVERY_S = 1.0
_LONGEST_PAUSE_S = 30.0
_STOP_S = 5.0


class BridgeChild:
    """An async context manager; the bridge is told to stop at the end."""

    def __init__(self, settings: Settings) -> None:
        self._environment = {**os.environ, **settings.environment()}
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.bridge_http_host, settings.bridge_http_host)
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{settings.bridge_http_port}/healthz"
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self.pid = 0
        """Of the bridge that answers; 0: none does."""

    async def __aenter__(self) -> "BridgeChild":
        self._watch = asyncio.create_task(self._keep(), name="bridge")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        pid = self._process.pid if self._process and self._process.returncode is None else self.pid
        if pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_S)

    async def _keep(self) -> None:
        pause_s = _EVERY_S
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_EVERY_S)) as http:
            while True:
                self.pid = await self._asked(http)
                running = self._process is not None and self._process.returncode is None
                if self.pid:
                    pause_s = _EVERY_S
                elif not running:
                    await self._start()
                    pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
                await asyncio.sleep(pause_s if not self.pid and running else _EVERY_S)

    async def _asked(self, http: aiohttp.ClientSession) -> int:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, KeyError, ValueError):
            async with http.get(self._url) as answer:
                return int((await answer.json())["pid"])
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
