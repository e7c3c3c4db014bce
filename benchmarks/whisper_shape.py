"""A Whisper model's dimensions: what it is made of, what a window of sound costs on it, and a file of random weights.

How fast a model is hangs on its dimensions alone, so a model that nobody can fetch here can be timed all the same.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_POSITIONS_A_SECOND = 50
_FRAMES_A_POSITION = 2
_BYTES = 2
"""Of a weight in float16, as files and GPUs have it."""
_TIMESTAMPS = 1501
_TEXT_TOKENS = 50_257
_CONTROL = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")


class Shape(NamedTuple):
    """Dimensions of a Whisper model; `languages` decides how many tokens it has."""

    mels: int
    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    languages: int
    positions: int = 1500
    tokens: int = 448

    @property
    def vocabulary(self) -> int:
        return _TEXT_TOKENS + 2 + self.languages + len(_CONTROL) + _TIMESTAMPS

    @property
    def eot(self) -> int:
        return _TEXT_TOKENS

    @property
    def prompt(self) -> list[int]:
        """Start of transcript, the first language, transcribe, no timestamps."""
        sot = self.eot + 1
        after = sot + 1 + self.languages
        return [sot, sot + 1, after + _CONTROL.index("transcribe"), after + _CONTROL.index("notimestamps")]

    @property
    def parameters(self) -> int:
        """As the model's card counts them: a key has no bias, though CTranslate2's file has one of zeros."""
        keys = self.width * (self.encoder_layers + 2 * self.decoder_layers)
        return sum(int(np.prod(dimensions)) for _, dimensions in weights(self)) - keys


BASE = Shape(mels=80, width=512, heads=8, encoder_layers=6, decoder_layers=6, languages=99)
TURBO = Shape(mels=128, width=1280, heads=20, encoder_layers=32, decoder_layers=4, languages=100)
"""Of large-v3-turbo."""


# ─── on paper ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Card(NamedTuple):
    """From the maker's data sheet: float16 without sparsity, and memory."""

    tflops: float
    gigabytes_a_second: float


CARDS = {"H100 SXM": Card(989, 3350), "L4": Card(121, 300), "T4": Card(65, 320)}

COMPUTE_SHARE = 0.4
"""Of a card's arithmetic that the encoder's products get out of it. A guess."""
MEMORY_SHARE = 0.5
"""Of its memory's speed that a decoder's step gets. A guess."""
LAUNCH_S = 5e-6
"""A kernel takes that long, however little it has to do."""
_KERNELS_A_LAYER = 20
_KERNELS_A_STEP = 20
"""Beside those of the layers: embedding, projection, search."""


def encoder_flops(shape: Shape, window_s: float) -> float:
    """Of one window, with the keys and values that the decoder attends to."""
    n, width = window_s * _POSITIONS_A_SECOND, shape.width
    convolutions = 2 * 3 * width * (_FRAMES_A_POSITION * n * shape.mels + n * width)
    layers = shape.encoder_layers * (2 * 12 * n * width**2 + 4 * n**2 * width)
    return convolutions + layers + shape.decoder_layers * 2 * 2 * n * width**2


def step_flops(shape: Shape, window_s: float) -> float:
    """Of one token of one hypothesis."""
    n, width = window_s * _POSITIONS_A_SECOND, shape.width
    return shape.decoder_layers * (2 * 14 * width**2 + 4 * n * width) + 2 * shape.vocabulary * width


def step_bytes(shape: Shape, window_s: float, hypotheses: int) -> float:
    """Read for one token of all hypotheses: each weight once, each one's own keys and values."""
    n, width = window_s * _POSITIONS_A_SECOND, shape.width
    weights_ = shape.decoder_layers * 14 * width**2 + shape.vocabulary * width
    return _BYTES * (weights_ + hypotheses * shape.decoder_layers * 2 * n * width)


def windows_a_second(shape: Shape, card: Card, window_s: float, tokens: int, batch: int, beam: int) -> float:
    """What to expect, by arithmetic: each part takes as long as the scarcest of arithmetic, memory and launches."""
    flops, speed = COMPUTE_SHARE * card.tflops * 1e12, MEMORY_SHARE * card.gigabytes_a_second * 1e9
    kernels = shape.encoder_layers * _KERNELS_A_LAYER
    encoder_s = max(batch * encoder_flops(shape, window_s) / flops, kernels * LAUNCH_S)
    step_s = max(
        batch * beam * step_flops(shape, window_s) / flops,
        step_bytes(shape, window_s, batch * beam) / speed,
        (shape.decoder_layers * _KERNELS_A_LAYER + _KERNELS_A_STEP) * LAUNCH_S,
    )
    return batch / (encoder_s + tokens * step_s)


