"""Whisper run by CTranslate2: on a GPU, and on a CPU for models that have no graphs of ours."""

from collections.abc import Sequence
from pathlib import Path

import ctranslate2
import numpy as np
from numpy.typing import NDArray

from models.whisper_model import Found, Question


class CtranslateModel:
    """Implements `models.whisper_model.WhisperModel`."""

    def __init__(self, weights: Path, *, workers: int, device: str, compute_type: str) -> None:
        self._model = ctranslate2.models.Whisper(
            str(weights), device=device, compute_type=compute_type, inter_threads=workers, intra_threads=1
        )

    @property
    def bands(self) -> int:
        return int(self._model.n_mels)

    def encode(self, mel: NDArray[np.float32]) -> ctranslate2.StorageView:
        return self._model.encode(ctranslate2.StorageView.from_array(mel))

    def positions(self, encoded: ctranslate2.StorageView) -> int:
        return int(encoded.shape[1])

    def between(self, encoded: ctranslate2.StorageView, first: int, end: int | None = None) -> ctranslate2.StorageView:
        if first and end is None and self.positions(encoded) - first == self.bands:
            first -= 1  # so many positions would be taken for a sound's bands, and encoded once more
        return _stored(_numbers(encoded)[:, first:end])

    def followed(self, encoded: ctranslate2.StorageView, by: ctranslate2.StorageView) -> ctranslate2.StorageView:
        return _stored(np.concatenate([_numbers(encoded), _numbers(by)], axis=1))

    def languages(self, encoded: ctranslate2.StorageView) -> dict[str, float]:
        return {token[2:-2]: score for token, score in self._model.detect_language(encoded)[0]}

    def find(self, encoded: ctranslate2.StorageView, question: Question, beam: int) -> Found:
        """What is expected is of no use here. A token given behind the start costs a step, as those found do."""
        result = self._model.generate(
            encoded,
            [list(question.prompt)],
            beam_size=beam,
            # CTranslate2 halves it, as OpenAI's sample_len does, and counts what is given
            max_length=min(448, 2 * (len(question.prompt) + question.cap)),
            suppress_tokens=question.never.tolist(),
            suppress_blank=bool(question.not_first),
            no_repeat_ngram_size=question.no_repeat,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]  # with those given behind the start
        given = len(question.prompt) - question.text
        return Found(tokens[given:], result.scores[0] * max(1, len(tokens)), result.no_speech_prob)

    def begins(
        self, encoded: ctranslate2.StorageView, start: Sequence[int], tokens: Sequence[int], positions: int
    ) -> list[int]:
        [found] = self._model.align(encoded, list(start), [list(tokens)], 2 * positions)
        begins: dict[int, int] = {}
        for token, position in found.alignments:
            begins.setdefault(token, position)
        return [begins.get(token, positions) for token in range(len(tokens) + 1)]


def _numbers(encoded: ctranslate2.StorageView) -> NDArray[np.float32]:
    here = encoded if encoded.device == "cpu" else encoded.to_device(ctranslate2.Device.cpu)
    return np.array(here.to(ctranslate2.DataType.float32))


def _stored(output: NDArray[np.float32]) -> ctranslate2.StorageView:
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(output))
