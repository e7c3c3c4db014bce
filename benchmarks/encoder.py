"""What a window costs Whisper's encoder on one core, as we build it and as CTranslate2 has it, and how alike both are.

Windows of a demo call, both encoders in turn, so that what else the machine does falls on both.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from engine.facts import Samples
from media.audio import Recording, window_16k
from models.catalogue import WHISPER_BASE
from models.decoder import Decoder, Encoded
from models.installation import install
from models.whisper_encoder.encoder import GRAPH
from models.whisper_encoder.export import cosines
from pipelines import demo

WINDOWS_S = (8.0, 12.0, 16.0, 30.0)
RUNS = 30
CALLS = ("es", "pt", "en")
_PAD_S = 2.0


def cell() -> dict[str, Any]:
    """Milliseconds by window, spectrogram included, and the mean cosine of the positions' outputs."""
    weights = install(WHISPER_BASE, Path("data/models"))
    with tempfile.TemporaryDirectory() as folder:
        for path in weights.iterdir():
            if path.name != GRAPH:
                (Path(folder) / path.name).symlink_to(path.resolve())
        both = {name: _decoder(weights) for name, weights in (("onnx", weights), ("ctranslate2", Path(folder)))}
        return {f"{window_s:g}_s": _compared(both, window_s) for window_s in WINDOWS_S}


def _decoder(weights: Path) -> Decoder:
    return Decoder(weights, workers=1, device="cpu", compute_type="", spelt_numbers=True)


def _compared(both: dict[str, Decoder], window_s: float) -> dict[str, Any]:
    sounds = list(_sounds(window_s))
    spent: dict[str, list[float]] = {name: [] for name in both}
    alike: list[float] = []
    for run in range(RUNS + 1):  # the first warms up
        outputs = []
        for name, decoder in both.items():
            began = time.perf_counter()
            outputs.append(decoder.encode(sounds[run % len(sounds)], window_s))
            if run:
                spent[name].append(1000 * (time.perf_counter() - began))
        alike.append(float(cosines(*map(_numbers, outputs)).mean()))
    rows = {
        name: {
            "p50_ms": round(statistics.median(times), 1),
            "p95_ms": round(float(np.quantile(times, 0.95)), 1),
            "p99_ms": round(float(np.quantile(times, 0.99)), 1),
        }
        for name, times in spent.items()
    }
    print(f"   {window_s:4g} s  {rows}", flush=True)
    return {**rows, "cosine": round(statistics.fmean(alike), 4)}


def _sounds(window_s: float) -> list[Samples]:
    """Of each demo call, both speakers: all of the window but for the silence behind it."""
    length = round(1000 * (window_s - _PAD_S))
    calls = [Recording(np.sum(demo.load_call(language).sound, axis=0).astype(np.int16), 8000) for language in CALLS]
    pcm = [window_16k(call, start, start + length) for call in calls for start in (2000, 12_000)]
    return [one.astype(np.float32) / np.float32(32768) for one in pcm]


def _numbers(encoded: Encoded) -> Any:
    return np.array(encoded.to(ctranslate2.DataType.float32))


CELLS = {"encoder": cell}
