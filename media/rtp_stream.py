"""One m-line's packets on their way to sound: parsed, of the right source, in order, placed on the call's clock."""

import contextlib
from collections import Counter, deque
from collections.abc import Mapping, Sequence

import numpy as np

from engine.facts import Pcm16
from engine.ports.intake import MediaNotice
from media.audio import Resampler
from media.codec import Codec, Decoder
from media.codecs import CODECS, G711, Linear16
from media.concealment import CONCEALED_MS, HISTORY_MS, conceal
from media.hearing import Hearing
from media.jitter import JitterBuffer, Released
from media.reception import Quality, Tally
from media.rtcp import SentReport, is_rtcp
from media.rtcp_reporter import RtcpReporter
from media.rtp import MAX_PACKET_SIZE, MalformedRtpError, RtpPacket, parse_packet
from media.rtp_clock import RtpClock
from media.session import StreamOffer
from media.source_lock import Address, SourceLock
from media.srtp import Newest, SrtpKey, SrtpKeys, SrtpReader, SrtpWriter

_RTCP_FIRST = b"\xc0"
"""Second octet; without a marker no RTP of ours has one so high."""
_UNAGREED = -1
"""Payload type, within, of what bears a type or a length that nobody agreed on."""
INBOX = 512
"""Datagrams of a stream between two ticks; at 50 a second only a flood has more, and then the oldest are dropped."""
FILL_AFTER_MS = 240.0
"""So long without sound, and the time that has passed is silence: DTX, hold, a lost peer."""

LATEST_MS = 2000
"""What comes later than that is lost to the recording, too."""


