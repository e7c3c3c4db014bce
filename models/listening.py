"""What `engine` and `ears` say to each other: framed messages on a socket, windows of sound in shared memory."""

import mmap
import os

import msgspec
import numpy as np

from engine.child import anonymous_file
from engine.facts import Pcm16
from engine.ports.hearing import Headroom, Heard, ListenJob

_SAMPLE_BYTES = 2


class Submit(msgspec.Struct, frozen=True, tag="submit"):
    """A job and where its window lies."""

    job: ListenJob
    offset: int
    """Samples from the start of the shared memory."""
    samples: int
    context: int = 0
    """So many samples at the window's start are what was said before, and gaps: heard for orientation only."""
    said: str = ""
    """Words of the context, which the decoder is made to begin with and which are not answered."""


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    job: int


class Promote(msgspec.Struct, frozen=True, tag="promote"):
    """A speculation has become the final."""

    job: int
    due: float


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End now; what waits is not answered."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The model is loaded and jobs run."""

    workers: int
    device: str


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """The job runs from now on, until it is answered."""

    job: int


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Every `Submit` gets one, shed or not; its window is free from then on."""

    heard: Heard


class Early(msgspec.Struct, frozen=True, tag="early"):
    """Words of a job that is heard once more before it is answered."""

    heard: Heard


class Status(msgspec.Struct, frozen=True, tag="status"):
    """Four times a second: an `ears` without it hangs."""

    headroom: Headroom


ToEars = Submit | Cancel | Promote | Stop
FromEars = Ready | Begun | Early | Answer | Status


def to_ears_decoder() -> msgspec.msgpack.Decoder[ToEars]:
    return msgspec.msgpack.Decoder(ToEars)


def from_ears_decoder() -> msgspec.msgpack.Decoder[FromEars]:
    return msgspec.msgpack.Decoder(FromEars)


class Windows:
    """Shared memory for windows of int16 sound, each in the first gap that holds it: no more of it is ever touched, and
    so resident in both processes, than windows waited for at once.

    It has no name in any file system: it lives while a process holds `fd`, and nothing is left behind by a crash.
    """

    def __init__(self, fd: int, samples: int, *, writable: bool) -> None:
        self.fd = fd
        self.samples = samples
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._memory = mmap.mmap(fd, samples * _SAMPLE_BYTES, access=access)
        self._spans: dict[int, int] = {}

    @classmethod
    def create(cls, samples: int) -> "Windows":
        """The engine's side. `close` frees it."""
        fd = anonymous_file("windows", samples * _SAMPLE_BYTES)
        return cls(fd, samples, writable=True)

    def put(self, pcm: Pcm16) -> int | None:
        """Copy a window in; returns its offset in samples, or None when there is no room now."""
        offset = self._room(len(pcm))
        if offset is None:
            return None
        self._spans[offset] = max(1, len(pcm))
        end = offset + len(pcm)
        self._memory[offset * _SAMPLE_BYTES : end * _SAMPLE_BYTES] = pcm.astype("<i2", copy=False).tobytes()
        return offset

    def free(self, offset: int) -> None:
        """The window's sound is wiped: what was said does not wait for the next call to overwrite it."""
        samples = self._spans.pop(offset)
        self._memory[offset * _SAMPLE_BYTES : (offset + samples) * _SAMPLE_BYTES] = bytes(samples * _SAMPLE_BYTES)

    def read(self, offset: int, samples: int) -> Pcm16:
        """A copy of a window."""
        if not 0 <= offset <= offset + samples <= self.samples:
            raise ValueError(f"window {offset}+{samples} lies outside {self.samples} samples")
        return np.frombuffer(self._memory[offset * _SAMPLE_BYTES : (offset + samples) * _SAMPLE_BYTES], dtype="<i2")

    def close(self) -> None:
        self._memory.close()
        os.close(self.fd)

    def _room(self, samples: int) -> int | None:
        at = 0
        for offset, length in sorted(self._spans.items()):
            if offset - at >= max(1, samples):
                return at
            at = offset + length
        return at if self.samples - at >= max(1, samples) else None
