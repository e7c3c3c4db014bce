"""The one counter of a call: facts get their `seq`, stamps and host here and nowhere else."""

import socket
from collections.abc import Callable
from typing import Any

from engine.facts import CallEvent, EventName, Insight, InsightKind, Leg, Measured, Stamps, Suggestion, Transcript
from pipelines.turn import Turn

HOST = socket.gethostname()


class Ledger:
    """Numbers a call's durable facts from 1, in the order in which they are made."""

    def __init__(self, call_id: str, clock_ms: Callable[[], float]) -> None:
        self._call_id = call_id
        self._clock_ms = clock_ms
        self._seq = 0

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    @property
    def seq(self) -> int:
        """The last number that was given."""
        return self._seq

    def skip_to(self, seq: int) -> None:
        """Numbers up to this one were given elsewhere: for a call that is played again without all that numbered."""
        self._seq = max(self._seq, seq)

    def measured(
        self, heard: float, transcribed: float | None = None, latency_ms: dict[str, float] | None = None
    ) -> Measured | None:
        """None without a live clock (`heard` 0): a transcript has no latency to tell."""
        if not heard:
            return Measured(latency_ms=latency_ms, host=HOST) if latency_ms else None
        decided = None if transcribed is None else self._clock_ms()
        stamps = Stamps(heard=heard, transcribed=transcribed or self._clock_ms(), decided=decided)
        return Measured(stamps=stamps, latency_ms=latency_ms, host=HOST)

    def measured_turn(self, turn: Turn, latency_ms: dict[str, float] | None = None) -> Measured | None:
        """Of a fact that was read or judged in a turn, now; `latency_ms` is what it took beside the reading."""
        latency = ({"onnx": round(turn.reading.latency_ms, 3)} if turn.reading else {}) | (latency_ms or {})
        return self.measured(turn.utterance.heard, turn.transcribed, latency or None)

    def transcript(self, turn: int | None, seq: int | None = None, **fields: Any) -> Transcript:
        """`seq` was taken before by `next_seq`, else it is the next one; without `turn` the seq numbers the turn."""
        seq = seq or self.next_seq()
        return Transcript(call_id=self._call_id, seq=seq, turn=seq if turn is None else turn, **fields)

    def insight(self, kind: InsightKind, turn: int, **fields: Any) -> Insight:
        return Insight(call_id=self._call_id, seq=self.next_seq(), kind=kind, turn=turn, **fields)

    def suggestion(self, turn: int, **fields: Any) -> Suggestion:
        return Suggestion(call_id=self._call_id, seq=self.next_seq(), turn=turn, **fields)

    def event(
        self, name: EventName, at_ms: int, data: dict[str, Any] | None = None, *, stream: str = "", leg: Leg = "unknown"
    ) -> CallEvent:
        return CallEvent(
            call_id=self._call_id,
            seq=self.next_seq(),
            name=name,
            start_ms=at_ms,
            end_ms=at_ms,
            data=data or {},
            stream=stream,
            leg=leg,
        )