# ─── a file of random weights ────────────────────────────────────────────────────────────────────────────────────────

_FORMAT = 6
_REVISION = 3
_TYPES = {"int8": 1, "int16": 2, "float16": 4}
_GELU = 3
_LAYER_NORM = ("beta", "gamma")


def weights(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and dimensions of every array, as CTranslate2 has them."""
    width = shape.width
    yield from _linear("encoder/conv1", (width, shape.mels, 3))
    yield from _linear("encoder/conv2", (width, width, 3))
    yield "encoder/position_encodings/encodings", (shape.positions, width)
    yield "decoder/embeddings/weight", (shape.vocabulary, width)
    yield "decoder/position_encodings/encodings", (shape.tokens, width)
    for side, layers in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        yield from _norm(side, width)
        for layer in range(layers):
            at = f"{side}/layer_{layer}"
            yield from _block(f"{at}/self_attention", width, (3 * width, width), (width, width))
            if side == "decoder":
                yield from _block(f"{at}/attention", width, (width, width), (2 * width, width), (width, width))
            yield from _block(f"{at}/ffn", width, (4 * width, width), (width, 4 * width))


def _block(name: str, width: int, *linears: tuple[int, int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _norm(name, width)
    for number, dimensions in enumerate(linears):
        yield from _linear(f"{name}/linear_{number}", dimensions)


def _norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from ((f"{name}/layer_norm/{part}", (width,)) for part in _LAYER_NORM)


def _linear(name: str, dimensions: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}/weight", dimensions
    yield f"{name}/bias", dimensions[:1]


def _attributes(shape: Shape) -> Iterator[tuple[str, str, int]]:
    for side in ("encoder", "decoder"):
        yield f"{side}/num_heads", "int16", shape.heads
    yield "decoder/activation", "int8", _GELU
    yield "decoder/alignment_heads", "int16", 1
    yield "decoder/alignment_layer", "int16", -1
    yield "decoder/pre_norm", "int8", 1
    for name in ("alibi", "alibi_use_positive_positions", "scale_alibi", "scale_embeddings"):
        yield f"decoder/{name}", "int8", 0
    yield "decoder/start_from_zero_embedding", "int8", 0


def write_random(shape: Shape, folder: Path, seed: int = 1) -> None:
    """A model that CTranslate2 loads and that says nonsense, in float16."""
    random = np.random.default_rng(seed)
    arrays = [(name, dimensions, "float16") for name, dimensions in weights(shape)]
    scalars = {name: (kind, value) for name, kind, value in _attributes(shape)}
    entries = sorted([*arrays, *((name, (), kind) for name, (kind, _) in scalars.items())])
    with (folder / "model.bin").open("wb") as file:
        file.write(struct.pack("<I", _FORMAT) + _text("WhisperSpec") + struct.pack("<II", _REVISION, len(entries)))
        for name, dimensions, kind in entries:
            value = np.array(scalars[name][1], kind) if name in scalars else _drawn(name, dimensions, random)
            file.write(_text(name) + struct.pack(f"<B{len(dimensions)}I", len(dimensions), *dimensions))
            file.write(struct.pack("<BI", _TYPES[kind], value.nbytes))
            file.write(value.tobytes())
        file.write(struct.pack("<I", 1) + _text("decoder/projection/weight") + _text("decoder/embeddings/weight"))
    languages = range(shape.eot + 2, shape.eot + 2 + shape.languages)
    config = {"alignment_heads": [[0, 0]], "lang_ids": [*languages], "suppress_ids": [], "suppress_ids_begin": []}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "vocabulary.json").write_text(json.dumps(_vocabulary(shape)), "utf-8")


def _drawn(name: str, dimensions: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float16]:
    if name.endswith("gamma"):
        return np.ones(dimensions, np.float16)
    drawn = random.random(dimensions, np.float32)
    drawn -= 0.5
    drawn *= 0.05  # small enough that nothing overflows float16 through all layers
    return drawn.astype(np.float16)


def _vocabulary(shape: Shape) -> list[str]:
    return [
        *(f"w{number}" for number in range(_TEXT_TOKENS)),
        *("<|endoftext|>", "<|startoftranscript|>"),
        *(f"<|language {number}|>" for number in range(shape.languages)),
        *(f"<|{name}|>" for name in _CONTROL),
        *(f"<|{number / _POSITIONS_A_SECOND:.2f}|>" for number in range(_TIMESTAMPS)),
    ]


def _text(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"
