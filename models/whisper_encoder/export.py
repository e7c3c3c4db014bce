"""Builds the encoder's graph when the model is installed, and checks that 8 bits hear what full precision hears."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.errors import WeightsMissing
from models.whisper_encoder.encoder import GRAPH, WhisperEncoder
from models.whisper_encoder.evens import load_evens
from models.whisper_encoder.graph import build_graph
from models.whisper_encoder.source import Array, read_source

_MIN_COSINE = 0.97
"""What 8 bits leave of a made sound, on average over positions; of speech they leave more. A CPU without VNNI adds
products of 8 bits up in 16, which overflow when they are large."""
_PROBE_FRAMES = 600


def export_encoder(weights: Path, folder: Path, evens: Mapping[str, Array] | None = None) -> Sequence[Path]:
    """Write the graph of the model in `weights` into a folder, evened by the bundled vectors unless others are given.
    Raises `WeightsMissing` when it does not hear as the model does."""
    source = read_source(weights / "model.bin")
    graph = folder / GRAPH
    graph.write_bytes(build_graph(source, load_evens() if evens is None else evens).SerializeToString())
    exact = WhisperEncoder(build_graph(source).SerializeToString())
    mel = probe(source.bands)
    cosine = float(cosines(WhisperEncoder(graph).encode(mel), exact.encode(mel)).mean())
    if cosine < _MIN_COSINE:
        raise WeightsMissing(f"the exported encoder of Whisper differs from its source (cosine {cosine:.3f})")
    return [graph]


def probe(bands: int) -> Array:
    """A mel spectrogram [1, bands, frames] of gliding tones with overtones and pauses."""
    time = np.arange(_PROBE_FRAMES)
    pitch = 6 + 2 * np.sin(time / 40)
    band = np.arange(bands)[:, None]
    overtones = np.cos(2 * np.pi * band / pitch) * np.exp(-band / bands)
    loud = np.clip(np.sin(time / 15), 0, 1)
    return np.asarray(np.clip(-0.6 + loud * (1.1 + 0.6 * overtones - band / bands), -0.6, 1.4)[None], np.float32)


def cosines(one: Array, other: Array) -> Array:
    """[positions], of [1, positions, width] each."""
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.asarray(((one * other).sum(axis=-1) / lengths)[0], np.float32)
