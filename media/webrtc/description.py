"""What a browser offers (JSEP, RFC 9429) and what we answer: one audio line over ICE-lite and DTLS-SRTP.

The answer takes one codec, so that the browser cannot change it in mid-call; other lines are refused in their place.
"""

from collections.abc import Mapping

import msgspec

from media.codecs import CODECS
from media.session import AudioCodec
from media.sip.sdp import Attribute, Direction, Media, Sdp, parse_sdp
from media.webrtc.ice_lite import Address, IceLite

_CODECS: Mapping[str, AudioCodec] = {
    "PCMU/8000": "PCMU",
    "PCMA/8000": "PCMA",
    "G722/8000": "G722",
    "OPUS/48000": "opus",
}
_PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")
_DIGESTS = ("sha-256", "sha-384", "sha-512")
_ANSWERS: Mapping[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


class BrowserOffer(msgspec.Struct, frozen=True):
    """An offer that we can take."""

    sdp: Sdp
    position: int
    """Index of the audio line that is taken."""
    user: str
    fingerprints: tuple[str, ...]
    """Values of `a=fingerprint` of digests that are known. Never empty."""
    is_client: bool
    """It wants to begin the handshake (`active`) or leaves it to us (`actpass`); else it waits for us (`passive`)."""
    payloads: dict[AudioCodec, int]
    """Codecs that we relay → payload type, the browser's best first. Never empty."""

    @property
    def line(self) -> Media:
        return self.sdp.media[self.position]

    @property
    def direction(self) -> Direction:
        return self.sdp.direction(self.line)


def read_offer(data: bytes) -> BrowserOffer:
    """Raises `ValueError`, which says what is missing and quotes nothing."""
    sdp = parse_sdp(data)
    for position, line in enumerate(sdp.media):
        if line.kind == "audio" and line.port != 0 and line.protocol in _PROTOCOLS:
            return _audio(sdp, position, line)
    raise ValueError("the offer has no audio line over DTLS-SRTP")


def _audio(sdp: Sdp, position: int, line: Media) -> BrowserOffer:
    user, setup = _of(sdp, line, "ice-ufrag"), _of(sdp, line, "setup") or "actpass"
    values = [value or "" for name, value in (*line.attributes, *sdp.attributes) if name == "fingerprint"]
    known = tuple(value for value in values if value.split(" ", 1)[0].lower() in _DIGESTS and " " in value)
    if not user:
        raise ValueError("the offer has no ICE user")
    if not known:
        raise ValueError("the offer has no fingerprint of a digest that is known")
    if setup not in ("actpass", "active", "passive"):
        raise ValueError("the offer's setup is not valid")
    if line.attribute("rtcp-mux") is None:
        raise ValueError("the offer does not multiplex RTCP")
    payloads: dict[AudioCodec, int] = {}
    for number, name in line.payloads.items():
        if codec := _CODECS.get(name):
            payloads.setdefault(codec, number)
    if not payloads:
        raise ValueError("the offer has none of PCMU, PCMA, G.722 and Opus")
    return BrowserOffer(sdp, position, user, known, setup != "passive", payloads)


def _of(sdp: Sdp, line: Media, name: str) -> str:
    """The line's own value, else the session's."""
    values = (value or "" for key, value in (*line.attributes, *sdp.attributes) if key == name)
    return next(values, "").strip()


def write_answer(
    offer: BrowserOffer, codec: AudioCodec, ice: IceLite, fingerprint: str, address: Address, ssrc: int
) -> bytes:
    """`address` is the one candidate that we have."""
    mid = offer.line.attribute("mid")
    session: list[Attribute] = [("ice-lite", None)]
    if mid is not None and any(name == "group" for name, _ in offer.sdp.attributes):
        session.append(("group", f"BUNDLE {mid}"))
    media = tuple(
        _accepted(offer, codec, ice, fingerprint, address, ssrc) if position == offer.position else _refused(line)
        for position, line in enumerate(offer.sdp.media)
    )
    return Sdp(
        media,
        user="welcomedly",
        session_id=str(ssrc),
        version="1",
        origin=address[0],
        attributes=tuple(session),
    ).to_bytes()


def _accepted(
    offer: BrowserOffer, codec: AudioCodec, ice: IceLite, fingerprint: str, address: Address, ssrc: int
) -> Media:
    number = offer.payloads[codec]
    host, port = address
    attributes: list[Attribute] = [
        *((name, value) for name, value in offer.line.attributes if name == "mid"),
        (_ANSWERS[offer.direction], None),
        ("rtcp-mux", None),
        ("rtpmap", f"{number} {CODECS[codec].encoding}"),
        ("ptime", "20"),
        ("ice-ufrag", ice.user),
        ("ice-pwd", ice.password),
        ("candidate", f"1 1 udp 2130706431 {host} {port} typ host"),  # RFC 8445 §5.1.2.1: host, component 1
        ("end-of-candidates", None),
        ("fingerprint", fingerprint),
        ("setup", "passive" if offer.is_client else "active"),
        ("ssrc", f"{ssrc} cname:welcomedly"),
        ("msid", "welcomedly call"),
    ]
    return Media("audio", port, offer.line.protocol, (str(number),), tuple(attributes), connection=host)


def _refused(line: Media) -> Media:
    """RFC 9429 §5.3.1: port 0 in its place, with its mid."""
    kept = tuple((name, value) for name, value in line.attributes if name == "mid")
    return Media(line.kind, 0, line.protocol, line.formats[:1], (*kept, ("inactive", None)))
