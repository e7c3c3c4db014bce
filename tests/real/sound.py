"""Recordings, decoded by an independent reader of Ogg and Opus."""

import io

import av
import numpy as np

from engine.facts import Pcm16


def played(data: bytes) -> Pcm16:
    """int16[channels, samples] at 16 kHz."""
    with av.open(io.BytesIO(data), "r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.asarray(np.rint(np.concatenate(frames, axis=1)[:, ::3] * 32768), np.int16)


def loudest(sound: Pcm16, start_ms: int, end_ms: int) -> int:
    """Of all channels; 1 is digital silence as a decoder gives it."""
    return int(np.abs(sound[:, start_ms * 16 : end_ms * 16].astype(np.int32)).max())
