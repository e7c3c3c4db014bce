"""Session descriptions (SDP, RFC 8866) as values, read from peers with limits and written back as they came."""

import dataclasses
import itertools
from typing import Literal, get_args

MAX_SDP = 65_536
MAX_LINES = 1_000
MAX_MEDIA = 32
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_STATIC = {0: "PCMU/8000", 3: "GSM/8000", 8: "PCMA/8000", 9: "G722/8000", 13: "CN/8000", 18: "G729/8000"}

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
        """Payload type → `ENCODING/clock`, in the offer's order of preference; with `/channels` where there are several
        (save Opus, which always names two: RFC 7587 §7)."""
        named = dict(_STATIC)
        for key, value in self.attributes:
            number, _, encoding = (value or "").strip().partition(" ")
            if key == "rtpmap" and number.isdecimal():
                named[int(number)] = _encoding(encoding)
        numbers = (int(item) for item in self.formats if item.isdecimal() and len(item) < 4)
        return {number: named[number] for number in numbers if number in named}


def _encoding(text: str) -> str:
    name, *rates = text.strip().upper().split("/")
    return "/".join([name, *(rates[:1] if name == "OPUS" or rates[1:] == ["1"] else rates[:2])])


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
    if len(lines) > MAX_LINES:
        raise ValueError("SDP has too many lines")
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
