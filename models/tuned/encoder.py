"""Runs the tuned encoders: texts in, every head's log-odds out, or what an article would have to say."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.catalogue import NEED_ENCODER, TURN_ENCODER
from models.installation import location
from models.onnx_session import OnnxSession, Opener, open_session
from models.tuned.adapter import BUNDLED, Card, load_adapter
from models.tuned.graph import APART, MEANING
from models.tuned.pieces import cut, open_cutter

GRAPH, NEEDS_GRAPH, PIECES = "turns.onnx", "needs.onnx", "pieces.json"
_MAX_TOKENS = 128
"""An utterance is a few dozen tokens; a longer text is cut, so that one pasted page cannot hold a core for long."""
_MAX_CHARACTERS = 1_000
_RUN_TOKENS = 256
"""Texts go through the graph together up to this many tokens: every one looks at all of a run's."""

Logits = dict[str, NDArray[np.float32]]


class _Texts:
    """Runs one graph over texts. Thread-safe."""

    def __init__(self, graph: Path, tokenizer: Tokenizer, outputs: Sequence[str], opener: Opener) -> None:
        self._tokenizer = tokenizer
        self._outputs = list(outputs)
        self._session: OnnxSession = opener(graph)
        self(["buenas tardes", "boa tarde", "good afternoon, what can I do for you?"])  # warm

    def __call__(self, texts: Sequence[str]) -> Logits:
        """By output float32[len(texts), its width]. An empty text is one too, that of nothing said."""
        runs: list[list[NDArray[np.float32]]] = []
        group: list[list[int]] = []
        tokens = 0
        for text in texts:
            ids = cut(self._tokenizer, text[:_MAX_CHARACTERS], _MAX_TOKENS)
            if group and tokens + len(ids) > _RUN_TOKENS:
                runs.append(self._run(group))
                tokens, group = 0, []
            group.append(ids)
            tokens += len(ids)
        if group:
            runs.append(self._run(group))
        return {name: np.concatenate([run[n] for run in runs]) for n, name in enumerate(self._outputs)}

    def _run(self, group: list[list[int]]) -> list[NDArray[np.float32]]:
        lengths = [len(ids) for ids in group]
        belongs = np.repeat(np.arange(len(group)), lengths)
        same = belongs[:, None] == belongs[None, :]
        inputs = {
            "ids": np.concatenate([np.asarray(ids, np.int64) for ids in group]),
            "places": np.concatenate([np.arange(length, dtype=np.int64) for length in lengths]),
            "apart": np.where(same, np.float32(0), np.float32(APART)),
            "others": np.where(np.arange(len(group))[:, None] == belongs, np.float32(0), np.float32(APART))[:, None],
        }
        return self._session.run(self._outputs, inputs)


class TunedEncoder:
    """Judges what is said. Thread-safe; some milliseconds a short text on one core, less in company.

    `directory` is the models directory. Raises `WeightsMissing` when the encoder is not installed.
    """

    def __init__(self, directory: Path, adapter: Path = BUNDLED, opener: Opener = open_session) -> None:
        folder = location(TURN_ENCODER, directory)
        self._open(folder / GRAPH, open_cutter(folder / PIECES), load_adapter(adapter).card, opener)

    @classmethod
    def of(cls, graph: Path, tokenizer: Tokenizer, card: Card) -> "TunedEncoder":
        """An encoder from a graph that is not installed (yet)."""
        encoder = cls.__new__(cls)
        encoder._open(graph, tokenizer, card, open_session)
        return encoder

    def _open(self, graph: Path, tokenizer: Tokenizer, card: Card, opener: Opener) -> None:
        self.card = card
        self._run = _Texts(graph, tokenizer, list(card.heads), opener)

    def logits(self, texts: Sequence[str]) -> Logits:
        """By head float32[len(texts), labels], calibrated. An empty text is one too, that of nothing said."""
        return self._run(texts)


class NeedEncoder:
    """Sees what is said near the stretch of an article that answers it. Thread-safe; some milliseconds a short text.

    `directory` is the models directory. Raises `WeightsMissing` when the encoder is not installed.
    """

    def __init__(self, directory: Path, opener: Opener = open_session) -> None:
        folder = location(NEED_ENCODER, directory)
        self._run = _Texts(folder / NEEDS_GRAPH, open_cutter(folder / PIECES), [MEANING], opener)

    @classmethod
    def of(cls, graph: Path, tokenizer: Tokenizer) -> "NeedEncoder":
        """An encoder from a graph that is not installed (yet)."""
        encoder = cls.__new__(cls)
        encoder._run = _Texts(graph, tokenizer, [MEANING], open_session)
        return encoder

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32[len(texts), 384], each row of length 1."""
        found = self._run(texts)[MEANING]
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
