"""`welcomedly serve`: the engine until it is told to stop, with demo calls playing into it if asked."""

import argparse
import asyncio
import os

import structlog
import uvloop

from engine.errors import StartupError
from engine.setting_names import misspelt
from engine.settings import Settings, load_settings
from engine.telemetry import set_up_logs
from pipelines.commands.demo import play_forever
from pipelines.commands.running_engine import MakeEngine, RunningEngine
from pipelines.commands.stopping import Told, signals
from pipelines.commands.systemd import Systemd

log = structlog.get_logger(__name__)

LOOPBACK = ("127.0.0.1", "::1", "localhost")
STOP_S = 20.0
"""Longest orderly stop: BYEs, last words and the store take two or three seconds."""


def run(arguments: argparse.Namespace, make_engine: MakeEngine) -> int:
    settings = load_settings()
    set_up_logs(settings)
    for hint in misspelt(os.environ):
        log.warning("setting.unknown", hint=hint)
    if arguments.demo:
        stay_on_loopback(settings)
    uvloop.run(serve(make_engine(settings), seed=arguments.demo, play=arguments.demo and not arguments.quiet))
    return 0


def stay_on_loopback(settings: Settings) -> None:
    """Raises `StartupError`: a demo's people and calls are for this machine alone."""
    hosts = [("HTTP_HOST", settings.http_host), ("SIP_HOST", settings.sip_host)]
    if settings.bridge == "on":
        hosts += [("BRIDGE_HOST", settings.bridge_host), ("BRIDGE_HTTP_HOST", settings.bridge_http_host)]
    for name, host in hosts:
        if host not in LOOPBACK:
            raise StartupError(f"{name}={host}: --demo has known log-ins and stays on loopback")


async def serve(engine: RunningEngine, *, seed: bool, play: bool) -> None:
    """Until it is told to stop: see `signals`."""
    systemd = Systemd(os.environ)
    with signals() as told:
        if not await _started(engine, told, seed=seed):
            return
        try:
            systemd.ready()
            print(welcome(engine), flush=True)
            playing = asyncio.create_task(play_forever(engine)) if play else None
            await told.wait(engine)
            if playing:
                playing.cancel()
        finally:
            await _close_in_time(engine)


async def _started(engine: RunningEngine, told: Told, *, seed: bool) -> bool:
    """False: it was told to stop meanwhile, and nothing of it is left. Models take a while, a database that another
    engine holds or a large migration much longer, and whoever stops it would kill it."""
    starting = asyncio.create_task(engine.start(seed=seed), name="start")
    stopping = asyncio.create_task(told.stop.wait())
    try:
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (starting, stopping):
            task.cancel()
        _, late = await asyncio.wait((starting, stopping), timeout=STOP_S)
    if late:
        log.error("stop.late", tasks=sorted(task.get_name() for task in asyncio.all_tasks()))
    if late or starting.cancelled():
        return False
    starting.result()
    return True


async def _close_in_time(engine: RunningEngine) -> None:
    """A part that does not end must not keep the rest: after `STOP_S` its tasks are named and the process goes."""
    try:
        async with asyncio.timeout(STOP_S):
            await engine.close()
    except TimeoutError:
        log.error("stop.late", tasks=sorted(task.get_name() for task in asyncio.all_tasks()))


def welcome(engine: RunningEngine) -> str:
    """Where it is, and who may log in."""
    settings = engine.settings
    lines = [
        "",
        f"  Welcomedly   {engine.url}",
        f"  SIP          {settings.sip_host}:{engine.sip_port} (UDP and TCP)   data in {settings.data_dir}",
    ]
    for login in engine.logins:
        page = {"agent": "/desk", "supervisor": "/wall", "admin": "/admin"}[login.role]
        lines.append(f"  {login.role:<12} {login.login:<10} {login.password:<14} {engine.url}{page}")
    return "\n".join([*lines, ""])
