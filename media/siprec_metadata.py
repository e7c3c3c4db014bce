"""Recording metadata (RFC 7865) in the dialects of the vendors, as values.

Elements go by local name, since four namespaces and any prefix occur, and ids by either spelling (`stream_id`, `id`).
"""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from typing import Literal
from xml.parsers import expat

from media.sip.address import aor_of, parse_address

MAX_METADATA = 262_144
MAX_ELEMENTS = 2_000
MAX_DEPTH = 32

_DUMMY_AORS = ("asbce@asbce.com",)  # Avaya SBCE's placeholder until its UPDATE names the real participant


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
    left: tuple[str, ...] = ()
    """Ids of streams that it sends no more."""
    gone: bool | None = None
    """It has left the call; None when the metadata does not say."""


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
    began_at: float = 0.0
    """UNIX seconds at which the last of those who take part joined, by the peer's clock; 0 when it does not say."""


def merge(old: Metadata | None, new: Metadata) -> Metadata:
    """RFC 7865 §6.1: complete replaces, partial merges by id. A stream that the update gives to someone is taken from
    those who had it, and one that somebody has left is taken from that one."""
    if old is None or new.complete:
        return new
    given = {stream for party in new.parties for stream in party.sends}
    parties = {
        party.id: dataclasses.replace(party, sends=tuple(stream for stream in party.sends if stream not in given))
        for party in old.parties
    }
    for party in new.parties:
        parties[party.id] = _overlaid(parties.get(party.id), party)
    streams = {stream.id: stream for stream in old.streams}
    for stream in new.streams:
        before = streams.get(stream.id, stream)
        mixed = before.mixed if stream.mixed is None else stream.mixed
        streams[stream.id] = Stream(stream.id, stream.label or before.label, mixed)
    ids = dict(old.ids) | dict(new.ids)
    began_at = max(old.began_at, new.began_at)
    return Metadata(old.complete, tuple(parties.values()), tuple(streams.values()), tuple(ids.items()), began_at)


def _overlaid(old: Party | None, new: Party) -> Party:
    if old is None:
        return new
    sends = new.sends or tuple(stream for stream in old.sends if stream not in new.left)
    left = tuple(dict.fromkeys(stream for stream in (*old.left, *new.left) if stream not in sends))
    gone = new.gone
    if gone is None and not new.sends:  # whoever sends is there, said or not
        gone = old.gone
    return Party(
        new.id, new.aor or old.aor, new.name or old.name, new.side or old.side, sends=sends, left=left, gone=gone
    )


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
    parser.buffer_text = True  # else every line of text is a call of its own

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
    except (expat.ExpatError, LookupError) as error:  # the latter for encodings that nobody knows
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
    return Metadata(mode != "partial", _parties(root), streams, _ids(root), _began_at(root))


def _stream(element: _Element) -> Stream:
    mode = element.value("mode").lower()
    return Stream(element.id("stream"), element.value("label"), mode == "mixed" if mode else None)


def _parties(root: _Element) -> tuple[Party, ...]:
    sends: dict[str, list[str]] = {}
    left: dict[str, list[str]] = {}
    for association in root.each("participantstreamassoc"):
        # RFC 7865 §6.8: with a disassociate-time it tells of what has been
        kept = left if _is_over(association) else sends
        sent = [child.text.strip() for child in association.each("send")]
        kept.setdefault(association.id("participant"), []).extend(stream for stream in sent if stream)
    gone = {one.id("participant"): _is_over(one) for one in root.each("participantsessionassoc")}
    found = {(party := _party(element)).id: party for element in root.each("participant")}
    for key in (*sends, *left, *gone):  # a partial update may associate without describing
        found.setdefault(key, Party(key))
    for key, party in found.items():
        streams = tuple(dict.fromkeys((*sends.get(key, ()), *party.sends)))
        over = tuple(stream for stream in left.get(key, ()) if stream not in streams)
        found[key] = dataclasses.replace(party, sends=streams, left=over, gone=gone.get(key))
    return tuple(_with_direction(root, list(found.values())))


def _is_over(association: _Element) -> bool:
    return any(child.text.strip() for child in association.each("disassociate-time"))


_JOINING = ("participantsessionassoc", "participantstreamassoc", "participant")


def _began_at(root: _Element) -> float:
    """The newest of the times at which people joined who are still there; 0 where not two of them have one. A session's
    `start-time` tells nothing: a caller may have waited since then for whom the call came to. Oracle has the times in
    the participants themselves."""
    joined = {
        element.id("participant"): max(map(_unix_time, times))
        for element in root.children
        if element.name in _JOINING and not _is_over(element)
        if (times := [child.text for child in element.each("associate-time")])
    }
    return max(joined.values()) if len(joined) >= 2 and all(joined.values()) else 0.0


def _unix_time(text: str) -> float:
    """0 for what is no time, or names no zone: it may be any."""
    try:
        moment = datetime.datetime.fromisoformat(text.strip())
        return moment.timestamp() if moment.tzinfo else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _party(element: _Element) -> Party:
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
        tuple(stream for stream in own if stream),
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
