"""SDP (RFC 8866) as values, and our side of offer/answer (RFC 3264): any number of m-lines, labels, one speech codec.

We only hear: sendonly and sendrecv are answered with recvonly, inactive and recvonly with inactive. Lines that we
cannot hear get port 0 in their place, so that the answer has as many lines as the offer, in its order.
"""

import dataclasses
import ipaddress
import itertools
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from media.session import AudioCodec, StreamOffer

MAX_SDP = 65_536
MAX_MEDIA = 32
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_STATIC = {0: "PCMU/8000", 3: "GSM/8000", 8: "PCMA/8000", 9: "G722/8000", 13: "CN/8000", 18: "G729/8000"}
_CODECS: dict[str, AudioCodec] = {"PCMU/8000": "PCMU", "PCMA/8000": "PCMA"}
_PROFILES = ("RTP/AVP", "RTP/AVPF")
"""Never RTP/AVP for an RTP/SAVP line: such a line waits for SRTP and is refused until then."""

Attribute = tuple[str, str | None]


@dataclasses.dataclass(frozen=True)
class Media:
    """One m-line and what belongs to it."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()
    """In order; unknown ones are kept."""
    connection: str = ""
    """Address of its own c=; empty when the session's holds."""
    others: tuple[str, ...] = ()
    """`i=`, `b=` and `k=` lines as they came."""

    def attribute(self, name: str) -> str | None:
        """Value of the first attribute of that name; None when it is absent, empty text for a flag."""
        return next((value or "" for key, value in self.attributes if key == name), None)

    @property
    def label(self) -> str:
        """RFC 4574; empty when there is none."""
        return (self.attribute("label") or "").strip()

    @property
    def payloads(self) -> dict[int, str]:
        """Payload type → `ENCODING/clock`, in the offer's order of preference."""
        named = dict(_STATIC)
        for key, value in self.attributes:
            number, _, encoding = (value or "").strip().partition(" ")
            if key == "rtpmap" and number.isdecimal():
                named[int(number)] = "/".join(encoding.strip().upper().split("/")[:2])
        numbers = (int(item) for item in self.formats if item.isdecimal() and len(item) < 4)
        return {number: named[number] for number in numbers if number in named}


@dataclasses.dataclass(frozen=True)
class Sdp:
    """A session description."""

    media: tuple[Media, ...]
    user: str = "-"
    session_id: str = "0"
    version: str = "0"
    origin: str = "127.0.0.1"
    name: str = "-"
    connection: str = ""
    attributes: tuple[Attribute, ...] = ()
    others: tuple[str, ...] = ()

    def direction(self, line: Media) -> Direction:
        """The line's own direction, else the session's, else sendrecv."""
        for attributes in (line.attributes, self.attributes):
            for key, _ in attributes:
                if key in _DIRECTIONS:
                    return key
        return "sendrecv"

    def address(self, line: Media) -> str:
        return line.connection or self.connection

    def to_bytes(self) -> bytes:
        lines = ["v=0", f"o={self.user} {self.session_id} {self.version} IN {_family(self.origin)} {self.origin}"]
        lines.append(f"s={self.name}")
        if self.connection:
            lines.append(f"c=IN {_family(self.connection)} {self.connection}")
        lines += [*self.others, "t=0 0", *map(_attribute_line, self.attributes)]
        for line in self.media:
            lines.append(f"m={line.kind} {line.port} {line.protocol} {' '.join(line.formats)}")
            lines += line.others
            if line.connection:
                lines.append(f"c=IN {_family(line.connection)} {line.connection}")
            lines += map(_attribute_line, line.attributes)
        return "\r\n".join([*lines, ""]).encode("utf-8", "replace")


def _family(host: str) -> str:
    return "IP6" if ":" in host else "IP4"


def _attribute_line(attribute: Attribute) -> str:
    name, value = attribute
    return f"a={name}" if value is None else f"a={name}:{value}"


