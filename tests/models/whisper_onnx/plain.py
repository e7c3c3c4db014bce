"""Whisper as its paper has it, in numpy and double precision, and one small enough for a test."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.whisper_onnx.source import DecoderSource, Source

BANDS, WIDTH, HEADS, LAYERS, POSITIONS = 8, 32, 4, 2, 40
TOKENS, PLACES = 30, 24
"""Of the decoder's vocabulary, and of a text."""
ALIGNMENT = [(0, 1), (1, 0), (1, 3)]
Numbers = NDArray[np.float64]
_erf = np.vectorize(math.erf, otypes=[np.float64])


def source(seed: int = 3) -> Source:
    chance = np.random.default_rng(seed)

    def drawn(*shape: int, size: float) -> NDArray[np.float32]:
        return chance.normal(0, size, shape).astype(np.float32)

    def norm(name: str) -> dict[str, NDArray[np.float32]]:
        return {f"{name}.w": 1 + drawn(WIDTH, size=0.2), f"{name}.b": drawn(WIDTH, size=0.1)}

    tensors = {
        "conv1.w": drawn(WIDTH, BANDS, 3, size=0.3),
        "conv1.b": drawn(WIDTH, size=0.1),
        "conv2.w": drawn(WIDTH, WIDTH, 3, size=0.2),
        "conv2.b": drawn(WIDTH, size=0.1),
        "positions": drawn(POSITIONS, WIDTH, size=0.3),
        **norm("ln"),
    }
    for layer in range(LAYERS):
        tensors |= norm(f"l{layer}.aln") | norm(f"l{layer}.fln")
        for name, rows, columns in (
            ("qkv", 3 * WIDTH, WIDTH),
            ("ao", WIDTH, WIDTH),
            ("fi", 4 * WIDTH, WIDTH),
            ("fo", WIDTH, 4 * WIDTH),
        ):
            tensors[f"l{layer}.{name}.w"] = drawn(rows, columns, size=columns**-0.5)
            tensors[f"l{layer}.{name}.b"] = drawn(rows, size=0.1)
    return Source(HEADS, LAYERS, tensors)


def decoder(seed: int = 4) -> DecoderSource:
    chance = np.random.default_rng(seed)

    def drawn(*shape: int, size: float) -> NDArray[np.float32]:
        return chance.normal(0, size, shape).astype(np.float32)

    def norm(name: str) -> dict[str, NDArray[np.float32]]:
        return {f"{name}.w": 1 + drawn(WIDTH, size=0.2), f"{name}.b": drawn(WIDTH, size=0.1)}

    tensors = {"vocabulary": drawn(TOKENS, WIDTH, size=0.4), "positions": drawn(PLACES, WIDTH, size=0.3), **norm("ln")}
    for layer in range(LAYERS):
        tensors |= norm(f"l{layer}.aln") | norm(f"l{layer}.cln") | norm(f"l{layer}.fln")
        for name, rows, columns in (
            ("qkv", 3 * WIDTH, WIDTH),
            ("ao", WIDTH, WIDTH),
            ("cq", WIDTH, WIDTH),
            ("ckv", 2 * WIDTH, WIDTH),
            ("co", WIDTH, WIDTH),
            ("fi", 4 * WIDTH, WIDTH),
            ("fo", WIDTH, 4 * WIDTH),
        ):
            tensors[f"l{layer}.{name}.w"] = drawn(rows, columns, size=1.5 * columns**-0.5)
            tensors[f"l{layer}.{name}.b"] = drawn(rows, size=0.1)
    return DecoderSource(HEADS, LAYERS, ALIGNMENT, tensors)


def heard(positions: int = POSITIONS, seed: int = 6) -> NDArray[np.float32]:
    """As the encoder gives it, [1, positions, width]."""
    return np.random.default_rng(seed).normal(0, 1, (1, positions, WIDTH)).astype(np.float32)


