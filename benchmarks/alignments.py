"""How much of what a demo call should show hangs on chance: the same call, begun a few milliseconds later.

On a live call the first packet falls anywhere within a frame of the voice detector, so segments are cut elsewhere and
Whisper hears other words. Each cell shifts one call by `SHIFTS_MS`, sends it through G.711 and the pipeline as `replay`
does, and tells how far words, duties, alerts, cards and mood hold.
"""

import asyncio
import datetime
import functools
import statistics
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from engine.facts import Fact, Insight, Pcm16
from media.codecs import CODECS
from media.wav_file import FileSession
from models.catalogue import WHISPER_BASE
from models.compliance import load_detectors, load_rules
from models.ears_client import EarsClient, EarsSettings
from models.embed import Encoder
from models.installation import install
from models.knowledge import Encoders, Knowledge, load_weights
from models.reader import OnnxTextReader
from models.tuned.encoder import NeedEncoder
from pipelines import demo
from pipelines.knowledge_bases import bundled_bases
from pipelines.replay import Judging, RecordingOf, direction_of, replay_recording
from pipelines.scorecard import expectations, script_error_rate, withdrawn

SHIFTS_MS = (0, 5, 11, 17, 23, 29)
MODELS = Path("data/models")
KNOWLEDGE = {"sales": "sales", "collections": "collections", "care": "care"}


def cell(language: str) -> dict[str, Any]:
    """Runs every alignment of one call and prints a line each."""
    return asyncio.run(measure(language))


async def measure(language: str) -> dict[str, Any]:
    call = demo.load_call(language)
    articles = bundled_bases()[KNOWLEDGE[call.script.campaign]]
    search = Knowledge(articles, Encoders(Encoder(MODELS), NeedEncoder(MODELS)), load_weights())
    tools = Judging(reader=OnnxTextReader(MODELS), rules=load_rules(), detectors=load_detectors(), knowledge=search)
    ears = EarsClient(EarsSettings(weights=install(WHISPER_BASE, MODELS)))
    await ears.start()
    try:
        rows = [await _aligned(call, shift_ms, tools, ears) for shift_ms in SHIFTS_MS]
    finally:
        await ears.close()
    return {
        "wer_median": round(statistics.median(row["wer"] for row in rows), 4),
        "wer_worst": max(row["wer"] for row in rows),
        "as_expected": sum(not row["missing"] and not row["unexpected"] and row["mood"] for row in rows),
        "alignments": rows,
    }


async def _aligned(call: demo.DemoCall, shift_ms: int, tools: Judging, ears: EarsClient) -> dict[str, Any]:
    script = call.script
    facts: list[Fact] = []
    about = RecordingOf(
        language=script.language,
        country=script.country,
        region=script.region or "",
        campaign=script.campaign,
        legs=tuple("agent" if leg == "agent" else "customer" for leg in script.legs),
        direction=direction_of(script.campaign),
        day=datetime.datetime.now(datetime.UTC).date(),
    )
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        _write(Path(file.name), call.sound, shift_ms)
        session = FileSession(Path(file.name), legs=script.legs)
        await replay_recording(session, about, tools, ears, facts.append, drafts=False)
    gone = withdrawn(facts)
    insights = [fact for fact in facts if isinstance(fact, Insight) and fact.seq not in gone]
    expect = expectations(script, insights, facts)
    row = {
        "shift_ms": shift_ms,
        "wer": script_error_rate(script, facts),
        "missing": expect["missing"],
        "unexpected": expect["unexpected"],
        "cards_beyond": expect["cards_beyond"],
        "mood": expect["mood_as_expected"],
    }
    print(row, flush=True)
    return row


def _write(path: Path, sound: tuple[Pcm16, ...], shift_ms: int) -> None:
    """As µ-law makes it, `shift_ms` later."""
    codec = CODECS["PCMU"]
    late = [np.pad(codec.decoder().decode(codec.encode(channel)), (shift_ms * 8, 0)) for channel in sound]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(late))
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.stack(late, axis=1).astype("<i2").tobytes())


CELLS = {f"alignments-{language}": functools.partial(cell, language) for language in ("es", "en", "pt")}
