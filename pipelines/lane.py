"""The segment of a stream that is open, and what is made of it: drafts while it lasts, and its final."""

import asyncio
from collections.abc import Sequence

import msgspec

from engine.facts import SpeechSegment
from engine.ports.hearing import Heard
from models.agreement import Agreement


class Drafted(msgspec.Struct, frozen=True):
    """Words that may still change, unmasked: the caller masks them before anyone sees them."""

    stream: str
    segment: int
    revision: int
    start_ms: int
    end_ms: int
    text: str
    stable: int
    language: str
    ears_ms: float


class Finished(msgspec.Struct, frozen=True):
    """A segment's final words; `heard.text` may be empty: there was no speech in it, or `heard.shed` says why
    not. With both, its beginning was not heard."""

    stream: str
    segment: int
    start_ms: int
    end_ms: int
    heard: Heard
    heard_at: float
    """End of the last word on the monotonic clock, ms."""
    waited_ms: float
    """From asking to having."""


class Lane:
    """The open segment of one stream."""

    def __init__(self, segment: int, start_ms: int) -> None:
        self.segment = segment
        self.start_ms = start_ms
        self.end_ms = start_ms
        self.open = True
        self.revision = 0
        self.agreement = Agreement()
        self.language = ""
        """In which the partials so far were heard."""
        self.partial_job = 0
        """The newest one, or 0."""
        self.partial_end_ms = 0
        """How far the newest partial hears; 0: there is none."""
        self.shown_end_ms = 0
        """How far those words were heard that are shown."""
        self.speculation: asyncio.Task[Heard | None] | None = None
        """Gives None where a fault of ours kept it from being heard."""
        self.speculation_job = 0
        self.speculation_end_ms = -1

    def offer(self, heard: Heard, segment: SpeechSegment, chances: Sequence[float]) -> tuple[str, int]:
        """What to show of it, and how many of the first code points are stable."""
        if heard.language != self.language:
            self.agreement, self.language = Agreement(), heard.language
        return self.agreement.offer(heard.text, chances, whole=segment.lull or segment.state != "continues")
