"""Forks of a call's sound as raw linear PCM, with words about it as text before and between.

FreeSWITCH mod_audio_fork (drachtio) and mod_audio_stream, jambonz' `listen` and Vonage's WebSocket endpoint: the first
text is the metadata, then 20 ms of little-endian samples a message; stereo is interleaved caller, callee.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from engine.control.peers import Peer
from engine.facts import Fact, Transcript
from engine.ports.intake import Participant
from media.sockets import legs
from media.sockets.fields import parse_object, text, whole
from media.sockets.sound import Format, format_of
from media.sockets.wire import Act, ChannelSpec, Digit, Hold, Listener, Open, Parties, Resume, Send, Sound

Mix = Literal["", "mono", "stereo", "mixed"]


class Dialect(msgspec.Struct, frozen=True):
    """Where the metadata has what; the first path that is there counts."""

    correlation: dict[str, tuple[str, ...]]
    rate: tuple[str, ...] = ("sampleRate", "sample_rate", "rate")
    mix: tuple[str, ...] = ("mixType", "mix_type", "mix")
    mime: str = ""
    """`audio/l16;rate=16000`, where the format is said so."""
    digit: tuple[str, str] = ("event", "dtmf")
    """Field and value that mark a text as a key press."""


DIALECTS: dict[str, Dialect] = {
    "audio_fork": Dialect({"freeswitch-uuid": ("uuid", "callSid", "callId", "call_id")}),
    "audio_stream": Dialect({"freeswitch-uuid": ("uuid", "callSid", "callId", "call_id")}),
    "jambonz": Dialect({"jambonz-call": ("callSid",), "call-id": ("callId", "sipCallId", "sip_callid")}),
    "vonage": Dialect(
        {"vonage-uuid": ("uuid", "call_uuid"), "vonage-conversation": ("conversation_uuid",)},
        mime="content-type",
        digit=("event", "websocket:dtmf"),
    ),
}


class Fork(Listener):
    """One fork. Metadata that is no JSON object says nothing; then the peer's own `rate` and `channels` hold."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self._dialect = peer, DIALECTS[peer.protocol]
        self._format: Format | None = None
        self._streams: tuple[str, ...] = ()
        self._said: dict[str, Any] = {}

    def receive(self, data: str | bytes) -> Iterable[Act]:
        if self._format is None:
            yield self._open({} if isinstance(data, bytes) else _metadata(data))
            if isinstance(data, str):
                return
        if isinstance(data, bytes):
            assert self._format is not None
            for stream, samples in zip(self._streams, self._format.decode(data), strict=True):
                yield Sound(stream, samples)
        else:
            yield from self._word(_metadata(data))

    def _word(self, message: dict[str, Any]) -> Iterable[Act]:
        field, value = self._dialect.digit
        if message.get(field) == value or message.get("type") == "dtmf":
            yield Digit()
        elif message.get("event") in ("hold", "pause"):
            yield Hold()
        elif message.get("event") in ("unhold", "resume"):
            yield Resume()
        elif message:
            self._said |= message
            yield Parties(self._participants())

    def _open(self, message: dict[str, Any]) -> Open:
        self._said = message
        self._format = self._formatted(message)
        mono = self._format.channels == 1
        place = legs.place_of(text(message, "ch")) if mono else None
        self._streams = ("agent" if place == 1 else "customer",) if mono else ("caller", "callee")
        ids = {name: found for name, paths in self._dialect.correlation.items() if (found := text(message, *paths))}
        return Open(
            tuple(ChannelSpec(one, self._format.rate_hz) for one in self._participants()),
            legs.first(message, legs.FROM),
            legs.first(message, legs.TO),
            key=text(message, "call") if place is not None else "",
            correlation=ids,
        )

    def _formatted(self, message: dict[str, Any]) -> Format:
        mime, _, rest = text(message, self._dialect.mime).partition(";") if self._dialect.mime else ("", "", "")
        rate = next((found for path in self._dialect.rate if (found := whole(message, path)) is not None), None)
        if mime:
            said = rest.strip().partition("rate=")[2]
            return format_of(mime.strip(), said or 16_000)
        channels = {"stereo": 2, "mono": 1, "mixed": 1}.get(self._mix(message), self._peer.channels)
        return format_of("L16", rate or self._peer.rate, channels)

    def _mix(self, message: dict[str, Any]) -> str:
        return text(message, *self._dialect.mix)

    def _participants(self) -> tuple[Participant, ...]:
        """Stereo is caller, callee: which of them is the customer, the campaign's direction tells."""
        said = self._said
        if self._mix(said) == "mixed":
            return (Participant(self._streams[0], 0, legs.first(said, legs.FROM), mixed=True),)
        alone = len(self._streams) == 1 and legs.place_of(text(said, "ch")) is None
        caller, called = legs.first(said, legs.FROM), legs.first(said, legs.TO)
        first, second = legs.addresses(self._peer, legs.first(said, legs.AGENT), caller, called)
        parties = []
        for stream in self._streams:
            place = 1 if stream in ("agent", "callee") else 0
            aor = (second or called) if place else first
            name = text(said, "callerName") if not place else ""
            if len(self._streams) == 2 and self._peer.roles is None:
                parties.append(Participant(stream, place, aor, name, side="called" if place else "caller"))
            else:
                parties.append(legs.party(self._peer, stream, place, aor=aor, name=name, alone=alone))
        return tuple(parties)

    def told(self, facts: Sequence[Fact]) -> Iterable[Act]:
        """`transcription`, which FreeSWITCH hands to the dialplan as an event; only where the peer asks for it."""
        if not self._peer.transcripts or self._peer.protocol == "vonage":
            return
        for fact in facts:
            if isinstance(fact, Transcript):
                data = {"id": fact.call_id, "seq": fact.seq, "channel": fact.stream, "is_final": True}
                data |= {"transcript": fact.display or fact.text, "language": fact.language}
                yield Send(msgspec.json.encode({"type": "transcription", "data": data}).decode())


def _metadata(data: str) -> dict[str, Any]:
    """A JSON object; any other text says nothing. What looks like one and is not is malformed."""
    return parse_object(data) if data.lstrip().startswith("{") else {}
