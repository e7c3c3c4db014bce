"""What words mean: what pipelines ask of the text models and of the search over what a site knows."""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray


class Scored(msgspec.Struct, frozen=True, omit_defaults=True):
    label: str
    score: float
    """Calibrated probability."""
    lean: float = 0.0
    """Sentiment alone: P(positive) − P(negative), −1…1. A neutral utterance may still lean to one side."""


UNFELT: Final = Scored("neutral", 0.0)
"""The sentiment where none was looked for."""


class SpokenAct(msgspec.Struct, frozen=True):
    """A speech act that an utterance performs."""

    label: str
    """E.g. `recording_notice`, `asks_why_unpaid`, `opt_out`."""
    score: float
    """Calibrated probability."""
    part: int = 0
    """0: the whole utterance; n: its n-th sentence as `models.reading.spans_of` cuts it; −1: the utterance with the
    words before that it goes on from, and not alone."""


class Reading(msgspec.Struct, frozen=True):
    """What the text models say of one utterance."""

    vector: NDArray[np.float32]
    """float32[512], L2-normalised sentence embedding; empty where nothing could be read."""
    sentiment: Scored
    intents: tuple[Scored, ...]
    """Those over their calibrated thresholds, best first; empty means `none`."""
    acts: tuple[SpokenAct, ...]
    """Those over their calibrated thresholds, best first."""
    latency_ms: float
    """Wall time of this inference on ONNX Runtime, tokenizer included."""
    unlikely: frozenset[str] = frozenset()
    """Acts that are more likely not meant: a phrase of theirs that matches raises no alert."""
    views: NDArray[np.float32] | None = None
    """float32[n, 512]: `vector`, then those of the utterance's sentences when it has several; None when not kept."""


class TextReader(Protocol):
    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        """Blocking, 5–30 ms, thread-safe; call it from a worker thread. `text` is masked; `before` are the words of the
        same speaker that it goes on from without a pause. Without `feelings` nothing is inferred of the speaker's: the
        sentiment is `UNFELT`."""


class Passage(msgspec.Struct, frozen=True):
    article: str
    title: str
    body: str
    language: str
    score: float
    """Calibrated: ≥ 0.5 deserves a card."""


class KnowledgeSearch(Protocol):
    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        """Best first. `vector` is a `Reading`'s, or its `views`, which saves embedding them again. Blocking, 5–20 ms,
        thread-safe; call it from a worker thread."""
