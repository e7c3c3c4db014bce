"""Our side of SDP offer/answer (RFC 3264): any number of m-lines, labels, one speech codec a line.

We only hear: sendonly and sendrecv are answered with recvonly, inactive and recvonly with inactive. Lines that we
cannot hear get port 0 in their place, so that the answer has as many lines as the offer, in its order.
"""

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping
from typing import get_args

import msgspec

from media.codecs import CODECS
from media.session import AudioCodec, DtlsOffer, StreamOffer
from media.sip.sdp import MAX_MEDIA, Attribute, Direction, Media, Sdp
from media.srtp import SrtpKey, SrtpKeys, choose_keys, crypto_value
from media.webrtc.dtls import own_fingerprint

_WIDE: dict[str, AudioCodec] = {"G722/8000": "G722", "OPUS/48000": "opus", "L16/16000": "L16/16000"}
_NARROW: dict[str, AudioCodec] = {"PCMU/8000": "PCMU", "PCMA/8000": "PCMA", "L16/8000": "L16/8000"}
_LAST: dict[str, AudioCodec] = {"G729/8000": "G729"}
"""What a vocoder has done to a voice costs words: taken only where nothing else is offered."""
NUMBERS: dict[AudioCodec, str] = {
    "PCMU": "0",
    "PCMA": "8",
    "G722": "9",
    "G729": "18",
    "L16/8000": "96",
    "L16/16000": "97",
    "opus": "111",
}
"""Payload types that we offer: RFC 3551 §6, or dynamic ones."""
PARAMETERS: dict[AudioCodec, str] = {
    "G729": "annexb=no",  # RFC 4856 §2.1.9
    "opus": "maxplaybackrate=16000;stereo=0",  # RFC 7587 §6.1: what we make of it, so that nobody sends more
}
CLEAR = ("RTP/AVP", "RTP/AVPF")
"""A key in such a line is an invitation that we take: the line is protected, under its own name."""
PROTECTED = ("RTP/SAVP", "RTP/SAVPF")
"""A line without a key that we can use is refused, never answered in the clear."""
_BY_HANDSHAKE = ("UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")
_DIGESTS = ("sha-256", "sha-384", "sha-512")


def negotiate(
    offer: Sdp, names: Mapping[int, str] | None = None, *, lines: int = MAX_MEDIA, wideband: bool = True
) -> tuple[StreamOffer, ...]:
    """The m-lines that we take, at most `lines` of them; empty: answer 488.

    Of a line's codecs, wideband ones come first (`wideband`: recognisers hear more in them), then G.711 and linear
    sound, then G.729; within each, the offer's order decides.

    `names` are the streams already named by position, which they keep; new ones get their label if no other line has
    it, else their position."""
    known = dict(names or {})
    taken: list[StreamOffer] = []
    labels = [line.label for line in offer.media]
    for position, line in enumerate(offer.media):
        codec = _choose(line, wideband)
        keys = choose_keys([value or "" for name, value in line.attributes if name == "crypto"])
        dtls = _dtls_of(offer, line) if line.protocol in _BY_HANDSHAKE else None
        safe = line.protocol in CLEAR or (line.protocol in PROTECTED and keys is not None) or dtls is not None
        usable = line.kind == "audio" and line.port != 0 and safe
        if not usable or codec is None or len(taken) >= lines:
            continue
        name = known.get(position) or line.label
        if not name or (position not in known and (labels.count(name) > 1 or name in known.values())):
            name = str(position) if str(position) not in labels else f"line-{position}"
        known[position] = name
        stream = _stream(offer, line, position, name, codec, None if dtls else keys)
        taken.append(msgspec.structs.replace(stream, dtls=dtls) if dtls else stream)
    return tuple(taken)


def _dtls_of(offer: Sdp, line: Media) -> DtlsOffer | None:
    """None when no handshake can come of it."""
    given = [*line.attributes, *offer.attributes]
    values = [value or "" for name, value in given if name == "fingerprint"]
    known = tuple(value for value in values if value.partition(" ")[0].lower() in _DIGESTS and " " in value)
    setup = next((value for name, value in given if name == "setup"), None) or "actpass"  # RFC 8842 §5.2
    return DtlsOffer(known, setup == "passive") if known and setup in ("actpass", "active", "passive") else None


