"""What runs Whisper: sound to what its decoder attends to, that to tokens. `models.decoder` asks."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Encoded: TypeAlias = Any
"""A window as the decoder takes it. Only what encoded it knows what it is."""


class Question(msgspec.Struct, frozen=True):
    """What is asked of a window."""

    prompt: Sequence[int]
    """Tokens that are given, the start of the text included."""
    start: int
    """Index in it of the token that starts the transcript."""
    text: int
    """Index behind the tokens that say what is asked for: what is given from there on is the start of the text."""
    cap: int
    """Tokens at most."""
    never: NDArray[np.int64]
    """Tokens that are no answer, anywhere."""
    not_first: Sequence[int]
    """Tokens that are no answer at the beginning."""
    stop: int
    marks: int
    """The first timestamp; all behind it are timestamps too."""
    no_marks: int
    no_speech: int
    marked: bool
    """Timestamps are found too: in pairs, never going back."""
    no_repeat: int = 0
    """No run of so many tokens comes twice; 0: it may."""
    expected: Sequence[int] = ()
    """Likely answer, which makes the words come sooner: right or wrong, they are the same, or as good where two are
    nearly alike."""


class Found(msgspec.Struct, frozen=True):
    """An answer."""

    tokens: list[int]
    """Behind the prompt, the stop left out."""
    log_probability: float
    """Of all of them together, and of the stop where there is one."""
    no_speech: float
    """Likelihood, before any word, that there is none."""
    chances: tuple[float, ...] = ()
    """Likelihood of each token, and of the stop where there is one; empty: the model does not tell."""


class WhisperModel(Protocol):
    """Each method blocks, in as many threads at once as there are workers."""

    @property
    def bands(self) -> int:
        """Of the mel spectrogram."""

    def encode(self, mel: NDArray[np.float32]) -> Encoded:
        """[1, bands, frames], an even number of frames, to half as many positions."""

    def positions(self, encoded: Encoded) -> int: ...

    def between(self, encoded: Encoded, first: int, end: int | None = None) -> Encoded:
        """Of these positions alone."""

    def followed(self, encoded: Encoded, by: Encoded) -> Encoded:
        """One window of two."""

    def languages(self, encoded: Encoded) -> dict[str, float]:
        """Likelihoods of each language: one step of the decoder."""

    def find(self, encoded: Encoded, question: Question, beam: int) -> Found:
        """Greedy with a beam of 1."""

    def begins(self, encoded: Encoded, start: Sequence[int], tokens: Sequence[int], positions: int) -> list[int]:
        """Where each token of the text, and then its end, begins: a position among so many. `start` are the tokens that
        start a transcript in its language."""
