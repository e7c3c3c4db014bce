"""How sound is put into words: what pipelines ask of `ears`, and what is answered."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

from engine.facts import Pcm16

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
    gain: float = 1.0
    """What the VAD heard it raised by (`SpeechSegment.gain`): where all are quiet, soft words are no silence."""
    prefix: str = ""
    """Stable words at the window's start (of earlier partials of the segment) that the decoder is made to begin
    with."""
    expected: str = ""
    """Of a partial: what the one before heard. Of no other kind: load decides about partials, never what a final says,
    and in 8 bits words that are expected win over others that are as likely."""
    prompt: str = ""
    """The campaign's vocabulary, which the decoder may be told to have been said before. May be empty."""
    capture: bool = False
    """A number is being read: the repetition guard is off, since a number read aloud is a repetition."""


class HeardWord(msgspec.Struct, frozen=True):
    """When a word was said, to a fifth of a second or so. Pauses belong to no word."""

    start: int
    end: int
    """Code points of the text, `end` exclusive."""
    start_ms: int
    end_ms: int
    """In `Heard` from the segment's start, behind whatever it was heard after."""

    def moved(self, code_points: int, by_ms: int) -> "HeardWord":
        return HeardWord(self.start + code_points, self.end + code_points, self.start_ms + by_ms, self.end_ms + by_ms)


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
    """Of finals and speculation, in order; punctuation is none."""
    chances: tuple[float, ...] = ()
    """Of a partial: likelihood of each word behind the job's prefix; empty: nothing is known of it."""
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
    """How far the oldest final that waits, or runs for long, is past its deadline; 0 when none is."""
    partials: bool
    """Whether partials are run at all now."""


class Ears(Protocol):
    """Speech to words, in the process `ears`. Survives that process's crash: what it was sent is sent again."""

    async def listen(self, job: ListenJob, pcm: Pcm16, draft: Callable[[Heard], None] = ...) -> Heard:
        """`pcm` is 16 kHz mono. Finals always come, however late; raises `EarsClosed` only at shutdown.

        `draft` is called on the loop with words that are heard once more before they are answered; perhaps never.
        """

    def cancel(self, job: int) -> None:
        """A job that waits, or is yet to be asked, comes back `shed="cancelled"`; one that runs is heard to its end.
        One that is answered is left alone."""

    def promote(self, job: int, due: float) -> None:
        """The window of this speculation is the final's: if it still waits, or is yet to be asked, it does so as a
        final, due at `due`. A job that is answered is left alone."""

    def forget(self, call_id: str) -> None:
        """The call is over and listens no more: its sound and words, kept as context, go from memory."""

    def headroom(self) -> Headroom: ...