def _choose(line: Media, wideband: bool) -> tuple[int, AudioCodec] | None:
    for codecs in (_WIDE, _NARROW, _LAST) if wideband else (_NARROW, _WIDE, _LAST):
        for number, name in line.payloads.items():
            if name in codecs:
                return number, codecs[name]
    return None


def _stream(
    offer: Sdp, line: Media, position: int, name: str, codec: tuple[int, AudioCodec], keys: SrtpKeys | None
) -> StreamOffer:
    ptime = (line.attribute("ptime") or "").strip()
    rtcp_host, rtcp_port = rtcp_of(line)
    return StreamOffer(
        stream=name,
        position=position,
        codec=codec[1],
        payload_type=codec[0],
        ptime_ms=int(ptime) if ptime.isdecimal() and 0 < int(ptime) <= 200 else 20,
        event_payload_type=event_of(line, CODECS[codec[1]].clock_hz),
        comfort_payload_type=_payload_of(line, "CN/8000"),
        remote_host=usable(offer.address(line)),
        remote_port=line.port,
        srtp=keys,
        rtcp_mux=line.attribute("rtcp-mux") is not None,
        rtcp_host=rtcp_host,
        rtcp_port=rtcp_port,
        flowing=not is_held(offer, line),
        listens=offer.direction(line) in ("sendrecv", "recvonly") and offer.address(line) != "0.0.0.0",
    )


def codecs_of(line: Media) -> dict[AudioCodec, int]:
    """The codecs of a line that we know, in its order, with its payload types."""
    known = _WIDE | _NARROW | _LAST
    found: dict[AudioCodec, int] = {}
    for number, name in line.payloads.items():
        if name in known:
            found.setdefault(known[name], number)
    return found


def _payload_of(line: Media, encoding: str) -> int | None:
    return next((number for number, name in line.payloads.items() if name == encoding), None)


def rtcp_of(line: Media) -> tuple[str, int]:
    """RFC 3605: a port, and maybe an address."""
    port, *address = (line.attribute("rtcp") or "").split()[:4] or [""]
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        return "", 0
    return usable(address[2]) if len(address) == 3 else "", int(port)


def event_of(line: Media, clock_hz: int) -> int | None:
    """RFC 4733 §2.1 wants the codec's own clock; some peers offer another, and send it."""
    events = (_payload_of(line, f"TELEPHONE-EVENT/{clock}") for clock in (clock_hz, 8000, 16_000, 48_000))
    return next((event for event in events if event is not None), None)


def usable(host: str) -> str:
    """The address as the kernel spells it, which the packets' sources are compared with; empty for a name and for
    `0.0.0.0`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if address.version == 6 else None
    return "" if address.is_unspecified else str(mapped or address)


def is_held(sdp: Sdp, line: Media) -> bool:
    """The peer sends nothing on this line: inactive, recvonly, or RFC 2543's hold by `c=0.0.0.0`."""
    direction = sdp.direction(line)
    old_hold = direction == "sendrecv" and sdp.address(line) == "0.0.0.0"
    return direction in ("inactive", "recvonly") or old_hold


