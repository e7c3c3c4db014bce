"""A call's recording as it is made: Opus in Ogg, page by page, into whatever keeps the bytes.

Channel 0 is the customer, channel 1 the agent; a call that comes as one mixed stream has one channel. The file begins
at answer and what was not kept is silence, so that a position in the file is the call's media time.
"""

import secrets
from collections.abc import Sequence
from threading import Lock
from typing import Final

import numpy as np

from engine.facts import Pcm16
from engine.ports.storage import ByteSink
from media.ogg import OPUS_HZ, OggPages, opus_head, opus_tags
from media.opus import FRAME, PRE_SKIP, RATE_HZ, OpusEncoder
from media.recorder import RecordedSpan

_A_PACKET: Final = FRAME * OPUS_HZ // RATE_HZ
_SAMPLES_A_MS: Final = RATE_HZ // 1000
_PAGE_PACKETS: Final = 50
_SILENT_STEP_MS: Final = 10_000


class OggOpusFile:
    """Blocking: for worker threads, which wait for each other."""

    def __init__(self, sink: ByteSink, channels: int) -> None:
        self._sink = sink
        self._encoder = OpusEncoder(channels)
        self._channels = channels
        self._pages = OggPages(secrets.randbits(32))
        self._packets = 0
        self._busy = Lock()
        self.end_ms = 0
        """Media time up to which the file has been given sound or silence."""
        head = self._pages.header(opus_head(channels, PRE_SKIP, RATE_HZ))
        sink.write(head + self._pages.header(opus_tags("welcomedly")))

    def write(self, span: RecordedSpan, sound: Sequence[Pcm16]) -> None:
        """`sound`: 16 kHz by channel, of the span's length; empty for silence. Raises `OSError`."""
        with self._busy:
            if span.start_ms != self.end_ms:
                raise ValueError(f"the recording is at {self.end_ms} ms, not {span.start_ms}")
            if sound and span.what == "sound":
                self._append(self._encoder.encode(np.stack(sound, axis=1)))
            else:
                self._silence(span.end_ms - span.start_ms)
            self.end_ms = span.end_ms

    def close(self) -> None:
        """Writes the last page. Raises `OSError`."""
        with self._busy:
            # The last page's position cuts off what fills the last frame (RFC 7845 §4.4).
            end = self.end_ms * OPUS_HZ // 1000 + PRE_SKIP
            packets = self._encoder.flush()
            self._packets += len(packets)
            self._sink.write(self._pages.sound(packets, min(end, self._packets * _A_PACKET), last=True))
            self._sink.close()

    def abandon(self) -> None:
        """Leaves the file as far as it is; does nothing to one that was closed."""
        with self._busy:
            self._sink.abandon()

    def _silence(self, length_ms: int) -> None:
        while length_ms > 0:
            step_ms = min(length_ms, _SILENT_STEP_MS)
            silence = np.zeros((step_ms * _SAMPLES_A_MS, self._channels), np.int16)
            self._append(self._encoder.encode(silence))
            length_ms -= step_ms

    def _append(self, packets: list[bytes]) -> None:
        for at in range(0, len(packets), _PAGE_PACKETS):
            some = packets[at : at + _PAGE_PACKETS]
            for page in _split(some):
                self._packets += len(page)
                self._sink.write(self._pages.sound(page, self._packets * _A_PACKET))


def _split(packets: list[bytes]) -> list[list[bytes]]:
    if OggPages.fits(packets):
        return [packets]
    half = len(packets) // 2
    return _split(packets[:half]) + _split(packets[half:])
