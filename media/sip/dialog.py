"""A dialog's state (RFC 3261 §12): tags, route set, targets and sequence numbers, and the requests made from it."""

import dataclasses
import re

from media.sip.address import NameAddr, parse_address, split_addresses
from media.sip.message import Headers, Request, Response

Key = tuple[str, str, str]
"""Call-ID, local tag, remote tag."""


@dataclasses.dataclass
class Dialog:
    """One side of a dialog. Requests come without Via: the endpoint adds it for the flow that they take."""

    call_id: str
    local: str
    """Our From or To value, tag included."""
    remote: str
    local_tag: str
    remote_tag: str
    remote_target: str
    """URI of the peer's Contact."""
    route_set: tuple[str, ...]
    """Route values in the order in which a request of ours visits them."""
    contact: str
    """Our Contact value."""
    local_cseq: int = 0
    remote_cseq: int = -1

    @classmethod
    def of_server(cls, request: Request, local_tag: str, contact: str) -> "Dialog":
        """From an INVITE that we answer: the route set is Record-Route in order (§12.1.1)."""
        to = request.headers.get("To")
        return cls(
            call_id=request.call_id,
            local=f"{to};tag={local_tag}",
            remote=request.headers.get("From"),
            local_tag=local_tag,
            remote_tag=request.from_tag,
            remote_target=_contact_of(request) or _uri(request.headers.get("From")),
            route_set=tuple(split_addresses(request.headers.all("Record-Route"))),
            contact=contact,
            remote_cseq=request.cseq,
        )

    @classmethod
    def of_client(cls, request: Request, response: Response, contact: str) -> "Dialog":
        """From a 2xx to our INVITE: the route set is Record-Route in reverse (§12.1.2)."""
        return cls(
            call_id=request.call_id,
            local=request.headers.get("From"),
            remote=response.headers.get("To"),
            local_tag=request.from_tag,
            remote_tag=response.to_tag,
            remote_target=_contact_of(response) or request.uri,
            route_set=tuple(reversed(split_addresses(response.headers.all("Record-Route")))),
            contact=contact,
            local_cseq=request.cseq,
        )

    @property
    def key(self) -> Key:
        return (self.call_id, self.local_tag, self.remote_tag)

    def request(self, method: str, *extra: tuple[str, str], body: bytes = b"") -> Request:
        """A new request within the dialog, one CSeq on (§12.2.1.1)."""
        self.local_cseq += 1
        return self._make(method, self.local_cseq, extra, body)

    def ack(self, cseq: int, *extra: tuple[str, str], body: bytes = b"") -> Request:
        """The ACK to a 2xx of the INVITE with that CSeq (§13.2.2.4)."""
        return self._make("ACK", cseq, extra, body)

    def again(self, request: Request, headers: Headers) -> Request:
        """The request once more with other headers, one CSeq on: for a challenge or an interval that was too small."""
        self.local_cseq += 1
        return request.changed(headers=headers.setting("CSeq", f"{self.local_cseq} {request.method}"))

    def takes(self, request: Request) -> bool:
        """Whether a request of the peer is in order (§12.2.2); remembers its CSeq. ACK and CANCEL bear the INVITE's."""
        if request.method in ("ACK", "CANCEL"):
            return True
        if request.cseq <= self.remote_cseq:
            return False
        self.remote_cseq = request.cseq
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """Target refresh by INVITE and UPDATE and their answers (§12.2.2)."""
        self.remote_target = _contact_of(message) or self.remote_target

    def next_hop(self) -> str:
        """URI of where a request of ours goes first."""
        return _uri(self.route_set[0]) if self.route_set else self.remote_target

    def _make(self, method: str, cseq: int, extra: tuple[tuple[str, str], ...], body: bytes) -> Request:
        uri, routes = self.remote_target, list(self.route_set)
        if routes and not re.search(r";\s*lr\b", routes[0], re.IGNORECASE):
            # a strict router (RFC 2543): it goes into the Request-URI, and the target behind all routes
            uri, routes = _uri(routes[0]), [*routes[1:], f"<{self.remote_target}>"]
        headers = [("Max-Forwards", "70"), *(("Route", route) for route in routes)]
        headers += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id), ("CSeq", f"{cseq} {method}")]
        if method in ("INVITE", "UPDATE", "OPTIONS", "REFER", "NOTIFY"):
            headers.append(("Contact", self.contact))
        return Request(headers=Headers((*headers, *extra)), body=body, method=method, uri=uri)


def _contact_of(message: Request | Response) -> str:
    for value in split_addresses(message.headers.all("Contact"))[:1]:
        return _parsed(value).uri
    return ""


def _uri(value: str) -> str:
    return _parsed(value).uri


def _parsed(value: str) -> NameAddr:
    try:
        return parse_address(value)
    except ValueError:  # checked at the edge for all but tolerated forms such as `*`
        return NameAddr(value.strip("<>"))
