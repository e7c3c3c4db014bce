"""The seams between the packages: what a pipeline asks of media, models and the platform, and what the web asks of
it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.facts import Draft, Fact, Leg, Pcm16, SpeechSegment
from engine.vocabulary import Term

# ─── media → pipelines ───────────────────────────────────────────────────────────────────────────────────────────────


class Participant(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who sends a stream, as far as the signalling says."""

    stream: str
    position: int
    """Index of the stream's m-line (or wire channel), from 0."""
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


class IngestSession(Protocol):
    """One call's media, whatever the protocol: SIP, SIPREC, a file, later the platforms' sockets."""

    offer: CallOffer

    def events(self) -> AsyncIterator[MediaEvent]:
        """In order of media time per stream; ends after `CallEnded`. One reader."""

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        """16 kHz mono. At least the last 40 s are kept; what was lost or is not there yet is zeros."""

    def monotonic_ms(self, stream: str, at_ms: int) -> float:
        """The engine's monotonic clock (ms) at which `at_ms` of the stream was spoken: the stamp `heard`."""


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
        """Decide at once, from headroom and routing; a `Refusal` becomes the protocol's own answer (SIP 503, 404…)."""

    def full(self) -> "Refusal | None":
        """Why no call at all would be admitted now: what a peer's pings are told."""

    def notice(self, offer: CallOffer) -> Notice | None:
        """What its far end is to hear; None: nothing."""

    def begin(self, session: IngestSession) -> None:
        """The call is answered: serve it until its events end. Returns at once; the intake owns the task."""


class Refusal(msgspec.Struct, frozen=True):
    code: Literal["overloaded", "forbidden", "unknown_number", "shutting_down"]
    retry_after_s: int = 0


# ─── pipelines → ears ────────────────────────────────────────────────────────────────────────────────────────────────

ListenKind = Literal["final", "speculation", "partial"]


class ListenJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """A window of sound to put into words."""

    job: int
    """Unique in this engine process."""
    call_id: str
    stream: str
    segment: int
    kind: ListenKind
    due: float
    """Deadline on `time.monotonic()`, seconds. Late finals still run; late partials are shed."""
    language: str = ""
    """`es pt en`: the campaign's, or of the words in `prefix`; empty: to be identified."""
    belief: Mapping[str, float] = {}
    """What the leg was believed to speak before this segment, shares by language: identification goes on from there.
    Empty: `language` it is."""
    after: tuple[tuple[str, int], ...] = ()
    """Stream and number of the call's segments that were said before this one, newest first: what it is heard after."""
    suspect: bool = False
    """The VAD was never sure of a voice: only clear words count, and nothing is carried over to the next segment."""
    prefix: str = ""
    """Stable words at the window's start (of earlier partials of the segment) that the decoder is made to begin
    with."""
    prompt: str = ""
    """The campaign's vocabulary, which the decoder may be told to have been said before. May be empty."""
    capture: bool = False
    """A number is being read: the repetition guard is off, since a number read aloud is a repetition."""


class HeardWord(msgspec.Struct, frozen=True):
    text: str
    start_ms: int
    end_ms: int
    """Relative to the window's start."""
    probability: float


