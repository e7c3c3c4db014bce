"""Bytes to SIP messages and back, with limits: RFC 3261 §7, §8.2 and the advice of RFC 4475.

A message that cannot be accepted is a `Malformed`, which carries the answer that RFC 3261 wants where one can be given.
"""

import re
from typing import Any

from media.sip.address import parse_address, parse_uri, parse_vias, split_addresses
from media.sip.message import COMPACT_FORMS, REASONS, Headers, Message, Request, Response

MAX_HEAD = 32_768
MAX_LINE = 8_192
MAX_HEADERS = 200
MAX_BODY = 262_144
METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "INFO", "PRACK", "REFER", "NOTIFY")
"""What we serve; other methods of RFC 3261 and its extensions are known but not allowed (405), the rest is 501."""
KNOWN_METHODS = frozenset((*METHODS, "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE"))

_CANONICAL = {
    name.lower(): name
    for name in (
        *COMPACT_FORMS.values(),
        *("CSeq", "Max-Forwards", "Record-Route", "Route", "Require", "Accept", "Allow", "Content-Disposition"),
        *(
            "RSeq",
            "RAck",
            "Min-SE",
            "Min-Expires",
            "Replaces",
            "Authorization",
            "WWW-Authenticate",
            "Subscription-State",
        ),
        *("Retry-After", "Reason", "User-Agent", "P-Asserted-Identity", "Session-ID", "User-to-User"),
    )
}
_SINGLE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Type")
_REQUEST_LINE = re.compile(r"^([^\s]+) ([^\s]+) SIP/(\d+\.\d+)$")
_STATUS_LINE = re.compile(r"^SIP/2\.0 ([1-6]\d\d)(?: (.*))?$", re.DOTALL)
_TOKEN = re.compile(r"^[A-Za-z0-9\-.!%*_+`'~]+$")
_CSEQ = re.compile(r"^(\d{1,10}) ([A-Za-z0-9\-.!%*_+`'~]+)$")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):")
_FOLD = re.compile(r"\r?\n[ \t]+")


class Malformed(ValueError):
    """A message that is refused. `answer` is what to send back; None where nothing can or may be answered."""

    def __init__(self, reason: str, answer: Response | None = None) -> None:
        super().__init__(reason)
        self.answer = answer


def parse_message(data: bytes) -> Message:
    """One whole message: a datagram, or what `StreamFramer` cut. Raises `Malformed`."""
    head, body = _split(data)
    start_line, headers = _read_head(head)
    status_line = _STATUS_LINE.match(start_line)
    if start_line.startswith("SIP/"):
        if status_line is None:
            raise Malformed("the status line is not valid")
        return _checked_response(int(status_line[1]), status_line[2] or "", headers, body)
    return _checked_request(start_line, headers, body)


def _split(data: bytes) -> tuple[bytes, bytes]:
    data = data.lstrip(b"\r\n")
    found = re.search(rb"\r\n\r\n|\n\n", data)
    # a datagram that ends with its last header line is taken as having no body (RFC 4475's baddn comes like that)
    head, body = (data, b"") if found is None else (data[: found.start()], data[found.end() :])
    if len(head) > MAX_HEAD:
        raise Malformed("the headers are too long")
    if not head:
        raise Malformed("the message is empty")
    return head, body


def _read_head(head: bytes) -> tuple[str, Headers]:
    start_line, headers, valid = _head_of(head)
    if not valid:
        raise _refusal(400, "a header line is not valid", start_line, headers)
    return start_line, headers


def _head_of(head: bytes) -> tuple[str, Headers, bool]:
    """The start line, the headers, and whether every other line is one."""
    text = _FOLD.sub(" ", head.decode("latin-1")).rstrip("\r\n")  # RFC 3261 §7.3.1: a folded line is one line
    start_line, *lines = re.split(r"\r?\n", text)
    if len(lines) > MAX_HEADERS or any(len(line) > MAX_LINE for line in (start_line, *lines)):
        raise Malformed("a header is too long or there are too many")
    items, valid = [], True
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not _TOKEN.match(name):
            valid = False
            continue
        name = COMPACT_FORMS.get(name.lower(), _CANONICAL.get(name.lower(), name))
        items.append((name, value.strip()))
    return start_line, Headers(items), valid


def _refusal(status: int, why: str, start_line: str, headers: Headers, *extra: tuple[str, str]) -> Malformed:
    """The refusal of a request, with its answer if the headers allow one to be sent and matched."""
    answerable = all(name in headers for name in ("Via", "CSeq")) and not start_line.startswith(("ACK ", "SIP/"))
    if not answerable:
        return Malformed(why)
    seen: set[str] = set()
    items = []
    for name, value in headers.items:  # of a header that came twice, the first
        if name != "Via" and name in seen:
            continue
        seen.add(name)
        items.append((name, value))
    request = Request(headers=Headers(items), method=start_line.partition(" ")[0])
    reason = REASONS[status] if status != 400 else f"Bad Request: {why}"
    return Malformed(why, request.respond(status, *extra, reason=reason, to_tag="refused"))


def _checked_request(start_line: str, headers: Headers, body: bytes) -> Request:
    def refuse(status: int, why: str, *extra: tuple[str, str]) -> Malformed:
        return _refusal(status, why, start_line, headers, *extra)

    line = _REQUEST_LINE.match(start_line)
    if line is None or not _TOKEN.match(line[1]):
        raise refuse(400, "request line is not valid")
    if line[3] != "2.0":
        raise refuse(505, "SIP version")
    if why := _header_fault(headers, line[1]):
        raise refuse(400, why)
    _check_uri(line[2], refuse)
    body = _sized_body(headers, body, refuse)
    return Request(headers=headers, body=body, method=line[1], uri=line[2])


