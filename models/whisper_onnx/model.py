"""Whisper run by ONNX Runtime, for a CPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tokenizers
from faster_whisper.tokenizer import Tokenizer

from models.whisper_model import Found, Question
from models.whisper_onnx.alignment import begins
from models.whisper_onnx.decoder import CROSS, DECODER, Memory, Text, WhisperDecoder
from models.whisper_onnx.encoder import GRAPH, WhisperEncoder
from models.whisper_onnx.search import beam as searched
from models.whisper_onnx.search import greedy
from models.whisper_onnx.source import Array


def is_there(weights: Path) -> bool:
    return all((weights / name).is_file() for name in (GRAPH, CROSS, DECODER))


class OnnxModel:
    """Implements `models.whisper_model.WhisperModel`. What the decoder attends to of a window is computed once, for all
    that is asked of the window."""

    def __init__(self, weights: Path, vocabulary: tokenizers.Tokenizer) -> None:
        self._encoder = WhisperEncoder(weights / GRAPH)
        self._decoder = WhisperDecoder(weights / CROSS, weights / DECODER)
        tokens = Tokenizer(vocabulary, True, "transcribe", "en")
        self._start, self._stop, self._no_marks = tokens.sot, tokens.eot, tokens.no_timestamps
        names = vocabulary.get_vocab()
        languages = sorted((token, name) for name, token in names.items() if tokens.sot < token < tokens.translate)
        self._languages = [name[2:-2] for _, name in languages]

    @property
    def bands(self) -> int:
        return self._encoder.bands

    def encode(self, mel: Array) -> Memory:
        return self._decoder.remember(self._encoder.encode(mel))

    def positions(self, encoded: Memory) -> int:
        return encoded.positions

    def between(self, encoded: Memory, first: int, end: int | None = None) -> Memory:
        return encoded.between(first, end)

    def followed(self, encoded: Memory, by: Memory) -> Memory:
        return encoded.followed_by(by)

    def languages(self, encoded: Memory) -> dict[str, float]:
        logits = Text(self._decoder, encoded).add(np.asarray([[self._start]], np.int64), [0])[0, 0]
        scores = logits[self._start + 1 : self._start + 1 + len(self._languages)]
        likely = np.exp(scores - scores.max())
        return dict(zip(self._languages, (likely / likely.sum()).tolist(), strict=True))

    def find(self, encoded: Memory, question: Question, beam: int) -> Found:
        if beam > 1:
            return searched(self._decoder, encoded, question, beam)
        return greedy(self._decoder, encoded, question)

    def begins(self, encoded: Memory, start: Sequence[int], tokens: Sequence[int], positions: int) -> list[int]:
        if positions < 1:
            return [0] * (len(tokens) + 1)
        text = [*start, self._no_marks, *tokens, self._stop]
        attention = Text(self._decoder, encoded).attention(text)[:, :, :positions]
        return begins(attention, slice(len(start), len(start) + len(tokens) + 1))
