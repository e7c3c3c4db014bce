"""Addresses in SIP headers: URIs, Via, name-addr, AORs. `sipmessage`'s grammar, and what trunks really send.

All text is Latin-1 as in `message`; `readable` turns a display name into proper text.
"""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from sipmessage import URI, Address, Via

_Parsed = TypeVar("_Parsed")
# sipmessage's grammar wants a last host label of letters alone; RFC 3261's `toplabel` may hold digits ("sbc1")
_LOOSE_HOST = re.compile(
    r"^(?P<head>(?:sips?:(?:[^@<>\s]*@)?)|SIP\s*/\s*2\.0\s*/\s*[A-Za-z0-9]+ )"
    r"(?P<host>(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.?)(?=$|[:;,\s])"
)
_OTHER_SCHEME = re.compile(r"^(?!sips?:|tel:)[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$", re.IGNORECASE)
_NAME_ADDR = re.compile(r'^(?P<name>"(?:[^"\\]|\\.)*"|[^"<>,]*?)\s*<(?P<uri>[^<>\s]+)>\s*(?P<params>(?:;.*)?)$')
_URI_HEADERS = re.compile(r"\?[^@]*$")
_BARE_IPV6 = re.compile(r"(;\s*received\s*=\s*)([0-9A-Fa-f]*:[0-9A-Fa-f:.]+)")  # as RFC 3261 has it
_SPLIT_VIA = re.compile(r",\s*(?=SIP\s*/)")


def _strict(parse: Callable[[str], _Parsed], text: str) -> _Parsed:
    """sipmessage raises the same exception objects again and again: each would keep the frames of every failure, and
    with them every message that was not valid."""
    try:
        return parse(text)
    except ValueError as error:
        why = str(error)
        error.__traceback__ = error.__context__ = None
    raise ValueError(why)


def _one_blank(text: str) -> str:
    """Linear white space as one blank; `str.split` would also split at bytes of UTF-8 such as 0xA0."""
    return re.sub(r"[ \t]+", " ", text).strip(" ")


def parse_uri(text: str) -> URI:
    """A sip, sips or tel URI. Raises `ValueError`."""
    if len(text) > (_MAX_TEL if text[:4].lower() == "tel:" else _MAX_URI):
        raise ValueError("URI is not valid: it is too long")
    try:
        return _strict(URI.parse, text)
    except ValueError:
        text = _escaped(text)
        loose = _LOOSE_HOST.match(text)
        if loose is None:
            return _strict(URI.parse, text)
        uri = _strict(URI.parse, f"{loose['head']}host{text[loose.end() :]}")
        return dataclasses.replace(uri, host=loose["host"])


_MAX_URI = 2_048
_MAX_TEL = 256
"""sipmessage's pattern for numbers takes time with the cube of their length."""
_PARTS = re.compile(r"^(sips?:)(?:([^@<>\s\"]*)@)?([^;?<>\s\"@]+)((?:;[^<>\s\"?@]*)?)$", re.IGNORECASE)
_NOT_IN_USER = re.compile(r"[^A-Za-z0-9_.!~*/'()&=+$,;?:%-]")
_NOT_IN_PARAMETER = re.compile(r"[^A-Za-z0-9_.!~*/'()\[\]:&+$%-]")


def _escaped(text: str) -> str:
    """A URI with what its writer should have escaped: `#` in numbers, letters beyond ASCII, `==` of topology hiding."""
    parts = _PARTS.match(text)
    if parts is None:
        return text

    def escape(found: re.Match[str]) -> str:
        return f"%{ord(found[0]):02X}" if ord(found[0]) < 256 else "_"

    user = f"{_NOT_IN_USER.sub(escape, parts[2])}@" if parts[2] else ""
    named = (item.partition("=") for item in parts[4].split(";"))
    parameters = ";".join(f"{name}{equals}{_NOT_IN_PARAMETER.sub(escape, value)}" for name, equals, value in named)
    return f"{parts[1].lower()}{user}{parts[3]}{parameters}"


