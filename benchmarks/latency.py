"""How late words, finals, alerts and cards are on the agent's socket, from demo calls played through real SIPREC.

One call at a time in each language, and four at once. Each cell takes at most ten minutes; together the single-call
cells give more than 200 utterances.
"""

import asyncio
import functools
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from pipelines import demo
from pipelines.commands.demo import AGENTS, play_demo, throwaway_settings
from pipelines.follower import Follower
from pipelines.scorecard import Seen, latencies
from server import Engine


async def measure(languages: tuple[str, ...], at_once: int, rounds: int) -> list[Seen]:
    """Plays `at_once` calls (languages by turns) `rounds` times and gives all that the agents' desks saw."""
    calls = [await asyncio.to_thread(demo.load_call, language) for language in languages]
    seen: list[Seen] = []
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        settings = throwaway_settings(Path(folder), max_calls=at_once)
        async with Engine(settings) as engine:
            await engine.start(seed=True)
            await engine.ears.ready()
            for turn in range(rounds):
                chosen = [calls[(turn * at_once + number) % len(calls)] for number in range(at_once)]
                seen += await _play_together(engine, chosen)
    return seen


async def _play_together(engine: Engine, chosen: list[demo.DemoCall]) -> list[Seen]:
    names = sorted({AGENTS[call.script.campaign] for call in chosen})
    logins = [one for one in engine.logins if one.login in names]
    followers = [Follower(engine.web.url, one.login, one.password) for one in logins]
    for follower in followers:
        await follower.__aenter__()
    try:
        await asyncio.gather(*(play_demo(engine, call, "members") for call in chosen))
        for follower, name in zip(followers, [one.login for one in logins], strict=True):
            await follower.wait_ended(sum(AGENTS[call.script.campaign] == name for call in chosen), 30.0)
    finally:
        for follower in followers:
            await follower.__aexit__(None, None, None)
    return [one for follower in followers for one in follower.seen]


def cell(languages: tuple[str, ...], at_once: int, rounds: int) -> dict[str, Any]:
    """Runs it and prints a table."""
    rows = latencies(uvloop.run(measure(languages, at_once, rounds)))
    print(f"{'':<18}{'p50':>9}{'p95':>9}{'p99':>9}{'worst':>9}{'n':>6}   ms, {at_once} at once, {rounds} rounds")
    for name, row in rows.items():
        if row:
            print(f"{name:<18}{row['p50']:>9}{row['p95']:>9}{row['p99']:>9}{row['worst']:>9}{row['n']:>6}")
    return {"calls_at_once": at_once, "rounds": rounds, "ms": rows}


CELLS = {
    "latency-es": functools.partial(cell, ("es",), 1, 3),
    "latency-en": functools.partial(cell, ("en",), 1, 3),
    "latency-pt": functools.partial(cell, ("pt",), 1, 3),
    "latency-four": functools.partial(cell, ("es", "en", "pt"), 4, 3),
}
