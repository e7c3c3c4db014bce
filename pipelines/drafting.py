"""Drafts for the screen: words that may still change, masked as a transcript's are."""

from collections.abc import Callable

from engine.facts import Draft, Leg, Measured, Stamps
from models.privacy import DigitGuard
from pipelines.lane import Drafted, Finished
from pipelines.ledger import HOST

LAST_REVISION = 1_000_000
"""Beyond any that a segment reaches: takes its drafts back."""


class Drafting:
    def __init__(self, call_id: str, guard: DigitGuard, clock_ms: Callable[[], float]) -> None:
        self._call_id = call_id
        self._guard = guard
        self._clock_ms = clock_ms

    def draft(self, drafted: Drafted, leg: Leg, heard: float) -> Draft:
        """`heard` is the end of its last word on the engine's monotonic clock, ms."""
        masked = self._guard.draft(drafted.text, drafted.language, leg)
        firm = self._guard.draft(drafted.text[: drafted.stable], drafted.language, leg)
        return Draft(
            call_id=self._call_id,
            stream=drafted.stream,
            leg=leg,
            segment=drafted.segment,
            revision=drafted.revision,
            start_ms=drafted.start_ms,
            end_ms=drafted.end_ms,
            text=masked,
            stable=_common_prefix(masked, firm),
            language=drafted.language,
            measured=Measured(
                stamps=Stamps(heard=heard, transcribed=self._clock_ms()),
                latency_ms={"ears": round(drafted.ears_ms, 1)},
                host=HOST,
            ),
        )

    def nothing(self, final: Finished, leg: Leg) -> Draft:
        """Takes back drafts of a segment that had no words in the end."""
        return Draft(
            call_id=self._call_id,
            stream=final.stream,
            leg=leg,
            segment=final.segment,
            revision=LAST_REVISION,
            start_ms=final.start_ms,
            end_ms=final.end_ms,
            text="",
        )


def _common_prefix(text: str, other: str) -> int:
    length = 0
    for one, two in zip(text, other, strict=False):
        if one != two:
            break
        length += 1
    return length
