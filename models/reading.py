"""How a turn of several sentences is put to the heads: as a whole, and sentence by sentence. Pure."""

import re

import numpy as np
from numpy.typing import NDArray

from models.heads import Kind

_END = re.compile(r"(?<=[.!?…])\s+|\s*;\s+")
_CLAUSE = re.compile(r"(?<=,)\s+")
_MIN_WORDS = 3
_MIN_CLAUSE_WORDS = 4
_LONG_SENTENCE = 10
"""Words from which on a sentence is cut at its commas: speech runs on, and an intent may be one clause of many."""
_MAX_PARTS = 7


def parts_of(text: str) -> list[str]:
    """The whole text first, then its sentences, and of long ones the clauses, when there are several.

    At most `_MAX_PARTS`, so that a monologue costs no more than a few inferences.
    """
    sentences: list[str] = []
    for sentence in _merged(_END.split(text.strip()), _MIN_WORDS):
        if len(sentence.split()) < _LONG_SENTENCE:
            sentences.append(sentence)
        else:
            sentences += _merged(_CLAUSE.split(sentence), _MIN_CLAUSE_WORDS)
    if len(sentences) < 2:
        return [text]
    return [text, *sentences[: _MAX_PARTS - 1]]


def _merged(pieces: list[str], least: int) -> list[str]:
    """Pieces of at least that many words: a shorter one stays with the one before."""
    out: list[str] = []
    for piece in pieces:
        if out and (len(piece.split()) < least or len(out[-1].split()) < least):
            out[-1] = f"{out[-1]} {piece}"
        elif piece:
            out.append(piece)
    return out


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
