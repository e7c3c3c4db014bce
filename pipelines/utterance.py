"""What recognition hands to a conversation: the raw words of one final. Never sent or logged, and
stored nowhere but in a call's sealed notes, where a site asks for them (`pipelines.notes`)."""

import msgspec

from engine.facts import Correction, Leg
from engine.ports.hearing import HeardWord


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    stream: str
    leg: Leg
    """As known when the words came; the conversation joins the latest role itself where a roster decides."""
    start_ms: int
    end_ms: int
    text: str
    corrections: tuple[Correction, ...] = ()
    """What of `text` was put right by the campaign's vocabulary."""
    words: tuple[HeardWord, ...] = ()
    """Of `text`, in media time; none where words have no times (a transcript)."""
    language: str
    confidence: float = 0.0
    turn: int | None = None
    """Index in a transcript's list of turns; None for audio, where the transcript's own `seq` numbers the turn."""
    heard: float = 0.0
    """End of the last word on the engine's monotonic clock, ms; 0 when there is no such clock (a transcript)."""
    ears_ms: float = 0.0
    """Time in the queue and in the recogniser."""
