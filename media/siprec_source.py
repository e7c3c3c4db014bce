"""The sending side of SIPREC (an SRC): the bodies that `caller` puts into its requests."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import msgspec

from media.sip.multipart import join_parts

_BOUNDARY = "welcomedly-recording-boundary"
METADATA_TYPE = "application/rs-metadata+xml"
MULTIPART: tuple[str, str] = ("Content-Type", f"multipart/mixed;boundary={_BOUNDARY}")
DISPOSITION: tuple[str, str] = ("Content-Disposition", "recording-session")


class RecordedParty(msgspec.Struct, frozen=True):
    """A participant, and the label of the line that carries what it says."""

    label: str
    aor: str = ""
    """With or without scheme; empty: the metadata has no nameID for it."""
    name: str = ""
    calling: bool | None = None
    """Oracle's `callingParty`; None leaves it out."""


def metadata_of(
    parties: Sequence[RecordedParty],
    *,
    session: str = "session-1",
    mode: Literal["complete", "partial"] = "complete",
    began_at: float = 0.0,
) -> bytes:
    """RFC 7865 metadata; ids are derived from labels, so that later updates mean the same streams and people.
    `began_at` is when all of them had joined, in UNIX seconds; 0 leaves it out."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>', "<recording xmlns='urn:ietf:params:xml:ns:recording:1'>"]
    out.append(f"<datamode>{mode}</datamode><session session_id={quoteattr(session)}/>")
    for party in parties:
        out.append(_participant(party))
        stream = quoteattr(f"stream-{party.label}")
        out.append(f"<stream stream_id={stream} session_id={quoteattr(session)}>")
        out.append(f"<label>{escape(party.label)}</label></stream>")
    for party in parties:
        out.append(f"<participantstreamassoc participant_id={quoteattr(f'party-{party.label}')}>")
        out += [f"<send>stream-{escape(party.label)}</send>"]
        out += [f"<recv>stream-{escape(other.label)}</recv>" for other in parties if other is not party]
        out.append(f"{_associate_time(began_at)}</participantstreamassoc>")
    return "\r\n".join([*out, "</recording>"]).encode()


def _associate_time(began_at: float) -> str:
    if not began_at:
        return ""
    began = datetime.datetime.fromtimestamp(began_at, datetime.UTC)
    return f"<associate-time>{began.isoformat(timespec='milliseconds')}</associate-time>"


def _participant(party: RecordedParty) -> str:
    aor, shown = _readable(party.aor), _readable(party.name)
    aor = aor if not aor or ":" in aor.partition("@")[0] else f"sip:{aor}"
    name = f"<name>{escape(shown)}</name>" if shown else ""
    name_id = f"<nameID aor={quoteattr(aor)}>{name}</nameID>" if aor else ""
    calling = ""
    if party.calling is not None:
        flag = "true" if party.calling else "false"
        calling = (
            '<extensiondata xmlns:apkt="http://acmepacket.com/siprec/extensiondata">'
            f"<apkt:callingParty>{flag}</apkt:callingParty></extensiondata>"
        )
    return f"<participant participant_id={quoteattr(f'party-{party.label}')}>{name_id}{calling}</participant>"


def _readable(text: str) -> str:
    """XML has no way to write a control character (XML 1.0 §2.2): with one, all of the metadata would be refused."""
    return "".join(char for char in text if char.isprintable())


_HEADERS = {"session-id": "Session-ID", "cisco-guid": "Cisco-Guid", "uui": "User-to-User", "ucid": "X-UCID"}


def correlation_headers(ids: Mapping[str, str], call_id: str = "") -> list[tuple[str, str]]:
    """Ids that came with a call, under the names by which they are read (`media.siprec.correlation`). With our own
    `call_id`, a UUID, a call without a Session-ID (RFC 7989) gets that."""
    known = dict(ids)
    if call_id:
        known.setdefault("session-id", f"{call_id.replace('-', '')};remote={'0' * 32}")
    return [(header, known[key]) for key, header in _HEADERS.items() if known.get(key) and known[key].isprintable()]


def multipart_body(sdp: bytes, metadata: bytes) -> bytes:
    """The body of a SIPREC INVITE; its header is `MULTIPART`."""
    return join_parts(
        _BOUNDARY,
        ((("Content-Type", "application/sdp"),), sdp),
        ((("Content-Type", METADATA_TYPE), DISPOSITION), metadata),
    )
