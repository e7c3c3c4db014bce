"""The small trained classifiers that sit on the sentence embedding: what they are, and how they are asked.

A head is two files: `<name>.onnx` (features → calibrated probabilities) and `<name>.json` (labels, thresholds,
metrics). Ours lie in `models/heads/` of the package; a site's own directory may hold others of the same shape.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsMissing
from models.lexical import WIDTH, lexical
from models.onnx_session import OnnxSession, open_session
from models.reading import Kind

BUNDLED = Path(__file__).with_name("heads")


class HeadCard(msgspec.Struct, frozen=True, omit_defaults=True):
    """What lies beside a head's weights."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    """In the order of the outputs."""
    thresholds: tuple[float, ...]
    """Multilabel: a label holds at or over its own. Multiclass: unused, zeros."""
    sha256: str
    """Of the ONNX file."""
    lexical_width: int
    trained_on: dict[str, Any] = {}
    """Rows, ideas, seed and the versions of the libraries."""
    metrics: dict[str, Any] = {}
    """By language; see `models/training/README.md` for how they are measured."""


class Head:
    """A loaded head. Thread-safe. Raises `WeightsMissing` when the files are absent or do not belong together."""

    def __init__(self, name: str, directory: Path = BUNDLED) -> None:
        weights, card = directory / f"{name}.onnx", directory / f"{name}.json"
        try:
            self.card = msgspec.json.decode(card.read_bytes(), type=HeadCard)
            data = weights.read_bytes()
        except FileNotFoundError as error:
            raise WeightsMissing(f"head {name}: {error.filename} is missing; reinstall welcomedly") from None
        except msgspec.MsgspecError as error:
            raise WeightsMissing(f"head {name}: {card.name} is not a head's card: {error}") from None
        if hashlib.sha256(data).hexdigest() != self.card.sha256 or self.card.lexical_width != WIDTH:
            raise WeightsMissing(f"head {name}: {weights.name} and {card.name} do not belong together")
        self._session: OnnxSession = open_session(data)

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32[rows, labels] of what `features` made."""
        return self._session.run(None, {"features": features})[0].astype(np.float32, copy=False)


def features(vectors: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float32]:
    """float32[len(texts), 512 + WIDTH]: the embedding, then the lexical features."""
    return np.concatenate([vectors, lexical(texts)], axis=1)
