"""One call of any number of sockets: what their adapters say, and what a pipeline listens to."""

from collections.abc import AsyncIterator, Callable, Sequence

from engine.facts import Fact, Pcm16
from engine.ports.intake import CallEnded, CallOffer, MediaEvent, MediaNotice, Participant, ParticipantsChanged, Pause
from media.hearing import Hearing
from media.sockets.track import AHEAD_MS, TELL_SHIFT_MS, Track, WireClock
from media.sockets.wire import ChannelSpec

MAX_STREAMS = 8
"""Legs of one call; a conference has fewer, and each costs memory."""


class SocketSession:
    """`IngestSession` and `FactReader`. Made by `SocketPlane.open`; whoever made it closes it, once."""

    def __init__(
        self,
        hearing: Hearing,
        clock: Callable[[], float],
        *,
        ahead_ms: float = AHEAD_MS,
        over: Callable[["SocketSession"], None] = lambda session: None,
    ) -> None:
        """`clock` is monotonic, in seconds. `over` is told once, when the session closes, before its last events."""
        self.offer: CallOffer = hearing.offer
        self.hearing = hearing
        self.tracks: dict[str, Track] = {}
        self.readers: list[Callable[[Sequence[Fact]], None]] = []
        """Adapters that send facts back."""
        self._clock = clock
        self._answered_s = clock()
        self._ahead_ms = ahead_ms
        self._over = over
        self._participants: dict[str, Participant] = {}
        self._held = False
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def now_ms(self) -> float:
        """Milliseconds since answer, on the monotonic clock."""
        return (self._clock() - self._answered_s) * 1000

    # ─── what adapters say ───────────────────────────────────────────────────────────────────────────────────────────

    def add(self, channels: Sequence[ChannelSpec]) -> WireClock | None:
        """One socket's channels, which share its clock; None when the call has too many or one of that name."""
        names = [channel.participant.stream for channel in channels]
        taken = set(names) & set(self.tracks)
        if not channels or taken or len(set(names)) < len(names) or len(self.tracks) + len(names) > MAX_STREAMS:
            return None
        clock = WireClock(channels[0].rate_hz)
        for channel in channels:
            track = Track(channel.participant.stream, clock, self.hearing, ahead_ms=self._ahead_ms)
            track.silent_since_ms = self.now_ms()
            self.tracks[track.stream] = track
            self._participants[track.stream] = channel.participant
        return clock

    def put(self, stream: str, samples: Pcm16, position: int | None = None) -> None:
        """Sound at the channel's rate; `position` counts samples on the wire's own clock."""
        if self._closed or stream not in self.tracks:
            return
        shift_ms = self.tracks[stream].put(samples, position, self.now_ms())
        if abs(shift_ms) >= TELL_SHIFT_MS:
            data = {"reason": "wire", "shift_ms": shift_ms}
            self.hearing.emit(MediaNotice(round(self.now_ms()), "media.clock_reset", stream, data))

    def hold(self) -> None:
        if not self._held and not self._closed:
            self._held = True
            self.hearing.emit(MediaNotice(round(self.now_ms()), "call.held"))

    def resume(self) -> None:
        if self._held and not self._closed:
            self._held = False
            for track in self.tracks.values():
                track.silent_since_ms = self.now_ms()
            self.hearing.emit(MediaNotice(round(self.now_ms()), "call.resumed"))

    def participants_changed(self, participants: Sequence[Participant]) -> None:
        """Those named replace what was known of their streams; tells the whole list when it differs."""
        before = dict(self._participants)
        known = {one.stream: one for one in participants if one.stream in self.tracks}
        self._participants |= known
        if self._participants != before and not self._closed:
            self.tell_participants()

    def tell_participants(self) -> None:
        everybody = tuple(sorted(self._participants.values(), key=lambda one: one.position))
        self.hearing.emit(ParticipantsChanged(round(self.now_ms()), everybody))

    def close(self, reason: str) -> None:
        """Ends the events after what has been heard. Idempotent: the first reason stands."""
        if self._closed:
            return
        self._closed = True
        self._over(self)
        for track in self.tracks.values():
            track.finish()
        self.hearing.finish(CallEnded(round(self.now_ms()), reason))

    def abandon(self) -> None:
        """Ends the call at once, hearing nothing more: its state is broken."""
        self._closed = True
        self._over(self)
        self.hearing.abort(CallEnded(round(self.now_ms()), "error"))

    # ─── what pipelines ask ──────────────────────────────────────────────────────────────────────────────────────────

    def events(self) -> AsyncIterator[MediaEvent]:
        return self.hearing.events()

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        return self.hearing.audio(stream, start_ms, end_ms)

    def kept_from_ms(self, stream: str) -> int:
        return self.hearing.kept_from_ms(stream)

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        ahead_ms = self.tracks[stream].ahead_ms if stream in self.tracks else 0.0
        return self._answered_s * 1000 + at_ms - ahead_ms

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        self.hearing.weigh_pause(stream, segment, end_ms, pause)

    def told(self, facts: Sequence[Fact]) -> None:
        for reader in list(self.readers):
            reader(facts)

    # ─── what the plane does each tick ───────────────────────────────────────────────────────────────────────────────

    def fill(self) -> None:
        now_ms = self.now_ms()
        for track in self.tracks.values():
            track.fill(now_ms)

    def watch_silence(self, suspend_after_ms: float) -> None:
        """A stream that falls silent is suspended, never deleted."""
        now_ms = self.now_ms()
        for name, track in self.tracks.items():
            silent = now_ms - track.silent_since_ms >= suspend_after_ms
            if silent and not track.suspended and not self._held:
                track.suspended = True
                self.hearing.emit(MediaNotice(round(now_ms), "stream.suspended", name))
            elif track.suspended and not silent:
                track.suspended = False
                self.hearing.emit(MediaNotice(round(now_ms), "stream.resumed", name))