class Answerer:
    """Our side of one dialog's SDP: keeps `o=` stable and raises its version only when the answer's content changes, so
    that a session refresh (RFC 4028) is answered with identical bytes."""

    def __init__(self, session_id: int, host: str) -> None:
        self._session_id, self._host = session_id, host
        self._version = session_id
        self._last: tuple[Media, ...] = ()

    speaks = False
    """We have something to say to whoever listens."""

    def answer(self, offer: Sdp, streams: Iterable[StreamOffer], ports: Mapping[int, int]) -> Sdp:
        """`ports` are our RTP ports by position."""
        taken = {stream.position: stream for stream in streams}
        media = []
        for position, line in enumerate(offer.media):
            stream = taken.get(position)
            if stream is None:
                media.append(refused(line))
                continue
            says = self.speaks and stream.listens
            media.append(_accepted(offer, line, stream, ports[position], says=says))
        return self._described(tuple(media))

    def offer(self, port: int, key: SrtpKey | None = None) -> Sdp:
        """What we propose to an INVITE without an offer, or by one of ours: one audio line that we hear, protected by
        `key` where there is one."""
        attributes: tuple[Attribute, ...] = (
            ("rtpmap", "0 PCMU/8000"),
            ("rtpmap", "8 PCMA/8000"),
            ("rtpmap", "101 telephone-event/8000"),
            ("fmtp", "101 0-15"),
            ("ptime", "20"),
            ("sendrecv" if self.speaks else "recvonly", None),
        )
        if key is not None:
            attributes = (("crypto", crypto_value("1", key)), *attributes)
        protocol = CLEAR[0] if key is None else PROTECTED[0]
        return self._described((Media("audio", port, protocol, ("0", "8", "101"), attributes),))

    def again(self, described: Sdp) -> Sdp:
        """What stands as an offer of ours: as for a new call (RFC 3261 §14.2), in the lines that there are, of which
        those that were refused stay so (RFC 3264 §8)."""
        return self._described(tuple(self._offered(line) if line.port else line for line in described.media))

    def _offered(self, line: Media) -> Media:
        basic = [(number, codec) for number, codec in (("0", "PCMU"), ("8", "PCMA")) if number not in line.formats]
        kept = [item for item in line.attributes if item[0] not in get_args(Direction)]
        kept = [("setup", "actpass") if name == "setup" else (name, value) for name, value in kept]  # RFC 8842 §5.5
        kept += [("rtpmap", f"{number} {codec}/8000") for number, codec in basic]
        kept.append(("sendrecv" if self.speaks else "recvonly", None))
        formats = (*line.formats, *(number for number, _ in basic))
        return dataclasses.replace(line, formats=formats, attributes=tuple(kept))

    def _described(self, media: tuple[Media, ...]) -> Sdp:
        if self._last and media != self._last:
            self._version += 1
        self._last = media
        return Sdp(
            media,
            user="welcomedly",
            session_id=str(self._session_id),
            version=str(self._version),
            origin=self._host,
            connection=self._host,
        )


def refused(line: Media) -> Media:
    """RFC 3264 §6: the line in its place with port 0; the label stays for readers."""
    kept: tuple[Attribute, ...] = (("label", line.label),) if line.label else ()
    return Media(line.kind, 0, line.protocol, line.formats[:1], (*kept, ("inactive", None)))


def _accepted(offer: Sdp, line: Media, stream: StreamOffer, port: int, *, says: bool) -> Media:
    formats = [str(stream.payload_type)]
    attributes: list[Attribute] = [("rtpmap", f"{stream.payload_type} {CODECS[stream.codec].encoding}")]
    if stream.codec in PARAMETERS:
        attributes.append(("fmtp", f"{stream.payload_type} {PARAMETERS[stream.codec]}"))
    if (event := stream.event_payload_type) is not None:
        formats.append(str(event))
        attributes += [("rtpmap", f"{event} {line.payloads[event].lower()}"), ("fmtp", f"{event} 0-15")]
    attributes.append(("ptime", str(stream.ptime_ms)))
    if stream.srtp is not None:
        attributes.append(("crypto", stream.srtp.answer()))
    if stream.dtls is not None:
        attributes += [("fingerprint", own_fingerprint()), ("setup", "active" if stream.dtls.waits else "passive")]
    if stream.rtcp_mux:
        attributes.append(("rtcp-mux", None))
    if line.label:
        attributes.append(("label", line.label))
    hears = offer.direction(line) in ("sendonly", "sendrecv")
    direction = ("sendrecv" if says else "recvonly") if hears else ("sendonly" if says else "inactive")
    attributes.append((direction, None))
    return Media("audio", port, line.protocol, tuple(formats), tuple(attributes))


def audio_offer(
    host: str,
    ports: Iterable[int],
    *,
    labels: Iterable[str] = (),
    codec: AudioCodec = "PCMU",
    direction: Direction = "sendonly",
    session_id: int = 1,
    version: int = 1,
) -> Sdp:
    """An offer of one audio line per port: what `caller` sends."""
    named = list(labels)
    number = NUMBERS[codec]
    media = []
    for index, port in enumerate(ports):
        attributes: list[Attribute] = [("rtpmap", f"{number} {CODECS[codec].encoding}")]
        attributes += [("rtpmap", f"101 telephone-event/{CODECS[codec].clock_hz}"), ("fmtp", "101 0-15")]
        attributes += [("ptime", "20"), (direction, None)]
        if index < len(named):
            attributes.append(("label", named[index]))
        media.append(Media("audio", port, "RTP/AVP", (number, "101"), tuple(attributes)))
    return Sdp(tuple(media), session_id=str(session_id), version=str(version), origin=host, connection=host)
