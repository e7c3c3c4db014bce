"""Word error rate of our road and of offline faster-whisper with the same weights, on recordings with their scripts.

    python -m benchmarks.accuracy [RECORDING ...] [--json FILE]

A recording is a WAV or FLAC file of one channel a leg beside a JSON script (`language`, `legs`, `turns` with `leg`,
`start_ms`, `end_ms`, `text`). `live` hears the segments that the VAD cuts, as in a call; `turns` hears each scripted
turn whole; both through `models.whisper`. `offline` hears the file at once, both legs mixed, with beam 5 on 30 s
windows; `offline spelt` does so with numbers as words, as ours has them. Words are compared in lower case without
punctuation, so a number written in digits counts as wrong words: the script has the spoken form.
"""

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import jiwer
import msgspec
import numpy as np
from faster_whisper import WhisperModel
from rich.console import Console
from rich.table import Table

from engine.facts import Pcm16, SpeechSegment
from engine.ports.hearing import Heard, ListenJob
from media.wav_file import FileSession
from models.catalogue import WHISPER_BASE
from models.context import Contexts
from models.decoder import never_chosen
from models.decoding import RATE_HZ
from models.installation import install
from models.whisper import Whisper
from pipelines.dialogue import Dialogue
from pipelines.transcribe import TAIL_MS

CALLS = Path(__file__).parent.parent / "pipelines" / "demo_calls"
_MARKS = re.compile(r"[\W_]+")


Window = tuple[SpeechSegment, Pcm16]
"""A segment and its sound."""


class Turn(msgspec.Struct, frozen=True):
    leg: str
    start_ms: int
    end_ms: int
    text: str


class Script(msgspec.Struct, frozen=True):
    id: str
    language: str
    legs: tuple[str, ...]
    turns: tuple[Turn, ...]


class Row(msgspec.Struct, frozen=True):
    """One recording. Rates in percent of the script's words."""

    call: str
    language: str
    words: int
    segments: int
    live: float
    turns: float
    offline: float
    offline_spelt: float
    cpu_s_per_speech_s: float
    """Of `live`, sound of the segments."""
    final_ms_median: float
    final_ms_worst: float


def cell(recording: Path) -> dict[str, Any]:
    """One recording's figures, for `python -m benchmarks`."""
    row: dict[str, Any] = msgspec.to_builtins(measure(recording, *_models(Path("data/models")), margin_ms=200))
    return row


CELLS = {f"accuracy.{path.stem}": partial(cell, path) for path in sorted(CALLS.glob("*.flac"))}


def main() -> None:
    arguments = _arguments()
    ours, offline = _models(arguments.models)
    rows = []
    for recording in arguments.recordings or sorted(CALLS.glob("*.flac")):
        rows.append(measure(recording, ours, offline, margin_ms=arguments.margin_ms))
        print(f"{rows[-1].call}: {rows[-1].live:.1f} %", file=sys.stderr)
    Console().print(_table(rows))
    document = msgspec.json.format(msgspec.json.encode(rows)).decode()
    if arguments.json is not None:
        arguments.json.write_text(document)
    else:
        print(document)


def measure(recording: Path, ours: Whisper, offline: WhisperModel, *, margin_ms: int) -> Row:
    """Hear one recording on every road."""
    script = msgspec.json.decode(recording.with_suffix(".json").read_bytes(), type=Script)
    segments = asyncio.run(segments_of(recording, script.legs))
    began = time.process_time()
    live, took = _hear(ours, script.language, segments)
    cpu_s = time.process_time() - began
    sound = read(recording)
    turns, _ = _hear(ours, script.language, _turns(script, sound, margin_ms))
    plain, spelt = (_offline(offline, sound, script.language, spelt=spelt) for spelt in (False, True))
    said = {leg: normalised(" ".join(turn.text for turn in script.turns if turn.leg == leg)) for leg in script.legs}
    whole = normalised(" ".join(turn.text for turn in script.turns))
    return Row(
        call=script.id,
        language=script.language,
        words=len(whole.split()),
        segments=len(segments),
        live=_rate(said, live),
        turns=_rate(said, turns),
        offline=_rate({"": whole}, {"": plain}),
        offline_spelt=_rate({"": whole}, {"": spelt}),
        cpu_s_per_speech_s=round(cpu_s / sum(len(pcm) / RATE_HZ for _, pcm in segments), 3),
        final_ms_median=round(float(np.median(took)), 1),
        final_ms_worst=max(took),
    )


