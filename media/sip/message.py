"""SIP messages as values: what the transaction and dialog machines take and give.

Header text is Latin-1, so that bytes which are echoed (Call-ID, tags, Via) come back unchanged whatever their encoding.
"""

import dataclasses
from collections.abc import Iterable
from functools import cached_property
from typing import Self

from sipmessage import Via

from media.sip.address import parse_vias, tag_of

# RFC 3261 §7.3.3 and the IANA registry of compact forms
COMPACT_FORMS = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    603: "Decline",
}


class Headers:
    """Immutable headers in order; names compare without case."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self.items = tuple(items)

    def get(self, name: str, default: str = "") -> str:
        """First value, or `default`."""
        wanted = name.lower()
        return next((value for key, value in self.items if key.lower() == wanted), default)

    def all(self, name: str) -> list[str]:
        """Every value, a header line each."""
        wanted = name.lower()
        return [value for key, value in self.items if key.lower() == wanted]

    def listed(self, name: str) -> list[str]:
        """Comma-separated tokens over all lines; not for headers whose values may hold quoted commas."""
        return [token.strip() for value in self.all(name) for token in value.split(",") if token.strip()]

    def adding(self, *items: tuple[str, str]) -> "Headers":
        return Headers((*self.items, *items))

    def replacing_first(self, name: str, value: str) -> "Headers":
        """The first header of that name with another value, in its place."""
        wanted, items, done = name.lower(), [], False
        for key, old in self.items:
            fits = key.lower() == wanted and not done
            items.append((key, value if fits else old))
            done = done or fits
        return Headers(items)

    def setting(self, name: str, value: str) -> "Headers":
        """One header of that name alone, where the first was or at the end."""
        if name not in self:
            return self.adding((name, value))
        first, *later = [index for index, (key, _) in enumerate(self.items) if key.lower() == name.lower()]
        kept = [item for index, item in enumerate(self.items) if index not in later]
        kept[first] = (name, value)
        return Headers(kept)

    def without(self, name: str) -> "Headers":
        wanted = name.lower()
        return Headers(item for item in self.items if item[0].lower() != wanted)

    def __contains__(self, name: str) -> bool:
        wanted = name.lower()
        return any(key.lower() == wanted for key, _ in self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.items == other.items

    def __hash__(self) -> int:
        return hash(self.items)

    def __repr__(self) -> str:
        return f"Headers({len(self.items)})"  # header text may name people and numbers, and reprs reach logs


@dataclasses.dataclass(frozen=True)
class _Message:
    headers: Headers
    body: bytes = b""

    @cached_property
    def call_id(self) -> str:
        return self.headers.get("Call-ID")

    @cached_property
    def cseq(self) -> int:
        return int(self.headers.get("CSeq", "0").split()[0])

    @cached_property
    def cseq_method(self) -> str:
        return self.headers.get("CSeq").split()[-1]

    @cached_property
    def from_tag(self) -> str:
        return tag_of(self.headers.get("From"))

    @cached_property
    def to_tag(self) -> str:
        return tag_of(self.headers.get("To"))

    @cached_property
    def via(self) -> Via:
        """The topmost Via."""
        return parse_vias(self.headers.get("Via"))[0]

    @cached_property
    def branch(self) -> str:
        """The topmost Via's branch; empty when it has none."""
        return self.via.parameters.get("branch") or ""

    @property
    def content_type(self) -> str:
        """Lower case, without parameters."""
        return self.headers.get("Content-Type").partition(";")[0].strip().lower()

    def changed(self, **changes: object) -> Self:
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def _to_bytes(self, start_line: str) -> bytes:
        lines = [start_line, *(f"{name}: {value}" for name, value in self.headers.items if name != "Content-Length")]
        head = "\r\n".join([*lines, f"Content-Length: {len(self.body)}"])
        return head.encode("latin-1", "replace") + b"\r\n\r\n" + self.body


@dataclasses.dataclass(frozen=True)
class Request(_Message):
    method: str = ""
    uri: str = ""

    def to_bytes(self) -> bytes:
        return self._to_bytes(f"{self.method} {self.uri} SIP/2.0")

    def respond(
        self, status: int, *extra: tuple[str, str], body: bytes = b"", to_tag: str = "", reason: str = ""
    ) -> "Response":
        """A response to this request: Via in order, From, To (with `to_tag` when it has none), Call-ID and CSeq are
        copied (RFC 3261 §8.2.6.2), Record-Route too (§12.1.1)."""
        copied = []
        for name, value in self.headers.items:
            if name in ("Via", "From", "Call-ID", "CSeq", "Record-Route"):
                copied.append((name, value))
            elif name == "To":
                tagged = to_tag and status != 100 and not tag_of(value)
                copied.append((name, f"{value};tag={to_tag}" if tagged else value))
        phrase = reason or REASONS.get(status, "Response")
        return Response(headers=Headers((*copied, *extra)), body=body, status=status, reason=phrase)


@dataclasses.dataclass(frozen=True)
class Response(_Message):
    status: int = 0
    reason: str = ""

    def to_bytes(self) -> bytes:
        return self._to_bytes(f"SIP/2.0 {self.status} {self.reason}")

    @property
    def final(self) -> bool:
        return self.status >= 200

    @property
    def success(self) -> bool:
        return 200 <= self.status < 300


Message = Request | Response


def reason_header(cause: int, text: str) -> tuple[str, str]:
    """Why a call ends, for whoever reads its BYE (RFC 3326)."""
    return ("Reason", f'SIP;cause={cause};text="{text}"')
