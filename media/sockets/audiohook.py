"""Genesys AudioHook v2: JSON text as control, binary as sound. https://developer.genesys.cloud/devapps/audiohook

The client opens, pings, pauses and closes; we answer, and send what is made of the call as events.
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
import structlog

from engine.control.peers import Peer
from engine.facts import Fact, Suggestion, Transcript
from engine.ports.intake import Participant, Refusal
from media.sockets import legs
from media.sockets.fields import at, parse_object, text
from media.sockets.sound import Format, format_of
from media.sockets.wire import Act, ChannelSpec, End, Hangup, Hold, Malformed, Open, Parties, Resume, Send, Sound

log = structlog.get_logger()

NOBODY = str(uuid.UUID(int=0))
"""Conversation or participant of a connection probe, which is answered and makes no call."""
MAX_SECONDS = 24 * 3600
_DURATION = re.compile(r"PT(?:(\d{1,3})H)?(?:(\d{1,5})M)?(?:(\d{1,7}(?:\.\d{1,9})?)S)?")
_State = Literal["new", "asked", "open", "paused", "leaving", "closed"]


def seconds_of(duration: object) -> float:
    """An ISO 8601 duration of hours, minutes and seconds. Raises `Malformed`."""
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if found is None or not any(found.groups()):
        raise Malformed("a duration is not valid")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total > MAX_SECONDS:
        raise Malformed("a duration is longer than a day")
    return total


class AudioHook:
    """One session. `session_id` is the upgrade's `Audiohook-Session-Id`, empty when it had none."""

    def __init__(self, peer: Peer, session_id: str = "") -> None:
        self._peer, self._session_id = peer, session_id
        self._state: _State = "new"
        self._heard = self._said = 0
        self._chosen: dict[str, Any] = {}
        self._format = Format("PCMU")
        self._channels: tuple[str, ...] = ()
        self._position = 0
        """Samples: received, and told as discarded."""
        self._aor = {"external": "", "internal": ""}
        self._names = {"external": "", "internal": ""}
        self._muted = False

    # ─── the client speaks ───────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, data: str | bytes) -> Iterable[Act]:
        if self._state == "closed":
            return
        if isinstance(data, bytes):
            yield from self._sound(data)
            return
        message = self._envelope(data)
        parameters = at(message, "parameters")
        parameters = parameters if isinstance(parameters, dict) else {}
        kind = message["type"]
        if kind == "close":
            yield from self._close(parameters)
        elif self._state == "leaving":
            return
        elif kind == "open" and self._state == "new":
            yield from self._open(parameters)
        elif self._state in ("new", "asked") and kind != "error":
            raise Malformed("the first message is not open")
        else:
            yield from self._control(kind, parameters)

    def _control(self, kind: str, parameters: dict[str, Any]) -> Iterable[Act]:
        match kind:
            case "open":
                raise Malformed("a session opens once")
            case "ping":
                yield self._message("pong")
            case "paused":
                self._state = "paused"
                yield Hold()
            case "resumed":
                self._skip(parameters)
                self._state = "open"
                yield Resume()
            case "discarded":
                self._skip(parameters)
            case "update":
                yield self._message("updated")
                yield Parties(self._participants())
            case "error":
                log.warning("audiohook.error", peer=self._peer.name, code=text(parameters, "code")[:8])
                self._muted = self._muted or text(parameters, "code") == "429"
            case _:
                pass  # a later minor version's

    def _envelope(self, data: str) -> dict[str, Any]:
        message = parse_object(data)
        if message.get("version") != "2" or not isinstance(message.get("type"), str):
            raise Malformed("the envelope is not of version 2")
        named = text(message, "id")
        self._session_id = self._session_id or named
        if not named or named != self._session_id:
            raise Malformed("the message is of another session")
        self._heard += 1
        sequence, echoed = message.get("seq"), message.get("serverseq")
        if type(sequence) is not int or sequence != self._heard:
            raise Malformed("seq does not follow")
        if type(echoed) is not int or not 0 <= echoed <= self._said:
            raise Malformed("serverseq was not sent yet")
        return message

    def _open(self, parameters: dict[str, Any]) -> Iterable[Act]:
        self._state = "asked"
        conversation, person = text(parameters, "conversationId"), text(parameters, "participant.id")
        self._choose(parameters.get("media"))
        if NOBODY in (conversation, person) or not self._channels:
            yield from self.admitted()
            return
        caller, called = text(parameters, "participant.ani"), text(parameters, "participant.dnis")
        self._aor["external"] = caller
        self._names["external"] = text(parameters, "participant.aniName")
        extra = at(parameters, "customConfig")
        if isinstance(extra, dict):
            self._aor["internal"] = legs.first(extra, legs.AGENT)
        ids = {"genesys-conversation": conversation, "genesys-participant": person, "session-id": self._session_id}
        people = self._participants()
        rate = self._format.rate_hz
        yield Open(tuple(ChannelSpec(one, rate) for one in people), caller, called, correlation=ids)

    def _participants(self) -> tuple[Participant, ...]:
        return tuple(
            legs.party(self._peer, one, legs.place_of(one) or 0, aor=self._aor[one], name=self._names[one])
            for one in self._channels
        )

    def _choose(self, offered: object) -> None:
        """The offer that separates the speakers; kept whole, since the answer must equal it."""
        best = 0
        for item in offered[:32] if isinstance(offered, list) else ():
            channels = at(item, "channels")
            if at(item, "type") != "audio" or not isinstance(channels, list):
                continue
            names = [name for name in channels if name in ("external", "internal")]
            if len(names) != len(channels) or len(set(names)) != len(names) or not names:
                continue
            try:
                found = format_of(at(item, "format"), at(item, "rate"), len(names))
            except Malformed:
                continue
            worth = 2 * len(names) + (found.encoding == "PCMU")
            if worth > best:
                best, self._chosen, self._format, self._channels = worth, item, found, tuple(names)

    def _sound(self, data: bytes) -> Iterable[Act]:
        if self._state == "leaving":
            return
        if self._state != "open" or not self._channels:
            raise Malformed("sound came before opened or while paused")
        sounds = self._format.decode(data)
        position, self._position = self._position, self._position + len(sounds[0])
        for channel, samples in zip(self._channels, sounds, strict=True):
            yield Sound(channel, samples, position)

    def _skip(self, parameters: dict[str, Any]) -> None:
        self._position += round(seconds_of(parameters.get("discarded")) * self._format.rate_hz)

    def _close(self, parameters: dict[str, Any]) -> Iterable[Act]:
        reason = "error" if text(parameters, "reason") == "error" else "bye"
        self._state = "closed"
        yield self._message("closed")
        yield End(reason)

    # ─── we speak ────────────────────────────────────────────────────────────────────────────────────────────────────

    def admitted(self) -> Iterable[Act]:
        self._state = "open"
        return (self._message("opened", startPaused=False, media=[self._chosen] if self._channels else []),)

    def refused(self, refusal: Refusal) -> Iterable[Act]:
        self._state = "leaving"
        reason = "unauthorized" if refusal.code == "forbidden" else "error"
        return (self._message("disconnect", reason=reason, info=refusal.code),)

    def hang_up(self, reason: str) -> Iterable[Act]:
        """Asks the client to close; it is waited for."""
        if self._state in ("leaving", "closed"):
            return (Hangup(1000),)
        self._state = "leaving"
        why = "completed" if reason in ("shutdown", "bye") else "error"
        return (self._message("disconnect", reason=why, info=reason),)

    def told(self, facts: Sequence[Fact]) -> Iterable[Act]:
        """Transcripts and cards as `event` (entities `transcript` and `agentassist`), unless the peer gets none."""
        if self._state not in ("open", "paused") or self._muted or self._peer.transcripts is False:
            return ()
        entities = [entity for fact in facts if (entity := self._entity(fact)) is not None]
        return (self._message("event", entities=entities),) if entities else ()

    def _entity(self, fact: Fact) -> dict[str, Any] | None:
        if isinstance(fact, Transcript) and fact.stream in self._channels:
            shown = fact.display or fact.text
            said = {"confidence": fact.confidence, "interpretations": [{"type": "display", "transcript": shown}]}
            if fact.language:
                said["languages"] = [fact.language]
            data = {
                "id": _entity_id(fact),
                "channelId": self._channels.index(fact.stream),
                "isFinal": True,
                "offset": f"PT{fact.start_ms / 1000:.3f}S",
                "duration": f"PT{max(0, fact.end_ms - fact.start_ms) / 1000:.3f}S",
                "alternatives": [said],
            }
            return {"type": "transcript", "data": data}
        if isinstance(fact, Suggestion):
            card = {"type": "faq", "question": fact.title, "answer": fact.body, "confidence": fact.score}
            data = {"id": _entity_id(fact), "utterances": [], "suggestions": [card]}
            return {"type": "agentassist", "data": data}
        return None

    def _message(self, kind: str, **parameters: object) -> Send:
        self._said += 1
        envelope = {"version": "2", "id": self._session_id, "type": kind, "seq": self._said, "clientseq": self._heard}
        return Send(msgspec.json.encode(envelope | {"parameters": parameters}).decode())


def _entity_id(fact: Fact) -> str:
    """The same fact has the same id, whoever asks."""
    return str(uuid.uuid5(uuid.UUID(int=0), f"{fact.call_id}/{fact.seq}"))
