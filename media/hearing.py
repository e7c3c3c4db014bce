"""One call's hearing: decoded sound in; speech segments, clock ticks and windows of sound out."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from engine.facts import Pcm16, SpeechSegment
from engine.ports.intake import CallEnded, CallOffer, ClockTick, MediaEvent, MediaNotice, Pause
from media.audio import MODEL_RATE_HZ, AudioRing, Halver, SampleSource, kept_from_ms, window_16k
from media.event_queue import EventQueue
from media.gate import EnergyGate
from media.level import Level
from media.segmenter import Endpointing, Segmenter
from media.sounds import MUSIC_MS, Music
from media.vad import FRAME_MS, RATE_HZ, VadBank
from media.vad_network import FRAME

TICK_MS = 250
_NOTHING = np.empty(0, np.int16)
_SILENCE_PEAK = 8
"""G.711's smallest step in 16 bits: a frame within it is silence by definition and costs no inference."""
_FORGET_FRAMES = 8
"""So many silent frames in a row, and the network starts afresh."""
_LATE_MS = 1000
"""So much silence at once before anything has come, and the stream has joined the call late."""


class Ear:
    """One stream on its way through the VAD. Sound comes without holes from `frontier` on, at the stream's rate."""

    def __init__(
        self,
        stream: str,
        bank: VadBank,
        endpointing: Endpointing | None = None,
        rate_hz: int = RATE_HZ,
        *,
        gated: bool = False,
        since: int = 0,
        first: int = 0,
    ) -> None:
        """`rate_hz` is 8,000 or 16,000: the VAD hears 8 kHz of either. `gated`: frames as quiet as the line's own noise
        are taken for silence without asking the network. What came before the position `since` somebody else has
        heard; `first` is the number of the next segment."""
        if rate_hz not in (RATE_HZ, MODEL_RATE_HZ):
            raise ValueError(f"a stream is of {RATE_HZ} or {MODEL_RATE_HZ} Hz, not {rate_hz}")
        self.stream = stream
        self.rate_hz = rate_hz
        self.frontier: int | None = None
        """Position (samples at the stream's rate since answer) up to which sound or silence has come; None before the
        first."""
        self._halver = Halver() if rate_hz == MODEL_RATE_HZ else None
        self._bank = bank
        self.slot = bank.open()
        self._segmenter = Segmenter(stream, endpointing, first=first)
        self._waiting: list[Pcm16] = []
        self._size = 0
        self.judged_until = 0
        """Position at 8 kHz of the next frame to be judged: the segments tell of all sound before it."""
        self._silent_frames = 0
        self._level = Level()
        self._gain = 1.0
        self.music = Music()
        self._gate = EnergyGate() if gated else None
        self._since = since
        if since:
            self._begin(since)

    @property
    def quiet(self) -> bool:
        return self._segmenter.quiet

    @property
    def unheard(self) -> bool:
        """Nobody has spoken here yet."""
        return not self._segmenter.begun and not self._since

    def pull(self, by: int) -> None:
        """All that came so far belongs `by` samples earlier: an even number, and only while `unheard`."""
        if self.frontier is not None:
            self.frontier -= by
            self.judged_until -= by * RATE_HZ // self.rate_hz
            self._segmenter.pull(by * 1000 / self.rate_hz)

    def put(self, position: int, samples: Pcm16) -> None:
        """Sound at `position`; a gap before it is silence, what lies before `frontier` is not heard again."""
        if position == self.frontier and self._halver is None:  # nearly always
            self.frontier = position + len(samples)
            self._waiting.append(samples)
            self._size += len(samples)
            return
        if self.frontier is None:
            self._begin(position)
        assert self.frontier is not None
        if position > self.frontier:
            self.silence(position)
        fresh = samples[max(0, self.frontier - position) :]
        if len(fresh):
            self._append(fresh)

    def silence(self, until: int) -> None:
        """Nothing came up to `until`."""
        if self.frontier is None:
            self._begin(0)
        assert self.frontier is not None
        if self.frontier == self._since and until - self.frontier > _LATE_MS * self.rate_hz // 1000:
            self._begin(until)  # judged frame by frame, hours of it would hold up every call
        if until > self.frontier:
            self._append(np.zeros(until - self.frontier, np.int16))

    def _begin(self, position: int) -> None:
        """At a position that both rates have."""
        self.judged_until = position * RATE_HZ // self.rate_hz
        self.frontier = self.judged_until * self.rate_hz // RATE_HZ

    def _append(self, samples: Pcm16) -> None:
        assert self.frontier is not None
        self.frontier += len(samples)
        self._wait(samples if self._halver is None else self._halver.put(samples))

    def _wait(self, narrow: Pcm16) -> None:
        self._waiting.append(narrow)
        self._size += len(narrow)

    def frame(self) -> Pcm16 | None:
        """The next whole frame, which must be weighed before the one after it comes; None when less waits."""
        if self._size < FRAME:
            return None
        if len(self._waiting) > 1:
            self._waiting = [np.concatenate(self._waiting)]
        return self._waiting[0][:FRAME]

    def weigh(self, peak: int, rms: float) -> float:
        """Takes the frame off, by its largest sample and loudness in 16 bits: what to multiply it with for the network
        to judge it, or 0 when it is silence, which nobody need be asked about (`judged(0)`)."""
        self._waiting[0] = self._waiting[0][FRAME:]
        self._size -= FRAME
        if peak > _SILENCE_PEAK:
            if self._gate is None or self._gate.open(rms):
                self._silent_frames = 0
                self._gain = self._level.gain(peak)
                return self._gain / 32768
        else:
            self._silent_frames += 1
            if self._silent_frames == _FORGET_FRAMES:
                self._bank.reset(self.slot)
        return 0.0

    def judged(self, probability: float) -> list[SpeechSegment]:
        """What the network says of the frame that was weighed last."""
        start_ms = self.judged_until * 1000 / RATE_HZ
        self.judged_until += FRAME
        return self._segmenter.push(probability, start_ms, FRAME_MS, self._gain)

    def weigh_pause(self, segment: int, end_ms: int, pause: Pause) -> None:
        self._segmenter.weigh_pause(segment, end_ms, pause)

    def close(self) -> list[MediaEvent]:
        """Ends the open segment and gives the VAD's slot back. Frames that were not scored are not heard."""
        self._bank.close(self.slot)
        return list(self._segmenter.flush())

    def pad(self) -> None:
        """Fills the last frame with silence, so that the stream's last words are judged."""
        if self._halver is not None and self.frontier is not None:
            self._wait(self._halver.flush())
            self._halver = Halver()
        self._wait(np.zeros(-self._size % FRAME, np.int16))


