"""What every socket protocol comes down to: acts that a wire asks for, and the adapter that reads them off it."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import msgspec

from engine.facts import Fact, Pcm16
from engine.ports.intake import Participant, Refusal

Protocols = Literal[
    "twilio",
    "telnyx",
    "plivo",
    "exotel",
    "vonage",
    "audiohook",
    "audiosocket",
    "chan_websocket",
    "audio_fork",
    "audio_stream",
    "jambonz",
]


class Malformed(ValueError):
    """The peer broke its protocol; the message names the rule, never what was sent."""


class ChannelSpec(msgspec.Struct, frozen=True):
    """One direction of sound on a socket."""

    participant: Participant
    rate_hz: int = 8000


class Open(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call (or one more leg of a call, when another socket has opened one of the same `key`) asks to come in."""

    channels: tuple[ChannelSpec, ...]
    from_aor: str = ""
    to_aor: str = ""
    key: str = ""
    """Sockets of one peer with the same key are legs of one call; empty stands alone."""
    correlation: dict[str, str] = {}


class Sound(msgspec.Struct, frozen=True, gc=False):
    stream: str
    samples: Pcm16
    """At the channel's rate."""
    position: int | None = None
    """Samples since the wire's own beginning; None: it follows what came before."""


class Hold(msgspec.Struct, frozen=True):
    """The peer sends no sound until `Resume`."""


class Resume(msgspec.Struct, frozen=True):
    pass


class Parties(msgspec.Struct, frozen=True):
    """What is known of who speaks has changed; the channels of this socket, whole."""

    participants: tuple[Participant, ...]


class Named(msgspec.Struct, frozen=True):
    """The peer has said which call this is. It opens with the first sound, however late that comes."""


class Digit(msgspec.Struct, frozen=True):
    """A key was pressed. Which one is nobody's business until a rule asks for it: it is not carried."""

    stream: str = ""


class End(msgspec.Struct, frozen=True):
    reason: str
    """As in `CallEnded`."""


class Send(msgspec.Struct, frozen=True):
    data: str | bytes


class Hangup(msgspec.Struct, frozen=True):
    """Close the connection. WebSocket close codes (RFC 6455 §7.4); over TCP it is just closed."""

    code: int = 1000
    text: str = ""


Act = Named | Open | Sound | Hold | Resume | Parties | Digit | End | Send | Hangup


class Adapter(Protocol):
    """One connection's state machine. Pure: messages in, acts out; it never waits and knows no socket."""

    def receive(self, data: str | bytes) -> Iterable[Act]:
        """The peer's next message, or over TCP its next bytes. Raises `Malformed`."""

    def admitted(self) -> Iterable[Act]:
        """The call of `Open` is served from now on."""

    def refused(self, refusal: Refusal) -> Iterable[Act]:
        """The call of `Open` is not taken: the protocol's own answer."""

    def hang_up(self, reason: str) -> Iterable[Act]:
        """We end the connection (`shutdown`, `error`, `malformed`…)."""

    def told(self, facts: Sequence[Fact]) -> Iterable[Act]:
        """Facts that were made of the call, for protocols that take them back. Not asked for a peer that reads
        slowly."""


REFUSAL_CODES = {"overloaded": 1013, "shutting_down": 1013, "forbidden": 1008, "unknown_number": 1008}
"""1013: try again later; 1008: policy."""


class Listener:
    """What most adapters do beside `receive`: they only listen."""

    def admitted(self) -> Iterable[Act]:
        return ()

    def refused(self, refusal: Refusal) -> Iterable[Act]:
        return (Hangup(REFUSAL_CODES[refusal.code], refusal.code),)

    def hang_up(self, reason: str) -> Iterable[Act]:
        code = {"shutdown": 1001, "malformed": 1007, "flood": 1008}.get(reason, 1011 if reason == "error" else 1000)
        return (Hangup(code, reason),)

    def told(self, facts: Sequence[Fact]) -> Iterable[Act]:
        return ()
