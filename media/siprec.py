"""SIPREC for the recording server (SRS, RFC 7866): finding it, its bodies, and who speaks on which line.

Metadata that cannot be read never refuses a call: the streams are then known by the order of their m-lines alone.
"""

import dataclasses
import re
from collections.abc import Sequence

from engine.ports.intake import Participant
from media.sip.address import aor_of, parse_address, readable, split_addresses
from media.sip.message import Headers
from media.sip.multipart import Part
from media.siprec_metadata import Metadata, Party, Stream

METADATA_TYPES = ("application/rs-metadata+xml", "application/rs-metadata")  # RFC 9806 corrects RFC 7866; both occur
SNAPSHOT_TYPE = "application/rs-metadata-request"


# ─── body and headers ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass(frozen=True)
class Payload:
    """What a body holds for us; other parts (ISUP, GTD) are passed over."""

    sdp: bytes | None = None
    metadata: bytes | None = None


def read_payload(parts: Sequence[Part]) -> Payload:
    """Picks SDP and metadata out of body parts in any order, by type, by disposition, or by how they begin."""
    sdp = metadata = None
    for part in parts:
        body = part.body.strip()
        if sdp is None and (part.content_type == "application/sdp" or (not part.content_type and body[:3] == b"v=0")):
            sdp = body
        elif metadata is None and (part.content_type in METADATA_TYPES or part.disposition == "recording-session"):
            metadata = body
    return Payload(sdp, metadata)


def is_siprec(headers: Headers, payload: Payload) -> bool:
    """RFC 7866 §6.1's `Require: siprec` or `+sip.src`; or their misspellings and absence, with metadata in the body."""
    required = any(token.lower() == "siprec" for token in headers.listed("Require"))
    contact = headers.get("Contact").lower()
    tagged = re.search(r";\s*(?:\+sip\.src|\+sip-src|\+sip-rec|src)\s*(?:[;=,]|$)", contact)
    return required or tagged is not None or payload.metadata is not None


def snapshot_request(reason: str) -> bytes:
    """Body of `SNAPSHOT_TYPE` that asks the SRC for complete metadata (RFC 7866 §8.1)."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n'
        "<requestsnapshot xmlns='urn:ietf:params:xml:ns:recording:1'>"
        f'<requestreason xml:lang="en">{reason}</requestreason></requestsnapshot>\r\n'
    ).encode()


_CORRELATION_HEADERS = {
    "session-id": "session-id",
    "cisco-guid": "cisco-guid",
    "user-to-user": "uui",
    "x-ucid": "ucid",
    "x-oracle-ucid": "ucid",
    "p-ocsbc-ucid": "ucid",
    "call-info": "call-info",
}


def correlation(headers: Headers, metadata: Metadata | None) -> dict[str, str]:
    """Ids by which other systems know the call, at most 32 of at most 256 characters."""
    ids = {"call-id": headers.get("Call-ID")}
    vendors: dict[str, str] = {}
    for name, value in headers.items:
        key = name.lower()
        if key in _CORRELATION_HEADERS:
            ids.setdefault(_CORRELATION_HEADERS[key], value)
        elif key.startswith(("x-ac-", "x-genesys-")):
            vendors.setdefault(key, value)
    if "encoding=hex" in ids.get("uui", "").replace(" ", "").lower():
        ids.setdefault("ucid", ids["uui"].partition(";")[0].strip())
    for key, value in metadata.ids if metadata else ():
        ids.setdefault(key, value)
    ids = ids | vendors
    return {key: readable(value)[:256] for key, value in list(ids.items())[:32] if value}


def participants(
    metadata: Metadata | None, lines: Sequence[tuple[int, str, str]], *, alone: bool
) -> tuple[Participant, ...]:
    """Who sends each line, for the accepted lines `(place, label, stream)` in order; `alone`: the offer has no other
    audio line.

    A stream goes with the metadata's stream of that label; when no label fits, by order. Its speaker is the participant
    who sends it, and nobody while all who did have left it; when no participant ever sent anything, by order again. A
    line alone carries everybody unless the metadata says `separate`: it is `mixed`, and every participant is listed
    with it."""
    streams = _streams_of(metadata, lines)
    present = [party for party in metadata.parties if not party.gone] if metadata else []
    anyone_sends = any(party.sends or party.left for party in present)
    found: list[Participant] = []
    for index, (position, _, name) in enumerate(lines):
        stream = streams[index]
        mixed = stream.mixed if stream and stream.mixed is not None else alone
        if mixed:
            found += _mixed(name, position, present)
            continue
        senders = [party for party in present if stream and stream.id and stream.id in party.sends]
        if not anyone_sends and index < len(present):
            senders = [present[index]]
        party = senders[0] if senders else Party("")
        found.append(Participant(name, position, party.aor, party.name, party.side))
    return tuple(found)


def _mixed(name: str, position: int, present: Sequence[Party]) -> list[Participant]:
    parties = present or [Party("")]
    return [Participant(name, position, party.aor, party.name, party.side, mixed=True) for party in parties]


def _streams_of(metadata: Metadata | None, lines: Sequence[tuple[int, str, str]]) -> list[Stream | None]:
    known = list(metadata.streams) if metadata else []
    by_label = {stream.label: stream for stream in known if stream.label}
    if any(label in by_label for _, label, _ in lines):
        return [by_label.get(label) for _, label, _ in lines]
    return [known[index] if index < len(known) else None for index in range(len(lines))]


def asserted_identity(headers: Headers) -> tuple[str, str]:
    """AOR and name of the far caller: P-Asserted-Identity (RFC 3325), else From."""
    for value in split_addresses([*headers.all("P-Asserted-Identity"), *headers.all("From")[:1]]):
        try:
            address = parse_address(value)
        except ValueError:
            continue
        return aor_of(address.uri), readable(address.name)
    return "", ""
