"""Nothing is heard where nobody speaks, and each turn is heard in the language in which it is said."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.listening import RATE_HZ, PacedEars, listened, telephone, telephone_legs
from benchmarks.non_speech import CLASSES
from engine.facts import Pcm16
from models.catalogue import WHISPER_BASE
from models.ears_client import EarsClient, EarsSettings
from models.installation import location
from models.languages import likeliest
from pipelines import demo
from pipelines.scorecard import Script

pytestmark = pytest.mark.real
CALLS = Path(demo.__file__).parent / "demo_calls"


@pytest.fixture
async def ears(weights: Path) -> AsyncIterator[PacedEars]:
    client = EarsClient(EarsSettings(weights=location(WHISPER_BASE, weights), workers=1, device="cpu"))
    await client.start()
    await client.ready()
    yield PacedEars(client)
    await client.close()


def turns(language: str, first: int, count: int) -> list[Pcm16]:
    """What the agent of a demo call says, a pause after each turn."""
    call = CALLS / demo.CALLS[language]
    script = msgspec.json.decode(call.with_suffix(".json").read_bytes(), type=Script)
    leg = dict(zip(script.legs, telephone_legs(call.with_suffix(".flac")), strict=True))["agent"]
    said = [turn for turn in script.turns if turn.leg == "agent"][first : first + count]
    pause = np.zeros(RATE_HZ, np.int16)
    return [part for turn in said for part in (leg[turn.start_ms * 8 : turn.end_ms * 8 + 1600], pause)]


async def test_nobody_is_heard_in_tones_noise_and_music(ears: PacedEars) -> None:
    rng = np.random.default_rng(3)
    sound = np.concatenate([telephone(make(rng, 20.0)) for make in CLASSES.values()])
    assert (await listened(ears, [sound], "pt")).words() == []


async def test_a_leg_that_changes_its_language_is_heard_in_each(ears: PacedEars) -> None:
    leg = np.concatenate([*turns("es", 0, 2), *turns("en", 2, 3), *turns("es", 4, 2)])
    found = await listened(ears, [leg], "es", drafts=False)
    beliefs = [likeliest(final.heard.belief) for final in found.finals]
    assert beliefs[0] == "es"
    assert "en" in beliefs
    assert beliefs[-1] == "es"
    assert all(final.heard.text for final in found.finals)
