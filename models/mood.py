"""The customer's mood over a call, smoothed from what each utterance leans to. Pure: media time is an argument."""

import math
import re
from dataclasses import dataclass

from engine.ports.reading import Scored

_NEUTRAL_WEIGHT = 0.22
"""How much a plain neutral utterance of full length pulls the mood towards itself; feeling counts for more."""
_FEELING_WEIGHT = 0.75
_FULL_WORDS = 5
"""Shorter utterances ("yes", "ok") say less about how somebody feels."""
_TURNED = 2.0
"""Somebody in one mood who says something of the other has changed it: thanks after anger are more than thanks."""
_THANKS = re.compile(r"\b(thanks?|gracias|agrade\w+|obrigad\w+|valeu)\b", re.IGNORECASE)
_COURTESY = 0.3
"""What thanks lean to at least, unless the words around them lean the other way ("thanks for nothing")."""
_NOTICED = 0.1
"""A lean that is smaller than this is no feeling."""
_FADE_S = 240.0
"""Left alone, a mood fades: after this long without a word it is 1/e of what it was."""
_ENTER = 0.22
_LEAVE = 0.16
"""Hysteresis: a mood is named once it leans more than the first, and let go once it leans less than the second."""


@dataclass
class Mood:
    """One call's customer. Utterances come in order of their end."""

    value: float = 0.0
    """−1 negative … 1 positive."""
    label: str = "neutral"
    _at_ms: int | None = None

    def hear(self, text: str, sentiment: Scored, end_ms: int) -> Scored:
        """The mood after one more utterance: its label and how sure it is, 0.5…1."""
        lean = sentiment.lean or _lean_of(sentiment)
        if -_COURTESY < lean < _COURTESY and _THANKS.search(text):
            lean = _COURTESY
        if self._at_ms is not None and end_ms > self._at_ms:
            self.value *= math.exp(-(end_ms - self._at_ms) / 1000 / _FADE_S)
        self._at_ms = end_ms
        said = min(1.0, (len(text.split()) + 1) / _FULL_WORDS)
        weight = _NEUTRAL_WEIGHT + _FEELING_WEIGHT * abs(lean)
        if lean * self.value < 0 and abs(lean) >= _NOTICED:
            weight *= _TURNED
        self.value += min(0.9, weight) * said * (lean - self.value)
        self.label = self._named()
        return Scored(self.label, round(self._certainty(), 4), round(self.value, 4))

    def _named(self) -> str:
        for label, sign in (("negative", -1.0), ("positive", 1.0)):
            limit = _LEAVE if self.label == label else _ENTER
            if self.value * sign >= limit:
                return label
        return "neutral"

    def _certainty(self) -> float:
        """Distance from the nearest border between two labels, squeezed into 0.5…1."""
        away = _ENTER - abs(self.value) if self.label == "neutral" else abs(self.value) - _LEAVE
        return 0.5 + 0.5 * math.tanh(2.0 * max(0.0, away))


def _lean_of(sentiment: Scored) -> float:
    """For a `Scored` that carries no lean, such as one from another model."""
    return {"negative": -sentiment.score, "positive": sentiment.score}.get(sentiment.label, 0.0)
