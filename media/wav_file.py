"""A recording as a call: WAV, FLAC or whatever else FFmpeg reads, of one or two channels, any rate."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

import av
import numpy as np
import soxr
import uuid_utils

from engine.facts import Pcm16
from engine.ports.intake import CallEnded, CallOffer, MediaEvent, Participant, Pause
from media.audio import MODEL_RATE_HZ, Recording
from media.hearing import Hearing, listen
from media.segmenter import Endpointing
from media.vad import RATE_HZ, VadBank

Speed = Literal["real", "max"]

STEP = RATE_HZ // 10
"""100 ms at a time."""
MAX_SECONDS = 4 * 3600
"""A recording is held in memory, 16 to 48 kB a second and channel."""


class NotAudioError(ValueError):
    """The file cannot be heard as a call; the message says why, for the one who named the file."""


def read_channels(path: Path, max_seconds: int = MAX_SECONDS) -> tuple[list[Pcm16], int]:
    """The file's channels as int16, and their rate in Hz. Raises `NotAudioError`; `OSError` when there is no file."""
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise NotAudioError(f"{path.name} has no sound in it")
            stream = container.streams.audio[0]
            channels, rate_hz = stream.codec_context.channels, stream.codec_context.sample_rate
            if channels not in (1, 2) or not 1000 <= rate_hz <= 384_000:
                raise NotAudioError(f"{path.name} has {channels} channels at {rate_hz} Hz; one or two are a call")
            resampler = av.AudioResampler(format="s16", rate=rate_hz)
            parts: list[Pcm16] = []
            size = 0
            for frame in container.decode(stream):
                part = [np.asarray(out.to_ndarray(), np.int16).reshape(-1) for out in resampler.resample(frame)]
                parts += part
                size += sum(map(len, part))
                if size > max_seconds * rate_hz * channels:
                    raise NotAudioError(f"{path.name} is longer than {max_seconds // 60} minutes")
    except av.FFmpegError as error:
        if isinstance(error, OSError) and not isinstance(error, ValueError):
            raise
        raise NotAudioError(f"{path.name} is not a sound file that can be read") from error
    if size == 0:
        raise NotAudioError(f"{path.name} holds no sound")
    samples = np.concatenate(parts)
    return [np.ascontiguousarray(samples[channel::channels]) for channel in range(channels)], rate_hz


class FileSession:
    """`IngestSession` on a recording. It reads on only as its events are read, so nothing is ever dropped, and at speed
    `max` the events are the same in every run."""

    def __init__(
        self,
        path: Path,
        *,
        legs: Sequence[str] = (),
        speed: Speed = "max",
        call_id: str = "",
        bank: VadBank | None = None,
        endpointing: Endpointing | None = None,
    ) -> None:
        """`legs` names the channels' streams in order, such as `("customer", "agent")`; a single channel without a name
        is `mixed`, two are `left` and `right`. Blocking: decodes the file. Raises `NotAudioError` or `OSError`."""
        channels, rate_hz = read_channels(path)
        names = _streams(legs, len(channels))
        participants = tuple(Participant(name, at, mixed=name == "mixed") for at, name in enumerate(names))
        self.offer = CallOffer(
            call_id=call_id or str(uuid_utils.uuid7()),
            protocol="file",
            peer=path.name,
            from_aor="",
            to_aor="",
            participants=participants,
            answered_at=time.time(),
        )
        self._speed = speed
        self._bank = bank or VadBank()
        self._waiting: list[MediaEvent] = []
        self._hearing = Hearing(self.offer, self._bank, endpointing=endpointing, sink=self._waiting.append)
        self._narrow = {
            name: _at_rate(samples, rate_hz, RATE_HZ) for name, samples in zip(names, channels, strict=True)
        }
        self._size = max(map(len, self._narrow.values()))
        for name, samples in zip(names, channels, strict=True):
            self._hearing.add_stream(name, _source(samples, self._narrow[name], rate_hz))
        self._reached: list[float] = []
        """Monotonic ms at which each step had been read."""

    @property
    def duration_ms(self) -> int:
        return self._size * 1000 // RATE_HZ

    async def events(self) -> AsyncGenerator[MediaEvent, None]:
        try:
            async for event in self._play():
                yield event
        finally:  # a reader that leaves early
            self._hearing.abort(CallEnded(self.duration_ms, "shutdown"))

    async def _play(self) -> AsyncIterator[MediaEvent]:
        started = time.monotonic()
        for start in range(0, self._size, STEP):
            if self._speed == "real":
                due = started + (start + STEP) / RATE_HZ
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            else:
                await asyncio.sleep(0)  # others have their turn
            self._reached.append(time.monotonic() * 1000)
            self._step(start)
            for event in self._taken():
                yield event
        self._hearing.finish(CallEnded(self.duration_ms, "end_of_file"))
        for event in self._taken():
            yield event

    def _step(self, start: int) -> None:
        for name, samples in self._narrow.items():
            self._hearing.put(name, start, samples[start : start + STEP])
        listen(self._bank, [self._hearing])
        self._hearing.tick()

    def _taken(self) -> list[MediaEvent]:
        taken = self._waiting[:]
        self._waiting.clear()
        return taken

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        return self._hearing.audio(stream, start_ms, end_ms)

    def kept_from_ms(self, stream: str) -> int:
        return self._hearing.kept_from_ms(stream)

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        """At speed `max`: when the step that holds `at_ms` was read."""
        if not self._reached:
            return time.monotonic() * 1000
        step_ms = STEP * 1000 // RATE_HZ
        if self._speed == "real":
            return self._reached[0] - step_ms + at_ms
        return self._reached[min(max(at_ms, 0) // step_ms, len(self._reached) - 1)]

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        """See `IngestSession`."""


def _streams(legs: Sequence[str], channels: int) -> tuple[str, ...]:
    if not legs:
        return ("mixed",) if channels == 1 else ("left", "right")
    if len(legs) < channels or len(set(legs)) != len(legs):
        raise NotAudioError(f"{channels} channels need as many different legs, not {', '.join(legs)}")
    return tuple(legs[:channels])


def _at_rate(samples: Pcm16, rate_hz: int, wanted_hz: int) -> Pcm16:
    return samples if rate_hz == wanted_hz else np.asarray(soxr.resample(samples, rate_hz, wanted_hz, "HQ"), np.int16)


def _source(samples: Pcm16, narrow: Pcm16, rate_hz: int) -> Recording:
    """What models hear: telephone sound as it is, anything wider at 16 kHz."""
    if rate_hz <= RATE_HZ:
        return Recording(narrow, RATE_HZ)
    return Recording(_at_rate(samples, rate_hz, MODEL_RATE_HZ), MODEL_RATE_HZ)
