"""A recording that is replayed says the same again, to the byte, whatever the machine does beside."""

import datetime
from pathlib import Path

import msgspec
import pytest

from engine.facts import Fact, encode
from media.wav_file import FileSession
from models.catalogue import WHISPER_BASE
from models.compliance import load_detectors, load_rules
from models.ears_client import EarsClient, EarsSettings
from models.installation import location
from models.reader import OnnxTextReader
from pipelines import demo
from pipelines.replay import Judging, RecordingOf, replay_recording

pytestmark = pytest.mark.real

CALLS = Path(demo.__file__).parent / "demo_calls"
DAY = datetime.date(2026, 5, 5)
SALES = RecordingOf("en", "US", "CA", "sales", ("customer", "agent"), "outbound", DAY)
COLLECTIONS = RecordingOf("", "CO", "", "collections", ("customer", "agent"), "outbound", DAY)
"""Its language is identified."""


async def content(recording: Path, about: RecordingOf, tools: Judging, weights: Path, workers: int) -> list[bytes]:
    """All facts but for what was measured."""
    facts: list[Fact] = []
    ears = EarsClient(EarsSettings(weights=location(WHISPER_BASE, weights), workers=workers))
    await ears.start()
    try:
        session = FileSession(recording, legs=("customer", "agent"), speed="max", call_id=recording.stem)
        await replay_recording(session, about, tools, ears, facts.append, drafts=False)
    finally:
        await ears.close()
    return [encode(msgspec.structs.replace(fact, measured=None)) for fact in facts]


@pytest.mark.parametrize(
    ("recording", "about"),
    [
        (Path(__file__).parents[1] / "data" / "call_15s.flac", SALES),
        (CALLS / f"{demo.CALLS['es']}.flac", COLLECTIONS),
    ],
    ids=["short", "demo"],
)
async def test_a_replay_is_the_same_with_one_worker_and_with_two(
    weights: Path, recording: Path, about: RecordingOf
) -> None:
    tools = Judging(OnnxTextReader(weights), load_rules(), load_detectors(), None)
    once = await content(recording, about, tools, weights, workers=2)
    again = await content(recording, about, tools, weights, workers=1)
    assert len(once) > 10
    assert once == again