class Heard(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a `ListenJob`."""

    job: int
    text: str
    language: str
    language_score: float = 0.0
    confidence: float = 0.0
    """exp of the mean token log-probability; what timestamps lose to those beside them is left out."""
    no_speech: float = 0.0
    belief: Mapping[str, float] = {}
    """What the leg is believed to speak after this segment; empty where nothing was identified."""
    words: tuple[HeardWord, ...] = ()
    queued_ms: float = 0.0
    run_ms: float = 0.0
    shed: str = ""
    """Non-empty: the job was not run, and why (`late`, `superseded`, `cancelled`, `load`). Never for a final."""


class Headroom(msgspec.Struct, frozen=True):
    """What `ears` can still take."""

    up: bool
    load: float
    """Share of worker time used over the last seconds, 0…1."""
    finals_late_ms: float
    """How far the oldest waiting final is past its deadline; 0 when none is."""
    partials: bool
    """Whether partials are run at all now."""


class Ears(Protocol):
    """Speech to words, in the process `ears`. Survives that process's crash: what it was sent is sent again."""

    async def listen(self, job: ListenJob, pcm: Pcm16, draft: Callable[[Heard], None] = ...) -> Heard:
        """`pcm` is 16 kHz mono. Finals always come, however late; raises `EarsClosed` only at shutdown.

        `draft` is called on the loop with words that are heard once more before they are answered; perhaps never.
        """

    def cancel(self, job: int) -> None: ...

    def promote(self, job: int, due: float) -> None:
        """The window of this speculation is the final's: if it still waits, it does so as a final, due at `due`. A job
        that is answered or unknown is left alone."""

    def forget(self, call_id: str) -> None:
        """The call is over and listens no more: its sound and words, kept as context, go from memory."""

    def headroom(self) -> Headroom: ...


# ─── pipelines → text models ─────────────────────────────────────────────────────────────────────────────────────────


class Scored(msgspec.Struct, frozen=True, omit_defaults=True):
    label: str
    score: float
    """Calibrated probability."""
    lean: float = 0.0
    """Sentiment alone: P(positive) − P(negative), −1…1. A neutral utterance may still lean to one side."""


class SpokenAct(msgspec.Struct, frozen=True):
    """A speech act that an utterance performs."""

    label: str
    """E.g. `recording_notice`, `asks_why_unpaid`, `opt_out`."""
    score: float
    """Calibrated probability."""
    part: int = 0
    """0: the whole utterance; n: its n-th sentence as `models.reading.spans_of` cuts it; −1: the utterance with the
    words before that it goes on from, and not alone."""


class Reading(msgspec.Struct, frozen=True):
    """What the text models say of one utterance."""

    vector: NDArray[np.float32]
    """float32[512], L2-normalised sentence embedding."""
    sentiment: Scored
    intents: tuple[Scored, ...]
    """Those over their calibrated thresholds, best first; empty means `none`."""
    acts: tuple[SpokenAct, ...]
    """Those over their calibrated thresholds, best first."""
    latency_ms: float
    """Wall time of this inference on ONNX Runtime, tokenizer included."""
    unlikely: frozenset[str] = frozenset()
    """Acts that are as good as ruled out: a phrase that matches is meant otherwise."""
    views: NDArray[np.float32] | None = None
    """float32[n, 512]: `vector`, then those of the utterance's sentences when it has several; None when not kept."""


class TextReader(Protocol):
    def read(self, text: str, before: str = "", language: str = "") -> Reading:
        """Blocking, 5–30 ms, thread-safe; call it from a worker thread. `text` is masked; `before` are the words of the
        same speaker that it goes on from without a pause."""


class Passage(msgspec.Struct, frozen=True):
    article: str
    title: str
    body: str
    language: str
    score: float
    """Calibrated: ≥ 0.5 deserves a card."""


class KnowledgeSearch(Protocol):
    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        """Best first. `vector` is a `Reading`'s, or its `views`, which saves embedding them again. Blocking, about 1 ms
        with views."""


# ─── pipelines → the platform ────────────────────────────────────────────────────────────────────────────────────────


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call's row: what lists and tiles show, nothing that was said."""

    call_id: str = msgspec.field(name="id")
    organisation_id: str
    campaign_id: str
    campaign: str
    """Its kind: `sales collections care`…"""
    direction: Literal["inbound", "outbound"]
    language: str
    country: str
    region: str = ""
    agent_id: str = ""
    """User whose desk has the call; empty until it is claimed."""
    agent_name: str = ""
    started_at: float = 0.0
    """UNIX seconds."""
    ended_at: float = 0.0
    """0 while live."""
    end_reason: str = ""
    protocol: str = ""


class FactSink(Protocol):
    """Where a pipeline puts what it made: first into the store, then onto the sockets."""

    async def opened(self, record: CallRecord) -> None:
        """Commits the call's row and its wrapped data key. Called once, before any fact."""

    async def publish(self, record: CallRecord, facts: Sequence[Fact]) -> None:
        """Durable when it returns (group commit), shown right after; facts come in order of `seq`."""

    def draft(self, record: CallRecord, draft: Draft) -> None:
        """To the sockets only; a newer draft of the same segment replaces one not yet sent."""

    async def changed(self, record: CallRecord) -> None:
        """The row changed (claimed, ended)."""


class ByteSink(Protocol):
    """A file in the making. Blocking: for a worker thread. A chunk that was taken survives the process."""

    def write(self, chunk: bytes) -> None:
        """Raises `OSError`."""

    def close(self) -> None:
        """Marks the file as whole. Raises `OSError`."""

    def abandon(self) -> None:
        """Closes it as it is, not whole. Does nothing after `close`."""


class RecordingFiles(Protocol):
    """Where recordings are kept. Implemented by `engine.recordings`."""

    async def begin(self, record: CallRecord, channels: int, retention_days: int) -> ByteSink:
        """An empty file for this call, which has been `opened`. Raises `OSError`, or the store's errors."""

    async def finish(self, record: CallRecord, length_ms: int) -> None:
        """The file is closed and so long."""


class DeskCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person at a desk or wall does to a live call."""

    name: Literal["claim", "shown", "card", "judge", "mark", "pause", "resume"]
    call_id: str = msgspec.field(name="id")
    seq: int = 0
    """shown, card, judge: the fact."""
    stream: str = ""
    segment: int = 0
    revision: int = 0
    """shown of a draft."""
    action: str = ""
    """card: `accepted`, `dismissed` or `wrong`; judge (an alert): `right` or `wrong`."""
    reason: str = ""
    """judge: why, in words; masked already."""
    at_ms: float = 0.0
    """Monotonic ms when the command reached the engine."""


class Person(msgspec.Struct, frozen=True):
    """Who is logged in."""

    user_id: str
    organisation_id: str
    name: str
    role: Literal["agent", "supervisor", "admin"]


class CallDesk(Protocol):
    """The web's only way to live calls. Implemented by `pipelines.calls`."""

    async def command(self, person: Person, command: DeskCommand) -> None:
        """Raises `NotFound` or `Forbidden`."""


Mask = Callable[[str, str, str], str]
"""(text, language, country) → the text as it may be stored: digits that make a card or an identity are masked. For what
people type; blocking, about a millisecond."""

Rows = Callable[[str], AsyncIterator[bytes]]
"""Organisation → its people's judgements as training rows, one JSON object each. Raises `Conflict` when the
organisation does not let them out."""


class SummaryWriter(Protocol):
    """Puts a wrap-up into whole sentences. Where a site has none, the call's own words stand."""

    async def write(self, proposal: Mapping[str, Any]) -> str:
        """The summary that takes the place of `proposal["summary"]`, in `proposal["language"]`; empty when it has
        nothing better. The proposal is the data of `wrap_up.proposed`: masked words alone. May take its time: whoever
        asks has a deadline."""


class CardQuestion(msgspec.Struct, frozen=True):
    """What a card is to answer, and what it may rest on."""

    text: str
    """The customer's words, masked."""
    language: str
    passages: tuple[Passage, ...]
    """The card's own first, then others that deserved a card as well."""


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """A passage that an answer cites as `[number]`."""

    number: int
    article: str
    title: str
    body: str


class WordedAnswer(msgspec.Struct, frozen=True):
    text: str
    sources: tuple[Source, ...]


class AnswerWriter(Protocol):
    """Words the answer to a card's question. Where a site has none, the passage stands."""

    async def answer(self, question: CardQuestion) -> WordedAnswer | None:
        """None when there is nothing that holds. May take its time; nobody waits for it."""


class FormHead(msgspec.Struct, frozen=True):
    """A form of quality and wrap-up, as lists show it."""

    id: str
    title: Mapping[str, str]
    """By language."""
    campaigns: tuple[str, ...]
    active: bool
    items: Mapping[str, Mapping[str, str]]
    """Titles by id, each by language."""
    dispositions: Mapping[str, Mapping[str, str]]
    """Titles by code, each by language."""


class FormKeeper(Protocol):
    """Knows what a form is. Implemented by pipelines."""

    def check(self, source: str) -> FormHead:
        """Raises `Invalid` that says where and what. Blocking."""

    def adopt(self, organisation_id: str, sources: Sequence[tuple[str, int]]) -> None:
        """(YAML, version) of all forms of an organisation: its calls are judged by them from the next one on."""

    def bundled(self) -> Sequence[str]:
        """YAML of the forms that come with the engine; an organisation's own of the same id goes before."""


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
