"""The text models behind one port: an utterance in, its vector, sentiment, intents and compliance acts out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.ports import Reading, Scored
from models.embed import Encoder, SentenceEncoder
from models.heads import BUNDLED, Head, exists, features
from models.onnx_session import Observe, timed, unobserved
from models.reading import parts_of, united

_NEGATIVE, _POSITIVE = 0, 2


class OnnxTextReader:
    """Implements `engine.ports.TextReader`. Thread-safe; 2–6 ms an utterance on one core, more for several sentences.

    `directory` is the models directory with the installed sentence encoder; `heads` holds the trained heads. Without a
    head `acts` no acts are reported. Raises `WeightsMissing` when the encoder or another head is absent.
    """

    def __init__(
        self,
        directory: Path,
        heads: Path = BUNDLED,
        encoder: SentenceEncoder | None = None,
        observe: Observe = unobserved,
    ) -> None:
        self._observe = observe
        self._encoder = encoder or Encoder(directory)
        self._sentiment = Head("sentiment", heads)
        self._intents = Head("intents", heads)
        self._acts = Head("acts", heads) if exists("acts", heads) else None
        self.read("Buenas tardes. ¿En qué le puedo ayudar? Boa tarde. Good afternoon.")  # warm

    def read(self, text: str, before: str = "", language: str = "") -> Reading:
        """See the port. `before` and `language` are not used by these heads: the words of the turn decide."""
        del before, language
        with timed("reader", self._observe) as watch:
            parts = parts_of(text)
            with timed("sentence-encoder", self._observe):
                vectors = self._encoder.embed(parts)
            given = features(vectors, parts)
            sentiment = self._mood_of(given)
            intents = _over(self._intents, given, self._observe)
            acts = _over(self._acts, given, self._observe) if self._acts else ()
        return Reading(vectors[0], sentiment, intents, acts, round(watch.ms, 3), vectors)

    def _mood_of(self, given: NDArray[np.float32]) -> Scored:
        with timed("sentiment", self._observe):
            chances = united(self._sentiment.probabilities(given), "multiclass")
        top = int(chances.argmax())
        lean = float(chances[_POSITIVE] - chances[_NEGATIVE])
        return Scored(self._sentiment.card.labels[top], round(float(chances[top]), 4), round(lean, 4))


def _over(head: Head, given: NDArray[np.float32], observe: Observe) -> tuple[Scored, ...]:
    """The labels at or over their thresholds, best first."""
    with timed(head.card.name, observe):
        chances = united(head.probabilities(given), "multilabel")
    found: Sequence[tuple[str, float]] = [
        (label, float(chance))
        for label, chance, threshold in zip(head.card.labels, chances, head.card.thresholds, strict=True)
        if chance >= threshold
    ]
    return tuple(Scored(label, round(chance, 4)) for label, chance in sorted(found, key=lambda item: -item[1]))
