"""Card payments that are read aloud, played in real time into a whole engine as calls of SIPREC and G.711."""

import asyncio
import io
import os
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import av
import msgspec
import numpy as np

from benchmarks.load.engine import Running
from benchmarks.load.lines import Player
from benchmarks.load.material import Conversation
from benchmarks.spoken_payment import Spoken
from engine.facts import CallEvent, Draft, Fact, Pcm16
from engine.telemetry import set_up_logs
from media.sip.caller import Caller
from pipelines.commands.demo import throwaway_settings
from pipelines.follower import Follower
from server import Engine

AT_ONCE = 4
ENDED_S = 60.0
KEPT_DAYS = 1
"""Inputs are kept, so that those of calls with a card can be missing."""


class Heard(msgspec.Struct, frozen=True):
    """What an engine made of a payment."""

    call: Spoken
    call_id: str
    shown: tuple[Fact | Draft, ...]
    recording: Pcm16
    """int16[channels, samples] at 16 kHz."""


async def play(calls: Sequence[Spoken], folder: Path) -> list[Heard]:
    """Plays them into an engine with its data in the folder. Raises `RuntimeError` when a call was not served."""
    settings = throwaway_settings(folder, max_calls=2 * AT_ONCE)
    settings = settings.model_copy(update={"keep_inputs_days": KEPT_DAYS, "log_level": "debug"})
    set_up_logs(settings)
    async with Engine(settings) as engine:
        await engine.start(seed=True)
        await engine.ready()
        supervisor = next(one for one in engine.logins if one.role == "supervisor")
        async with Follower(engine.url, supervisor.login, supervisor.password, wall=True) as follower:
            ids = await _dialogs(engine, calls)
            if not await follower.wait_ended(len(calls), ENDED_S):
                raise RuntimeError("not every call was seen to end")
        by_call = follower.by_call()
        call_of = {
            what.data["correlation"]["call-id"]: call_id
            for call_id, seen in by_call.items()
            for what in (one.what for one in seen)
            if isinstance(what, CallEvent) and what.name == "call.answered"
        }
        heard = []
        async with aiohttp.ClientSession(
            engine.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": engine.url}
        ) as http:
            await http.post("/api/login", json={"user": supervisor.login, "password": supervisor.password})
            for call, dialog in zip(calls, ids, strict=True):
                call_id = call_of[dialog]
                shown = tuple(one.what for one in by_call[call_id])
                heard.append(Heard(call, call_id, shown, await _recording(http, call_id)))
    return heard


async def _dialogs(engine: Engine, calls: Sequence[Spoken]) -> list[str]:
    """Plays the calls, so many at once; their SIP Call-IDs."""
    turns, dialogs = asyncio.Semaphore(AT_ONCE), dict[int, str]()
    running = Running(os.getpid(), engine.url, engine.sip_port, tuple(engine.logins))

    async def one(number: int, caller: Caller) -> None:
        call = calls[number]
        async with turns:
            player = Player(running, caller)
            await player.call(Conversation(call.paid.language, call.sound, ()))
            (placed,) = player.placed
            if placed.ended != "bye":
                raise RuntimeError(f"a call was cut short: {placed.ended}")
            dialogs[number] = placed.dialog_id

    async with Caller() as caller:
        await asyncio.gather(*(one(number, caller) for number in range(len(calls))))
    return [dialogs[number] for number in range(len(calls))]


async def _recording(http: aiohttp.ClientSession, call_id: str) -> Pcm16:
    """As a supervisor downloads it, once its file is closed."""
    async with asyncio.timeout(ENDED_S):
        while True:
            async with http.get(f"/api/calls/{call_id}/recording") as answer:
                answer.raise_for_status()
                if answer.headers["Recording-Complete"] == "?1":
                    return await asyncio.to_thread(_decoded, await answer.read())
            await asyncio.sleep(0.2)


def _decoded(data: bytes) -> Pcm16:
    with av.open(io.BytesIO(data), "r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.asarray(np.rint(np.concatenate(frames, axis=1)[:, ::3] * 32768), np.int16)