def parse_sdp(data: bytes) -> Sdp:
    """CRLF, LF and blanks at line ends are taken; lines of unknown types are passed over. Raises `ValueError`."""
    if len(data) > MAX_SDP:
        raise ValueError("SDP is too long")
    lines = [line.strip() for line in data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")]
    lines = [line for line in lines if line]
    if not lines or lines[0] != "v=0":
        raise ValueError("SDP does not begin with v=0")
    starts = [index for index, line in enumerate(lines) if line.startswith("m=")]
    if len(starts) > MAX_MEDIA:
        raise ValueError("SDP has too many media lines")
    bounds = [*starts, len(lines)]
    media = tuple(_parse_media(lines[begin:end]) for begin, end in itertools.pairwise(bounds))
    return _parse_session(lines[1 : bounds[0]], media)


def _parse_session(lines: list[str], media: tuple[Media, ...]) -> Sdp:
    sdp = Sdp(media)
    for line in lines:
        kind, value = line[:2], line[2:]
        if kind == "o=":
            fields = value.split()
            if len(fields) != 6:
                raise ValueError("SDP origin is not valid")
            user, session_id, version, _, _, origin = fields
            sdp = dataclasses.replace(sdp, user=user, session_id=session_id, version=version, origin=origin)
        elif kind == "s=":
            sdp = dataclasses.replace(sdp, name=value)
        elif kind == "c=":
            sdp = dataclasses.replace(sdp, connection=_connection(value))
        elif kind == "a=":
            sdp = dataclasses.replace(sdp, attributes=(*sdp.attributes, _attribute(value)))
        elif kind in ("b=", "i="):
            sdp = dataclasses.replace(sdp, others=(*sdp.others, line))
    return sdp


def _parse_media(lines: list[str]) -> Media:
    fields = lines[0][2:].split()
    port = fields[1].partition("/")[0] if len(fields) >= 4 else ""
    if not port.isdecimal() or int(port) > 65_535:
        raise ValueError("SDP media line is not valid")
    attributes = tuple(_attribute(line[2:]) for line in lines[1:] if line.startswith("a="))
    connections = [_connection(line[2:]) for line in lines[1:] if line.startswith("c=")]
    others = tuple(line for line in lines[1:] if line[:2] in ("i=", "b=", "k="))
    connection = connections[0] if connections else ""
    return Media(fields[0], int(port), fields[2], tuple(fields[3:]), attributes, connection, others)


def _attribute(text: str) -> Attribute:
    name, colon, value = text.partition(":")
    return name.strip(), value if colon else None


def _connection(text: str) -> str:
    fields = text.split()
    if len(fields) != 3 or fields[0] != "IN":
        raise ValueError("SDP connection is not valid")
    return fields[2].partition("/")[0]


# ─── offer and answer ────────────────────────────────────────────────────────────────────────────────────────────────


def negotiate(offer: Sdp, names: Mapping[int, str] | None = None, *, lines: int = MAX_MEDIA) -> tuple[StreamOffer, ...]:
    """The m-lines that we take, at most `lines` of them; empty: answer 488.

    `names` are the streams already named by position, which they keep; new ones get their label if no other line has
    it, else their position."""
    known = dict(names or {})
    taken: list[StreamOffer] = []
    labels = [line.label for line in offer.media]
    for position, line in enumerate(offer.media):
        codec = next(((number, _CODECS[name]) for number, name in line.payloads.items() if name in _CODECS), None)
        usable = line.kind == "audio" and line.port != 0 and line.protocol in _PROFILES
        if not usable or codec is None or len(taken) >= lines:
            continue
        name = known.get(position) or line.label
        if not name or (position not in known and (labels.count(name) > 1 or name in known.values())):
            name = str(position) if str(position) not in labels else f"line-{position}"
        known[position] = name
        taken.append(_stream(offer, line, position, name, codec))
    return tuple(taken)


def _stream(offer: Sdp, line: Media, position: int, name: str, codec: tuple[int, AudioCodec]) -> StreamOffer:
    ptime = (line.attribute("ptime") or "").strip()
    host = offer.address(line)
    return StreamOffer(
        stream=name,
        position=position,
        codec=codec[1],
        payload_type=codec[0],
        ptime_ms=int(ptime) if ptime.isdecimal() and 0 < int(ptime) <= 200 else 20,
        event_payload_type=_payload_of(line, "TELEPHONE-EVENT/8000"),
        comfort_payload_type=_payload_of(line, "CN/8000"),
        remote_host=host if _is_usable(host) else "",
        remote_port=line.port,
        flowing=not is_held(offer, line),
    )


def _payload_of(line: Media, encoding: str) -> int | None:
    return next((number for number, name in line.payloads.items() if name == encoding), None)


def _is_usable(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


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

    def answer(self, offer: Sdp, streams: Iterable[StreamOffer], ports: Mapping[int, int]) -> Sdp:
        """`ports` are our RTP ports by position."""
        taken = {stream.position: stream for stream in streams}
        media = []
        for position, line in enumerate(offer.media):
            stream = taken.get(position)
            media.append(_refused(line) if stream is None else _accepted(offer, line, stream, ports[position]))
        return self._described(tuple(media))

    def offer(self, port: int) -> Sdp:
        """What we propose to an INVITE without an offer: one audio line that we hear."""
        attributes: tuple[Attribute, ...] = (
            ("rtpmap", "0 PCMU/8000"),
            ("rtpmap", "8 PCMA/8000"),
            ("rtpmap", "101 telephone-event/8000"),
            ("fmtp", "101 0-15"),
            ("ptime", "20"),
            ("recvonly", None),
        )
        return self._described((Media("audio", port, "RTP/AVP", ("0", "8", "101"), attributes),))

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


def _refused(line: Media) -> Media:
    """RFC 3264 §6: the line in its place with port 0; the label stays for readers."""
    kept: tuple[Attribute, ...] = (("label", line.label),) if line.label else ()
    return Media(line.kind, 0, line.protocol, line.formats[:1], (*kept, ("inactive", None)))


def _accepted(offer: Sdp, line: Media, stream: StreamOffer, port: int) -> Media:
    formats = [str(stream.payload_type)]
    attributes: list[Attribute] = [("rtpmap", f"{stream.payload_type} {stream.codec}/8000")]
    if (event := stream.event_payload_type) is not None:
        formats.append(str(event))
        attributes += [("rtpmap", f"{event} telephone-event/8000"), ("fmtp", f"{event} 0-15")]
    attributes.append(("ptime", str(stream.ptime_ms)))
    if line.label:
        attributes.append(("label", line.label))
    hears = offer.direction(line) in ("sendonly", "sendrecv")
    attributes.append(("recvonly" if hears else "inactive", None))
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
    number = {"PCMU": "0", "PCMA": "8"}[codec]
    media = []
    for index, port in enumerate(ports):
        attributes: list[Attribute] = [("rtpmap", f"{number} {codec}/8000"), ("rtpmap", "101 telephone-event/8000")]
        attributes += [("fmtp", "101 0-15"), ("ptime", "20"), (direction, None)]
        if index < len(named):
            attributes.append(("label", named[index]))
        media.append(Media("audio", port, "RTP/AVP", (number, "101"), tuple(attributes)))
    return Sdp(tuple(media), session_id=str(session_id), version=str(version), origin=host, connection=host)
