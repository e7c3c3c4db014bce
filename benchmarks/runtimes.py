"""What each step of hearing costs Whisper on one core, as we run it and as CTranslate2 does, and how alike both hear.

Windows of the demo calls, both in turn, so that what else the machine does falls on both. `expected` is where a partial
has heard the same words before: ours reads them at once.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from engine.facts import Samples
from media.audio import Recording, window_16k
from models.catalogue import WHISPER_BASE
from models.decoder import Decode, Decoder
from models.installation import install
from pipelines import demo

CALLS = ("es", "pt", "en")
STARTS_MS = range(2000, 40_000, 3500)
SPEECH_S, WINDOW_S = 7.0, 9.0
_CAP = 92


def cell() -> dict[str, Any]:
    """Milliseconds by step, and the share of words (%) that the one hears and the other does not, greedy and with a
    beam."""
    weights = install(WHISPER_BASE, Path("data/models"))
    with tempfile.TemporaryDirectory() as folder:
        for path in weights.iterdir():
            if path.suffix != ".onnx":
                (Path(folder) / path.name).symlink_to(path.resolve())
        both = {name: _decoder(path) for name, path in (("onnx", weights), ("ctranslate2", Path(folder)))}
        spent: dict[str, dict[str, list[float]]] = {name: {} for name in both}
        heard: dict[str, dict[str, list[str]]] = {name: {"words": [], "beam": []} for name in both}
        for language, sound in _windows():
            for name, decoder in both.items():
                for step, decode in _hear(decoder, sound, language, spent[name]).items():
                    heard[name][step].append(decode.text.lower())
    rows = {name: {step: _quantiles(times) for step, times in steps.items()} for name, steps in spent.items()}
    for name, steps in rows.items():
        print(f"   {name:12}", {step: row["p50_ms"] for step, row in steps.items()}, flush=True)
    ours, theirs = heard.values()
    differs = {step: round(100 * jiwer.wer(theirs[step], ours[step]), 1) for step in ours}
    return {**rows, "differs": differs, "windows": len(ours["words"]), "speech_s": SPEECH_S, "window_s": WINDOW_S}


def _hear(decoder: Decoder, sound: Samples, language: str, spent: dict[str, list[float]]) -> dict[str, Decode]:
    def timed(step: str, do: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = do()
        spent.setdefault(step, []).append(1000 * (time.perf_counter() - began))
        return result

    encoded = timed("encode", lambda: decoder.encode(sound, WINDOW_S))
    timed("language", lambda: decoder.languages(encoded))
    words = timed("words", lambda: decoder.decode(encoded, language, _CAP, beam=1))
    timed("expected", lambda: decoder.decode(encoded, language, _CAP, beam=1, expected=words.text))
    searched = timed("beam", lambda: decoder.decode(encoded, language, _CAP, beam=5))
    timed("times", lambda: decoder.times(encoded, language, words.text, SPEECH_S))
    return {"words": words, "beam": searched}


def _decoder(weights: Path) -> Decoder:
    return Decoder(weights, workers=1, device="cpu", compute_type="", spelt_numbers=True)


def _windows() -> list[tuple[str, Samples]]:
    """Of each demo call, both speakers."""
    out = []
    for language in CALLS:
        call = Recording(np.sum(demo.load_call(language).sound, axis=0).astype(np.int16), 8000)
        for start in STARTS_MS:
            pcm = window_16k(call, start, start + round(1000 * SPEECH_S))
            out.append((language, pcm.astype(np.float32) / np.float32(32768)))
    return out


def _quantiles(times: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(float(np.quantile(times, 0.95)), 1),
        "p99_ms": round(float(np.quantile(times, 0.99)), 1),
    }


CELLS = {"runtimes": cell}