class Since(msgspec.Struct, frozen=True):
    """From when on a call is heard, where another process heard what came before."""

    at_ms: int = 0
    segments: Mapping[str, int] = {}
    """By stream, the number of its next segment."""


BEGINNING = Since()


def own_ring(stream: str, rate_hz: int) -> AudioRing:
    """Memory of this process for a stream's sound."""
    return AudioRing(rate_hz)


class Hearing:
    """All streams of one call. Implements what `IngestSession` says of events, sound and clocks; whoever feeds it makes
    it a session. Not thread-safe: one event loop."""

    def __init__(
        self,
        offer: CallOffer,
        bank: VadBank,
        *,
        endpointing: Endpointing | None = None,
        gated: bool = False,
        sink: Callable[[MediaEvent], None] | None = None,
        ring: Callable[[str, int], AudioRing] = own_ring,
        since: Since = BEGINNING,
    ) -> None:
        """`sink` takes the events instead of `events()`, for a shell that feeds and reads in turn. `ring` makes the
        memory of a stream's sound. `since` is where hearing begins."""
        self.offer = offer
        self._bank = bank
        self._endpointing = endpointing
        self._gated = gated
        self._ears: dict[str, Ear] = {}
        self._sources: dict[str, SampleSource] = {}
        self._events = EventQueue()
        self._sink = sink
        self._ring = ring
        self._since = since
        self._over = False
        self._ticked_ms = since.at_ms

    @property
    def left_out(self) -> int:
        return self._events.left_out

    def add_stream(self, stream: str, source: SampleSource | None = None, rate_hz: int = RATE_HZ) -> Ear:
        """`rate_hz` is the rate of what `put` will bring, and of all positions on the stream: 8,000, or 16,000 for
        wideband sound, which is then kept as it is for `audio`. Sound of other rates is resampled first (`ValueError`).
        `source`: where the stream's sound is read from when it does not come through `put`, at a rate of its own."""
        ear = self._ears[stream] = Ear(
            stream,
            self._bank,
            self._endpointing,
            rate_hz,
            gated=self._gated,
            since=self._since.at_ms * rate_hz // 1000,
            first=self._since.segments.get(stream, 0),
        )
        self._sources[stream] = source or self._ring(stream, rate_hz)
        return ear

    def ears(self) -> Iterable[Ear]:
        return self._ears.values()

    def put(self, stream: str, position: int, samples: Pcm16) -> None:
        """Sound at a position (samples since answer), both at the stream's rate. Late sound still gets into `audio`,
        but not to the VAD."""
        ring = self._sources[stream]
        if isinstance(ring, AudioRing):
            ring.write(position, samples)
        self._ears[stream].put(position, samples)

    def pull(self, stream: str, by: int) -> None:
        """The stream's sound belongs `by` samples earlier than where it was put: for one that nobody has spoken on yet
        (`Ear.unheard`), by an even number, not further than there is silence before its first sound."""
        ring = self._sources[stream]
        if isinstance(ring, AudioRing):
            ring.pull(by)
        self._ears[stream].pull(by)

    def emit(self, event: MediaEvent) -> None:
        if self._sink is not None:
            self._sink(event)
        else:
            self._events.put(event)

    def tick(self) -> None:
        """Tells how far the call's clock has come: to where every stream has been judged."""
        if not self._ears:
            return
        at_ms = min([ear.judged_until for ear in self._ears.values()]) * 1000 // RATE_HZ // TICK_MS * TICK_MS
        if at_ms > self._ticked_ms:
            if at_ms // 1000 > self._ticked_ms // 1000:
                self._look_for_music(at_ms)
            self._ticked_ms = at_ms
            self.emit(ClockTick(at_ms))

    def _look_for_music(self, at_ms: int) -> None:
        for stream, ear in self._ears.items():
            source = self._sources[stream]
            count = source.rate_hz * MUSIC_MS // 1000
            heard = source.read(at_ms * source.rate_hz // 1000 - count, count) if ear.quiet else _NOTHING
            if ear.music.next_second(heard[:: source.rate_hz // RATE_HZ]):
                name: Literal["music.started", "music.ended"] = "music.started" if ear.music.playing else "music.ended"
                self.emit(MediaNotice(at_ms, name, stream))

    def finish(self, last: CallEnded) -> None:
        """Judges what is left of every stream, ends open segments, and then the events with `last`."""
        self._over = True
        for ear in self._ears.values():
            ear.pad()
        listen(self._bank, [self])
        for ear in self._ears.values():
            for event in ear.close():
                self.emit(event)
        self.emit(last)
        self._events.close()

    def abort(self, last: CallEnded) -> None:
        """Ends open segments with what has been judged of them, and then the events with `last`: words that nobody told
        of would be taken for none. Does nothing after `finish`."""
        if self._over:
            return
        self._over = True
        for ear in self._ears.values():
            for event in ear.close():
                self.emit(event)
        self.emit(last)
        self._events.close()

    async def events(self) -> AsyncIterator[MediaEvent]:
        async for event in self._events:
            yield event

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        """See `IngestSession`."""
        if stream in self._ears:
            self._ears[stream].weigh_pause(segment, end_ms, pause)

    def sound(self, stream: str, position: int, count: int) -> Pcm16:
        """Samples of a stream as they came, by position at its own rate; zeros where there is nothing."""
        return self._sources[stream].read(position, count)

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        source = self._sources.get(stream)
        if source is None:
            return np.zeros(max(0, end_ms - start_ms) * 16, np.int16)
        return window_16k(source, start_ms, end_ms)

    def kept_from_ms(self, stream: str) -> int:
        return kept_from_ms(self._sources[stream]) if stream in self._sources else 0


def listen(bank: VadBank, calls: Sequence[Hearing]) -> None:
    """Scores every whole frame that waits in any of the calls, one of each stream at a time, and emits the segments."""
    ears = [(call, ear) for call in calls for ear in call.ears()]
    while True:
        ready = [(call, ear, frame) for call, ear in ears if (frame := ear.frame()) is not None]
        if not ready:
            return
        ears = [(call, ear) for call, ear, _ in ready]
        for (call, ear), probability in zip(ears, _judge(bank, ready), strict=True):
            for event in ear.judged(probability):
                call.emit(event)


def _judge(bank: VadBank, ready: Sequence[tuple[Hearing, Ear, Pcm16]]) -> list[float]:
    """A probability of speech for each frame; 0 for those that are silent without asking."""
    frames = np.stack([frame for _, _, frame in ready])
    peaks = np.maximum(frames.max(axis=1), -frames.min(axis=1).astype(np.int32)).tolist()
    wide = frames.astype(np.float32)
    loudness = np.sqrt(np.einsum("ij,ij->i", wide, wide) / FRAME).tolist()
    gains = [ear.weigh(peak, rms) for (_, ear, _), peak, rms in zip(ready, peaks, loudness, strict=True)]
    asked = [at for at, gain in enumerate(gains) if gain]
    probabilities = [0.0] * len(ready)
    if asked:
        heard = wide[asked] * np.array([gains[at] for at in asked], np.float32)[:, None]
        for at, score in zip(asked, bank.score([ready[at][1].slot for at in asked], heard), strict=True):
            probabilities[at] = score
    return probabilities
