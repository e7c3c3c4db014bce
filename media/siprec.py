"""SIPREC for the recording server (SRS): RFC 7866 bodies and RFC 7865 metadata in the dialects of the vendors.

Elements go by local name, since four namespaces and any prefix occur, and ids by either spelling (`stream_id`, `id`).
Metadata that cannot be read never refuses a call: the streams are then known by the order of their m-lines alone.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal
from xml.parsers import expat

from engine.ports import Participant
from media.sip.message import Headers, aor_of, parse_address, readable, split_addresses
from media.sip.multipart import Part

MAX_METADATA = 262_144
MAX_ELEMENTS = 4_000
MAX_DEPTH = 32

METADATA_TYPES = ("application/rs-metadata+xml", "application/rs-metadata")  # RFC 9806 corrects RFC 7866; both occur
SNAPSHOT_TYPE = "application/rs-metadata-request"
_DUMMY_AORS = ("asbce@asbce.com",)  # Avaya SBCE's placeholder until its UPDATE names the real participant


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


def correlation(headers: Headers, metadata: "Metadata | None") -> dict[str, str]:
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


# ─── metadata ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass(frozen=True)
class Party:
    """A participant of the recorded call."""

    id: str
    aor: str = ""
    """Lower case, without scheme; empty when unknown or a placeholder."""
    name: str = ""
    side: Literal["", "caller", "called"] = ""
    sends: tuple[str, ...] = ()
    """Stream ids."""
    gone: bool = False


@dataclasses.dataclass(frozen=True)
class Stream:
    id: str
    label: str = ""
    mixed: bool | None = None
    """None when the metadata does not say."""


@dataclasses.dataclass(frozen=True)
class Metadata:
    """A recording's metadata as it stands."""

    complete: bool
    parties: tuple[Party, ...]
    """In document order, which stands in for a missing association."""
    streams: tuple[Stream, ...]
    ids: tuple[tuple[str, str], ...] = ()


def merge(old: Metadata | None, new: Metadata) -> Metadata:
    """RFC 7865 §6.1: complete replaces, partial merges by id. A stream that the update gives to someone is taken from
    those whom it does not mention."""
    if old is None or new.complete:
        return new
    parties = {party.id: party for party in old.parties}
    given = {stream for party in new.parties for stream in party.sends}
    mentioned = {party.id for party in new.parties}
    for party in old.parties:
        if party.id not in mentioned:
            kept = tuple(stream for stream in party.sends if stream not in given)
            parties[party.id] = dataclasses.replace(party, sends=kept)
    for party in new.parties:
        parties[party.id] = _overlaid(parties.get(party.id), party)
    streams = {stream.id: stream for stream in old.streams}
    for stream in new.streams:
        before = streams.get(stream.id, stream)
        mixed = before.mixed if stream.mixed is None else stream.mixed
        streams[stream.id] = Stream(stream.id, stream.label or before.label, mixed)
    ids = dict(old.ids) | dict(new.ids)
    return Metadata(old.complete, tuple(parties.values()), tuple(streams.values()), tuple(ids.items()))


def _overlaid(old: Party | None, new: Party) -> Party:
    if old is None:
        return new
    return Party(
        new.id, new.aor or old.aor, new.name or old.name, new.side or old.side, new.sends or old.sends, gone=new.gone
    )


def participants(
    metadata: Metadata | None, lines: Sequence[tuple[int, str, str]], *, alone: bool
) -> tuple[Participant, ...]:
    """Who sends each line, for the accepted lines `(position, label, stream)` in order; `alone`: the offer has no other
    audio line.

    A stream goes with the metadata's stream of that label; when no label fits, by order. Its speaker is the participant
    who sends it; when no participant sends anything, by order again. A line alone carries everybody unless the
    metadata says `separate`: it is `mixed`, and every participant is listed with it."""
    streams = _streams_of(metadata, lines)
    present = [party for party in metadata.parties if not party.gone] if metadata else []
    anyone_sends = any(party.sends for party in present)
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


# ─── XML ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Element:
    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[_Element] = []
        self.text = ""

    def each(self, name: str) -> Iterator["_Element"]:
        return (child for child in self.children if child.name == name)

    def find(self, *names: str) -> "_Element | None":
        """The first descendant with one of these names."""
        for child in self.children:
            if child.name in names:
                return child
            if (deeper := child.find(*names)) is not None:
                return deeper
        return None

    def value(self, *names: str) -> str:
        """Text of the first descendant with one of these names."""
        found = self.find(*names)
        return found.text.strip() if found else ""

    def id(self, noun: str) -> str:
        return (self.attributes.get(f"{noun}_id") or self.attributes.get("id") or "").strip()


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _parse_xml(data: bytes) -> _Element:
    """A tree by local names in lower case. DOCTYPE (so every entity), too many elements and depth are refused."""
    root = _Element("", {})
    stack, count = [root], 0
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MAX_ELEMENTS or len(stack) > MAX_DEPTH:
            raise ValueError("metadata has too many elements")
        element = _Element(_local(name), {_local(key): value for key, value in attributes.items()})
        stack[-1].children.append(element)
        stack.append(element)

    def text(data: str) -> None:
        stack[-1].text += data

    def doctype(*_: object) -> None:
        raise ValueError("metadata must not have a DOCTYPE")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError("metadata is not XML") from error
    return root.children[0]


