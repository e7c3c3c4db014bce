"""What a GPU would do for `ears`, or by arithmetic should.

    python -m benchmarks gpu

Three things. Decodes of a fixed number of tokens on a model of large-v3-turbo's exact shape with random weights, by
batch and by calls side by side (how `ears` uses a device: one window a worker), on the GPU if there is one, else on the
CPU in few sizes. Whether Whisper base hears the same in float16 on the GPU as in float32 on the CPU; as a yardstick the
same of int8 on the CPU, which is what runs without a GPU. And what cards should do on paper, where the guesses that go
into it are named.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import ctranslate2
import numpy as np
import soxr
from numpy.typing import NDArray

from benchmarks import whisper_shape
from benchmarks.whisper_shape import CARDS, TURBO, Shape, windows_a_second, write_random
from engine.facts import Samples
from models.catalogue import WHISPER_BASE
from models.decoder import Decoder
from models.decoding import RATE_HZ, Decoding
from models.installation import install
from pipelines import demo
from pipelines.word_errors import normalise, word_error_rate

NAME = "large-v3-turbo's shape, random weights"
LANGUAGES = ("es", "en", "pt")
CHECKED_S = 8
CHECKED_A_LEG = 3
CAP = 100


class Plan(NamedTuple):
    """What is measured on a device."""

    compute_type: str
    windows_s: tuple[int, ...]
    batches: tuple[int, ...]
    beams: tuple[int, ...]
    tokens: tuple[int, int]
    """The difference tells what a token costs."""
    parallel: tuple[int, ...]
    rounds: int
    """The best counts: what else runs only slows it."""


PLANS = {
    "cuda": Plan("float16", (12, 30), (1, 2, 4, 8, 16, 32), (1, 5), (16, 64), (1, 2, 4, 8, 16), 5),
    "cpu": Plan("int8", (12,), (1, 2), (5,), (8, 40), (1, 2), 2),
}


def gpu() -> dict[str, Any]:
    """Runs all and prints a table."""
    card = card_name()
    device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    print(card or "no GPU here: a few sizes on the CPU, and what to expect on paper")
    with tempfile.TemporaryDirectory(prefix="turbo-shape-random-weights-") as folder:
        write_random(TURBO, Path(folder))
        rows = measure(Path(folder), TURBO, device, PLANS[device])
    agreement = agreements(device)
    paper = on_paper(TURBO)
    for title, found in ((f"{NAME}, {device}", rows), ("Whisper base", agreement), ("on paper", paper)):
        print(f"\n{title}")
        for name, row in found.items():
            print(f"  {name:<46}" + "  ".join(f"{key} {value}" for key, value in row.items()))
    return {"gpu": card or "no GPU here", "device": device, NAME: rows, "whisper base": agreement, "on paper": paper}


def card_name() -> str:
    """Of the first GPU that CTranslate2 sees; empty without one."""
    if not ctranslate2.get_cuda_device_count():
        return ""
    asked = [shutil.which("nvidia-smi") or "nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "a GPU without a name"


# ─── measured ────────────────────────────────────────────────────────────────────────────────────────────────────────


def measure(folder: Path, shape: Shape, device: str, plan: Plan) -> dict[str, dict[str, float]]:
    """By window, batch and beam, and by calls side by side."""
    model = ctranslate2.models.Whisper(
        str(folder),
        device=device,
        compute_type=plan.compute_type,
        inter_threads=max(plan.parallel),
        intra_threads=1,
    )
    rows: dict[str, dict[str, float]] = {}
    few, _ = plan.tokens
    for window_s in plan.windows_s:
        for batch in plan.batches:
            for beam in plan.beams:
                rows[f"{window_s} s window, batch {batch}, beam {beam}"] = _row(
                    Decodes(model, shape, window_s, batch, beam), plan
                )
    window_s, beam = plan.windows_s[0], plan.beams[-1]
    for workers in plan.parallel:
        rate = side_by_side(Decodes(model, shape, window_s, 1, beam), workers, few, plan.rounds)
        rows[f"{window_s} s window, {workers} workers, beam {beam}"] = {f"windows_a_second_of_{few}_tokens": rate}
    return rows


class Decodes:
    """Windows of noise, heard again and again. Methods give seconds, and raise `ValueError` when not exactly so many
    tokens of each were decoded."""

    def __init__(self, model: Any, shape: Shape, window_s: int, batch: int, beam: int) -> None:
        noise = np.random.default_rng(batch).standard_normal((batch, shape.mels, 100 * window_s), np.float32)
        self.batch = batch
        self._model, self._shape, self._beam = model, shape, beam
        self._noise = noise  # the view below looks into it
        self._features = ctranslate2.StorageView.from_array(noise)

    def encoded(self) -> ctranslate2.StorageView:
        return self._model.encode(self._features)

    def whole(self, tokens: int) -> float:
        began = time.perf_counter()
        self.decode(self.encoded(), tokens)
        return time.perf_counter() - began

    def decode(self, encoded: ctranslate2.StorageView, tokens: int) -> float:
        began = time.perf_counter()
        found = self._model.generate(
            encoded,
            [self._shape.prompt] * self.batch,
            beam_size=self._beam,
            max_length=2 * tokens,  # CTranslate2 halves it, as OpenAI's sample_len does
            suppress_tokens=[self._shape.eot],
            suppress_blank=False,
        )
        took_s = time.perf_counter() - began
        if others := {len(one.sequences_ids[0]) for one in found} - {tokens}:
            raise ValueError(f"{others} tokens were decoded and not {tokens}")
        return took_s


def _row(decodes: Decodes, plan: Plan) -> dict[str, float]:
    few, many = plan.tokens
    encoded = decodes.encoded()
    decodes.decode(encoded, few)  # a GPU has finished the encoder only now, and has memory for this size
    short_s, long_s = (min(decodes.decode(encoded, tokens) for _ in range(plan.rounds)) for tokens in plan.tokens)
    whole_s = min(decodes.whole(few) for _ in range(plan.rounds))
    return {
        f"windows_a_second_of_{few}_tokens": round(decodes.batch / whole_s, 2),
        "encoder_ms": round(1000 * (whole_s - short_s), 1),
        "token_ms": round(1000 * (long_s - short_s) / (many - few), 2),
    }


def side_by_side(decodes: Decodes, workers: int, tokens: int, rounds: int) -> float:
    """Windows a second, of so many threads that each encode and decode one at a time."""
    with ThreadPoolExecutor(workers) as pool:
        began = time.perf_counter()
        turns = [pool.submit(decodes.whole, tokens) for _ in range(workers * rounds)]
        for turn in turns:
            turn.result()
        return round(len(turns) / (time.perf_counter() - began), 2)


# ─── heard alike ─────────────────────────────────────────────────────────────────────────────────────────────────────


def agreements(device: str) -> dict[str, dict[str, float]]:
    """How far other devices and number formats are from float32 on the CPU."""
    weights = install(WHISPER_BASE, Path("data/models"))
    windows = [(language, window) for language in LANGUAGES for window in loudest(language)]
    others = {"int8 on the CPU": ("cpu", "int8_float32"), "our graphs on the CPU": ("cpu", "int8")} | (
        {"float16 on the GPU": ("cuda", "float16")} if device == "cuda" else {}
    )
    plain = _decoder(weights, "cpu", "float32")
    return {
        f"{name} against float32 on the CPU": agreement(plain, _decoder(weights, where, kind), windows)
        for name, (where, kind) in others.items()
    }


def _decoder(weights: Path, device: str, compute_type: str) -> Decoder:
    return Decoder(weights, workers=1, device=device, compute_type=compute_type, spelt_numbers=True)


def loudest(language: str) -> list[Samples]:
    """Windows of a demo call, of each leg those with the most to hear."""
    found: list[Samples] = []
    for leg in demo.load_call(language).sound:
        sound = soxr.resample(leg.astype(np.float32) / 32768.0, 8_000, RATE_HZ)
        whole = sound[: len(sound) // (CHECKED_S * RATE_HZ) * CHECKED_S * RATE_HZ].reshape(-1, CHECKED_S * RATE_HZ)
        order = np.argsort(-np.square(whole).mean(axis=1), kind="stable")[:CHECKED_A_LEG]
        found += [np.ascontiguousarray(whole[at]) for at in sorted(order)]
    return found


def agreement(one: Decoder, other: Decoder, windows: Sequence[tuple[str, Samples]]) -> dict[str, float]:
    """Of the same windows: how many have the same words, the word error rate of `other` against `one`, and how far
    encoder outputs (relative, where both are CTranslate2's) and mean log-probabilities are apart at most."""
    window_s, beam = Decoding().window_s(CHECKED_S), Decoding().beam
    ours: list[str] = []
    theirs: list[str] = []
    apart: list[float] = []
    log_apart: list[float] = []
    for language, sound in windows:
        encoded = [decoder.encode(sound, window_s) for decoder in (one, other)]
        if all(isinstance(view, ctranslate2.StorageView) for view in encoded):
            apart.append(_distance(*(_array(view) for view in encoded)))
        first, second = (
            decoder.decode(view, language, CAP, beam=beam) for decoder, view in zip((one, other), encoded, strict=True)
        )
        ours.append(first.text)
        theirs.append(second.text)
        log_apart.append(abs(first.log_probability - second.log_probability))
    return {
        "windows": len(windows),
        "same_words": sum(normalise(a) == normalise(b) for a, b in zip(ours, theirs, strict=True)),
        "word_error_rate": round(word_error_rate(ours, theirs), 4),
        **({"encoder_apart": round(max(apart), 4)} if apart else {}),
        "log_probability_apart": round(max(log_apart), 4),
    }


def _array(view: ctranslate2.StorageView) -> NDArray[np.float32]:
    here = view if view.device == "cpu" else view.to_device(ctranslate2.Device.cpu)
    return np.array(here.to(ctranslate2.DataType.float32))


def _distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


# ─── on paper ────────────────────────────────────────────────────────────────────────────────────────────────────────


def on_paper(shape: Shape, tokens: int = 40) -> dict[str, dict[str, float | str]]:
    """What one window costs, and how many a second cards should do."""
    rows: dict[str, dict[str, float | str]] = {
        "guesses": {
            "share_of_arithmetic": whisper_shape.COMPUTE_SHARE,
            "share_of_memory": whisper_shape.MEMORY_SHARE,
            "microseconds_a_kernel": round(1e6 * whisper_shape.LAUNCH_S, 1),
        }
    }
    for window_s in (12, 30):
        rows[f"{window_s} s window"] = {
            "encoder_gflop": round(whisper_shape.encoder_flops(shape, window_s) / 1e9),
            "token_gflop": round(whisper_shape.step_flops(shape, window_s) / 1e9, 2),
            "token_megabytes": round(whisper_shape.step_bytes(shape, window_s, 1) / 1e6),
        }
        for name, card in CARDS.items():
            rows[f"{name}, {window_s} s window, {tokens} tokens, beam 5"] = {
                f"windows_a_second_batch_{batch}": round(windows_a_second(shape, card, window_s, tokens, batch, 5), 1)
                for batch in (1, 16)
            }
    return rows


CELLS = {"gpu": gpu}
