"""What an INVITE, re-INVITE or UPDATE asks for in its body: SDP, recording metadata, or a reason to refuse it."""

import dataclasses

import structlog

from media import siprec
from media.sip.endpoint import ACCEPT
from media.sip.message import Request
from media.sip.multipart import split_body
from media.sip.sdp import Sdp, parse_sdp
from media.siprec_metadata import Metadata, parse_metadata

log = structlog.get_logger()

_TYPES = ("application/sdp", *siprec.METADATA_TYPES)


class Unacceptable(ValueError):
    """A body or its headers that the request is refused for."""

    def __init__(self, status: int, *headers: tuple[str, str]) -> None:
        super().__init__(str(status))
        self.status, self.headers = status, headers


@dataclasses.dataclass(frozen=True)
class Body:
    """A readable body."""

    sdp: Sdp | None
    metadata: Metadata | None
    unreadable_metadata: bool
    recording: bool
    """The request is SIPREC's, by headers or by body."""


def read_body(request: Request) -> Body:
    """Raises `Unacceptable` with the status that RFC 3261 §8.2.3 and §21.4 want."""
    kind = request.content_type
    if request.body and (request.headers.get("Content-Encoding", "identity").lower() != "identity"):
        raise Unacceptable(415, ("Accept-Encoding", "identity"))
    if request.body and not kind.startswith("multipart/") and kind not in _TYPES:
        raise Unacceptable(415, ACCEPT)
    if request.method == "INVITE" and not _takes_sdp(request):
        raise Unacceptable(406)
    try:
        payload = siprec.read_payload(split_body(request.headers.get("Content-Type"), request.body))
        sdp = parse_sdp(payload.sdp) if payload.sdp else None
    except ValueError:
        raise Unacceptable(400) from None
    metadata = _metadata(payload.metadata)
    unreadable = payload.metadata is not None and metadata is None
    return Body(sdp, metadata, unreadable, siprec.is_siprec(request.headers, payload))


def _metadata(data: bytes | None) -> Metadata | None:
    if data is None:
        return None
    try:
        return parse_metadata(data)
    except ValueError as error:
        log.warning("siprec.unreadable_metadata", why=str(error), size=len(data))
        return None


def _takes_sdp(request: Request) -> bool:
    """Whether the peer takes an SDP answer; without Accept it does (§20.1)."""
    if "Accept" not in request.headers:
        return True
    kinds = [token.partition(";")[0].strip().lower() for token in request.headers.listed("Accept")]
    return any(kind in ("application/sdp", "application/*", "*/*") for kind in kinds)
