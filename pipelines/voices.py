"""Who speaks just now, by the segmenter: ahead of the words, which come only when an utterance has ended."""

from typing import Protocol

from engine.facts import SpeechSegment
from pipelines.roster import Roster
from pipelines.transcribe import SURE

STILL_MS = 1_500
"""A voice that was not told of for so long is gone: its stream stopped within a word."""


class Speaking(Protocol):
    """What a conversation asks of the voices on its call."""

    @property
    def now_ms(self) -> int:
        """Media time."""

    def agent_speaks(self) -> bool: ...


class Voices:
    """One call's. Time is media time. One that hears nothing knows of nobody who speaks."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._speaking: dict[str, int] = {}
        """Stream → until when its voice was told of."""
        self.now_ms = 0

    def hear(self, segment: SpeechSegment) -> None:
        """Takes one state of a segment. Music and noise that only resemble a voice are nobody's."""
        self.tick(segment.end_ms)
        if segment.state in ("paused", "ended") or segment.voice < SURE:
            self._speaking.pop(segment.stream, None)
        else:
            self._speaking[segment.stream] = segment.end_ms

    def tick(self, at_ms: int) -> None:
        self.now_ms = max(self.now_ms, at_ms)

    def agent_speaks(self) -> bool:
        """Whether a stream that is surely the agent's has a voice in it. In a mixed one nobody can tell."""
        return any(
            self.now_ms - until_ms < STILL_MS and self._roster.leg(stream) == "agent"
            for stream, until_ms in self._speaking.items()
        )