class RtpStream:
    """Pure but for the sound that it hands to `hearing`. All times are ms since answer."""

    def __init__(self, offer: StreamOffer, hearing: Hearing, rate_hz: int = 0, newest: Newest | None = None) -> None:
        """`rate_hz` and `newest` are those of a stream which began elsewhere."""
        self.offer = offer
        self.heard = True
        """False once signalling has taken the m-line away."""
        self.last_packet_ms: float | None = None
        self._sound_ms: float | None = None
        """The last packet with sound."""
        self.suspended = False
        self.silent_since_ms = 0.0
        """From when on silence counts towards suspension: the last packet, resume, or answer."""
        self._inbox: deque[tuple[bytes, Address, float]] = deque(maxlen=INBOX)
        self._lock = SourceLock(_offered(offer))
        self._jitter = JitterBuffer()
        self._fates: Counter[str] = Counter()
        self._played = 0
        self._clock_hz = 0
        """Of the offered codec's timestamps."""
        self._source_before = self._lock.source
        self.rate_hz = rate_hz or CODECS[offer.codec].rate_hz
        """Of the stream's sound and positions, for the whole call; another codec's sound is brought to it."""
        self._clock = RtpClock(self.rate_hz)
        self._hearing = hearing
        self._ear = hearing.add_stream(offer.stream, rate_hz=self.rate_hz)
        self._codecs: dict[int, Codec] = {}
        self._decoders: dict[tuple[int, str], Decoder] = {}
        self._resamplers: dict[str, Resampler] = {}
        self._readers: list[tuple[SrtpKey, SrtpReader]] = []
        """Of a protected line: the newest key first, then the one before. They outlive it for what is under way."""
        self._clear_since_ms: float | None = None
        """When the first packet that no key opens came on a line that went to the clear."""
        self._writer: SrtpWriter | None = None
        self.reporter = RtcpReporter()
        self.sent = SentReport(self.reporter.ssrc)
        """What we have sent to whoever sends this stream."""
        self._judged = Tally()
        self._soundless: set[int] = set()
        self._learn(offer, newest)

    @property
    def newest(self) -> Newest | None:
        """What has been opened, of a protected line."""
        return self._readers[0][1].newest if self._readers else None

    @property
    def ahead_ms(self) -> float:
        return self._clock.ahead_ms

    @property
    def fates(self) -> Mapping[str, int]:
        """What became of the stream's datagrams so far: `played`: heard, or about to be; `late` for their place;
        `lost` on the way and concealed; `foreign`, of another source; `malformed`; `unagreed`, of a type or length
        that was not negotiated: not heard; `dropped` in a flood."""
        found = {"late": self._late, "lost": self._jitter.lost, "foreign": self._lock.dropped}
        return {**self._fates, "played": self._played - self._late, **found}

    @property
    def _late(self) -> int:
        return self._jitter.late + self._jitter.duplicates

    def renew(self, offer: StreamOffer) -> None:
        """Signalling's new word on this m-line."""
        anew = not self.heard or _theirs(offer.srtp) != _theirs(self.offer.srtp)
        self.offer, self.heard = offer, True
        self._lock.unlock(_offered(offer), anew=anew)
        self._learn(offer)

    def _learn(self, offer: StreamOffer, newest: Newest | None = None) -> None:
        if offer.srtp is None:
            self._writer = None
        else:
            self._clear_since_ms = None
            if not self._readers or self._readers[0][0] != offer.srtp.theirs:
                # Packets under way are still under the key before.
                reader = SrtpReader(offer.srtp.theirs, newest)
                self._readers = [(offer.srtp.theirs, reader), *self._readers[:1]]
            if self._writer is None or self._writer.key != offer.srtp.ours:
                # Counters go on while the key does (RFC 3711 §3.3.1 and §3.4): begun anew they would repeat its stream.
                self._writer = SrtpWriter(offer.srtp.ours)
        # Payload types from before stay known: packets under way while the codec changes are sound, too (RFC 3264 §8).
        self._codecs[offer.payload_type] = CODECS[offer.codec]
        self._clock_hz = CODECS[offer.codec].clock_hz
        for soundless in (offer.event_payload_type, offer.comfort_payload_type):
            if soundless is not None:
                self._codecs.pop(soundless, None)
                self._soundless.add(soundless)
        self._soundless.discard(offer.payload_type)

    def receive(self, data: bytes, address: Address, at_ms: float) -> None:
        if self.offer.sole and address != _offered(self.offer):
            self._lock.dropped += 1
            return
        if len(self._inbox) == INBOX:
            self._fates["dropped"] += 1
        self._inbox.append((data, address, at_ms))

    def drain(self, now_ms: float, *, last: bool = False) -> list[Released]:
        """Sounding packets that are in order by now; with `last` also those that still waited for others."""
        released: list[Released] = []
        while self._inbox:
            data, address, at_ms = self._inbox.popleft()
            if data[1:2] >= _RTCP_FIRST and is_rtcp(data):
                self._take_report(data, address, at_ms)
                continue
            packet = self._parse(data, at_ms)
            if packet is None:
                continue
            if packet.payload_type == _UNAGREED:
                self._pass_over(packet, address, at_ms)
            elif not self._lock.hears(packet.ssrc, address, at_ms):
                released += self._admit(packet, address, at_ms)
            elif self._take(packet, at_ms):  # nearly always
                released.append(Released(packet, at_ms))
        if last or self._jitter.waits:
            released += self._jitter.flush() if last else self._jitter.pop(now_ms)
        return [item for item in released if self._sounds(item)] if released else released

    def _sounds(self, item: Released) -> bool:
        codec = self._codecs.get(item.packet.payload_type)
        # Where a packet's sound rests on those before it, a late one would be heard wrongly, and so would the next.
        return codec is not None and (not item.late or isinstance(codec, G711 | Linear16))

    def _parse(self, data: bytes, at_ms: float) -> RtpPacket | None:
        try:
            packet = parse_packet(self._open(data, at_ms) if self._readers else data)
            if not self.heard:
                raise MalformedRtpError("the stream is not heard")
        except ValueError:
            self._fates["malformed"] += 1
            return None
        if packet.payload_type not in self._soundless:
            try:
                self._codecs[packet.payload_type].samples_in(packet.payload)
            except (ValueError, KeyError):
                return RtpPacket(_UNAGREED, packet.sequence, packet.timestamp, packet.ssrc, b"")
        return packet

    def _pass_over(self, packet: RtpPacket, address: Address, at_ms: float) -> None:
        """Comfort noise, keys and keep-alives (RFC 6263 §4) that nobody spoke of make no source and no sound; but of
        the source that is heard they bear numbers, and what has come is not lost."""
        if self._lock.hears(packet.ssrc, address, at_ms):
            late = self._late
            self._take(packet, at_ms)
            if self._late > late:
                return
            self._played -= 1
        self._fates["unagreed"] += 1

    def _take_report(self, data: bytes, address: Address, at_ms: float) -> None:
        try:
            self.reporter.heard(self._open(data, at_ms, rtcp=True) if self._readers else data, address, at_ms)
        except ValueError:
            self._fates["malformed"] += 1

    def report(self, now_ms: float) -> bytes:
        """The receiver report that is due (`reporter.due_ms`), as it goes onto the wire."""
        data = self.reporter.report(now_ms, self.sent if self.sent.packets else None)
        return data if self._writer is None else self._writer.rtcp(data)

    def rtp_address(self, peer_host: str) -> Address | None:
        """Where sound goes: to where the peer's comes from; before any has come to where it is wanted, but only if that
        is the host that called (`peer_host`), so that nobody is made to send to a third party."""
        if self._lock.source is not None:
            return self._lock.source[0]
        host, port = self.offer.remote_host, self.offer.remote_port
        return (host, port) if port and host == peer_host else None

    def protect(self, packet: bytes) -> bytes:
        """A packet of ours as it goes onto the wire."""
        return packet if self._writer is None else self._writer.rtp(packet)

    @property
    def rtcp_address(self) -> Address | None:
        """Where reports go: to where the peer's come from, else to where it said, else to where RTCP ought to be; None
        before a source is heard, so that nobody is made to send to a third party."""
        if self._lock.source is None:
            return None
        (host, port), _ = self._lock.source
        if self.offer.rtcp_mux:
            return host, port
        if self.reporter.address is not None:
            return self.reporter.address
        return self.offer.rtcp_host or host, self.offer.rtcp_port or port + 1

    def judge(self, *, whole: bool = False) -> Quality | None:
        """How well the stream came since it was last judged, or all in all; None when nothing came."""
        reception = self.reporter.reception
        before, self._judged = self._judged, reception.tally
        return reception.since(Tally() if whole else before, self.offer.codec)

    def _open(self, data: bytes, at_ms: float, *, rtcp: bool = False) -> bytes:
        """The packet in the clear. Raises `ValueError` when none of the line's keys opens it, and the line is protected
        or it was sent when it was."""
        if len(data) > MAX_PACKET_SIZE:
            raise MalformedRtpError("RTP packet length is out of bounds")
        for _, reader in self._readers:
            with contextlib.suppress(ValueError):
                return reader.rtcp(data) if rtcp else reader.rtp(data)
        if self.offer.srtp is not None or (not rtcp and any(reader.has_passed(data) for _, reader in self._readers)):
            raise ValueError("the packet is not authentic")
        if self._clear_since_ms is None:
            self._clear_since_ms = at_ms
        elif at_ms - self._clear_since_ms > LATEST_MS:
            self._readers.clear()
        return data

    def _admit(self, packet: RtpPacket, address: Address, at_ms: float) -> list[Released]:
        accepted = self._lock.accept(packet, address, at_ms)
        released: list[Released] = []
        if self._lock.source != self._source_before:
            self._source_before = self._lock.source
            released = self._jitter.flush()
            self._jitter.restart()
        if accepted:
            self.reporter.begin(accepted[0].at_ms)
        for arrived in accepted:
            if self._take(arrived.packet, arrived.at_ms):
                released.append(Released(arrived.packet, arrived.at_ms))
        return released

    def _take(self, packet: RtpPacket, at_ms: float) -> bool:
        """A packet of the source that is heard: whether it is to be heard at once."""
        sounds = packet.payload_type in self._codecs
        sent = packet.timestamp if sounds else None
        self.reporter.reception.arrived(packet.ssrc, packet.sequence, sent, at_ms, self._clock_hz)
        self._played += 1
        self.last_packet_ms = self.silent_since_ms = at_ms
        if sounds:
            self._sound_ms = at_ms
        if self._jitter.pass_by(packet):
            return True
        self._jitter.push(packet, at_ms)
        return False

    def codec_of(self, item: Released) -> Codec:
        return self._codecs[item.packet.payload_type]

    def decode(self, item: Released) -> Pcm16:
        """The sound of the next packet in order, where it rests on that of packets before it. None of one whose payload
        type was given to another codec while it waited for others, against RFC 3264 §8.3.2."""
        codec = self.codec_of(item)
        source = item.packet.ssrc, codec.name
        if source not in self._decoders:
            self._decoders = {source: codec.decoder()}  # a new source begins anew, and the one before is over
        try:
            return self._decoders[source].decode(item.packet.payload)
        except ValueError:
            self._played -= 1
            self._fates["unagreed"] += 1
            return _NOTHING

    def place(self, item: Released, samples: Pcm16) -> None:
        """Puts a decoded packet where its timestamp says."""
        codec = self.codec_of(item)
        if not len(samples):
            return
        if item.late:
            self._place_late(item, samples)
            return
        if codec.rate_hz != self.rate_hz:
            samples = self._at_rate(codec, samples)
        frontier = self._ear.frontier or 0
        packet = item.packet
        if codec.clock_hz == self.rate_hz and self._clock.follows(
            packet.ssrc, packet.timestamp, len(samples), item.at_ms, frontier
        ):
            self._hearing.put(self.offer.stream, frontier, samples)
            return
        placement = self._clock.place(
            ssrc=packet.ssrc,
            timestamp=packet.timestamp,
            samples=len(samples),
            arrived_ms=item.at_ms,
            frontier=frontier,
            quiet=self._ear.quiet,
            unheard=self._ear.unheard,
            clock_hz=codec.clock_hz,
        )
        if placement.pulled:
            self._hearing.pull(self.offer.stream, placement.pulled)
            frontier -= placement.pulled
        if placement.reset is not None:
            data = {"reason": placement.reset.reason, "shift_ms": placement.reset.shift_ms}
            at_ms = placement.position * 1000 // self.rate_hz
            self._hearing.emit(MediaNotice(at_ms, "media.clock_reset", self.offer.stream, data))
        if item.lost and placement.position > frontier and self._ear.frontier is not None:
            self._conceal(frontier, placement.position - frontier)
        self._hearing.put(self.offer.stream, placement.position, samples)

    def _place_late(self, item: Released, samples: Pcm16) -> None:
        """Over what hid its absence: the recogniser's final and the recording have the words, the VAD has gone on."""
        position = self._clock.where(item.packet.ssrc, item.packet.timestamp)
        frontier = self._ear.frontier or 0
        if self.codec_of(item).rate_hz != self.rate_hz or position is None:
            return
        if max(0, frontier - LATEST_MS * self.rate_hz // 1000) <= position <= frontier - len(samples):
            self._hearing.put(self.offer.stream, position, samples)

    def _at_rate(self, codec: Codec, samples: Pcm16) -> Pcm16:
        if codec.name not in self._resamplers:
            self._resamplers[codec.name] = Resampler(codec.rate_hz, self.rate_hz)
        return self._resamplers[codec.name].put(samples)

    def _conceal(self, position: int, gap: int) -> None:
        count = min(gap, CONCEALED_MS * self.rate_hz // 1000)
        size = HISTORY_MS * self.rate_hz // 1000
        history = self._hearing.sound(self.offer.stream, position - size, size)
        self._hearing.put(self.offer.stream, position, conceal(history, count, self.rate_hz))

    def fill(self, now_ms: float) -> None:
        """Takes time that has passed without sound as silence."""
        if self._sound_ms is None or now_ms - self._sound_ms >= FILL_AFTER_MS:
            self._ear.silence(int(max(0.0, now_ms - FILL_AFTER_MS) * self.rate_hz / 1000))


Waiting = tuple[RtpStream, Released]
"""A packet that is to be decoded and placed on its stream."""


def _offered(offer: StreamOffer) -> Address | None:
    return (offer.remote_host, offer.remote_port) if offer.remote_host and offer.remote_port else None


def _theirs(keys: SrtpKeys | None) -> SrtpKey | None:
    return None if keys is None else keys.theirs


def decode_all(waiting: Sequence[Waiting]) -> list[Pcm16]:
    """Sound of each packet, at its codec's rate, in the order of `waiting`; G.711 of all streams in one go."""
    together: dict[G711, list[int]] = {}
    sound: list[Pcm16] = [_NOTHING] * len(waiting)
    for at, (stream, item) in enumerate(waiting):
        codec = stream.codec_of(item)
        if isinstance(codec, G711):
            together.setdefault(codec, []).append(at)
        else:
            sound[at] = stream.decode(item)
    for law, places in together.items():
        decoded = law.decode([waiting[at][1].packet.payload for at in places])
        for at, samples in zip(places, decoded, strict=True):
            sound[at] = samples
    return sound


_NOTHING = np.empty(0, np.int16)
