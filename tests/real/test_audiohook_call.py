"""A call of 15 s through AudioHook, from the signed upgrade to the words that Genesys gets back."""

import asyncio
import base64
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.facts import Insight, Pcm16, Transcript
from engine.settings import Settings
from media.wav_file import read_channels
from pipelines.commands.demo import AGENTS
from pipelines.follower import Follower
from pipelines.scorecard import Script, summarise
from server import Engine
from tests.media.sockets.clients import AudioHookClient
from tests.media.sockets.speech import FRAME

pytestmark = pytest.mark.real
DATA = Path(__file__).parents[1] / "data"
SECRET = "a secret of this test"


class Genesys(AudioHookClient):
    """In real time, listening while it speaks."""

    dnis = "+18005550199"
    agent = "1002"

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address)
        self.now = int(time.time())
        self.events: list[dict[str, Any]] = []
        self.told = asyncio.Event()
        """Of three events."""

    async def play(self, sounds: Sequence[Pcm16]) -> None:
        started = time.monotonic()
        reading = asyncio.create_task(self._read())
        for start in range(0, len(sounds[0]) - FRAME, FRAME):
            await asyncio.sleep(max(0.0, started + start / 8000 - time.monotonic()))
            await self.frame([sound[start : start + FRAME] for sound in sounds])
        async with asyncio.timeout(30):
            await self.told.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            self.events.append(await self._event())
            if len(self.events) >= 3:
                self.told.set()

    async def _event(self) -> dict[str, Any]:
        message: dict[str, Any] = msgspec.json.decode(await self.ws.recv())
        self.serverseq += 1
        return message


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    secret = base64.b64encode(SECRET.encode()).decode()
    file = tmp_path / "sockets.toml"
    file.write_text(
        f'[[peer]]\nname = "audiohook"\nprotocol = "audiohook"\nkey = "{Genesys.key}"\nsecret = "{secret}"\n'
    )
    return settings.model_copy(update={"sockets": str(file), "sockets_port": 0})


async def test_a_genesys_call_is_heard_judged_shown_and_told_back(engine: Engine) -> None:
    """The campaign is outbound, and the external party is the customer all the same."""
    script = msgspec.json.decode((DATA / "call_15s.json").read_bytes(), type=Script)
    channels, _ = await asyncio.to_thread(read_channels, DATA / "call_15s.flac")
    login = next(one for one in engine.logins if one.login == AGENTS[script.campaign])
    assert engine.telephony.platforms is not None
    async with Follower(engine.web.url, login.login, login.password) as follower:
        client = Genesys(("127.0.0.1", engine.telephony.platforms.server.port))
        await client.connect(SECRET)
        await client.begin()
        await client.play(channels)
        await client.hang_up()
        assert await follower.wait_ended(1, 30.0)
    facts = [one.what for one in follower.seen]
    optout = [one for one in facts if isinstance(one, Insight) and one.rule == "US-TCPA-DNC"]
    assert [(one.outcome, one.leg) for one in optout] == [("event", "customer")]
    assert summarise(script, follower.seen, served=True)["wer"] < 0.35
    finals = {one.text for one in facts if isinstance(one, Transcript)}
    told = [entity for event in client.events for entity in event["parameters"]["entities"]]
    words = [entity["data"] for entity in told if entity["type"] == "transcript"]
    assert len(words) >= 3
    assert {one["channelId"] for one in words} == {0, 1}
    assert finals
