"""How far a recording may be written: behind what has been judged, so that no card number reaches the disk."""

from typing import Literal

import msgspec

LEAST_DELAY_MS = 2_000
"""Longer than a segment may have lasted when it is first told of (`Endpointing`), its turn's margin included: what was
judged so long ago holds no word of it."""
MOST_DELAY_MS = 120_000
"""A stereo call waits in memory at 64 kB a second past its first half minute: 6 MB at most."""


class RecordedSpan(msgspec.Struct, frozen=True):
    """What happens to [start_ms, end_ms) of the call, all streams alike."""

    start_ms: int
    end_ms: int
    what: Literal["sound", "cut", "overdue"]
    """`cut`: paused, or judged to hold what must not be kept; `overdue`: not judged in time. Both are written as
    silence."""


class Watermark:
    """How far each stream's words have been judged, and so how far the call may be written. Pure.

    Streams are judged on their own; an open digit run holds all of them from where it began, since the other speaker
    reads numbers back.
    """

    def __init__(self, streams: tuple[str, ...] = ()) -> None:
        self.at_ms = 0
        """Everything before it has been handed out by `advance`."""
        self._judged = dict.fromkeys(streams, 0)
        self._holds: dict[str, int] = {}
        self._cuts: list[tuple[int, int]] = []
        self._paused_from: int | None = None

    def add_stream(self, stream: str, from_ms: int) -> None:
        """A stream that came later; before `from_ms` it has nothing to judge."""
        self._judged.setdefault(stream, from_ms)

    def judged(self, stream: str, until_ms: int) -> None:
        """All words of the stream up to there have been judged. Never goes back."""
        self._judged[stream] = max(self._judged.get(stream, 0), until_ms)

    def hold(self, run: str, from_ms: int) -> None:
        """A digit run is open since `from_ms`; the earliest word counts."""
        self._holds[run] = min(from_ms, self._holds.get(run, from_ms))

    def release(self, run: str) -> None:
        """The run is closed and judged; `cut` its span first if it must not be kept."""
        self._holds.pop(run, None)

    def cut(self, start_ms: int, end_ms: int) -> None:
        """The span is to be silence. What was written already stays written: hold before you judge."""
        if end_ms > max(start_ms, self.at_ms):
            self._cuts.append((start_ms, end_ms))

    def pause(self, from_ms: int) -> None:
        """Silence from there until `resume`; of pauses that are on together the earliest counts, whichever is told of
        first."""
        self._paused_from = from_ms if self._paused_from is None else min(self._paused_from, from_ms)

    def resume(self, at_ms: int) -> None:
        if self._paused_from is not None:
            self.cut(self._paused_from, at_ms)
            self._paused_from = None

    def reach(self, now_ms: int) -> int:
        """How far `advance` would go at `now_ms`."""
        judged = min([*self._judged.values(), *self._holds.values(), now_ms - LEAST_DELAY_MS])
        return max(judged, now_ms - MOST_DELAY_MS, self.at_ms)

    def advance(self, now_ms: int) -> tuple[RecordedSpan, ...]:
        """What may be written at `now_ms` of media time: spans in order that join each other and the last one."""
        judged = min([*self._judged.values(), *self._holds.values(), now_ms - LEAST_DELAY_MS])
        overdue = now_ms - MOST_DELAY_MS
        spans: list[RecordedSpan] = []
        self._write(judged, "sound", spans)
        self._write(overdue, "overdue", spans)
        return tuple(spans)

    def close(self, end_ms: int) -> tuple[RecordedSpan, ...]:
        """The call is over, its last words judged: the rest up to `end_ms`, silence from where it is not judged."""
        judged = min([*self._judged.values(), *self._holds.values(), end_ms])
        spans: list[RecordedSpan] = []
        self._write(judged, "sound", spans)
        self._write(end_ms, "overdue", spans)
        return tuple(spans)

    def _write(self, until_ms: int, what: Literal["sound", "overdue"], spans: list[RecordedSpan]) -> None:
        pause = [] if self._paused_from is None else [(self._paused_from, max(self._paused_from, until_ms))]
        for start_ms, end_ms in sorted([*self._cuts, *pause]):
            self._span(min(start_ms, until_ms), what, spans)
            self._span(min(end_ms, until_ms), "cut", spans)
        self._span(until_ms, what, spans)
        self._cuts = [cut for cut in self._cuts if cut[1] > self.at_ms]

    def _span(self, until_ms: int, what: Literal["sound", "cut", "overdue"], spans: list[RecordedSpan]) -> None:
        if until_ms > self.at_ms:
            spans.append(RecordedSpan(self.at_ms, until_ms, what))
            self.at_ms = until_ms
