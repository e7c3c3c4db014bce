"""Reads a Whisper model (Radford et al. 2022, arXiv:2212.04356) out of CTranslate2's `model.bin`.

The file is little-endian: a version, the model's kind, a revision, a number of variables; each variable is a name, its
shape, a type, its size in bytes, its numbers. Strings are a length, the zero behind the letters included, and letters.
"""

import struct
from collections.abc import Mapping
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
_CROSS_NAMES = {
    "attention/layer_norm/gamma": "cln.w",
    "attention/layer_norm/beta": "cln.b",
    "attention/linear_0/weight": "cq.w",
    "attention/linear_0/bias": "cq.b",
    "attention/linear_1/weight": "ckv.w",
    "attention/linear_1/bias": "ckv.b",
    "attention/linear_2/weight": "co.w",
    "attention/linear_2/bias": "co.b",
}
"""The same of attention to what the encoder heard, in layers of the decoder."""

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


class DecoderSource(msgspec.Struct, frozen=True):
    """What the decoder computes with, as `Source` has it."""

    heads: int
    layers: int
    alignment_heads: list[tuple[int, int]]
    """Layer and head: those whose attention follows the words through the sound."""
    tensors: dict[str, Array]
    """`vocabulary[tokens, width]`, which words come from and go to, and `positions[most, width]`; of layer N what the
    encoder's layers have, and for attention to what that heard `lN.cln.{w,b}[width]`, `lN.{cq,ckv,co}.w[outputs,
    inputs]` with `.b[outputs]`, keys and values one behind the other; `ln.{w,b}[width]`."""

    @property
    def width(self) -> int:
        return int(self.tensors["vocabulary"].shape[1])


class _Config(msgspec.Struct):
    """What we read of a model's `config.json`."""

    alignment_heads: list[tuple[int, int]]


def read_source(path: Path) -> Source:
    """The encoder. Raises `WeightsMissing` when the file holds no whole Whisper model of plain numbers."""
    heads, layers, found = _read(path, "encoder")
    try:
        tensors = {
            "conv1.w": found["conv1/weight"],
            "conv1.b": found["conv1/bias"],
            "conv2.w": found["conv2/weight"],
            "conv2.b": found["conv2/bias"],
            "positions": found["position_encodings/encodings"],
            "ln.w": found["layer_norm/gamma"],
            "ln.b": found["layer_norm/beta"],
            **_of_layers(found, layers, _NAMES),
        }
    except KeyError as error:
        raise WeightsMissing(f"{path.name} lacks {error} of an encoder in plain numbers") from None
    return Source(heads, layers, tensors)


def read_decoder(path: Path) -> DecoderSource:
    """The decoder. Raises `WeightsMissing` as `read_source` does, and when the `config.json` beside the file does not
    say which heads tell where words are."""
    heads, layers, found = _read(path, "decoder")
    try:
        config = msgspec.json.decode((path.parent / "config.json").read_bytes(), type=_Config)
        tensors = {
            "vocabulary": found["embeddings/weight"],
            "positions": found["position_encodings/encodings"],
            "ln.w": found["layer_norm/gamma"],
            "ln.b": found["layer_norm/beta"],
            **_of_layers(found, layers, _NAMES | _CROSS_NAMES),
        }
    except KeyError as error:
        raise WeightsMissing(f"{path.name} lacks {error} of a decoder in plain numbers") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise WeightsMissing(f"no heads for the times of words in {path.parent / 'config.json'}: {error}") from None
    return DecoderSource(heads, layers, config.alignment_heads, tensors)


def _of_layers(found: Mapping[str, Array], layers: int, names: Mapping[str, str]) -> dict[str, Array]:
    every = range(layers)
    return {f"l{at}.{ours}": found[f"layer_{at}/{theirs}"] for at in every for theirs, ours in names.items()}


def _read(path: Path, part: str) -> tuple[int, int, dict[str, Array]]:
    """Heads, layers and variables of a part, by their names within it."""
    try:
        with path.open("rb") as file:
            _number(file, "<I")
            if (kind := _string(file)) != _KIND:
                raise WeightsMissing(f"{path.name} is a {kind} and no Whisper model")
            _number(file, "<I")
            found = _variables(file, f"{part}/")
        heads = int(found.pop("num_heads"))
    except (OSError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise WeightsMissing(f"{path.name} is not whole: {error}") from None
    except KeyError as error:
        raise WeightsMissing(f"{path.name} lacks {error} of its {part}") from None
    return heads, sum(name.endswith("/ffn/linear_0/weight") for name in found), found


def _variables(file: BinaryIO, part: str) -> dict[str, Array]:
    """Those whose names begin so, without that. Others are passed over."""
    found: dict[str, Array] = {}
    for _ in range(_number(file, "<I")):
        name = _string(file)
        shape = [_number(file, "<I") for _ in range(_number(file, "<B"))]
        kind, size = _number(file, "<B"), _number(file, "<I")
        if not name.startswith(part) or kind not in _TYPES:
            file.seek(size, 1)
            continue
        numbers = np.frombuffer(file.read(size), _TYPES[kind]).reshape(shape)
        found[name.removeprefix(part)] = numbers.astype(np.float32)
    return found


def _string(file: BinaryIO) -> str:
    return file.read(_number(file, "<H")).decode().rstrip("\0")


def _number(file: BinaryIO, form: str) -> int:
    (number,) = struct.unpack(form, file.read(struct.calcsize(form)))
    return int(number)
