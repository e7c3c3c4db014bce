"""One real call of 15 s in every test run: SIPREC, RTP, Whisper, rules, the store, the agent's socket."""

import asyncio
from pathlib import Path

import msgspec
import numpy as np

from engine.facts import Insight, Transcript
from media.wav_file import read_channels
from pipelines import demo
from pipelines.commands.demo import AGENTS, play_demo
from pipelines.follower import Follower
from pipelines.scorecard import Script, summarise, turn_of
from server import Engine

DATA = Path(__file__).parents[1] / "data"


async def test_a_short_call_is_heard_judged_and_shown(engine: Engine) -> None:
    script = msgspec.json.decode((DATA / "call_15s.json").read_bytes(), type=Script)
    channels, rate_hz = await asyncio.to_thread(read_channels, DATA / "call_15s.flac")
    assert rate_hz == 8_000
    call = demo.DemoCall(script, tuple(np.ascontiguousarray(one) for one in channels))
    login = next(one for one in engine.logins if one.login == AGENTS[script.campaign])
    async with Follower(engine.web.url, login.login, login.password) as follower:
        assert await play_demo(engine, call, "members") == "bye"
        assert await follower.wait_ended(1, 30.0)
    facts = [one.what for one in follower.seen]
    finals = [one for one in facts if isinstance(one, Transcript)]
    assert len(finals) >= 3
    optout = [one for one in facts if isinstance(one, Insight) and one.rule == "US-TCPA-DNC"]
    assert [(one.outcome, one.leg, turn_of(script, one.start_ms, one.end_ms, one.leg)) for one in optout] == [
        ("event", "customer", 1)
    ]
    stamps = optout[0].measured
    assert stamps is not None
    assert stamps.stamps is not None
    assert stamps.stamps.transcribed is not None
    assert stamps.stamps.decided is not None
    assert stamps.stamps.heard < stamps.stamps.transcribed <= stamps.stamps.decided
    assert summarise(script, follower.seen, served=True)["wer"] < 0.35
