"""Untrusted JSON, read field by field with limits."""

from typing import Any

import msgspec

from media.sockets.wire import Malformed

LONGEST = 512
"""Of any text that is kept."""


def parse_object(message: str | bytes) -> dict[str, Any]:
    """A JSON object. Raises `Malformed`."""
    try:
        found = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Malformed("a message is no JSON") from None
    if not isinstance(found, dict):
        raise Malformed("a message is no JSON object")
    return found


def at(source: Any, path: str) -> Any:
    """What lies at `a.b.c`; None where something on the way is missing or no object."""
    for name in path.split("."):
        if not isinstance(source, dict):
            return None
        source = source.get(name)
    return source


def text(source: Any, *paths: str) -> str:
    """The first of the paths that holds text or a whole number, cut to `LONGEST`; else empty."""
    for path in paths:
        found = at(source, path)
        if isinstance(found, str) and found:
            return found[:LONGEST]
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)[:LONGEST]
    return ""


def whole(source: Any, path: str, most: int = 10**15) -> int | None:
    """A whole number, written as such or as text (Twilio's are). Raises `Malformed` when it is anything else."""
    found = at(source, path)
    if found is None:
        return None
    if isinstance(found, str) and found.isdecimal() and len(found) < 17:
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= most:
        raise Malformed(f"{path} is no number within bounds")
    return found
