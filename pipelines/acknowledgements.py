"""The fourth stamp: what was shown is told by the browser, and measured from the end of the words that caused it."""

from collections.abc import Callable

from engine.facts import Draft, Fact, Insight, Suggestion, Transcript
from engine.ports.desk import DeskCommand

KEPT = 256
"""Facts and drafts of one call whose acknowledgement may still come; of more than that the oldest are forgotten."""


class Acknowledgements:
    """One call's. The first acknowledgement counts, whichever desk it comes from."""

    def __init__(self, on_shown: Callable[[str, float], None]) -> None:
        """`on_shown(kind, ms)`: a `word`, `final`, `alert` or `card` was on a screen so long after it was said."""
        self._on_shown = on_shown
        self._heard_at: dict[str, tuple[str, float]] = {}

    def expect_draft(self, draft: Draft, heard: float) -> None:
        self._expect(f"{draft.stream}/{draft.segment}/{draft.revision}", "word", heard)

    def expect(self, fact: Fact) -> None:
        """Only what a person waits for is measured: finals, cards and alerts."""
        if fact.measured is None or fact.measured.stamps is None:
            return
        match fact:
            case Transcript():
                kind = "final"
            case Suggestion():
                kind = "card"
            case Insight(kind="compliance", outcome="violation" | "event"):
                kind = "alert"
            case _:
                return
        self._expect(str(fact.seq), kind, fact.measured.stamps.heard)

    def take(self, shown: DeskCommand) -> None:
        key = str(shown.seq) if shown.seq else f"{shown.stream}/{shown.segment}/{shown.revision}"
        if waiting := self._heard_at.pop(key, None):
            kind, heard = waiting
            self._on_shown(kind, shown.at_ms - heard)

    def _expect(self, key: str, kind: str, heard: float) -> None:
        self._heard_at[key] = (kind, heard)
        while len(self._heard_at) > KEPT:
            del self._heard_at[next(iter(self._heard_at))]
