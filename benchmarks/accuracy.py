"""Word error rate of our road and of offline faster-whisper with the same weights, on recordings with their scripts.

    python -m benchmarks.accuracy [RECORDING ...] [--json FILE]

A recording is a WAV or FLAC file of one channel a leg beside a JSON script (`language`, `legs`, `turns` with `leg`,
`start_ms`, `end_ms`, `text`). Ours hears each turn alone, as the segmenter cuts it, through `models.whisper`; offline
hears the whole file at once, both legs mixed, once as it comes and once with numbers spelt out as ours spells them.
Words are compared in lower case without punctuation, so a number written in digits counts as wrong words: the script
has the spoken form.
"""

import argparse
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

from engine.facts import Pcm16
from engine.ports import ListenJob
from models import catalogue
from models.decoding import RATE_HZ
from models.whisper import Whisper, never_chosen

CALLS = Path(__file__).parent.parent / "pipelines" / "demo_calls"
_MARKS = re.compile(r"[\W_]+")


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
    ours: float
    offline: float
    offline_spelt: float
    cpu_s_per_speech_s: float
    turn_ms_median: float
    turn_ms_worst: float


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
        print(f"{rows[-1].call}: {rows[-1].ours:.1f} %", file=sys.stderr)
    Console().print(_table(rows))
    document = msgspec.json.format(msgspec.json.encode(rows)).decode()
    if arguments.json is not None:
        arguments.json.write_text(document)
    else:
        print(document)


def measure(recording: Path, ours: Whisper, offline: WhisperModel, *, margin_ms: int) -> Row:
    """Hear one recording on every road."""
    script = msgspec.json.decode(recording.with_suffix(".json").read_bytes(), type=Script)
    legs = read(recording)
    reference = [normalised(turn.text) for turn in script.turns]
    heard, took, speech_s = [], [], 0.0
    began = time.process_time()
    for turn, pcm in _windows(script, legs, margin_ms):
        answer = ours.hear(_job(turn, script.language), pcm)
        heard.append(normalised(answer.text))
        took.append(answer.run_ms)
        speech_s += (turn.end_ms - turn.start_ms) / 1000
    cpu_s = time.process_time() - began
    plain, spelt = (_offline(offline, legs, script.language, spelt=spelt) for spelt in (False, True))
    whole = " ".join(reference)
    return Row(
        call=script.id,
        language=script.language,
        words=len(whole.split()),
        ours=_percent(jiwer.wer(reference, heard)),
        offline=_percent(jiwer.wer(whole, plain)),
        offline_spelt=_percent(jiwer.wer(whole, spelt)),
        cpu_s_per_speech_s=round(cpu_s / speech_s, 3),
        turn_ms_median=round(float(np.median(took)), 1),
        turn_ms_worst=max(took),
    )


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
    weights = catalogue.install("whisper-base", directory)
    offline = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
    return Whisper(weights, device="cpu"), offline


def _windows(script: Script, legs: Pcm16, margin_ms: int) -> Iterator[tuple[Turn, Pcm16]]:
    for turn in script.turns:
        start = max(0, turn.start_ms - margin_ms) * RATE_HZ // 1000
        end = (turn.end_ms + margin_ms) * RATE_HZ // 1000
        yield turn, legs[script.legs.index(turn.leg), start:end]


def _job(turn: Turn, language: str) -> ListenJob:
    return ListenJob(job=0, call_id="", stream=turn.leg, segment=0, kind="final", due=0.0, language=language)


def _offline(model: WhisperModel, legs: Pcm16, language: str, *, spelt: bool) -> str:
    mono = np.clip(legs.astype(np.float32).sum(axis=0) / 32768.0, -1, 1)
    suppressed = never_chosen(model.hf_tokenizer) if spelt else [-1]
    segments, _ = model.transcribe(mono, language=language, beam_size=5, suppress_tokens=suppressed)
    return normalised(" ".join(segment.text for segment in segments))


def _percent(share: float) -> float:
    return round(100 * share, 1)


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
