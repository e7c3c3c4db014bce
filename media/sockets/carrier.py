"""Carriers that stream calls as JSON with base64 sound: Twilio's Media Streams and those shaped like it.

https://www.twilio.com/docs/voice/media-streams/websocket-messages; the others differ by names, which are data.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from engine.control.peers import Peer
from media.sockets import legs
from media.sockets.fields import at, parse_object, text, whole
from media.sockets.sound import Format, format_of
from media.sockets.wire import Act, ChannelSpec, Digit, End, Listener, Malformed, Open, Sound

HELD_CHUNKS = 5
"""Chunks that wait for one before them; Telnyx does not promise their order."""


class Dialect(msgspec.Struct, frozen=True):
    """Where a carrier puts what. Paths are `a.b.c` from the message's top."""

    call: tuple[str, ...]
    stream: tuple[str, ...]
    encoding: str
    rate: str
    parameters: str
    """Object of what the user passed along: `from`, `to`, `agent`."""
    correlation: dict[str, str]
    from_: str = ""
    to: str = ""
    tracks: str = ""
    """List of the tracks to come; empty where the carrier does not say, and then both may."""
    chunk: str = "media.chunk"
    timestamp: str = "media.timestamp"
    unnamed: Literal["PCMU", "L16"] = "PCMU"
    """When the format is not said."""
    l16_big_endian: bool = False


DIALECTS: dict[str, Dialect] = {
    "twilio": Dialect(
        call=("start.callSid",),
        stream=("start.streamSid", "streamSid"),
        encoding="start.mediaFormat.encoding",
        rate="start.mediaFormat.sampleRate",
        parameters="start.customParameters",
        correlation={"twilio-call": "start.callSid", "twilio-stream": "start.streamSid"},
        tracks="start.tracks",
    ),
    "telnyx": Dialect(
        call=("start.call_session_id", "start.call_control_id"),
        stream=("stream_id",),
        encoding="start.media_format.encoding",
        rate="start.media_format.sample_rate",
        parameters="start.custom_parameters",
        correlation={"telnyx-session": "start.call_session_id", "telnyx-control": "start.call_control_id"},
        from_="start.from",
        to="start.to",
    ),
    "plivo": Dialect(
        call=("start.callId",),
        stream=("start.streamId", "streamId"),
        encoding="start.mediaFormat.encoding",
        rate="start.mediaFormat.sampleRate",
        parameters="extra_headers",
        correlation={"plivo-call": "start.callId", "plivo-stream": "start.streamId"},
        tracks="start.tracks",
    ),
    "exotel": Dialect(
        call=("start.call_sid",),
        stream=("stream_sid", "start.stream_sid"),
        encoding="start.media_format.encoding",
        rate="start.media_format.sample_rate",
        parameters="start.custom_parameters",
        correlation={"exotel-call": "start.call_sid"},
        from_="start.from",
        to="start.to",
        tracks="start.tracks",
        unnamed="L16",
    ),
}
"""Exotel's `start` names no tracks: its one stream is the caller's, as for all that leave `media.track` out."""


class _Order:
    """Chunks of one track in the order of their numbers."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, Sound] = {}

    def put(self, chunk: int | None, sound: Sound) -> Iterator[Sound]:
        if chunk is None or self._next is None or chunk == self._next:
            self._next = None if chunk is None else chunk + 1
            yield sound
        elif chunk > self._next:
            self._held[chunk] = sound
            if len(self._held) > HELD_CHUNKS:  # the missing one will not come
                self._next = min(self._held)
        while self._next in self._held:
            yield self._held.pop(self._next)
            self._next += 1

    def flush(self) -> Iterator[Sound]:
        yield from (self._held[chunk] for chunk in sorted(self._held))
        self._held.clear()


class Carrier(Listener):
    """One stream of a carrier. We never send: on a one-way stream Twilio takes that for an error (31924)."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self._dialect = peer, DIALECTS[peer.protocol]
        self._format: Format | None = None
        self._stream_id = ""
        self._order: dict[str, _Order] = {}
        self._over = False

    def receive(self, data: str | bytes) -> Iterable[Act]:
        if isinstance(data, bytes):
            raise Malformed("this carrier sends text alone")
        message = parse_object(data)
        event = at(message, "event")
        if event == "start" and self._format is None:
            yield self._start(message)
        elif event == "media" and not self._over:
            yield from self._media(message)
        elif event == "dtmf":
            yield Digit()
        elif event == "stop" and not self._over:
            yield from self._stop()

    def _stop(self) -> Iterable[Act]:
        self._over = True
        for order in self._order.values():
            yield from order.flush()
        yield End("bye")

    def _start(self, message: dict[str, Any]) -> Open:
        dialect = self._dialect
        encoding, rate = at(message, dialect.encoding), at(message, dialect.rate)
        self._format = format_of(encoding or dialect.unnamed, rate or 8000, big_endian=dialect.l16_big_endian)
        self._stream_id = text(message, *dialect.stream)
        said = _parameters(at(message, dialect.parameters))
        caller = text(message, dialect.from_) or legs.first(said, legs.FROM)
        called = text(message, dialect.to) or legs.first(said, legs.TO)
        aors = legs.addresses(self._peer, legs.first(said, legs.AGENT), caller, called)
        tracks = self._tracks(message)
        self._order = {track: _Order() for track in tracks}
        channels = tuple(
            ChannelSpec(
                legs.party(self._peer, track, place, aor=aors[place], alone=len(tracks) == 1), self._format.rate_hz
            )
            for track, place in tracks.items()
        )
        ids = {name: found for name, path in dialect.correlation.items() if (found := text(message, path))}
        return Open(channels, caller, called, correlation=ids)

    def _tracks(self, message: dict[str, Any]) -> dict[str, int]:
        """Track → its place: the caller's first."""
        if self._peer.protocol == "exotel":
            return {"inbound": 0}
        named = at(message, self._dialect.tracks) if self._dialect.tracks else ["inbound", "outbound"]
        names = {_track(name) for name in named if isinstance(name, str)} if isinstance(named, list) else set()
        return {name: place for place, name in enumerate(("inbound", "outbound")) if name in names} or {"inbound": 0}

    def _media(self, message: dict[str, Any]) -> Iterable[Act]:
        if self._format is None:
            raise Malformed("media came before start")
        if self._stream_id and (named := text(message, *self._dialect.stream)) and named != self._stream_id:
            raise Malformed("media of another stream")
        track = _track(text(message, "media.track") or "inbound")
        if track not in self._order:
            raise Malformed("media of a track that start did not name")
        payload = at(message, "media.payload")
        if not isinstance(payload, str):
            raise Malformed("media has no payload")
        try:
            raw = base64.b64decode(payload, validate=True)
        except (binascii.Error, ValueError):
            raise Malformed("a payload is no base64") from None
        at_ms = whole(message, self._dialect.timestamp)
        position = None if at_ms is None else at_ms * self._format.rate_hz // 1000
        sound = Sound(track, self._format.decode(raw)[0], position)
        yield from self._order[track].put(whole(message, self._dialect.chunk), sound)


def _track(name: str) -> str:
    return name.removesuffix("_track")


def _parameters(found: Any) -> dict[str, Any]:
    """An object, or Plivo's `a=b;c=d`."""
    if isinstance(found, dict):
        return found
    if not isinstance(found, str):
        return {}
    if found.lstrip().startswith("{"):
        return parse_object(found)
    pairs = (item.partition("=") for item in found[:4096].replace(",", ";").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}
