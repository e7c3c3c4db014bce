"""Runs Whisper's decoder on ONNX Runtime. What the graphs compute is `decoder_graph`'s."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session
from models.whisper_onnx.encoder import OUTPUT as HEARD
from models.whisper_onnx.source import Array

CROSS, DECODER = "cross.onnx", "decoder.onnx"
"""Beside the model's `model.bin`, where they were exported."""
TOKENS, PLACES, WANTED, MASK = "tokens", "places", "wanted", "mask"
LOGITS, ATTENTION = "logits", "attention"
_NEVER = -1e9


class Memory(msgspec.Struct, frozen=True):
    """What the decoder attends to of a window: of each layer keys [1, heads, size, positions] and values [1, heads,
    positions, size]."""

    keys: tuple[Array, ...]
    values: tuple[Array, ...]

    @property
    def positions(self) -> int:
        return int(self.keys[0].shape[3])

    def between(self, first: int, end: int | None = None) -> "Memory":
        """Of these positions alone; shares what it is a part of."""
        return Memory(
            tuple(key[:, :, :, first:end] for key in self.keys), tuple(value[:, :, first:end] for value in self.values)
        )

    def followed_by(self, other: "Memory") -> "Memory":
        pairs = zip(self.keys, other.keys, strict=True), zip(self.values, other.values, strict=True)
        return Memory(
            tuple(np.concatenate(pair, axis=3) for pair in pairs[0]),
            tuple(np.concatenate(pair, axis=2) for pair in pairs[1]),
        )


class Text:
    """Words that are read so far, in one row or, of a beam, several: what the decoder keeps of them."""

    def __init__(self, decoder: "WhisperDecoder", memory: Memory) -> None:
        self._decoder = decoder
        self._memory = decoder.feed(memory)
        self._kept = decoder.nothing

    def __len__(self) -> int:
        """Tokens."""
        return int(self._kept[0].shape[2])

    def add(self, rows: NDArray[np.int64], wanted: Sequence[int]) -> Array:
        """Tokens [rows, new] behind those before; logits [rows, wanted, vocabulary] of what follows those of them that
        are wanted."""
        logits, *self._kept = self._decoder.run(rows, wanted, self._memory, self._kept, LOGITS)
        return logits

    def attention(self, tokens: Sequence[int]) -> Array:
        """[alignment heads, tokens, positions], before its softmax, of a text that is read as a whole."""
        rows = np.asarray([tokens], np.int64)
        attention, *_ = self._decoder.run(rows, [0], self._memory, self._kept, ATTENTION)
        found: Array = attention[0]
        return found

    def keep(self, length: int) -> None:
        """Forget the tokens from there on."""
        if length < len(self):
            self._kept = [np.ascontiguousarray(one[:, :, :length]) for one in self._kept]

    def choose(self, rows: Sequence[int]) -> None:
        """Go on with these rows, in this order; one may come several times."""
        self._kept = [one[rows] for one in self._kept]


class WhisperDecoder:
    """May be used in as many threads at once as call; each `Text` in one."""

    def __init__(self, cross: Path | bytes, decoder: Path | bytes) -> None:
        self._cross = open_session(cross)
        self._session = open_session(decoder)
        shapes = {one.name: one.shape for one in self._session.get_inputs()}
        self._layers = sum(name.startswith("old_key") for name in shapes)
        heads, size = shapes["old_key0"][1], shapes["old_key0"][3]
        self._memory = [f"{part}{layer}" for layer in range(self._layers) for part in ("key", "value")]
        self.nothing: list[Array] = [np.zeros((1, heads, 0, size), np.float32) for _ in self._memory]

    def remember(self, heard: Array) -> Memory:
        """Of the encoder's output [1, positions, width]."""
        found = self._cross.run(self._memory, {HEARD: heard})
        return Memory(tuple(found[0::2]), tuple(found[1::2]))

    def feed(self, memory: Memory) -> dict[str, NDArray[Any]]:
        """As the graph takes it."""
        pairs = zip(memory.keys, memory.values, strict=True)
        parts = [np.ascontiguousarray(part) for pair in pairs for part in pair]
        return dict(zip(self._memory, parts, strict=True))

    def run(
        self,
        rows: NDArray[np.int64],
        wanted: Sequence[int],
        memory: dict[str, NDArray[Any]],
        kept: Sequence[Array],
        output: str,
    ) -> list[Array]:
        """The output that is asked for, then what is to be `kept` next time."""
        old, new = kept[0].shape[2], rows.shape[1]
        inputs: dict[str, NDArray[Any]] = {
            TOKENS: rows,
            PLACES: np.arange(old, old + new),
            WANTED: np.asarray(wanted, np.int64),
            MASK: np.triu(np.full((new, old + new), _NEVER, np.float32), old + 1),
            **memory,
            **{f"old_{name}": one for name, one in zip(self._memory, kept, strict=True)},
        }
        return self._session.run([output, *(f"new_{name}" for name in self._memory)], inputs)
