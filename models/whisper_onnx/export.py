"""Builds the graphs when the model is installed, and checks that 8 bits give what full precision gives."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.errors import WeightsMissing
from models.whisper_onnx.decoder import CROSS, DECODER, Text, WhisperDecoder
from models.whisper_onnx.decoder_graph import build_cross, build_decoder
from models.whisper_onnx.encoder import GRAPH, WhisperEncoder
from models.whisper_onnx.encoder_graph import build_graph
from models.whisper_onnx.evens import load_evens
from models.whisper_onnx.source import Array, DecoderSource, read_decoder, read_source

_MIN_COSINE = 0.97
"""What 8 bits leave of a made sound, on average over positions; of speech they leave more. What a CPU makes
of products of 8 bits is `open_session`'s care."""
_PROBE_FRAMES = 600
_PROBE_TOKENS = 40


def export_graphs(weights: Path, folder: Path, evens: Mapping[str, Array] | None = None) -> Sequence[Path]:
    """Write the graphs of the model in `weights` into a folder, the encoder's evened by the bundled vectors unless
    others are given. Raises `WeightsMissing` when they do not hear or read as the model does."""
    source, decoder = read_source(weights / "model.bin"), read_decoder(weights / "model.bin")
    encoder = build_graph(source, load_evens() if evens is None else evens).SerializeToString()
    exact = WhisperEncoder(build_graph(source).SerializeToString())
    mel = probe(source.bands)
    heard = exact.encode(mel)
    _check("encoder", cosines(WhisperEncoder(encoder).encode(mel), heard))
    built = {kind: _decoder(decoder, eight=kind == "eight") for kind in ("eight", "exact")}
    _check("decoder", cosines(*(_read(*graphs, heard, decoder) for graphs in built.values())))
    paths = [folder / name for name in (GRAPH, CROSS, DECODER)]
    for path, graph in zip(paths, (encoder, *built["eight"]), strict=True):
        path.write_bytes(graph)
    return paths


def _decoder(source: DecoderSource, *, eight: bool) -> tuple[bytes, bytes]:
    cross, decoder = build_cross(source, eight=eight), build_decoder(source, eight=eight)
    return cross.SerializeToString(), decoder.SerializeToString()


def _read(cross: bytes, decoder: bytes, heard: Array, source: DecoderSource) -> Array:
    """Logits [1, tokens, vocabulary] of some text about what was heard."""
    model = WhisperDecoder(cross, decoder)
    tokens = np.linspace(0, len(source.tensors["vocabulary"]) - 1, _PROBE_TOKENS).astype(np.int64)
    return Text(model, model.remember(heard)).add(tokens[None], range(len(tokens)))


def _check(name: str, likeness: Array) -> None:
    if (cosine := float(likeness.mean())) < _MIN_COSINE:
        raise WeightsMissing(f"the exported {name} of Whisper differs from its source (cosine {cosine:.3f})")


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
