"""One call that a media worker hears, as the engine sees it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from engine.facts import CallEvent, Fact, Pcm16, SpeechSegment
from engine.ports.intake import CallEnded, CallOffer, MediaEvent, MediaNotice, Participant, ParticipantsChanged, Pause
from media.audio import AudioRing, kept_from_ms, window_16k
from media.event_queue import EventQueue
from media.session import StreamOffer
from media.speaker import HEEDED
from media.workers.rings import SharedRing
from media.workers.wire import Announce, Hold, Open, Told, WeighPause

LOSSES = 3
"""A call that so many workers died with may be what kills them: it ends."""


class Home(Protocol):
    """The worker that a session is pinned to, as the session sees it."""

    async def update(self, session: "WorkerSession", streams: tuple[StreamOffer, ...]) -> None:
        """Raises `Overloaded`."""

    def send(self, message: Hold | Announce | WeighPause | Told) -> None: ...

    def close(self, session: "WorkerSession", reason: str) -> None: ...


class WorkerSession:
    """`media.session.MediaSession`. Made by `MediaWorkers.allocate`."""

    def __init__(self, number: int, offer: CallOffer, home: Home, clock: Callable[[], float]) -> None:
        self.number, self.offer = number, offer
        self.streams: tuple[StreamOffer, ...] = ()
        self.places: dict[str, int] = {}
        """By stream, its ring's place."""
        self.losses = 0
        self.answered_s = clock()
        self._home = home
        self._clock = clock
        self._ports: Mapping[int, int] = {}
        self._numbers: Mapping[str, int] = {}
        self._sounds: dict[str, AudioRing] = {}
        self._ahead_ms: dict[str, float] = {}
        self._last_packet_s = 0.0
        self._events = EventQueue()
        self._latest: dict[str, SpeechSegment] = {}
        self._held = False
        self._told_held = False
        """What the events say of it."""
        self._announced: Announce | None = None
        """Without its sound once that has been played."""
        self._told: Told | None = None
        self._untold = False
        """Its worker has neither of both: it was opened while every line was refused, and nothing can be played."""
        self.closing = ""
        """Why signalling has closed it."""

    # ─── what signalling asks ────────────────────────────────────────────────────────────────────────────────────────

    def local_ports(self) -> Mapping[int, int]:
        return dict(self._ports)

    async def update(self, streams: tuple[StreamOffer, ...]) -> None:
        await self._home.update(self, streams)

    def hold(self) -> None:
        if not self._held:
            self._held = True
            self._home.send(Hold(self.number, True))

    def resume(self) -> None:
        if self._held:
            self._held = False
            self._home.send(Hold(self.number, False))

    def participants_changed(self, participants: tuple[Participant, ...]) -> None:
        self._events.put(ParticipantsChanged(self.now_ms(), participants))

    def announce(self, sound: Pcm16, *, words: bool, beep_every_s: int) -> None:
        self._announced = Announce(self.number, sound.tobytes(), words, beep_every_s)
        self._home.send(self._announced)

    def told(self, facts: Sequence[Fact]) -> None:
        """See `engine.ports.intake.FactReader`."""
        events = tuple(fact for fact in facts if isinstance(fact, CallEvent) and fact.name in HEEDED)
        if events:
            self._told = Told(self.number, events[-1:])
            self._home.send(self._told)

    def last_packet_at(self) -> float:
        return max([self.answered_s, self._last_packet_s, *(ring.last_packet_s for _, ring in self._shared())])

    def close(self, reason: str) -> None:
        if not self.closing:
            self.closing = reason
            self._home.close(self, reason)

    # ─── what pipelines ask ──────────────────────────────────────────────────────────────────────────────────────────

    async def events(self) -> AsyncIterator[MediaEvent]:
        async for event in self._events:
            yield event

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        return window_16k(self._sounds.get(stream) or AudioRing(8000, 1), start_ms, end_ms)

    def kept_from_ms(self, stream: str) -> int:
        return kept_from_ms(self._sounds[stream]) if stream in self._sounds else 0

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        ring = self._sounds.get(stream)
        ahead_ms = ring.ahead_ms if isinstance(ring, SharedRing) else self._ahead_ms.get(stream, 0.0)
        return self.answered_s * 1000 + at_ms - ahead_ms

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        self._home.send(WeighPause(self.number, stream, segment, end_ms, pause))

    # ─── what the worker's keeper says ───────────────────────────────────────────────────────────────────────────────

    def now_ms(self) -> int:
        return round((self._clock() - self.answered_s) * 1000)

    def lend(self, places: Mapping[str, int], rings: Mapping[str, SharedRing]) -> None:
        """Rings, by stream, that the worker may write from now on, and their places."""
        self.places |= places
        self._sounds |= rings

    def give_back(self, streams: Iterable[str]) -> list[int]:
        """The places of these streams' rings, as far as it still has them."""
        held = [stream for stream in streams if stream in self.places]
        self._sounds = {stream: ring for stream, ring in self._sounds.items() if stream not in held}
        return [self.places.pop(stream) for stream in held]

    def opened(self, streams: tuple[StreamOffer, ...], ports: Mapping[int, int], numbers: Mapping[str, int]) -> None:
        """The worker listens on `ports` (by m-line) and `numbers` (the same by stream)."""
        self.streams, self._ports, self._numbers = streams, ports, numbers
        if self._untold and streams:
            self._untold = False
            for message in self._of_playing():
                self._home.send(message)

    def heard(self, event: MediaEvent) -> None:
        match event:
            case SpeechSegment():
                self._latest[event.stream] = event
            case MediaNotice(name="call.held" | "call.resumed"):
                self._told_held = event.name == "call.held"
            case MediaNotice(name="notice.played") if self._announced is not None:
                self._announced = msgspec.structs.replace(self._announced, sound=b"")
        self._events.put(event)

    def lost(self) -> None:
        """The worker is gone: what was being said ends with the last that was heard of it."""
        self.losses += 1
        for stream, segment in self._latest.items():
            if segment.state != "ended":
                self.heard(msgspec.structs.replace(segment, state="ended", cut=False))
            self.heard(MediaNotice(self.now_ms(), "media.clock_reset", stream, {"reason": "worker", "shift_ms": 0}))

    def reopening(self) -> list[Open | Announce | Told]:
        """What the next worker needs to go on from now, in this order. A hold that was meant for the one before, which
        did not tell it, is told here."""
        if self._held != self._told_held:
            self.heard(MediaNotice(self.now_ms(), "call.held" if self._held else "call.resumed"))
        opening = Open(
            self.number,
            self.offer,
            self.streams,
            dict(self.places),
            self.answered_s,
            ports=dict(self._numbers),
            rates={stream: ring.rate_hz for stream, ring in self._shared()},
            since_ms=self.now_ms(),
            segments={stream: segment.segment + 1 for stream, segment in self._latest.items()},
            held=self._held,
        )
        self._untold = not self.streams
        return [opening, *(() if self._untold else self._of_playing())]

    def _of_playing(self) -> list[Announce | Told]:
        return [one for one in (self._announced, self._told) if one is not None]

    def finish(self, last: CallEnded) -> None:
        """The worker hears it no more, and its rings' places are about to be given back: what was said stays readable
        as long as the session."""
        self.closing = self.closing or last.reason
        for stream, ring in self._shared():
            self._last_packet_s = max(self._last_packet_s, ring.last_packet_s)
            self._ahead_ms[stream], self._sounds[stream] = ring.ahead_ms, ring.kept()
        for segment in [one for one in self._latest.values() if one.state != "ended"]:
            self.heard(msgspec.structs.replace(segment, state="ended", cut=False))
        self._events.put(last)
        self._events.close()

    def _shared(self) -> list[tuple[str, SharedRing]]:
        return [(stream, ring) for stream, ring in self._sounds.items() if isinstance(ring, SharedRing)]
