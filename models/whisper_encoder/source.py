"""Reads the encoder of a Whisper model (Radford et al. 2022, arXiv:2212.04356) out of CTranslate2's `model.bin`.

The file is little-endian: a version, the model's kind, a revision, a number of variables; each variable is a name, its
shape, a type, its size in bytes, its numbers. Strings are a length, the zero behind the letters included, and letters.
"""

import struct
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsMissing

_KIND = "WhisperSpec"
_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_NAMES = {
    "self_attention/layer_norm/gamma": "aln.w",
    "self_attention/layer_norm/beta": "aln.b",
    "self_attention/linear_0/weight": "qkv.w",
    "self_attention/linear_0/bias": "qkv.b",
    "self_attention/linear_1/weight": "ao.w",
    "self_attention/linear_1/bias": "ao.b",
    "ffn/layer_norm/gamma": "fln.w",
    "ffn/layer_norm/beta": "fln.b",
    "ffn/linear_0/weight": "fi.w",
    "ffn/linear_0/bias": "fi.b",
    "ffn/linear_1/weight": "fo.w",
    "ffn/linear_1/bias": "fo.b",
}
"""Of a layer: CTranslate2's names and ours."""

Array = NDArray[np.float32]


class Source(msgspec.Struct, frozen=True):
    """What the encoder computes with. Layer norms stand before what they are for, with an epsilon of 1e-5."""

    heads: int
    layers: int
    tensors: dict[str, Array]
    """`conv1.w[width, bands, 3]` and `conv2.w[width, width, 3]` with `.b[width]`, `positions[most, width]`; of layer N
    `lN.{aln,fln}.{w,b}[width]` and `lN.{qkv,ao,fi,fo}.w[outputs, inputs]` with `.b[outputs]`, queries, keys and values
    one behind the other; `ln.{w,b}[width]`."""

    @property
    def bands(self) -> int:
        """Of the mel spectrogram."""
        return int(self.tensors["conv1.w"].shape[1])

    @property
    def width(self) -> int:
        return int(self.tensors["conv1.w"].shape[0])


def read_source(path: Path) -> Source:
    """Raises `WeightsMissing` when the file holds no whole Whisper model of plain numbers."""
    try:
        with path.open("rb") as file:
            _number(file, "<I")
            if (kind := _string(file)) != _KIND:
                raise WeightsMissing(f"{path.name} is a {kind} and no Whisper model")
            _number(file, "<I")
            found = _encoder_variables(file)
        heads = int(found.pop("num_heads"))
        layers = sum(name.endswith("/ffn/linear_0/weight") for name in found)
        tensors = {
            "conv1.w": found["conv1/weight"],
            "conv1.b": found["conv1/bias"],
            "conv2.w": found["conv2/weight"],
            "conv2.b": found["conv2/bias"],
            "positions": found["position_encodings/encodings"],
            "ln.w": found["layer_norm/gamma"],
            "ln.b": found["layer_norm/beta"],
        }
        for layer in range(layers):
            tensors |= {f"l{layer}.{ours}": found[f"layer_{layer}/{theirs}"] for theirs, ours in _NAMES.items()}
    except (OSError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise WeightsMissing(f"{path.name} is not whole: {error}") from None
    except KeyError as error:
        raise WeightsMissing(f"{path.name} lacks {error} of an encoder in plain numbers") from None
    return Source(heads, layers, tensors)


def _encoder_variables(file: BinaryIO) -> dict[str, Array]:
    """By their names without `encoder/`. Those of the decoder are passed over."""
    found: dict[str, Array] = {}
    for _ in range(_number(file, "<I")):
        name = _string(file)
        shape = [_number(file, "<I") for _ in range(_number(file, "<B"))]
        kind, size = _number(file, "<B"), _number(file, "<I")
        if not name.startswith("encoder/") or kind not in _TYPES:
            file.seek(size, 1)
            continue
        numbers = np.frombuffer(file.read(size), _TYPES[kind]).reshape(shape)
        found[name.removeprefix("encoder/")] = numbers.astype(np.float32)
    return found


def _string(file: BinaryIO) -> str:
    return file.read(_number(file, "<H")).decode().rstrip("\0")


def _number(file: BinaryIO, form: str) -> int:
    (number,) = struct.unpack(form, file.read(struct.calcsize(form)))
    return int(number)
