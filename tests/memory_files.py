"""Recordings kept in memory, and what is heard on them."""

import io
import threading

import av
import numpy as np

from engine.errors import Overloaded
from engine.facts import Pcm16
from engine.ports.storage import CallRecord


class MemoryFiles:
    """Takes files into memory; `fails` is raised by the next write."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.channels = 0
        self.state = "open"
        self.length_ms = 0
        self.away = 0
        """How often the store does not take the length."""
        self.fails: Exception | None = None
        self.busy = threading.Event()
        self.busy.set()

    async def begin(self, record: CallRecord, channels: int, retention_days: int) -> "MemoryFiles":
        self.channels = channels
        return self

    async def finish(self, record: CallRecord, length_ms: int) -> None:
        if self.away:
            self.away -= 1
            raise Overloaded("the store cannot write")
        self.length_ms = length_ms

    def write(self, chunk: bytes) -> None:
        self.busy.wait(10)
        if self.fails:
            raise self.fails
        self.chunks.append(chunk)

    def close(self) -> None:
        self.state = "whole"

    def abandon(self) -> None:
        self.state = "abandoned" if self.state == "open" else self.state

    def sound(self) -> Pcm16:
        """int16[channels, samples] at 16 kHz."""
        with av.open(io.BytesIO(b"".join(self.chunks)), "r") as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        return np.asarray(np.rint(np.concatenate(frames, axis=1)[:, ::3] * 32768), np.int16)


def loud(sound: Pcm16, start_ms: int, end_ms: int) -> list[int]:
    """The loudest of each channel."""
    return [int(value) for value in np.abs(sound[:, start_ms * 16 : end_ms * 16].astype(np.int32)).max(axis=1)]
