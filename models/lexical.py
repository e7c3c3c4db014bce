"""Words and letters as features beside the embedding: hashed word 1–2-grams and character 3–5-grams.

What the encoder blurs (a negation, "cancel" against "change", a mask such as `[card]`), these keep. Pure and
deterministic over versions and machines: the hash is CRC-32, the weights of the heads depend on it.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.folding import fold

WORD_WIDTH = 4096
CHARACTER_WIDTH = 4096
WIDTH = WORD_WIDTH + CHARACTER_WIDTH
_MAX_CHARACTERS = 2_000
_WORD = re.compile(r"\[[a-z_]+\]|[^\W_]+(?:'[^\W_]+)?")
_SIGN_BIT = 1 << 31


def words(text: str) -> list[str]:
    """The words of a text in folded form."""
    return _WORD.findall(fold(text[:_MAX_CHARACTERS]))


def lexical(texts: Sequence[str]) -> NDArray[np.float32]:
    """float32[len(texts), WIDTH]; the word half and the character half of a row each have length 1, or 0 if empty."""
    out = np.zeros((len(texts), WIDTH), dtype=np.float32)
    for row, text in enumerate(texts):
        tokens = words(text)
        _fill(out[row, :WORD_WIDTH], _word_grams(tokens))
        _fill(out[row, WORD_WIDTH:], _character_grams(tokens))
    return out


def _word_grams(tokens: list[str]) -> Iterable[str]:
    yield from tokens
    bounded = ["<", *tokens, ">"]
    for left, right in pairwise(bounded):
        yield f"{left} {right}"


def _character_grams(tokens: list[str]) -> Iterable[str]:
    """Within words and across one space, so that letters lost at a word's edge change little."""
    joined = f" {' '.join(tokens)} "
    for size in (3, 4, 5):
        for start in range(len(joined) - size + 1):
            yield joined[start : start + size]


def _fill(row: NDArray[np.float32], grams: Iterable[str]) -> None:
    """Add `1 + log(count)` of each gram with the sign of its hash (Weinberger et al. 2009), then scale to length 1."""
    width = len(row)
    for gram, count in Counter(grams).items():
        code = zlib.crc32(gram.encode())
        row[code % width] += (1.0 + np.log(count)) * (-1.0 if code & _SIGN_BIT else 1.0)
    length = float(np.linalg.norm(row))
    if length > 0:
        row /= length
