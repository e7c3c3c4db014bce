"""A call that comes before the models are loaded: answered at once, and heard from its first word."""

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import numpy as np
import pytest

from engine.facts import Transcript
from engine.settings import Settings
from media.wav_file import read_channels
from pipelines import demo
from pipelines.commands.demo import AGENTS, play_demo
from pipelines.follower import Follower
from pipelines.scorecard import Script, summarise, turn_of
from server import Engine

pytestmark = pytest.mark.real
DATA = Path(__file__).parents[1] / "data"


async def parts_of(engine: Engine) -> dict[str, bool]:
    """What `/readyz` says."""
    async with aiohttp.ClientSession() as http, http.get(f"{engine.url}/readyz") as answer:
        told = await answer.json()
        assert answer.status == (200 if all(told["parts"].values()) else 503)
        return dict(told["parts"])


async def test_words_said_before_the_models_are_loaded_are_not_lost(settings: Settings) -> None:
    script = msgspec.json.decode((DATA / "call_15s.json").read_bytes(), type=Script)
    channels, _ = await asyncio.to_thread(read_channels, DATA / "call_15s.flac")
    call = demo.DemoCall(script, tuple(np.ascontiguousarray(one) for one in channels))
    async with Engine(settings) as engine:
        starting = asyncio.create_task(engine.start(seed=True))
        await engine.telephony.answering.wait()
        playing = asyncio.create_task(play_demo(engine, call, "members"))
        while not engine.telephony.sip.calls:
            await asyncio.sleep(0.01)
        parts = await parts_of(engine)
        assert (parts["sip"], parts["ears"], parts["models"]) == (True, False, False)
        login = next(one for one in engine.logins if one.login == AGENTS[script.campaign])
        async with Follower(engine.url, login.login, login.password) as follower:
            await starting
            await engine.ready()
            assert all((await parts_of(engine)).values())
            assert await playing == "bye"
            assert await follower.wait_ended(1, 30.0)
    finals = [one.what for one in follower.seen if isinstance(one.what, Transcript)]
    assert turn_of(script, finals[0].start_ms, finals[0].end_ms, finals[0].leg) == script.turns[0].turn
    assert summarise(script, follower.seen, served=True)["wer"] < 0.35