def read(source: DecoderSource, sound: NDArray[np.float32], tokens: Sequence[int]) -> tuple[Numbers, Numbers]:
    """Logits [tokens, vocabulary] of what follows each of a text, and [alignment heads, tokens, positions] of attention
    before its softmax."""
    tensors, memory = source.tensors, sound[0].astype(np.float64)
    value = tensors["vocabulary"][list(tokens)].astype(np.float64) + tensors["positions"][: len(tokens)]
    later = np.triu(np.full((len(tokens), len(tokens)), -np.inf), 1)
    attention: dict[tuple[int, int], Numbers] = {}
    for layer in range(LAYERS):
        at = f"l{layer}"
        queries, keys, values = np.split(_linear(_normed(value, tensors, f"{at}.aln"), tensors, f"{at}.qkv"), 3, axis=1)
        mixed, _ = _mixed(queries, keys, values, later)
        value = value + _linear(mixed, tensors, f"{at}.ao")
        keys, values = np.split(_linear(memory, tensors, f"{at}.ckv"), 2, axis=1)
        asked = _linear(_normed(value, tensors, f"{at}.cln"), tensors, f"{at}.cq")
        mixed, scores = _mixed(asked, keys, values, np.zeros((len(tokens), len(memory))))
        attention |= {(layer, head): scores[head] for head in range(HEADS)}
        value = value + _linear(mixed, tensors, f"{at}.co")
        inner = _gelu(_linear(_normed(value, tensors, f"{at}.fln"), tensors, f"{at}.fi"))
        value = value + _linear(inner, tensors, f"{at}.fo")
    logits = _normed(value, tensors, "ln") @ tensors["vocabulary"].T
    return np.asarray(logits), np.stack([attention[head] for head in source.alignment_heads])


def mel(frames: int, seed: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 1, (1, BANDS, frames)).astype(np.float32)


def encoded(tensors: Mapping[str, NDArray[Any]], features: NDArray[np.float32]) -> Numbers:
    """[positions, width] of [1, bands, frames]."""
    value = _gelu(_convolved(features[0].astype(np.float64), tensors, "conv1", 1))
    value = _gelu(_convolved(value, tensors, "conv2", 2)).T
    value = value + tensors["positions"][: len(value)]
    for layer in range(LAYERS):
        at = f"l{layer}"
        parts = _linear(_normed(value, tensors, f"{at}.aln"), tensors, f"{at}.qkv")
        value = value + _linear(_attended(parts), tensors, f"{at}.ao")
        inner = _gelu(_linear(_normed(value, tensors, f"{at}.fln"), tensors, f"{at}.fi"))
        value = value + _linear(inner, tensors, f"{at}.fo")
    return _normed(value, tensors, "ln")


def _convolved(value: Numbers, tensors: Mapping[str, NDArray[Any]], name: str, step: int) -> Numbers:
    padded = np.pad(value, ((0, 0), (1, 1)))
    places = range(0, value.shape[1], step)
    kernel, bias = tensors[f"{name}.w"], tensors[f"{name}.b"]
    return np.stack([np.tensordot(kernel, padded[:, at : at + 3], 2) + bias for at in places], axis=1)


def _attended(parts: Numbers) -> Numbers:
    queries, keys, values = np.split(parts, 3, axis=1)
    return _mixed(queries, keys, values, np.zeros((len(parts), len(parts))))[0]


def _mixed(queries: Numbers, keys: Numbers, values: Numbers, mask: Numbers) -> tuple[Numbers, Numbers]:
    """And [heads, queries, keys] of scores."""
    size, out, all_scores = WIDTH // HEADS, np.empty_like(queries), []
    for head in range(HEADS):
        here = slice(head * size, (head + 1) * size)
        scores = queries[:, here] @ keys[:, here].T / math.sqrt(size) + mask
        weights = np.exp(scores)
        out[:, here] = weights @ values[:, here] / weights.sum(axis=1, keepdims=True)
        all_scores.append(scores)
    return out, np.stack(all_scores)


def _linear(value: Numbers, tensors: Mapping[str, NDArray[Any]], name: str) -> Numbers:
    return np.asarray(value @ tensors[f"{name}.w"].T + tensors[f"{name}.b"])


def _normed(value: Numbers, tensors: Mapping[str, NDArray[Any]], name: str) -> Numbers:
    centred = value - value.mean(axis=1, keepdims=True)
    even = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + 1e-5)
    return np.asarray(even * tensors[f"{name}.w"] + tensors[f"{name}.b"])


def _gelu(value: Numbers) -> Numbers:
    return np.asarray(value * 0.5 * (1 + _erf(value / math.sqrt(2))))
