"""A text as its words, pairs of words and pieces of words, each at a place of a table. Pure.

Places are drawn by hash, and two that share one share its row (feature hashing, Weinberger et al. 2009,
arXiv:0902.2206).
"""

import itertools
import re
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.folding import fold

PLACES = 1 << 17
_PIECE = 4
_WORD = re.compile(r"[\w\[\]']+")


def places(text: str) -> NDArray[np.int64]:
    """int64[grams] of 0…`PLACES` − 1, in the text's order, at least one."""
    words = _WORD.findall(fold(text))
    return np.asarray([zlib.crc32(gram.encode()) % PLACES for gram in _grams(words)] or [0], np.int64)


def _grams(words: list[str]) -> Iterator[str]:
    yield from words
    yield from map(" ".join, itertools.pairwise(words))
    yield from map("_".join, zip(words, words[2:], strict=False))  # with any word between
    for word in words:
        whole = f"<{word}>"
        yield from (whole[at : at + _PIECE] for at in range(len(whole) - _PIECE + 1))
