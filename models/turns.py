"""What an utterance does, what its speaker wants and in which mood: the turn encoder and the wide part as one."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsMissing
from models.onnx_session import Observe, Opener, open_session, timed, unobserved
from models.tuned.adapter import HeadCard
from models.tuned.encoder import Logits, TunedEncoder, sigmoid, softmax
from models.wide.model import BUNDLED, WideCard, WideModel

Chances = dict[str, NDArray[np.float32]]


class TurnJudge:
    """Thread-safe. `directory` is the models directory, `wide` that of the wide part.

    Raises `WeightsMissing` when the encoder is not installed, or the wide part was not fitted beside it.
    """

    def __init__(
        self, directory: Path, observe: Observe = unobserved, opener: Opener = open_session, wide: Path = BUNDLED
    ) -> None:
        self._observe = observe
        self._deep = TunedEncoder(directory, opener=opener)
        self._wide = WideModel(wide, opener)
        if self._wide.card.beside != self._deep.card.sha256:
            raise WeightsMissing(
                "the wide part goes with another turn encoder: `python -m models.training.wide` fits it"
            )

    @property
    def heads(self) -> dict[str, HeadCard]:
        """Their labels and thresholds."""
        return self._wide.card.heads

    def chances(self, texts: Sequence[str], vectors: NDArray[np.float32], without: Collection[str] = ()) -> Chances:
        """By head float32[len(texts), labels]: how likely each label is; without thresholds they add up to 1. `vectors`
        float32[len(texts), 512] are the sentence encoder's. Of the heads `without` nothing is worked out."""
        with timed("turn-encoder", self._observe):
            deep = {name: found for name, found in self._deep.logits(texts).items() if name not in without}
        with timed("wide", self._observe):
            both = blended(deep, self._wide.logits(texts, vectors), self._wide.card)
        return {name: (sigmoid if self.heads[name].thresholds else softmax)(found) for name, found in both.items()}


def blended(deep: Logits, wide: Logits, card: WideCard) -> Logits:
    """Calibrated log-odds of both together, of the heads of `deep`: `(deep + wide) * scale + shift`."""
    return {
        name: np.asarray((deep[name] + wide[name]) * blend.scale + blend.shift, np.float32)
        for name, blend in card.blends.items()
        if name in deep
    }
