"""The five facts that flow one way, and the events beside them.

`AudioFrame → SpeechSegment → Transcript → Insight → Suggestion`, with `CallEvent` at their side. A fact is never edited
after it is made: new knowledge is a new fact that cites the `seq` of what it came from. The first two stay in the
process that holds the call; the last three and the events are durable, numbered by one counter a call (`seq`), and are
what the store keeps, the sockets carry and `replay` prints.

A `Draft` is not a fact: it is shown, never stored, cited or audited.

Times named `*_ms` are media time: milliseconds since answer on the audio clock. `Stamps` alone are on the engine's
monotonic clock.
"""

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Leg = Literal["customer", "agent", "mixed", "unknown"]
"""Who speaks on a stream, as known when the fact was made; readers that need the latest join `role.decided` by
stream."""

Language = Literal["es", "pt", "en"]

Pcm16 = NDArray[np.int16]
Samples = NDArray[np.float32]


class AudioFrame(msgspec.Struct, frozen=True):
    """A stretch of decoded sound of one stream. Never leaves its process."""

    stream: str
    start_ms: float
    samples: Samples
    """Mono at the stream's own rate (8,000 Hz for telephony), within ±1."""
    rate_hz: int


class SpeechSegment(msgspec.Struct, frozen=True):
    """Where speech lies on a stream, as the segmenter sees it now."""

    stream: str
    segment: int
    """Counts a stream's segments from 0; every state of one segment carries the same number."""
    state: Literal["started", "continues", "paused", "resumed", "ended"]
    """`paused` is the soft endpoint (a speculative final may start), `resumed` takes it back, `ended` is the hard
    one."""
    start_ms: int
    end_ms: int
    """End of the last voiced frame so far: the end of the last word by the VAD."""
    cut: bool = False
    """With `ended`: the segment was cut for length at a dip of the voice, and the speaker goes on."""
    voice: float = 1.0
    """The VAD's highest probability so far: near 1 for any clear word, lower for music and noises that resemble one."""
    lull: bool = False
    """With `continues`: a short silence lies behind `end_ms`, so that no word is cut off there."""
    gain: float = 1.0
    """What the VAD heard its voice so far raised by, at the least: above 1 where nobody has been loud on the stream for
    some seconds."""


class Stamps(msgspec.Struct, frozen=True, omit_defaults=True):
    """When each stage was reached, in milliseconds on the engine's monotonic clock (`time.monotonic() * 1000`)."""

    heard: float
    """End of the words that caused the fact."""
    transcribed: float | None = None
    decided: float | None = None
    shown: float | None = None
    """The browser's acknowledgement; unknown when the fact is made, sent after it as `stamped`."""


class Measured(msgspec.Struct, frozen=True, omit_defaults=True):
    """What differs from run to run. Equality of facts is equality of everything else."""

    stamps: Stamps | None = None
    latency_ms: dict[str, float] | None = None
    """Time spent by stage or model, e.g. `{"onnx": 1.4, "ears": 310.0}`."""
    host: str = ""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """The words that a fact rests on."""

    turn: int
    leg: Leg
    quote: str
    """The words as masked: never more than the transcript itself shows."""
    start: int
    end: int
    """Code points in the turn's spoken text before masking; `end` is exclusive."""
    start_ms: int = 0
    end_ms: int = 0


class _Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    call_id: str = msgspec.field(name="id")
    seq: int
    """One counter a call over all durable facts, from 1."""
    stream: str = ""
    """SDP label or wire channel; empty for a fact about the whole call."""
    leg: Leg = "unknown"
    start_ms: int = 0
    end_ms: int = 0
    measured: Measured | None = None


class Correction(msgspec.Struct, frozen=True):
    """A word of the campaign's vocabulary that was put in the place of what recognition heard."""

    start: int
    end: int
    """Code points of `term` in the spoken text before masking; `end` is exclusive."""
    term: str
    heard: str
    """The words as they were recognised; no masked word is among them."""


class Transcript(_Fact, frozen=True, kw_only=True, omit_defaults=True, tag="transcript"):
    """A final: the spoken words of one utterance."""

    turn: int
    """For audio the transcript's own `seq`; for a transcript replay the index in the input's list of turns."""
    text: str
    """The spoken form, with digits withheld until judged (`[number]`) and private data masked by type (`[card]`)."""
    display: str = ""
    """For readers: numbers written, punctuation, casing. Empty when it is the same as `text`."""
    display_map: tuple[tuple[int, int, int, int], ...] = ()
    """Where the two differ in more than casing: start and end in `text`, start and end in `display`, of each stretch
    that is written otherwise; code points, ends exclusive, in order. All else is the same in both."""
    corrected: tuple[Correction, ...] = ()
    """What of `text` was put right by the campaign's vocabulary, in order."""
    language: str = ""
    confidence: float = 0.0


