"""`welcomedly demo`: an engine on free ports, demo calls played into it in real time, and how late everything was."""

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
from pathlib import Path

import structlog
import uvloop

from engine.settings import Settings, load_settings
from engine.telemetry import set_up_logs
from media.sip.caller import CallRefused
from models.weights import models_dir
from pipelines import demo
from pipelines.commands.running_engine import MakeEngine, RunningEngine
from pipelines.follower import Follower
from pipelines.replay import direction_of
from pipelines.scorecard import summarise

log = structlog.get_logger(__name__)

AGENTS = {"collections": "andrea", "sales": "daniel", "care": "marina"}
"""Who of the demo organisation takes a campaign's calls."""
TRY_AGAIN_S = 5.0
ENDED_S = 30.0
"""How long after the last sound the end of every call must have been seen."""
OF_THE_MACHINE = frozenset(
    {"ears_workers", "ears_device", "media_workers", "rtp_vad_gate", "vocabulary_prompt", "whisper_dir", "nats_server"}
    | {"log_format", "log_level"}
)
"""Settings that a throwaway engine takes from the environment: how this machine hears, and what it says of it."""


def run(arguments: argparse.Namespace, make_engine: MakeEngine) -> int:
    set_up_logs(load_settings())
    with tempfile.TemporaryDirectory(prefix="welcomedly-demo-") as folder:
        engine = make_engine(throwaway_settings(Path(folder), max_calls=arguments.calls))
        return uvloop.run(_play_calls(engine, arguments))


def throwaway_settings(folder: Path, max_calls: int) -> Settings:
    """An engine on free loopback ports with data and key of its own in `folder`, and the installed weights. All that
    would make it part of a site (trunks, bus, language model, bridge…) is as if it were not set."""
    key = folder / "key"
    key.write_bytes(secrets.token_bytes(32))
    key.chmod(0o600)
    of_site = {name: field.default for name, field in Settings.model_fields.items() if name not in OF_THE_MACHINE}
    its_own = {
        "http_port": 0,
        "sip_port": 0,
        "data_dir": folder / "data",
        "key_url": f"file:{key}",
        "weights_dir": str(models_dir(load_settings()).resolve()),
        "max_calls": max_calls,
    }
    return load_settings(**of_site | its_own)


async def play_demo(
    engine: RunningEngine, call: demo.DemoCall, roles: demo.Roles, *, outbound: bool | None = None
) -> str:
    """Plays a demo call into a demo engine's SIP port, as the campaign's direction has it unless told otherwise."""
    campaign = call.script.campaign
    extension = next(one.extension for one in engine.logins if one.login == AGENTS[campaign])
    parties = demo.Parties(customer="+15550100@carrier.example", agent=f"{extension}@pbx.example")
    if outbound is None:
        outbound = direction_of(campaign) == "outbound"
    return await demo.play(call, engine.sip_port, campaign, parties, roles=roles, outbound=outbound)


async def play_forever(engine: RunningEngine) -> None:
    """The demo calls by turns, until cancelled. A refused call is tried again: the engine may be busy."""
    await engine.ready()
    while True:
        for language in demo.CALLS:
            call = await asyncio.to_thread(demo.load_call, language)
            try:
                await play_demo(engine, call, "members")
            except (CallRefused, OSError) as error:
                log.warning("demo.refused", reason=str(error))
                await asyncio.sleep(TRY_AGAIN_S)


async def _play_calls(engine: RunningEngine, arguments: argparse.Namespace) -> int:
    """Plays `--calls` at once and prints a summary of each; 0 when all were served."""
    call = await asyncio.to_thread(demo.load_call, arguments.language)
    await engine.start(seed=True)
    try:
        await engine.ready()
        login = next(one for one in engine.logins if one.login == AGENTS[call.script.campaign])
        async with Follower(engine.url, login.login, login.password) as follower:
            served = await _play_at_once(engine, call, arguments, follower)
        for seen in follower.by_call().values():
            print(json.dumps({"summary": summarise(call.script, seen, served=served)}, ensure_ascii=False), flush=True)
    finally:
        await engine.close()
    return 0 if served else 1


async def _play_at_once(
    engine: RunningEngine, call: demo.DemoCall, arguments: argparse.Namespace, follower: Follower
) -> bool:
    """Whether every call was played to its end and ended before the follower's eyes; stderr says why not."""
    count: int = arguments.calls
    playing = [asyncio.create_task(play_demo(engine, call, arguments.roles)) for _ in range(count)]
    printing = asyncio.create_task(_print_lines(follower)) if arguments.json else None
    reasons = await asyncio.gather(*playing, return_exceptions=True)
    played = reasons.count("bye")
    for reason in reasons:
        if reason != "bye":
            why = f"{type(reason).__name__} {reason}" if isinstance(reason, BaseException) else reason
            print(f"welcomedly demo: a call was not played to its end: {why}", file=sys.stderr)
    seen = await follower.wait_ended(played, ENDED_S)
    if not seen:
        print(f"welcomedly demo: not every call was seen to end within {ENDED_S:.0f} s", file=sys.stderr)
    if printing:
        printing.cancel()
    return seen and played == count


async def _print_lines(follower: Follower) -> None:
    while True:
        print((await follower.lines.get()).decode(), flush=True)
