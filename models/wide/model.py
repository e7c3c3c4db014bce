"""Runs the wide part: texts and their sentence vectors in, log-odds by head out."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsMissing
from models.onnx_session import OnnxSession, Opener, open_session
from models.tuned.adapter import HeadCard
from models.tuned.encoder import Logits
from models.wide.grams import places

BUNDLED = Path(__file__).parent / "data"
NAME = "wide"
_MAX_CHARACTERS = 1_000
_TOGETHER = 32
"""Texts in one run: each has a column for every gram of all of them."""


class Blend(msgspec.Struct, frozen=True):
    """How a head's log-odds of both parts become those of the whole: `(deep + wide) * scale + shift`."""

    scale: float
    shift: tuple[float, ...]
    """By label."""


class WideCard(msgspec.Struct, frozen=True, omit_defaults=True):
    """What lies beside the graph."""

    heads: dict[str, HeadCard]
    """In the order of the outputs; thresholds are those of both parts together."""
    blends: dict[str, Blend]
    beside: str
    """sha256 of the turn encoder's adapter beside which it was fitted."""
    sha256: str = ""
    """Of the graph's file."""
    trained_on: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    """Of both parts together, by head and language, on ideas that neither was trained on."""


class WideModel:
    """Thread-safe; a few tenths of a millisecond an utterance. Raises `WeightsMissing` when its files are not whole."""

    def __init__(self, directory: Path = BUNDLED, opener: Opener = open_session) -> None:
        graph, beside = directory / f"{NAME}.onnx", directory / f"{NAME}.json"
        try:
            data = graph.read_bytes()
            self.card = msgspec.json.decode(beside.read_bytes(), type=WideCard)
        except (OSError, msgspec.MsgspecError) as error:
            raise WeightsMissing(f"the wide part's {graph.name} and {beside.name} are not whole: {error}") from None
        if hashlib.sha256(data).hexdigest() != self.card.sha256:
            raise WeightsMissing(f"{graph.name} and {beside.name} do not belong together")
        self._session: OnnxSession = opener(data)

    @classmethod
    def of(cls, graph: bytes, card: WideCard) -> "WideModel":
        """One that is not saved (yet)."""
        model = cls.__new__(cls)
        model.card, model._session = card, open_session(graph)
        return model

    def logits(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> Logits:
        """By head float32[len(texts), labels]; `vectors` float32[len(texts), 512] are the texts' own."""
        found = np.concatenate(
            [
                self._run(texts[at : at + _TOGETHER], vectors[at : at + _TOGETHER])
                for at in range(0, len(texts), _TOGETHER)
            ]
        )
        ends = np.cumsum([len(head.labels) for head in self.card.heads.values()])
        return dict(zip(self.card.heads, np.split(found, ends[:-1], axis=1), strict=True))

    def _run(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        grams = [places(text[:_MAX_CHARACTERS]) for text in texts]
        lengths = [len(one) for one in grams]
        share = np.zeros((len(texts), sum(lengths)), np.float32)
        for row, (end, length) in enumerate(zip(np.cumsum(lengths), lengths, strict=True)):
            share[row, end - length : end] = 1 / length
        return self._session.run(None, {"vectors": vectors, "grams": np.concatenate(grams), "share": share})[0]


def save_wide(graph: bytes, card: WideCard, directory: Path) -> None:
    """Both files; the card's sha256 is set here."""
    card = msgspec.structs.replace(card, sha256=hashlib.sha256(graph).hexdigest())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{NAME}.onnx").write_bytes(graph)
    (directory / f"{NAME}.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")
