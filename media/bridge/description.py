"""SDP of a call that goes through us: one audio line, both ways, whichever side offers (RFC 3264)."""

import dataclasses
import secrets
from collections.abc import Sequence

import msgspec

from media.codecs import CODECS
from media.session import AudioCodec
from media.sip.negotiation import (
    CLEAR,
    NUMBERS,
    PARAMETERS,
    PROTECTED,
    codecs_of,
    event_of,
    is_held,
    refused,
    rtcp_of,
    usable,
)
from media.sip.sdp import Attribute, Direction, Media, Sdp
from media.srtp import SrtpKey, SrtpKeys, agreed_keys, choose_keys, crypto_value, new_key

EVENTS = {8000: 101, 16000: 102, 48000: 110}
"""Payload types of telephone-events that we offer, by clock (RFC 4733 §2.1)."""
_MIRROR: dict[Direction, Direction] = {"sendonly": "recvonly", "recvonly": "sendonly"}


class FarLine(msgspec.Struct, frozen=True):
    """The audio line of the peer's description that we take."""

    position: int
    numbers: dict[AudioCodec, int]
    """Its codecs that we know and their payload types, in its order. Never empty."""
    direction: Direction
    """As the peer says it of itself; RFC 2543's hold by `c=0.0.0.0` is `inactive`."""
    host: str
    """Empty: nothing can be sent there."""
    port: int
    events: dict[AudioCodec, int] = {}
    """Payload types of telephone-events beside each codec."""
    event_clocks: dict[int, int] = {}
    """Hz of each payload type of telephone-events: the codec's (RFC 4733 §2.1), unless the peer has no such."""
    rtcp_mux: bool = False
    rtcp_host: str = ""
    rtcp_port: int = 0
    crypto: tuple[str, ...] = ()
    """Values of `a=crypto`."""
    protected: bool = False
    """The line must not be in the clear."""

    @property
    def sends(self) -> bool:
        return self.direction in ("sendrecv", "sendonly")


def far_line(sdp: Sdp) -> FarLine | None:
    """The first audio line with a codec that we know; None: there is none."""
    for position, line in enumerate(sdp.media):
        numbers = codecs_of(line)
        if line.kind != "audio" or not line.port or not numbers or line.protocol not in (*CLEAR, *PROTECTED):
            continue
        direction = sdp.direction(line)
        rtcp_host, rtcp_port = rtcp_of(line)
        return FarLine(
            position=position,
            numbers=numbers,
            direction="inactive" if is_held(sdp, line) and direction == "sendrecv" else direction,
            host=usable(sdp.address(line)),
            port=line.port,
            events={codec: event for codec in numbers if (event := event_of(line, CODECS[codec].clock_hz)) is not None},
            event_clocks={
                number: clock
                for number, name in line.payloads.items()
                for clock in EVENTS
                if name == f"TELEPHONE-EVENT/{clock}"
            },
            rtcp_mux=line.attribute("rtcp-mux") is not None,
            rtcp_host=rtcp_host,
            rtcp_port=rtcp_port,
            crypto=tuple(value or "" for name, value in line.attributes if name == "crypto"),
            protected=line.protocol in PROTECTED,
        )
    return None


def meeting(theirs: Direction, ours: Direction) -> Direction:
    """What we answer to an offer, when the other side of the call has turned to `ours`."""
    mirrored = _MIRROR.get(theirs, theirs)
    sends = mirrored in ("sendrecv", "sendonly") and ours in ("sendrecv", "sendonly")
    hears = mirrored in ("sendrecv", "recvonly") and ours in ("sendrecv", "recvonly")
    return "sendrecv" if sends and hears else "sendonly" if sends else "recvonly" if hears else "inactive"


