"""How unequal the inputs of Whisper's matrices are, from the demo calls: what `models.whisper_onnx` evens them by.

    python -m models.training.whisper_evens

reads the installed model and writes `models/whisper_onnx/data/evens.npz`, in a minute. The graph is run in full
precision, in windows as `models.whisper` makes them, and each input's largest absolute is kept.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from faster_whisper.audio import decode_audio
from faster_whisper.feature_extractor import FeatureExtractor

from engine.facts import Samples
from engine.settings import load_settings
from models.decoding import RATE_HZ
from models.onnx_session import open_session
from models.tuned.adapter import evened
from models.weights import whisper_dir
from models.whisper_onnx.encoder import INPUT
from models.whisper_onnx.encoder_graph import EVENED, build_graph
from models.whisper_onnx.evens import save_evens
from models.whisper_onnx.source import Array, Source, read_source

CALLS = Path(__file__).parents[2] / "pipelines" / "demo_calls"
WINDOWS_S = ((2.0, 12.0), (9.0, 11.0), (14.0, 16.0))
"""Seconds of sound, and of the window that they are heard in: short speech alone, segments after those before them."""


def windows(path: Path) -> Iterator[Samples]:
    """Of a recording with two legs: each cut into windows of every length, and silence behind."""
    for sound in decode_audio(str(path), RATE_HZ, split_stereo=True):
        for speech_s, window_s in WINDOWS_S:
            length = round(speech_s * RATE_HZ)
            for start in range(0, len(sound) - length, max(length, 8 * RATE_HZ)):
                window = np.zeros(round(window_s * RATE_HZ), np.float32)
                window[:length] = sound[start : start + length]
                yield window


def largest_inputs(source: Source, sounds: Iterator[Samples]) -> dict[str, Array]:
    """`lN.{qkv,ao,fi}[inputs]`: the largest absolute that each input of the matrix has in any window."""
    model = build_graph(source)
    names = [f"l{layer}.{linear}" for layer in range(source.layers) for linear in EVENED]
    inputs = {node.name: node.input[0] for node in model.graph.node if node.name in names}
    shown = dict.fromkeys(inputs.values())
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(value) for value in shown)
    session = open_session(model.SerializeToString())
    mel = FeatureExtractor(feature_size=source.bands)
    largest: dict[str, Array] = {}
    for sound in sounds:
        features = np.ascontiguousarray(mel(sound, padding=0)[None], dtype=np.float32)
        values = session.run([inputs[name] for name in names], {INPUT: features})
        for name, value in zip(names, values, strict=True):
            here = np.abs(value[0]).max(axis=0)
            largest[name] = np.maximum(largest.get(name, here), here)
    return largest


def main() -> None:
    source = read_source(whisper_dir(load_settings()) / "model.bin")
    sounds = (window for path in sorted(CALLS.glob("*.flac")) for window in windows(path))
    largest = largest_inputs(source, sounds)
    save_evens({name: evened(source.tensors[f"{name}.w"], most) for name, most in largest.items()})


if __name__ == "__main__":
    main()
