"""Which language each stream of a call turned out to speak."""

from typing import Any

from models.languages import likeliest
from pipelines.lane import Finished

DECIDED = 0.8
"""Share of the belief in one language from which on it is said aloud."""


class Spoken:
    """One call's. `expected` is the campaign's language, or empty; only what differs from it is news."""

    def __init__(self, expected: str) -> None:
        self._expected = expected
        self._by_stream: dict[str, str] = {}

    def decided(self, final: Finished) -> dict[str, Any] | None:
        """What `language.decided` says when a final has settled that its stream speaks another language than before."""
        belief = final.heard.belief
        if not belief:
            return None
        language = likeliest(belief)
        if belief[language] < DECIDED or language == self._by_stream.get(final.stream, self._expected):
            return None
        self._by_stream[final.stream] = language
        return {"language": language, "confidence": round(belief[language], 2), "from_ms": final.start_ms}
