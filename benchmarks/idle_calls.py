"""What memory a call takes in the engine's process: SIPREC calls of two legs set up by our caller in another process.

First idle ones, on which comfort silence comes for longer than a stream's sound is kept; then some that speak, with all
that their transcripts need. What is told is the slope of the resident set over calls, `ears` and the caller left out.
"""

import asyncio
import gc
import multiprocessing
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from engine.facts import Pcm16
from media.rtp_sender import RtpLine, RtpSender
from media.sip.caller import Caller, CallPlan, PlacedCall, place_call
from media.siprec_source import RecordedParty
from pipelines import demo
from pipelines.commands.demo import throwaway_settings
from server import Engine

BATCHES, BATCH = 3, 20
"""Idle calls: so many times so many more."""
SPEAKING = 4
HOLD_S = 55.0
"""Longer than `media.audio.RING_SECONDS`: what is kept of a call is then all there."""
LIMIT_MB = 5.0


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("this system does not tell the resident set")


# ─── the calling process ─────────────────────────────────────────────────────────────────────────────────────────────


def call_in(port: int, number: str, orders: Connection) -> None:
    """Takes orders (`idle` or `speaking`, how many; then None to hang up all) and says when each is done."""
    uvloop.run(_calls(port, number, orders))


async def _calls(port: int, number: str, orders: Connection) -> None:
    async with Caller() as caller:
        lines: list[RtpSender] = []
        placed: list[PlacedCall] = []
        sending: list[asyncio.Task[float]] = []
        while (order := await asyncio.to_thread(orders.recv)) is not None:
            kind, count = order
            for _ in range(count):
                line = RtpSender([RtpLine(sound) for sound in _sound(kind)])
                parties = [RecordedParty(label=label, aor="") for label in "12"]
                plan = CallPlan(f"sip:{number}@127.0.0.1:{port}", "127.0.0.1", line.local_ports, parties=parties)
                placed.append(await place_call(caller, plan, "UDP"))
                sending.append(asyncio.create_task(line.send(placed[-1].remote_ports())))
                lines.append(line)
                await asyncio.sleep(0.1)  # under every limit on calls a second
            orders.send(len(placed))
        for one in placed:
            one.bye()
        await asyncio.gather(*(one.ended for one in placed))
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        for line in lines:
            line.close()
        orders.send(None)


def _sound(kind: str) -> tuple[Pcm16, ...]:
    if kind == "speaking":
        return demo.load_call("en").sound
    noise = np.random.default_rng(1).integers(-4, 5, (2, 600 * 8000)).astype(np.int16)
    return noise[0], noise[1]


# ─── the engine's ────────────────────────────────────────────────────────────────────────────────────────────────────


def started(port: int, number: str) -> tuple[BaseProcess, Connection]:
    """The calling process, and what it takes orders over. Once it has died, as when a call is refused, `recv` raises
    `EOFError`."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=call_in, args=(port, number, theirs), daemon=True)
    process.start()
    theirs.close()  # the other one is now the only one: else nobody would hear that its process died
    return process, ours


def all_up(placed: int, up: int) -> None:
    """Raises `RuntimeError` unless the engine still has every call: memory is divided by them."""
    if up != placed:
        raise RuntimeError(f"{placed} calls were placed, and the engine has {up}")


async def measure() -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        settings = throwaway_settings(Path(folder), max_calls=1000)
        async with Engine(settings) as engine:
            await engine.start(seed=True)
            await engine.ready()
            caller, orders = started(engine.sip_port, demo.load_call("en").script.campaign)
            for kind, count in [("idle", 1), *[("idle", BATCH)] * BATCHES, ("speaking", SPEAKING)]:
                orders.send((kind, count))
                calls = await asyncio.to_thread(orders.recv)
                await asyncio.sleep(HOLD_S)
                all_up(calls, engine.calls)
                gc.collect()
                rows.append({"calls": calls, "kind": kind, "resident_mb": round(resident_mb(), 1)})
                print(f"  {calls:>4} calls, the last {kind:<9} {rows[-1]['resident_mb']:>8} MB", flush=True)
            orders.send(None)
            await asyncio.to_thread(orders.recv)
            await asyncio.to_thread(caller.join)
    idle = [row for row in rows if row["kind"] == "idle"]
    slope = float(np.polyfit([row["calls"] for row in idle], [row["resident_mb"] for row in idle], 1)[0])
    live = (rows[-1]["resident_mb"] - idle[-1]["resident_mb"]) / SPEAKING
    return {"rows": rows, "idle_mb_per_call": round(slope, 2), "speaking_mb_per_call": round(live, 2)}


def idle_calls() -> dict[str, Any]:
    result = uvloop.run(measure())
    print(f"  {result['idle_mb_per_call']} MB an idle call, {result['speaking_mb_per_call']} MB one that speaks")
    return result | {"limit_mb": LIMIT_MB, "within": result["idle_mb_per_call"] <= LIMIT_MB}


CELLS: dict[str, Callable[[], dict[str, Any]]] = {"idle_calls": idle_calls}
