"""Asterisk's chan_websocket: control as text (plain or JSON), the channel's codec as binary without headers.

https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/. One socket carries one direction; sockets that name
the same `call` (channel variable, or `v(call=…,ch=…)` in the URI) are legs of one call.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from engine.control.peers import Peer
from engine.ports.intake import Refusal
from media.sockets import legs
from media.sockets.fields import at, parse_object, text
from media.sockets.sound import Format, format_of
from media.sockets.wire import (
    Act,
    ChannelSpec,
    Digit,
    Listener,
    Malformed,
    Open,
    Send,
    Sound,
)

MAX_WORDS = 64
_SLIN = {"slin": 8000, "slin12": 12_000, "slin16": 16_000, "slin24": 24_000, "slin32": 32_000, "slin44": 44_100}
_SLIN |= {"slin48": 48_000}


def channel_format(name: str) -> Format:
    """Asterisk's name of a codec. Raises `Malformed` for those that pass through undecoded (Opus, G.729…)."""
    name = name.lower()
    return Format("L16", _SLIN[name]) if name in _SLIN else format_of(name)


class ChanWebSocket(Listener):
    """One socket. `query` is the URI's."""

    def __init__(self, peer: Peer, query: Mapping[str, str]) -> None:
        self._peer, self._query = peer, query
        self._format: Format | None = None
        self._stream = ""
        self._json = False

    def receive(self, data: str | bytes) -> Iterable[Act]:
        if isinstance(data, bytes):
            if self._format is None:
                raise Malformed("sound came before MEDIA_START")
            yield Sound(self._stream, self._format.decode(data)[0])
            return
        self._json = data.lstrip().startswith("{")
        message = parse_object(data) if self._json else _plain(data)
        match text(message, "event"):
            case "MEDIA_START" if self._format is None:
                yield self._open(message)
            case "DTMF_END":
                yield Digit(self._stream)

    def _open(self, message: dict[str, Any]) -> Open:
        self._format = channel_format(text(message, "format"))
        variables = at(message, "channel_variables")
        said = {**self._query, **(variables if isinstance(variables, dict) else {})}
        place = legs.place_of(text(said, "ch"))
        self._stream = "agent" if place == 1 else "customer"
        caller, called = legs.first(said, legs.FROM), legs.first(said, legs.TO)
        aors = legs.addresses(self._peer, legs.first(said, legs.AGENT), caller, called)
        party = legs.party(self._peer, self._stream, place or 0, aor=aors[place or 0], alone=place is None)
        ids = {"asterisk-channel": text(message, "channel_id"), "asterisk-connection": text(message, "connection_id")}
        ids = {name: value for name, value in ids.items() if value}
        key = text(said, "call") if place is not None else ""
        return Open((ChannelSpec(party, self._format.rate_hz),), caller, called, key=key, correlation=ids)

    def _command(self, name: str) -> Send:
        return Send(msgspec.json.encode({"command": name}).decode() if self._json else name)

    def admitted(self) -> Iterable[Act]:
        return (self._command("ANSWER"),)

    def refused(self, refusal: Refusal) -> Iterable[Act]:
        return (self._command("HANGUP"), *super().refused(refusal))

    def hang_up(self, reason: str) -> Iterable[Act]:
        return (self._command("HANGUP"), *super().hang_up(reason))


def _plain(data: str) -> dict[str, Any]:
    """`MEDIA_START connection_id:… format:ulaw …`."""
    words = data.split(maxsplit=MAX_WORDS)
    if not words or not words[0].isascii() or len(words) > MAX_WORDS:
        raise Malformed("a control message has no name")
    pairs = (word.partition(":") for word in words[1:])
    return {name: value for name, colon, value in pairs if colon} | {"event": words[0]}