InsightKind = Literal["sentiment", "mood", "intent", "compliance", "entity"]
Outcome = Literal["violation", "satisfied", "event", "undecided"]


class Insight(_Fact, frozen=True, kw_only=True, omit_defaults=True, tag="insight"):
    """What a model or a rule read in one or more transcripts."""

    kind: InsightKind
    turn: int
    """The turn it rests on (see `Transcript.turn`)."""
    value: str = ""
    """sentiment and mood: `negative neutral positive`; intent: its name; compliance: the rule's title; entity: as
    masked."""
    score: float = 0.0
    lean: float = 0.0
    """mood: where it stands between −1 (negative) and 1 (positive), which `value` is the name of."""
    evidence: tuple[Evidence, ...] = ()
    # kind "compliance"
    rule: str = ""
    rule_version: str = ""
    outcome: Outcome | None = None
    severity: Literal["", "info", "warning", "critical"] = ""
    action: str = ""
    source: str = ""
    because: str = ""
    """What it rests on beside words: the called party's local time, a count, a list; in the campaign's language."""
    # kind "entity"
    entity_type: str = ""
    start: int | None = None
    end: int | None = None
    last4: str = ""


class Suggestion(_Fact, frozen=True, kw_only=True, omit_defaults=True, tag="suggestion"):
    """A card for the agent."""

    turn: int
    article: str
    """Id of the knowledge article (its file's stem)."""
    title: str
    body: str
    """The passage to say or to do, in the call's language; Markdown without links."""
    score: float
    trigger: str = ""
    """What called for it: an intent's name or `question`."""
    evidence: tuple[Evidence, ...] = ()


EventName = Literal[
    "call.ringing",
    "call.answered",
    "call.held",
    "call.resumed",
    "call.transferred",
    "call.claimed",
    "call.ended",
    "role.decided",
    "text.settled",
    "withdrawn",
    "capture.started",
    "capture.ended",
    "recording.started",
    "recording.paused",
    "recording.resumed",
    "recording.silenced",
    "recording.failed",
    "notice.played",
    "media.clock_reset",
    "media.quality",
    "music.started",
    "music.ended",
    "language.decided",
    "stream.suspended",
    "stream.resumed",
    "load.shed",
    "ears.lost",
    "ears.back",
    "dnc.requested",
    "card.withheld",
    "card.worded",
    "card.accepted",
    "card.dismissed",
    "card.wrong",
    "alert.judged",
    "playbook.changed",
    "dead_air",
    "talk.measured",
    "qa.judged",
    "qa.scored",
    "qa.reviewed",
    "wrap_up.proposed",
    "wrap_up.confirmed",
]
"""The closed list of event names; the README's table is tested against it."""


class CallEvent(_Fact, frozen=True, kw_only=True, omit_defaults=True, tag="event"):
    """Something that happened to the call; `data` by name is documented in the README.

    `role.decided {role, rule, confidence, from_ms}` · `text.settled {turn, text, masks, display, display_map}`: what a
    withheld run was, and the turn's text now, with the form for readers where that differs · `withdrawn {of: [seq…],
    reason}` · `card.worded {of, article, text, sources}`: the card's answer in whole sentences · `call.ended {reason}`.
    """

    name: EventName
    data: dict[str, Any] = {}


Fact = Transcript | Insight | Suggestion | CallEvent


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="draft"):
    """Words that may still change: a partial or a speculative final. A later revision of the same segment replaces it;
    the `Transcript` of the segment's span removes it."""

    call_id: str = msgspec.field(name="id")
    stream: str
    leg: Leg
    segment: int
    revision: int
    start_ms: int
    end_ms: int
    text: str
    """Masked like a transcript's text: a run of two or more digits is `[number]`."""
    stable: int = 0
    """Code points at the start of `text` that agreed in two decodes and will hardly change."""
    language: str = ""
    measured: Measured | None = None


def encode(fact: Fact | Draft) -> bytes:
    """The one JSON form of a fact: on the socket, on the bus and in `replay`'s output."""
    return msgspec.json.encode(fact)


_decoder: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)


def decode(data: bytes) -> Fact:
    """Inverse of `encode` for durable facts. Raises `msgspec.ValidationError`."""
    return _decoder.decode(data)