def parse_metadata(data: bytes) -> Metadata:
    """Raises `ValueError` for what is no recording metadata, has a DOCTYPE, or is over the limits."""
    if len(data) > MAX_METADATA:
        raise ValueError("metadata is too long")
    root = _parse_xml(data)
    if root.name not in ("recording", "recording_metadata"):
        raise ValueError("metadata has another root element")
    mode = next((child.text.strip().lower() for child in root.each("datamode")), "")
    streams = tuple(_stream(element) for element in root.each("stream"))
    return Metadata(mode != "partial", _parties(root), streams, _ids(root))


def _stream(element: _Element) -> Stream:
    mode = element.value("mode").lower()
    return Stream(element.id("stream"), element.value("label"), mode == "mixed" if mode else None)


def _parties(root: _Element) -> tuple[Party, ...]:
    sends: dict[str, list[str]] = {}
    gone: dict[str, bool] = {}
    for association in root.each("participantstreamassoc"):
        sent = [child.text.strip() for child in association.each("send")]
        sends.setdefault(association.id("participant"), []).extend(stream for stream in sent if stream)
    for association in root.each("participantsessionassoc"):
        left = any(True for _ in association.each("disassociate-time"))
        gone[association.id("participant")] = left
    found: dict[str, Party] = {}
    for element in root.each("participant"):
        party = _party(element, sends.pop(element.id("participant"), []))
        found[party.id] = dataclasses.replace(party, gone=gone.pop(party.id, False))
    for key, streams in sends.items():  # a partial update may associate without describing
        found[key] = Party(key, sends=tuple(streams), gone=gone.pop(key, False))
    for key, left in gone.items():
        found.setdefault(key, Party(key, gone=left))
    return tuple(_with_direction(root, list(found.values())))


def _party(element: _Element, sends: list[str]) -> Party:
    name_id = element.find("nameid")
    aor = (name_id.attributes.get("aor", "") if name_id else "") or element.value("aor")
    name = name_id.value("name") if name_id else ""
    calling = element.value("callingparty").lower()
    side: Literal["", "caller", "called"] = {"true": "caller", "false": "called"}.get(calling, "")  # type: ignore[assignment]
    own = [child.text.strip() for child in element.each("send")]
    clean = aor_of(aor)
    return Party(
        element.id("participant"),
        "" if clean in _DUMMY_AORS else clean,
        readable_name(name),
        side,
        tuple(dict.fromkeys(stream for stream in (*sends, *own) if stream)),
    )


def readable_name(text: str) -> str:
    """A display name on one line without quotes, at most 128 characters."""
    return " ".join(char for char in text.replace('"', " ").split() if char.isprintable())[:128]


def _with_direction(root: _Element, parties: list[Party]) -> list[Party]:
    """Sides from data about the whole call: Ribbon's callData headers, BroadWorks' numbers and kind of call."""
    calling = _user(root.value("fromhdr") or root.value("callingpartynumber"))
    called = _user(root.value("tohdr") or root.value("calledpartynumber"))
    sided = []
    for party in parties:
        user, side = _digits(party.aor.partition("@")[0]), party.side
        if not side and user and calling != called:
            side = "caller" if user == calling else "called" if user == called else ""
        sided.append(dataclasses.replace(party, side=side))
    return sided + _broadworks_user(root)


def _broadworks_user(root: _Element) -> list[Party]:
    """The BroadWorks user who is being recorded: one more address to find the agent by."""
    user = root.value("userid")
    if not user:
        return []
    side: Literal["", "caller", "called"] = ""
    if root.find("origcall") is not None:
        side = "caller"
    elif root.find("termcall") is not None:
        side = "called"
    return [Party(f"user:{user}", aor_of(user), side=side)]


def _user(address: str) -> str:
    """The digits of the user in a From or To value."""
    try:
        return _digits(aor_of(parse_address(address).uri).partition("@")[0])
    except ValueError:
        return _digits(address)


def _digits(text: str) -> str:
    return text.lstrip("+")


_ID_ELEMENTS = {
    "sipsessionid": "session-id",
    "ucid": "ucid",
    "avayaucid": "ucid",
    "callid": "vendor-call-id",
    "gcid": "gcid",
    "exttrackingid": "tracking-id",
}


def _ids(root: _Element) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for name, key in _ID_ELEMENTS.items():
        if value := root.value(name):
            found.setdefault(key, value.partition(";")[0] if key == "ucid" else value)
    if ids := [element.id("session") for element in root.each("session") if element.id("session")]:
        found["recording-session"] = ids[0]
    return tuple(found.items())


def asserted_identity(headers: Headers) -> tuple[str, str]:
    """AOR and name of the far caller: P-Asserted-Identity (RFC 3325), else From."""
    for value in split_addresses([*headers.all("P-Asserted-Identity"), *headers.all("From")[:1]]):
        try:
            address = parse_address(value)
        except ValueError:
            continue
        return aor_of(address.uri), readable(address.name)
    return "", ""
