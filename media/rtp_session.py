"""One call's RTP: what signalling opens, changes and closes, and what a pipeline listens to."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from engine.facts import Fact, Pcm16
from engine.ports.intake import CallEnded, MediaEvent, MediaNotice, Participant, ParticipantsChanged, Pause
from media.hearing import Hearing
from media.reception import Quality
from media.rtp_port import RtpPort
from media.rtp_stream import RtpStream, Waiting
from media.session import StreamOffer
from media.speaker import Speaker
from media.srtp import Newest

QUALITY_EVERY_MS = 10_000.0
WATCH_EVERY_MS = 100.0
"""How soon a silence or a report that is due is seen."""


class PortSource(Protocol):
    """The plane, as a session sees it."""

    async def open_ports(self, numbers: Sequence[int], now_ms: Callable[[], float]) -> list[RtpPort]:
        """Bound and receiving, with 0 on any port. Raises `Overloaded`, and then none is open."""

    def close_ports(self, ports: list[RtpPort]) -> None: ...

    def release(self, session: "RtpSession", ports: list[RtpPort], *, hear: bool = True) -> None:
        """The session is closing: hears what has come, frees the ports and forgets it."""


class Before(msgspec.Struct, frozen=True):
    """A call that began elsewhere."""

    answered_s: float
    """On the plane's clock."""
    ports: Mapping[str, int] = {}
    """By stream, for those that must keep one."""
    rates: Mapping[str, int] = {}
    """By stream, of the sound of those that have some."""
    newest: Mapping[str, Newest] = {}
    """By stream, of those that are protected."""
    held: bool = False


