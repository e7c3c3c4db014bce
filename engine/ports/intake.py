"""How a call comes in: what is offered, what its media tell while it goes on, and where it belongs.

Media offer a call to the `CallIntake` and serve it as an `IngestSession`; pipelines ask a `Router` whose call it is.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from engine.facts import Fact, Leg, Pcm16, SpeechSegment
from engine.vocabulary import Term

TAKEN_UP_S = 30.0
"""From this age on a call that is offered is not at its opening. Whoever knows no more than that says this."""


class Participant(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who sends a stream, as far as the signalling says."""

    stream: str
    position: int
    """Place of the stream among the lines of sound (or wire channels) that were offered, from 0; those that cannot be
    heard have theirs."""
    aor: str = ""
    """Address of record without scheme, e.g. `1001@pbx.example`; empty when unknown."""
    name: str = ""
    side: Literal["", "caller", "called"] = ""
    """By a vendor's direction data (callingParty, callType); empty when the vendor says nothing."""
    mixed: bool = False
    """One stream carries every speaker."""
    role: Literal["", "customer", "agent"] = ""
    """When the protocol itself says who it is (AudioHook's `external` and `internal`); empty elsewhere."""


class CallOffer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call that asks to come in."""

    call_id: str
    """UUIDv7, made at the edge."""
    protocol: Literal[
        "siprec",
        "sip",
        "file",
        "microphone",
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
        "rtpengine",
        "ari",
    ]
    peer: str
    """Address of the peer, `host:port/transport`."""
    from_aor: str
    to_aor: str
    """User parts may be numbers; routing to a campaign goes by `to_aor` and the participants."""
    participants: tuple[Participant, ...]
    correlation: dict[str, str] = {}
    """Vendor ids: `ucid`, `cisco-guid`, `session-id`, `call-id`…"""
    answered_at: float = 0.0
    """UNIX seconds."""
    else_aor: str = ""
    """Whose campaign takes the call where none of the others leads to one."""
    age_s: float = 0.0
    """For how long at least the people on it have talked with each other, by the peer's own clock; 0: not known. A
    call that is offered again, after the engine was away, has one."""


class ParticipantsChanged(msgspec.Struct, frozen=True):
    """Metadata came or changed (UPDATE, re-INVITE, transfer): the whole list as it stands now."""

    at_ms: int
    participants: tuple[Participant, ...]


class MediaNotice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hold, resume, suspension by silence, a new clock anchor, hold music, a notice that was played, or how well a
    stream comes; `stream` is empty for the whole call."""

    at_ms: int
    name: Literal[
        "call.held",
        "call.resumed",
        "stream.suspended",
        "stream.resumed",
        "media.clock_reset",
        "media.quality",
        "music.started",
        "music.ended",
        "notice.played",
    ]
    stream: str = ""
    data: dict[str, Any] = {}


class CallEnded(msgspec.Struct, frozen=True):
    at_ms: int
    reason: str
    """`bye`, `cancelled`, `peer_vanished`, `end_of_file`, `shutdown`, `error`…"""


class ClockTick(msgspec.Struct, frozen=True):
    """The audio clock has passed `at_ms` (about every 250 ms, also in silence): deadlines of rules are judged by it."""

    at_ms: int


MediaEvent = SpeechSegment | ParticipantsChanged | MediaNotice | ClockTick | CallEnded


Pause = Literal["whole", "reading"]
"""The words before it are whole; or a number is being read or spelt, and the next group of digits may follow."""


class IngestSession(Protocol):
    """One call's media, whatever the protocol: SIP, SIPREC, a file, later the platforms' sockets."""

    offer: CallOffer

    def events(self) -> AsyncIterator[MediaEvent]:
        """In order of media time per stream; ends after `CallEnded`. One reader."""

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        """16 kHz mono. At least the last 40 s are kept; what was lost or is not there (yet) is zeros."""

    def kept_from_ms(self, stream: str) -> int:
        """What was said on the stream before this is forgotten, and reads as zeros."""

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        """The engine's monotonic clock (ms) at which `at_ms` of the stream was spoken: the stamp `heard`."""

    def weigh_pause(self, stream: str, segment: int, end_ms: int, pause: Pause) -> None:
        """What the pause at `end_ms` of a segment is taken for, and so how long it is waited for. Comes too late where
        it has gone on or ended. A recording's segments are the same in every run: there it does nothing."""


@runtime_checkable
class FactReader(Protocol):
    """A session whose protocol takes back what is made of the call (AudioHook, jambonz)."""

    def told(self, facts: Sequence[Fact]) -> None:
        """Facts that have been committed, in order. Never waits and never raises; text in them is masked."""


class Notice(msgspec.Struct, frozen=True):
    """What the far end of a call is to hear from us, on calls in which we may send sound."""

    files: tuple[str, ...]
    """Sound files with the words, the best first; where none of them is, a bundled tone."""
    announced: bool
    """The notice is played at answer."""
    beep_every_s: int
    """While the call is recorded; 0: never."""


class CallIntake(Protocol):
    """What media hands an offered call to. Implemented by pipelines."""

    def admit(self, offer: CallOffer) -> "Refusal | None":
        """Decide at once, from headroom and routing; a `Refusal` becomes the protocol's own answer (SIP 503, 404…).
        A call that is let in has its place from now on: `begin` or `withdraw` must follow, whatever becomes of it."""

    def withdraw(self, offer: CallOffer) -> None:
        """An admitted call is not to begin any more: its place is free. Changes nothing for one that has begun."""

    def full(self) -> "Refusal | None":
        """Why no call at all would be admitted now: what a peer's pings are told."""

    def notice(self, offer: CallOffer) -> Notice | None:
        """What its far end is to hear; None: nothing."""

    def begin(self, session: IngestSession) -> None:
        """The call is answered: serve it until its events end. Returns at once; the intake owns the task."""


class Refusal(msgspec.Struct, frozen=True):
    code: Literal["overloaded", "forbidden", "unknown_number", "shutting_down"]
    retry_after_s: int = 0


class Routing(msgspec.Struct, frozen=True):
    """Where a call belongs, decided from the offer by `engine.control.routing`."""

    organisation_id: str
    campaign_id: str
    campaign: str
    direction: Literal["inbound", "outbound"]
    language: str
    """`es pt en` or empty: to be identified."""
    country: str
    region: str
    rule_packs: tuple[str, ...]
    knowledge: str
    """Name of the knowledge base."""
    members: Mapping[str, str]
    """AOR or extension (lower case, without scheme) → user id, for the campaign's members."""
    names: Mapping[str, str]
    """User id → name."""
    vocabulary: tuple[Term, ...] = ()
    """Names and products to be heard right."""
    recording: bool = False
    notice: bool = False
    """The far end of a recorded call is played a notice at answer, where we may send sound."""
    beep_s: int = 0
    """And a beep every so many seconds; 0: none."""
    retention_days: int = 0
    """Of the recording; 0: kept until somebody erases it."""
    name: str = ""
    """Of the campaign, as people know it."""
    agent_sentiment: bool = True
    """Whether feelings are read in what agents say; where not, in what the customer says alone."""


class Router(Protocol):
    def route(self, offer: CallOffer) -> Routing | None:
        """From a cached picture of campaigns and users; None when no campaign takes the number."""


class RoleDecision(msgspec.Struct, frozen=True):
    stream: str
    role: Leg
    rule: str
    """Which step of the algorithm decided: `override`, `protocol`, `member`, `vendor_direction`,
    `position`, `mixed`."""
    confidence: float
    user_id: str = ""
    """The member whose AOR or extension matched."""