def _check_uri(uri: str, refuse: Any) -> None:
    scheme = _SCHEME.match(uri)
    if scheme is None:
        raise refuse(400, "Request-URI is not valid")
    if scheme[1].lower() not in ("sip", "sips", "tel"):
        raise refuse(416, "URI scheme")  # RFC 3261 §8.2.2.1
    try:
        parse_uri(uri)
    except ValueError:
        raise refuse(400, "Request-URI is not valid") from None


def _sized_body(headers: Headers, body: bytes, refuse: Any) -> bytes:
    """The body by Content-Length; without one (datagrams only) it is all there is (RFC 3261 §18.3)."""
    lengths = set(headers.all("Content-Length"))
    if not lengths:
        length = len(body)
    else:
        text = lengths.pop()
        if lengths or not re.fullmatch(r"\d{1,9}", text):
            raise refuse(400, "Content-Length is not valid")
        length = int(text)
    if length > MAX_BODY:
        raise refuse(413, "body too large")
    if length > len(body):
        raise refuse(400, "body is shorter than Content-Length")
    return body[:length]


def _header_fault(headers: Headers, method: str) -> str:
    """What is wrong with the headers that every request needs; empty when nothing is."""
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        if not headers.get(name):
            return f"{name} is missing"
    for name in _SINGLE:
        if len(headers.all(name)) > 1:
            return f"{name} comes twice"
    cseq = _CSEQ.match(" ".join(headers.get("CSeq").split()))
    if cseq is None or int(cseq[1]) >= 2**31 or (method and cseq[2] != method):
        return "CSeq is not valid"
    hops = headers.get("Max-Forwards", "70")
    if not re.fullmatch(r"\d{1,5}", hops) or int(hops) > 255:
        return "Max-Forwards is not valid"
    return _address_fault(headers)


def _address_fault(headers: Headers) -> str:
    for value in headers.all("Via"):
        try:
            parse_vias(value)
        except ValueError:
            return "Via is not valid"
    for name in ("From", "To", "Contact", "Record-Route", "Route"):
        values = headers.all(name) if name in ("From", "To") else split_addresses(headers.all(name))
        for value in values:
            try:
                if value != "*":
                    parse_address(value)
            except ValueError:
                return f"{name} is not valid"
    return ""


def _checked_response(status: int, reason: str, headers: Headers, body: bytes) -> Response:
    if why := _header_fault(headers, ""):
        raise Malformed(why)

    def refuse(_: int, why: str, *__: tuple[str, str]) -> Malformed:
        return Malformed(why)

    return Response(headers=headers, body=_sized_body(headers, body, refuse), status=status, reason=reason)


class StreamFramer:
    """Cuts a TCP byte stream into messages by Content-Length (RFC 3261 §18.3), and sees RFC 5626 keep-alives."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self.pings = 0
        """Double CRLFs seen between messages since the last look: each wants a CRLF back (RFC 5626 §3.5.1)."""
        self.broken: Malformed | None = None
        """Why the stream cannot be cut any more, behind the messages that it gave: what it answers is to be sent, and
        the connection closed."""

    @property
    def partial(self) -> bool:
        """Whether a message has begun and is not whole. CRLF before a start line is none (RFC 3261 §7.5): a pong to a
        ping of ours (RFC 5626 §3.5.1), or one that a sender put behind a body."""
        return bool(self._buffer.strip(b"\r\n"))

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are now complete; then see `broken`."""
        self._buffer += data
        messages = []
        try:
            while (message := self._next()) is not None:
                messages.append(message)
        except Malformed as error:
            self.broken = error
        return messages

    def _next(self) -> bytes | None:
        self._skip_keep_alives()
        separator = self._buffer.find(b"\r\n\r\n", self._scanned)
        if separator < 0:
            self._scanned = max(0, len(self._buffer) - 3)
            if len(self._buffer) > MAX_HEAD:
                raise Malformed("the headers are too long")
            return None
        self._scanned, head_end = separator, separator + 4
        length = self._body_length(bytes(self._buffer[:head_end]))
        if len(self._buffer) < head_end + length:
            return None
        message = bytes(self._buffer[: head_end + length])
        del self._buffer[: head_end + length]
        self._scanned = 0
        return message

    def _skip_keep_alives(self) -> None:
        while self._buffer.startswith((b"\r", b"\n")):
            if self._buffer.startswith(b"\r\n\r\n"):
                self.pings += 1
                del self._buffer[:4]
            elif b"\r\n\r\n".startswith(self._buffer):
                return  # may become a ping
            else:
                del self._buffer[:1]
            self._scanned = 0

    @staticmethod
    def _body_length(head: bytes) -> int:
        """What else is wrong with the message is no reason to lose the stream: `parse_message` refuses it alone."""
        start_line, headers, _ = _head_of(head.rstrip(b"\r\n"))
        lengths = set(headers.all("Content-Length"))
        text = lengths.pop() if len(lengths) == 1 else ""
        if not re.fullmatch(r"\d{1,9}", text):
            raise _refusal(400, "Content-Length is not valid", start_line, headers)
        if int(text) > MAX_BODY:
            raise _refusal(413, "body too large", start_line, headers)
        return int(text)