_VIA_VALUE = re.compile(r"(?<==)[^;,\s\"\[\]]+")
_NOT_IN_TOKEN = re.compile(r"[^A-Za-z0-9.!%*_+`'~:-]")


def parse_vias(text: str) -> list[Via]:
    """Every Via in one header line. Raises `ValueError`."""
    return [_parse_via(part) for part in _SPLIT_VIA.split(_BARE_IPV6.sub(r"\1[\2]", _one_blank(text)))]


def _parse_via(text: str) -> Via:
    try:
        return _strict(Via.parse, text)
    except ValueError:
        # branches in Base64 are no tokens, and yet they come
        text = _VIA_VALUE.sub(lambda value: _NOT_IN_TOKEN.sub(lambda it: f"%{ord(it[0]):02X}", value[0]), text)
        loose = _LOOSE_HOST.match(text)
        if loose is None:
            return _strict(Via.parse, text)
        via = _strict(Via.parse, f"{loose['head']}host{text[loose.end() :]}")
        return dataclasses.replace(via, host=loose["host"])


@dataclasses.dataclass(frozen=True)
class NameAddr:
    """A From, To, Contact, Route or P-Asserted-Identity value."""

    uri: str
    """As written, without angle brackets and without `?headers`."""
    name: str = ""
    parameters: str = ""
    """Header parameters as written, with the leading semicolon."""


def parse_address(text: str) -> NameAddr:
    """One address of any URI scheme; sip, sips and tel are held to their grammar. Raises `ValueError`."""
    text = _one_blank(text)
    bracketed = _NAME_ADDR.match(text)
    if bracketed is None:
        if "<" in text or '"' in text:
            raise ValueError("address is not valid")
        # RFC 3261 §20.10: without brackets every parameter is the header's, and "?" or "," are not allowed
        uri, _, parameters = text.partition(";")
        uri = uri.strip()
        if "?" in uri or "," in uri:
            raise ValueError("address needs angle brackets")
        found = NameAddr(uri, "", f";{parameters}" if parameters else "")
    else:
        name = bracketed["name"].strip()
        if name.startswith('"'):
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        found = NameAddr(_URI_HEADERS.sub("", bracketed["uri"]), name, bracketed["params"])
    if not _OTHER_SCHEME.match(found.uri):
        parse_uri(found.uri)
    if found.parameters:
        _strict(Address.parse, f"<sip:x>{found.parameters}")
    return found


_TAG = re.compile(r";\s*tag\s*=\s*([^\s;,>]+)", re.IGNORECASE)


def tag_of(address: str) -> str:
    """The tag of a From or To value; empty when it has none."""
    found = _TAG.search(address, max(address.rfind(">"), 0))
    return found[1] if found else ""


def split_addresses(values: Iterable[str]) -> list[str]:
    """Splits header lines of addresses at commas outside quotes and angle brackets, in linear time."""
    parts = []
    for value in values:
        start, quoted, bracketed, escaped = 0, False, False, False
        for at, char in enumerate(value):
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = quoted
            elif char == '"':
                quoted = not quoted and not bracketed
            elif quoted:
                continue
            elif char in "<>":
                bracketed = char == "<"
            elif char == "," and not bracketed:
                parts.append(value[start:at])
                start = at + 1
        parts.append(value[start:])
    return [part.strip() for part in parts if part.strip()]


def readable(text: str) -> str:
    """Latin-1 header text as people wrote it: UTF-8 where it is that, without control characters."""
    raw = text.encode("latin-1", "replace")
    with contextlib.suppress(UnicodeDecodeError):
        text = raw.decode()
    return "".join(char for char in text if char.isprintable()).strip()


def aor_of(uri: str) -> str:
    """Address of record: `user@host` in lower case without scheme, port and parameters; a tel URI is its number."""
    bare = uri.strip().strip("<>").lower()
    bare = re.sub(r"^(?:sips?|tel):", "", bare)
    user, at, host = bare.rpartition("@")
    host = re.sub(r"(?::\d+)?(?:[;?].*)?$", "", host)
    user = user.partition(";")[0]
    return f"{user}@{host}" if at else host
