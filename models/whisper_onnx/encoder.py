"""Runs Whisper's encoder on ONNX Runtime. What the graph computes is `encoder_graph`'s."""

from pathlib import Path

from models.onnx_session import open_session
from models.whisper_onnx.source import Array

GRAPH = "encoder.onnx"
"""Beside the model's `model.bin`, where it was exported."""
INPUT, OUTPUT = "mel", "heard"


class WhisperEncoder:
    """The same sound gives the same output to the last bit, in as many threads at once as call."""

    def __init__(self, graph: Path | bytes) -> None:
        self._session = open_session(graph)

    @property
    def bands(self) -> int:
        """Of the mel spectrogram."""
        (mel,) = self._session.get_inputs()
        return int(mel.shape[1])

    def encode(self, mel: Array) -> Array:
        """[1, bands, frames], an even number of frames, to [1, frames / 2, width]. Blocking, on one core."""
        (heard,) = self._session.run([OUTPUT], {INPUT: mel})
        return heard
