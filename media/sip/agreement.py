"""What the two sides of a call that came in have agreed on: both descriptions, the streams that they make, and who is
known to speak on them."""

from collections.abc import Mapping

import msgspec

from engine.ports.intake import Participant
from media import siprec
from media.session import StreamOffer
from media.sip.bodies import Body, Unacceptable
from media.sip.negotiation import Answerer, negotiate
from media.sip.sdp import MAX_MEDIA, Sdp, parse_sdp
from media.siprec_metadata import Metadata, merge
from media.srtp import SrtpKey, agreed_keys, new_key

_WHAT_WE_HEAR = "G.711, G.722, Opus, G.729 or L16 over RTP, or SRTP by SDES or DTLS,"


class Agreement:
    """Pure. `open` it with the INVITE's body and `introduce` the caller; what comes later in the call changes it."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self.streams: tuple[StreamOffer, ...] = ()
        self._lasting: tuple[StreamOffer, ...] = ()
        """As they are, or were before all were refused, as some hold."""
        self.names: dict[int, str] = {}
        """Of streams by position; each keeps the one that it had first."""
        self.described = b""
        """Our SDP as it stands."""
        self.recording = False
        """A source tells us of a call between others; else it is a call with us."""
        self.ours = False
        """The INVITE had no offer: we make it."""
        self.participants: tuple[Participant, ...] = ()
        self._offer: Sdp | None = None
        """The peer's last one; its first answer while it has made none."""
        self._metadata: Metadata | None = None
        self._two_way = False
        self._own_key: SrtpKey | None = None

    @property
    def _lines(self) -> int:
        return MAX_MEDIA if self.recording else 1

    @property
    def lacks_metadata(self) -> bool:
        return self.recording and (self._metadata is None or not self._metadata.complete)

    @property
    def unheard(self) -> int:
        """Lines of a recording's sound that are offered in vain: of codecs or keys that we do not know."""
        offered = self._offer.media if self._offer and self.recording else ()
        taken = {stream.position for stream in self.streams}
        return sum(line.kind == "audio" and line.port > 0 and at not in taken for at, line in enumerate(offered))

    # ─── as the call comes in ────────────────────────────────────────────────────────────────────────────────────────

    def open(self, body: Body) -> None:
        """What will be heard; for an INVITE without an offer the one line that we will propose. Raises `Unacceptable`
        when there is nothing that we can hear."""
        self._offer, self._metadata = body.sdp, body.metadata
        if body.sdp is None:
            self.ours = True
            self._stand((StreamOffer(stream="0", position=0, codec="PCMU", payload_type=0, event_payload_type=101),))
        else:
            self.recording = body.recording or _is_forked(body.sdp)
            self._stand(negotiate(body.sdp, lines=self._lines))
            if not self.streams:
                raise Unacceptable(488, ("Warning", f'304 welcomedly "{_WHAT_WE_HEAR} is needed"'))
            first = body.sdp.media[self.streams[0].position]
            self._two_way = not self.recording and body.sdp.direction(first) == "sendrecv"
        self.names = {stream.position: stream.stream for stream in self.streams}

    def _stand(self, streams: tuple[StreamOffer, ...]) -> None:
        self.streams, self._lasting = streams, streams or self._lasting

    def introduce(self, aor: str, name: str) -> None:
        """The INVITE's sender, by its own word: who speaks, unless it is a recording's source."""
        first = self.streams[0]
        self.participants = self._recorded() if self.recording else (Participant(first.stream, 0, aor, name),)

    def describe(self, ports: Mapping[int, int]) -> bytes:
        """Our SDP for the lines as they are; `ports` are our RTP ports by position."""
        if self._offer is None:
            described = self.answerer.offer(ports[0])
        else:
            described = self.answerer.answer(self._offer, self.streams, ports)
        self.described = described.to_bytes()
        return self.described

    # ─── within the call ─────────────────────────────────────────────────────────────────────────────────────────────

    def offer_again(self) -> bytes:
        """What stands as an offer of ours, to a re-INVITE without one."""
        self.described = self.answerer.again(parse_sdp(self.described)).to_bytes()
        return self.described

    def streams_of(self, offer: Sdp) -> tuple[StreamOffer, ...]:
        """What a new offer of the peer would make of the call. Raises `Unacceptable` when nothing of it can be
        heard."""
        streams = negotiate(offer, self.names, lines=self._lines)
        if not streams and any(line.port for line in offer.media):
            raise Unacceptable(488)
        return tuple(self._with_our_key(stream) for stream in streams)

    def streams_by(self, answer: Sdp) -> tuple[StreamOffer, ...]:
        """What the peer's answer to our offer would make of the call. Raises `Unacceptable` when nothing of it can be
        heard; it may hold a call that stands by refusing every line."""
        offered = [at for at, line in enumerate(parse_sdp(self.described).media) if line.port]  # RFC 3264 §6: no other
        taken = [stream for stream in self.streams_of(answer) if stream.position in offered]
        streams = tuple(self._with_our_key(stream, offered=True) for stream in taken)
        if not streams and self._offer is None:
            raise Unacceptable(488)
        return streams

    def _with_our_key(self, stream: StreamOffer, *, offered: bool = False) -> StreamOffer:
        """Our key stays while the peer's does, and where we have `offered` it (RFC 4568 §5.1.3)."""
        standing = next((one.srtp for one in self.streams if one.position == stream.position), None)
        if stream.srtp is None or standing is None or not (offered or stream.srtp.theirs == standing.theirs):
            return stream
        return msgspec.structs.replace(stream, srtp=msgspec.structs.replace(stream.srtp, ours=standing.ours))

    def holds(self, theirs: Sdp, streams: tuple[StreamOffer, ...], *, answers: bool = False) -> bool:
        """Nobody is to be heard by it. Where it `answers` an offer of ours to hear alone, `sendonly` is all that it can
        say (RFC 3264 §6.1), and no music on hold."""
        music = self._music_on_hold(theirs) and (self.answerer.speaks or not answers)
        return music or not any(stream.flowing for stream in streams)

    def _music_on_hold(self, offer: Sdp) -> bool:
        """A plain call that was sendrecv and turns sendonly is held with music (RFC 3264 §8.4)."""
        if self.recording:
            return False
        line = next((line for line in offer.media if line.kind == "audio"), None)
        return self._two_way and line is not None and offer.direction(line) == "sendonly"

    def take_offer(self, offer: Sdp, streams: tuple[StreamOffer, ...], ports: Mapping[int, int]) -> None:
        """It holds from now on; `describe` has our answer."""
        self._stand(streams)
        self._offer = offer
        self.names |= {stream.position: stream.stream for stream in streams}
        self.describe(ports)

    def take_answer(self, answer: Sdp, streams: tuple[StreamOffer, ...]) -> None:
        """It holds from now on."""
        if self._offer is None:
            self._offer = answer
            self._two_way = answer.direction(answer.media[streams[0].position]) == "sendrecv"
        self._stand(streams)

    def add_metadata(self, metadata: Metadata) -> None:
        self.recording = True
        self._metadata = merge(self._metadata, metadata)

    def newly_recorded(self) -> tuple[Participant, ...] | None:
        """Who speaks on a recording's lines, where that has changed."""
        found = self._recorded() if self.recording else self.participants
        if found == self.participants:
            return None
        self.participants = found
        return found

    def _recorded(self) -> tuple[Participant, ...]:
        media = self._offer.media if self._offer else ()
        sound = [at for at, line in enumerate(media) if line.kind == "audio"]
        lines = [(sound.index(one.position), media[one.position].label, one.stream) for one in self.streams]
        return siprec.participants(self._metadata, lines, alone=len(sound) == 1)

    # ─── another leg of the same sound ───────────────────────────────────────────────────────────────────────────────

    @property
    def by_handshake(self) -> bool:
        """Keys come by DTLS."""
        return any(stream.dtls is not None for stream in self._lasting)

    @property
    def _position(self) -> int:
        """Of the call's one line, or of the last one while all are refused."""
        return self.streams[0].position if self.streams else next(reversed(self.names))

    def own_offer(self, ports: Mapping[int, int]) -> bytes:
        """Our description for it: in the clear only where the call is."""
        self._own_key = new_key() if any(stream.srtp for stream in self._lasting) else None
        return self.answerer.offer(ports[self._position], self._own_key).to_bytes()

    def stream_by(self, theirs: Sdp) -> StreamOffer | None:
        """What that leg's description would make of the call's one stream, which keeps its name, and its port with it.
        None when nothing of it can be heard: also where only one of the two shakes hands, for which another port is."""
        name = self.names[self._position]
        lines = [line for line in negotiate(theirs, lines=1) if (line.dtls is not None) == self.by_handshake]
        return next((msgspec.structs.replace(line, stream=name) for line in lines), None)

    def stream_by_answer(self, theirs: Sdp) -> StreamOffer | None:
        """Likewise what its answer to `own_offer` would; None also where it has taken no key of a protected line."""
        stream, ours = self.stream_by(theirs), self._own_key
        if stream is None or ours is None:
            return stream
        given = theirs.media[stream.position].attributes
        keys = agreed_keys(ours, [value or "" for name, value in given if name == "crypto"])
        return msgspec.structs.replace(stream, srtp=keys) if keys else None

    def own_answer(self, theirs: Sdp, stream: StreamOffer, ports: Mapping[int, int]) -> bytes:
        """Our description for it, where it has made the offer."""
        return self.answerer.answer(theirs, (stream,), {stream.position: ports[self._position]}).to_bytes()

    def move(self, streams: tuple[StreamOffer, ...], offer: Sdp | None, described: bytes, party: Participant) -> None:
        """That leg is the call's own from now on."""
        self.names = {stream.position: stream.stream for stream in streams}
        self._stand(streams)
        self._offer, self.described = offer, described
        self._two_way = offer is not None and offer.direction(offer.media[streams[0].position]) == "sendrecv"
        self.participants = (party,)


def _is_forked(offer: Sdp) -> bool:
    """Two legs of a call between others, as Cisco's network-based recording sends them without any metadata or tag:
    alike, and neither hears. Lines that do, or of which one is protected, are one sound offered twice (RFC 3264 §6)."""
    audio = [line for line in offer.media if line.kind == "audio" and line.port]
    deaf = all(offer.direction(line) in ("sendonly", "inactive") for line in audio)
    return len(audio) > 1 and deaf and len({line.protocol for line in audio}) == 1