async def segments_of(recording: Path, legs: tuple[str, ...]) -> list[Window]:
    """Every segment as a live call has them."""
    session = FileSession(recording, legs=legs)
    segments = []
    async for event in session.events():
        if isinstance(event, SpeechSegment) and event.state == "ended":
            end_ms = event.end_ms + (0 if event.cut else TAIL_MS)
            segments.append((event, session.audio(event.stream, event.start_ms, end_ms)))
    return segments


def _hear(ours: Whisper, language: str, windows: list[Window]) -> tuple[dict[str, str], list[float]]:
    """Words by leg, and how long each window took, ms."""
    words: dict[str, list[str]] = {}
    took = []
    for (segment, _), heard in zip(windows, hear(ours, language, windows), strict=True):
        words.setdefault(segment.stream, []).append(heard.text)
        took.append(heard.run_ms)
    return {leg: normalised(" ".join(texts)) for leg, texts in words.items()}, took


def hear(ours: Whisper, language: str, windows: list[Window]) -> Iterator[Heard]:
    """Each window as a final, heard after those before it, as `EarsClient` does."""
    contexts, dialogue = Contexts(), Dialogue()
    for number, (segment, pcm) in enumerate(windows):
        job = ListenJob(
            job=number,
            call_id="",
            stream=segment.stream,
            segment=segment.segment,
            kind="final",
            due=0.0,
            language=language,
            after=dialogue.before(segment),
        )
        context, said = contexts.of(job, len(pcm)) or (pcm[:0], "")
        heard = ours.hear(job, np.concatenate([context, pcm]), len(context), said)
        contexts.answered(job, pcm, heard, 0.0)
        dialogue.ended(segment)
        yield heard


def read(recording: Path) -> Pcm16:
    """Sound of every channel at 16 kHz: int16[channels, samples]."""
    with av.open(str(recording)) as container:
        layout = container.streams.audio[0].layout.name
        resampler = av.AudioResampler(format="s16p", layout=layout, rate=RATE_HZ)
        frames = list(container.decode(audio=0))
        blocks = [block.to_ndarray() for frame in [*frames, None] for block in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1)


def normalised(text: str) -> str:
    """Lower case, without punctuation."""
    return _MARKS.sub(" ", text.lower()).strip()


def _models(directory: Path) -> tuple[Whisper, WhisperModel]:
    weights = install(WHISPER_BASE, directory)
    offline = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
    return Whisper(weights, device="cpu"), offline


def _turns(script: Script, sound: Pcm16, margin_ms: int) -> list[Window]:
    windows = []
    for number, turn in enumerate(script.turns):
        start = max(0, turn.start_ms - margin_ms) * RATE_HZ // 1000
        end = (turn.end_ms + margin_ms) * RATE_HZ // 1000
        segment = SpeechSegment(turn.leg, number, "ended", turn.start_ms, turn.end_ms)
        windows.append((segment, sound[script.legs.index(turn.leg), start:end]))
    return windows


def _offline(model: WhisperModel, legs: Pcm16, language: str, *, spelt: bool) -> str:
    mono = np.clip(legs.astype(np.float32).sum(axis=0) / 32768.0, -1, 1)
    suppressed = never_chosen(model.hf_tokenizer) if spelt else [-1]
    segments, _ = model.transcribe(mono, language=language, beam_size=5, suppress_tokens=suppressed)
    return normalised(" ".join(segment.text for segment in segments))


def _rate(said: dict[str, str], heard: dict[str, str]) -> float:
    return round(100 * jiwer.wer(list(said.values()), [heard.get(leg, "") for leg in said]), 1)


def _table(rows: list[Row]) -> Table:
    table = Table(title="Word error rate, % (CPU, int8, one thread)")
    for name in Row.__struct_fields__:
        table.add_column(name.replace("_", " "), justify="left" if name in {"call", "language"} else "right")
    for row in rows:
        table.add_row(*(str(getattr(row, name)) for name in Row.__struct_fields__))
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="*", type=Path)
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="where weights are installed")
    parser.add_argument("--margin-ms", type=int, default=200, help="sound kept around each turn")
    parser.add_argument("--json", type=Path, help="file for the figures instead of standard output")
    return parser.parse_args()


if __name__ == "__main__":
    main()
