"""The text models behind one port: an utterance in, its vector, sentiment, intents and speech acts out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.ports.reading import UNFELT, Reading, Scored, SpokenAct
from models.embed import Encoder, SentenceEncoder
from models.onnx_session import Observe, Opener, open_session, timed, unobserved
from models.reading import parts_of, rest_of, united
from models.turns import TurnJudge

_NEGATIVE, _POSITIVE = 0, 2
_UNLIKELY = 0.45
"""Of the phrases that rules find in the ideas of other authors there are to choose by, 5 of 100 that are meant fall
under it, and 83 of 100 that are not."""

Floats = NDArray[np.float32]


class OnnxTextReader:
    """Implements `engine.ports.reading.TextReader`. Thread-safe; 5–20 ms an utterance on one core, more for several
    sentences, and as long as it takes for a text that nobody says in one breath.

    `directory` is the models directory with both encoders installed. Raises `WeightsMissing` when one is absent.
    """

    def __init__(
        self,
        directory: Path,
        encoder: SentenceEncoder | None = None,
        observe: Observe = unobserved,
        opener: Opener = open_session,
    ) -> None:
        self._observe = observe
        self._encoder = encoder or Encoder(directory, opener)
        self._turns = TurnJudge(directory, observe, opener)
        self.read("Buenas tardes. ¿En qué le puedo ayudar? Boa tarde. Good afternoon.")  # warm

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        """See the port. `language` is not used: the words decide."""
        del language
        with timed("reader", self._observe) as watch:
            parts = parts_of(text)
            said = [*parts, f"{before} {text}"] if before else parts
            texts = [*said, *rest_of(text)]
            with timed("sentence-encoder", self._observe):
                vectors = self._encoder.embed(texts)
            chances = self._turns.chances(texts, vectors, () if feelings else ("sentiment",))
            vectors = vectors[: len(parts)]
            sentiment = self._mood_of(chances["sentiment"][: len(parts)], parts) if feelings else UNFELT
            intents = self._wanted(chances["intents"][: len(parts)], parts)
            acts = tuple(SpokenAct(*act) for act in self._performed(chances["acts"][: len(said)], parts))
            unlikely = self._hardly_meant(chances["acts"])  # only what was read may be: hence the rest as well
        return Reading(vectors[0], sentiment, intents, acts, round(watch.ms, 3), unlikely, vectors)

    def _mood_of(self, chances: Floats, parts: Sequence[str]) -> Scored:
        mood = united(chances, "multiclass", parts)
        top = int(mood.argmax())
        lean = float(mood[_POSITIVE] - mood[_NEGATIVE])
        return Scored(self._turns.heads["sentiment"].labels[top], round(float(mood[top]), 4), round(lean, 4))

    def _wanted(self, chances: Floats, parts: Sequence[str]) -> tuple[Scored, ...]:
        """The intents at or over their thresholds, best first."""
        card = self._turns.heads["intents"]
        found = [
            Scored(label, round(float(chance), 4))
            for label, chance, threshold in zip(
                card.labels, united(chances, "multilabel", parts), card.thresholds, strict=True
            )
            if chance >= threshold
        ]
        return tuple(sorted(found, key=lambda one: -one.score))

    def _performed(self, chances: Floats, parts: Sequence[str]) -> list[tuple[str, float, int]]:
        """The acts at or over their thresholds, best first: label, probability, part. A row of chances behind those of
        the parts is of the text with the words before it."""
        card = self._turns.heads["acts"]
        alone, more = chances[: len(parts)], chances[len(parts) :]
        turn = np.vstack([united(alone, "multilabel", parts), more]).max(axis=0)
        found = [
            (label, round(float(turn[i]), 4), _narrowest(alone[:, i], threshold))
            for i, (label, threshold) in enumerate(zip(card.labels, card.thresholds, strict=True))
            if turn[i] >= threshold
        ]
        return sorted(found, key=lambda held: -held[1])

    def _hardly_meant(self, chances: Floats) -> frozenset[str]:
        best = chances.max(axis=0)
        labels = self._turns.heads["acts"].labels
        return frozenset(label for label, chance in zip(labels, best, strict=True) if chance < _UNLIKELY)


def _narrowest(chances: Floats, threshold: float) -> int:
    """The sentence that says it; 0 where only the whole does, −1 where that does not."""
    best = 1 + int(chances[1:].argmax()) if len(chances) > 1 else 0
    if chances[best] >= threshold:
        return best
    return 0 if chances[0] >= threshold else -1
