"""What real models said of a real call of 15 s gives the same facts once more, without them."""

import asyncio
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.control.seed import ORGANISATION
from engine.settings import Settings
from media.wav_file import read_channels
from pipelines import demo
from pipelines.commands.as_it_was import play_again
from pipelines.commands.demo import play_demo
from pipelines.scorecard import Script
from server import Engine

pytestmark = pytest.mark.real

DATA = Path(__file__).parents[1] / "data"


async def test_a_call_that_was_kept_is_the_same_without_models(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = settings.model_copy(update={"keep_inputs_days": 30})
    script = msgspec.json.decode((DATA / "call_15s.json").read_bytes(), type=Script)
    channels, _ = await asyncio.to_thread(read_channels, DATA / "call_15s.flac")
    async with Engine(kept) as engine:
        await engine.start(seed=True)
        await engine.ears.ready()
        call = demo.DemoCall(script, tuple(np.ascontiguousarray(one) for one in channels))
        assert await play_demo(engine, call, "late") == "bye"
    (path,) = (kept.data_dir / "inputs").rglob("*.sealed")
    assert await play_again(kept, ORGANISATION, [path.stem]) == 0
    told = capsys.readouterr()
    assert '"kind":"compliance"' in told.out
    assert told.err.splitlines()[-1].endswith(" facts, each as it was")
