"""How late words, finals, alerts and cards are on the agent's socket, from demo calls played through real SIPREC.

One call at a time in each language, and four at once. Each cell takes at most ten minutes; together the single-call
cells give more than 200 utterances. Every call has to be played to its end and to be seen to end, else there is no
figure: percentiles of what did come say nothing of what did not. `turns` is how many the scripts have, of which each is
a final or more. p99 stands where there are 100 values at least; of fewer it is the worst.
"""

import asyncio
import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from pipelines import demo
from pipelines.commands.demo import AGENTS, ENDED_S, play_demo, throwaway_settings
from pipelines.follower import Follower
from pipelines.scorecard import Seen, latencies
from server import Engine

LEAST_FOR_P99 = 100


async def measure(languages: tuple[str, ...], at_once: int, rounds: int) -> tuple[list[Seen], int]:
    """Plays `at_once` calls (languages by turns) `rounds` times and gives all that the agents' desks saw, and how many
    turns were said. Raises `RuntimeError` when a call was cut."""
    calls = [await asyncio.to_thread(demo.load_call, language) for language in languages]
    seen: list[Seen] = []
    turns = 0
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        settings = throwaway_settings(Path(folder), max_calls=at_once)
        async with Engine(settings) as engine:
            await engine.start(seed=True)
            await engine.ears.ready()
            for turn in range(rounds):
                chosen = [calls[(turn * at_once + number) % len(calls)] for number in range(at_once)]
                seen += await play_together(engine, chosen)
                turns += sum(len(call.script.turns) for call in chosen)
    return seen, turns


async def play_together(engine: Engine, chosen: Sequence[demo.DemoCall]) -> list[Seen]:
    """All that the agents' desks saw. Raises `RuntimeError` when a call was cut or was not seen to end."""
    names = sorted({AGENTS[call.script.campaign] for call in chosen})
    logins = [one for one in engine.logins if one.login in names]
    followers = [Follower(engine.web.url, one.login, one.password) for one in logins]
    for follower in followers:
        await follower.__aenter__()
    try:
        reasons = await asyncio.gather(*(play_demo(engine, call, "members") for call in chosen))
        if cut := [reason for reason in reasons if reason != "bye"]:
            raise RuntimeError(f"{len(cut)} of {len(chosen)} calls were cut: {', '.join(cut)}")
        for follower, name in zip(followers, [one.login for one in logins], strict=True):
            own = sum(AGENTS[call.script.campaign] == name for call in chosen)
            if not await follower.wait_ended(own, ENDED_S):
                raise RuntimeError(f"{name} did not see {own} calls end within {ENDED_S:.0f} s")
    finally:
        for follower in followers:
            await follower.__aexit__(None, None, None)
    return [one for follower in followers for one in follower.seen]


def cell(languages: tuple[str, ...], at_once: int, rounds: int) -> dict[str, Any]:
    """Runs it and prints a table."""
    seen, turns = uvloop.run(measure(languages, at_once, rounds))
    rows = {name: without_rare_p99(row) for name, row in latencies(seen).items()}
    print(f"{'':<20}{'p50':>9}{'p95':>9}{'p99':>9}{'worst':>9}{'n':>6}   ms, {at_once} at once, {rounds} rounds")
    for name, row in rows.items():
        if row:
            print(f"{name:<20}{row['p50']:>9}{row['p95']:>9}{row.get('p99', '–'):>9}{row['worst']:>9}{row['n']:>6}")
    print(f"{turns} turns in the scripts")
    return {"calls_at_once": at_once, "rounds": rounds, "turns": turns, "ms": rows}


def without_rare_p99(row: dict[str, float]) -> dict[str, float]:
    return {key: value for key, value in row.items() if key != "p99" or row["n"] >= LEAST_FOR_P99}


CELLS = {
    "latency-es": functools.partial(cell, ("es",), 1, 3),
    "latency-en": functools.partial(cell, ("en",), 1, 3),
    "latency-pt": functools.partial(cell, ("pt",), 1, 3),
    "latency-four": functools.partial(cell, ("es", "en", "pt"), 4, 3),
}
