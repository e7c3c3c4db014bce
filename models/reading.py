"""How a turn of several sentences is put to the heads: as a whole, and sentence by sentence. Pure."""

import re

import numpy as np
from numpy.typing import NDArray

from models.heads import Kind

_END = re.compile(r"(?<=[.!?…])\s+|\s*;\s+")
_MIN_WORDS = 3
_MAX_PARTS = 6


def parts_of(text: str) -> list[str]:
    """The whole text first, then its sentences when there are several; short ones stay with the one before.

    At most `_MAX_PARTS`, so that a monologue costs no more than a few inferences.
    """
    sentences: list[str] = []
    for piece in _END.split(text.strip()):
        if sentences and (len(piece.split()) < _MIN_WORDS or len(sentences[-1].split()) < _MIN_WORDS):
            sentences[-1] = f"{sentences[-1]} {piece}"
        elif piece:
            sentences.append(piece)
    if len(sentences) < 2:
        return [text]
    return [text, *sentences[: _MAX_PARTS - 1]]


def united(chances: NDArray[np.floating], kind: Kind) -> NDArray[np.floating]:
    """Of the probabilities of `parts_of`, one row a part, those of the turn.

    Multilabel: the highest. Multiclass: the mean of the whole's and of the sentences' average, since one angry sentence
    among three factual ones colours the turn without deciding it.
    """
    if len(chances) == 1:
        return np.asarray(chances[0])
    if kind == "multilabel":
        return np.asarray(chances.max(axis=0))
    return np.asarray(chances[0] * 0.5 + chances[1:].mean(axis=0) * 0.5)