class RtpSession:
    """One call's RTP (`media.session.MediaSession`). Made by `RtpPlane.allocate`."""

    def __init__(
        self,
        ports: PortSource,
        hearing: Hearing,
        clock: Callable[[], float],
        *,
        judged: Callable[[Quality], None] = lambda quality: None,
        before: Before | None = None,
    ) -> None:
        self.offer = hearing.offer
        self.hearing = hearing
        self.streams: dict[str, RtpStream] = {}
        self._source = ports
        self._clock = clock
        self._judged = judged
        self._judge_ms = QUALITY_EVERY_MS
        self._watch_ms = 0.0
        before = before or Before(clock())
        self.answered_s = before.answered_s
        self._keeps, self._rates, self._newest = before.ports, before.rates, before.newest
        self._ports: dict[str, RtpPort] = {}
        self._positions: dict[int, str] = {}
        self._held = before.held
        self._closed = False
        self._speaker: Speaker | None = None

    def now_ms(self) -> float:
        """Milliseconds since answer, on the monotonic clock."""
        return (self._clock() - self.answered_s) * 1000

    # ─── what signalling asks ────────────────────────────────────────────────────────────────────────────────────────

    def numbers(self) -> Mapping[str, int]:
        """Stream → local RTP port."""
        return {stream: port.number for stream, port in self._ports.items()}

    def local_ports(self) -> Mapping[int, int]:
        return {position: self._ports[stream].number for position, stream in self._positions.items()}

    async def update(self, streams: tuple[StreamOffer, ...]) -> None:
        new = [offer for offer in streams if offer.stream not in self.streams]
        ports = await self._source.open_ports([self._keeps.get(offer.stream, 0) for offer in new], self.now_ms)
        if self._closed:  # while the ports opened
            self._source.close_ports(ports)
            return
        for offer, port in zip(new, ports, strict=True):
            name = offer.stream
            stream = RtpStream(offer, self.hearing, self._rates.get(name, 0), self._newest.get(name))
            stream.silent_since_ms = self.now_ms()
            self.streams[offer.stream] = port.stream = stream
            self._ports[offer.stream] = port
        named = {offer.stream: offer for offer in streams}
        for name, stream in self.streams.items():
            if name not in named:
                stream.heard = False
            elif named[name] != stream.offer or not stream.heard:
                self._renew(stream, named[name])
            if name in named:
                self._positions[named[name].position] = name

    def _renew(self, stream: RtpStream, offer: StreamOffer) -> None:
        if offer.flowing and not stream.offer.flowing:
            stream.silent_since_ms = self.now_ms()
        stream.renew(offer)

    def hold(self) -> None:
        if not self._held:
            self._held = True
            self.hearing.emit(MediaNotice(round(self.now_ms()), "call.held"))

    def resume(self) -> None:
        if self._held:
            self._held = False
            for stream in self.streams.values():
                stream.silent_since_ms = self.now_ms()
            self.hearing.emit(MediaNotice(round(self.now_ms()), "call.resumed"))

    def participants_changed(self, participants: tuple[Participant, ...]) -> None:
        self.hearing.emit(ParticipantsChanged(round(self.now_ms()), participants))

    def announce(self, sound: Pcm16, *, words: bool, beep_every_s: int) -> None:
        if not self._ports:
            return  # its line is refused, as some hold
        name, port = next(iter(self._ports.items()))
        host = self.offer.peer.rpartition(":")[0].strip("[]")
        with contextlib.suppress(ValueError):
            self._speaker = Speaker(
                self.streams[name], port, sound, words=words, beep_every_s=beep_every_s, peer_host=host
            )

    def told(self, facts: Sequence[Fact]) -> None:
        """See `engine.ports.intake.FactReader`."""
        if self._speaker is not None:
            self._speaker.told(facts)

    def last_packet_at(self) -> float:
        newest = [stream.last_packet_ms for stream in self.streams.values() if stream.last_packet_ms is not None]
        return self.answered_s + max(newest, default=0.0) / 1000

    def close(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        self.poll()
        self._source.release(self, list(self._ports.values()))
        self.hearing.finish(CallEnded(round(self.now_ms()), reason))

    def abandon(self) -> None:
        """Ends the call at once, hearing nothing more: its state is broken."""
        self._closed = True
        self._source.release(self, list(self._ports.values()), hear=False)
        self.hearing.abort(CallEnded(round(self.now_ms()), "error"))

    # ─── what pipelines ask ──────────────────────────────────────────────────────────────────────────────────────────

    def events(self) -> AsyncIterator[MediaEvent]:
        return self.hearing.events()

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        return self.hearing.audio(stream, start_ms, end_ms)

    def kept_from_ms(self, stream: str) -> int:
        return self.hearing.kept_from_ms(stream)

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        ahead_ms = self.streams[stream].ahead_ms if stream in self.streams else 0.0
        return self.answered_s * 1000 + at_ms - ahead_ms

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        self.hearing.weigh_pause(stream, segment, end_ms, pause)

    # ─── what the plane does each tick ───────────────────────────────────────────────────────────────────────────────

    def poll(self) -> None:
        """Takes in what the kernel holds, not waiting for the loop to hand it over."""
        for port in self._ports.values():
            port.drain()

    def drain(self, *, last: bool = False) -> list[Waiting]:
        """Packets that are in order by now, stream by stream."""
        now_ms = self.now_ms()
        return [(stream, item) for stream in self.streams.values() for item in stream.drain(now_ms, last=last)]

    def fill(self) -> None:
        now_ms = self.now_ms()
        for stream in self.streams.values():
            stream.fill(now_ms)

    def watch(self, suspend_after_ms: float) -> None:
        """What only time brings about: suspension, RTCP that is due, how well the streams came, the clock's tick."""
        self.hearing.tick()
        now_ms = self.now_ms()
        if self._speaker is not None and (played := self._speaker.speak(now_ms, held=self._held)):
            self.hearing.emit(played)
        if now_ms >= self._watch_ms:
            self._watch_ms = now_ms + WATCH_EVERY_MS
            self._watch_silence(now_ms, suspend_after_ms)
            self._report(now_ms)

    def _report(self, now_ms: float) -> None:
        for port in self._ports.values():
            port.report(now_ms)
        if now_ms >= self._judge_ms:
            self._judge_ms = now_ms + QUALITY_EVERY_MS
            self.judge()

    def judge(self, *, last: bool = False) -> None:
        """Tells how well the streams came since they were judged; with `last`, over the whole call."""
        for name, stream in self.streams.items():
            quality = stream.judge(whole=last)
            if quality is None:
                continue
            if not last:
                self._judged(quality)
            data = msgspec.structs.asdict(quality) | ({"whole": True} if last else {})
            self.hearing.emit(MediaNotice(round(self.now_ms()), "media.quality", name, data))

    def _watch_silence(self, now_ms: float, suspend_after_ms: float) -> None:
        """A stream that falls silent is suspended, never deleted; BYE alone ends a call."""
        for name, stream in self.streams.items():
            silent = now_ms - stream.silent_since_ms >= suspend_after_ms
            if silent and not stream.suspended and stream.heard and stream.offer.flowing and not self._held:
                stream.suspended = True
                self.hearing.emit(MediaNotice(round(now_ms), "stream.suspended", name))
            elif stream.suspended and not silent:
                stream.suspended = False
                self.hearing.emit(MediaNotice(round(now_ms), "stream.resumed", name))