class Description:
    """Our side of one party's SDP: `o=` is stable, and its version rises only when the content changes."""

    def __init__(self, host: str, port: int, *, protected: bool = False) -> None:
        """`port` is our RTP port; `protected` offers SRTP alone (SDES)."""
        self._host, self._port = host, port
        self._session_id = self._version = secrets.randbelow(2**31)
        self._media: tuple[Media, ...] = ()
        self._position = 0
        self._key: SrtpKey | None = new_key() if protected else None

    def offer(self, codecs: Sequence[AudioCodec], direction: Direction = "sendrecv") -> bytes:
        """The first description, when it is ours."""
        formats, attributes = [NUMBERS[codec] for codec in codecs], []
        for codec in codecs:
            attributes += _codec_lines(codec, int(NUMBERS[codec]))
        for clock in dict.fromkeys((8000, *(CODECS[codec].clock_hz for codec in codecs))):
            formats.append(str(EVENTS[clock]))
            attributes += _event_lines(EVENTS[clock], f"telephone-event/{clock}")
        protocol = "RTP/SAVP" if self._key else "RTP/AVP"
        if self._key:
            attributes.append(("crypto", crypto_value("1", self._key)))
        return self._described(
            (Media("audio", self._port, protocol, tuple(formats), (*attributes, (direction, None))),)
        )

    def answer(
        self, offer: Sdp, far: FarLine, codec: AudioCodec, direction: Direction, standing: SrtpKeys | None = None
    ) -> tuple[bytes, SrtpKeys | None]:
        """Our answer with that one codec, and the keys that it agrees on; `standing` are those that hold so far. Raises
        `ValueError` when the line must be protected, or is already, and no key of the offer is one that we can do."""
        keys = choose_keys(far.crypto)
        if keys is not None and standing is not None and keys.theirs == standing.theirs:
            # A peer that keeps its key has the context of ours, also of one that we offered. One with a new key may be
            # another that knows no rollover counter (RFC 4568 §7.1.4): it gets a new key, and both begin at 0.
            keys = msgspec.structs.replace(keys, ours=standing.ours)
        if keys is None and (far.protected or standing is not None):
            raise ValueError("no key that we can do is offered")
        line, number = offer.media[far.position], far.numbers[codec]
        formats, attributes = [str(number)], _codec_lines(codec, number)
        event = far.events.get(codec)
        if event is not None:
            formats.append(str(event))
            attributes += _event_lines(event, line.payloads[event].lower())
        if keys is not None:
            attributes.append(("crypto", keys.answer()))
        if far.rtcp_mux:
            attributes.append(("rtcp-mux", None))
        taken = Media("audio", self._port, line.protocol, tuple(formats), (*attributes, (direction, None)))
        self._position = far.position
        lines = (taken if at == far.position else refused(other) for at, other in enumerate(offer.media))
        return self._described(tuple(lines)), keys

    def again(self, direction: Direction) -> bytes:
        """What stands, with another direction: an offer of ours within the call."""
        line = self._media[self._position]
        kept = tuple(item for item in line.attributes if item[0] not in ("sendrecv", *_MIRROR, "inactive"))
        turned = dataclasses.replace(line, attributes=(*kept, (direction, None)))
        return self._described((*self._media[: self._position], turned, *self._media[self._position + 1 :]))

    def keys(self, far: FarLine) -> SrtpKeys | None:
        """The keys that an answer to our offer agrees on. Raises `ValueError` when it takes none of a protected one."""
        if self._key is None:
            return None
        keys = agreed_keys(self._key, far.crypto)
        if keys is None:
            raise ValueError("the answer has no key for a protected line")
        return keys

    def _described(self, media: tuple[Media, ...]) -> bytes:
        if self._media and media != self._media:
            self._version += 1
        self._media = media
        return Sdp(
            media,
            user="welcomedly",
            session_id=str(self._session_id),
            version=str(self._version),
            origin=self._host,
            connection=self._host,
        ).to_bytes()


def _codec_lines(codec: AudioCodec, number: int) -> list[Attribute]:
    lines: list[Attribute] = [("rtpmap", f"{number} {CODECS[codec].encoding}")]
    if codec in PARAMETERS:
        lines.append(("fmtp", f"{number} {PARAMETERS[codec]}"))
    return lines


def _event_lines(number: int, encoding: str) -> list[Attribute]:
    return [("rtpmap", f"{number} {encoding}"), ("fmtp", f"{number} 0-15")]
