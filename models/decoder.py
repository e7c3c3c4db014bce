"""CTranslate2's Whisper: sound to the encoder's output, that to words. What to make of them is `models.whisper`'s."""

import math
import zlib
from pathlib import Path
from typing import Any, TypeAlias

import ctranslate2
import msgspec
import numpy as np
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

from engine.errors import WeightsMissing
from engine.facts import Samples
from engine.ports.hearing import HeardWord
from models.decoding import OWN_PADDING_S, RATE_HZ
from models.languages import OURS
from models.whisper_encoder.encoder import GRAPH, WhisperEncoder

_POSITIONS_A_SECOND = 50
POSITION = RATE_HZ // _POSITIONS_A_SECOND
"""Samples to one position of the encoder's output."""
_MOST_POSITIONS = 1_500
"""Half a minute: what Whisper was made for."""
_PROMPT_TOKENS = 200
"""Less than half of the decoder's memory."""
_WRITTEN_NUMBER = frozenset("0123456789%$€£")
_TIMED_TOKENS = 440
"""The decoder's 448 places, without those that the start and the end of a text take."""
_FRAMES_A_SECOND = 100
_POSITION_MS = 20
_MARKS_A_SECOND = 50
"""Timestamps of Whisper's vocabulary."""
_MARK_DOUBT = 1.5
"""Log-probability that a timestamp loses on average, however clear the words: to those right beside it."""

Encoded: TypeAlias = ctranslate2.StorageView


class Decode(msgspec.Struct, frozen=True):
    """One reading of a window."""

    text: str
    new: str
    """What follows the prefix."""
    log_probability: float
    """Mean over the tokens behind the prefix, the end included."""
    no_speech: float
    capped: bool
    """Ran into the cap for its duration: it does not end by itself."""
    until_s: float | None = None
    """Where in the window the words end, of those that were read from a mark on."""

    @property
    def compression(self) -> float:
        """Above 2.4 a text says the same again and again."""
        data = self.text.encode()
        return len(data) / len(zlib.compress(data)) if data else 0.0


class Decoder:
    """The model and its vocabulary. Each method blocks, in as many threads at once as there are workers.

    Raises `WeightsMissing` when `weights` is not a directory with a CTranslate2 Whisper model.
    """

    def __init__(self, weights: Path, *, workers: int, device: str, compute_type: str, spelt_numbers: bool) -> None:
        check_weights(weights)
        self.device = _device(device)
        self._model = ctranslate2.models.Whisper(
            str(weights),
            device=self.device,
            compute_type=compute_type or ("int8" if self.device == "cpu" else "float16"),
            inter_threads=workers,
            intra_threads=1,
        )
        ours = self.device == "cpu" and compute_type in ("", "int8") and (weights / GRAPH).is_file()
        self._encoder = WhisperEncoder(weights / GRAPH) if ours else None
        """Costs a CPU less than CTranslate2's; where there is none, that one encodes."""
        self._mel = FeatureExtractor(feature_size=self._model.n_mels)
        self._vocabulary = tokenizers.Tokenizer.from_file(str(weights / "tokenizer.json"))
        self._never = never_chosen(self._vocabulary, spelt_numbers=spelt_numbers)
        self._never_foreign = never_chosen(self._vocabulary, spelt_numbers=False)
        """In languages whose number words nobody here knows, digits are the form in which a number can be masked."""
        silent = np.zeros(0, np.float32)
        self._silence = _numbers(self._encode(silent, _MOST_POSITIONS)) if self.device == "cpu" else None
        """The encoder's output of half a minute in which nothing is heard. A GPU minds no padding."""

    @property
    def borrows_silence(self) -> bool:
        """Whether a window that is encoded as a whole is another than one that is not."""
        return self._silence is not None

    def encode(self, speech: Samples, window_s: float, *, whole: bool = False) -> Encoded:
        """The speech, padded with silence or cut to the window.

        A CPU encodes little of the padding: behind it stands what the encoder once made of silence at those places.
        The decoder needs it there, for it was taught on half minutes and begins to loop without. It nearly always hears
        the same; who doubts it has the `whole` window encoded.
        """
        length = round(window_s * _POSITIONS_A_SECOND)
        own = length if whole or self._silence is None else encoded_positions(len(speech), length)
        encoded = self._encode(speech[: own * POSITION], own)
        if self._silence is None or own == length:
            return encoded
        return _stored(np.concatenate([_numbers(encoded), self._silence[:, own:length]], axis=1))

    def _encode(self, speech: Samples, positions: int) -> Encoded:
        window = np.zeros(positions * POSITION, np.float32)
        window[: len(speech)] = speech
        features = np.ascontiguousarray(self._mel(window, padding=0)[None], dtype=np.float32)
        if self._encoder:
            return _stored(self._encoder.encode(features))
        return self._model.encode(ctranslate2.StorageView.from_array(features))

    def languages(self, encoded: Encoded, behind: int = 0) -> dict[str, float]:
        """Likelihoods of each language, of what lies behind so many positions: one step of the decoder."""
        speech = _positions_from(encoded, behind) if behind else encoded
        return {token[2:-2]: score for token, score in self._model.detect_language(speech)[0]}

    def decode(
        self,
        encoded: Encoded,
        language: str,
        cap: int,
        *,
        beam: int,
        prefix: str = "",
        prompt: str = "",
        no_repeat: int = 0,
    ) -> Decode:
        """At most `cap` tokens behind the prefix, each token of which costs a step as those do."""
        tokenizer = Tokenizer(self._vocabulary, True, "transcribe", language)
        before = [tokenizer.sot_prev, *tokenizer.encode(f" {prompt}")[:_PROMPT_TOKENS]] if prompt else []
        begin = [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]
        begun = tokenizer.encode(f" {prefix.strip()}") if prefix.strip() else []
        result = self._generate(
            encoded, language, [*begin, *begun], cap, beam=beam, no_repeat=no_repeat, blank=not begun
        )
        tokens = result.sequences_ids[0]  # the prefix included
        new = tokens[len(begun) :]
        return Decode(
            text=tokenizer.decode(tokens).strip(),
            new=_without_stops(tokenizer.decode(new)),
            log_probability=result.scores[0] * len(tokens) / (len(new) + 1),
            no_speech=result.no_speech_prob,
            capped=len(new) >= cap,
        )

    def decode_from(self, encoded: Encoded, language: str, start_s: float, said: str, cap: int, *, beam: int) -> Decode:
        """What is said from a mark on, which tells the decoder where it stands. So the words before are a mere prompt,
        run through at once and not a step each."""
        tokenizer = Tokenizer(self._vocabulary, True, "transcribe", language)
        mark = tokenizer.timestamp_begin + round(start_s * _MARKS_A_SECOND)
        before = [tokenizer.sot_prev, *tokenizer.encode(f" {said}")[-_PROMPT_TOKENS:]]
        result = self._generate(encoded, language, [*before, *tokenizer.sot_sequence, mark], cap, beam=beam)
        tokens = result.sequences_ids[0]  # the mark included
        words = [token for token in tokens if token < tokenizer.eot]
        marks = [token for token in tokens[1:] if token >= tokenizer.timestamp_begin]
        score = result.scores[0] * len(tokens) + _MARK_DOUBT * len(marks)
        text = _without_stops(tokenizer.decode(words))
        return Decode(
            text=text,
            new=text,
            log_probability=min(0.0, score / (len(words) + 1)),
            no_speech=result.no_speech_prob,
            capped=len(tokens) > cap,
            until_s=(marks[-1] - tokenizer.timestamp_begin) / _MARKS_A_SECOND if marks else None,
        )

    def times(
        self, encoded: Encoded, language: str, text: str, speech_s: float, behind: int = 0
    ) -> tuple[HeardWord, ...]:
        """When each word of the text is said, by where the decoder looks for it: cross-attention and dynamic time
        warping, as in OpenAI's `timing.py`. One run of the decoder over all words, a twentieth of what finding them
        took. The speech begins behind so many positions and is `speech_s` long. Nothing for more words than the decoder
        has places for: times are no reason to lose a final."""
        tokenizer = Tokenizer(self._vocabulary, True, "transcribe", language)
        tokens = tokenizer.encode(f" {text}")
        if len(tokens) > _TIMED_TOKENS:
            return ()
        speech = _positions_from(encoded, behind) if behind else encoded
        frames = min(2 * speech.shape[1], math.ceil(speech_s * _FRAMES_A_SECOND))
        [found] = self._model.align(speech, tokenizer.sot_sequence, [tokens], frames)
        begins: dict[int, int] = {}
        for token, position in found.alignments:
            begins.setdefault(token, position)
        last = frames // 2
        words, at, token = [], -1, 0  # the text is encoded behind a space
        for word, its_tokens in zip(*tokenizer.split_to_word_tokens([*tokens, tokenizer.eot]), strict=True):
            start, at = at + len(word) - len(word.lstrip()), at + len(word)
            first, token = begins.get(token, last), token + len(its_tokens)
            if any(letter.isalnum() for letter in word) and token <= len(tokens):
                end_ms = _POSITION_MS * begins.get(token, last)
                words.append(HeardWord(start, start + len(word.strip()), _POSITION_MS * first, end_ms))
        return tuple(words)

    def _generate(
        self,
        encoded: Encoded,
        language: str,
        tokens: list[int],
        cap: int,
        *,
        beam: int,
        no_repeat: int = 0,
        blank: bool = False,
    ) -> Any:
        """Tokens of text at their end are a prefix. With `blank`, what follows must say something."""
        return self._model.generate(
            encoded,
            [tokens],
            beam_size=beam,
            # CTranslate2 halves it, as OpenAI's sample_len does, and counts the prefix
            max_length=min(448, 2 * (len(tokens) + cap)),
            suppress_tokens=self._never if language in OURS else self._never_foreign,
            suppress_blank=blank,
            no_repeat_ngram_size=no_repeat,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]


def check_weights(weights: Path) -> None:
    """Raises `WeightsMissing` when the directory lacks a file of the model."""
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not (weights / name).is_file()]
    if missing:
        raise WeightsMissing(
            f"no Whisper model in {weights}: {', '.join(missing)} missing; `welcomedly models install`"
        )


def encoded_positions(samples: int, window: int) -> int:
    """How much of a window of so many positions a CPU encodes when there is sound in so many samples."""
    return min(window, math.ceil(samples / POSITION) + round(OWN_PADDING_S * _POSITIONS_A_SECOND))


def never_chosen(vocabulary: tokenizers.Tokenizer, *, spelt_numbers: bool = True) -> list[int]:
    """Tokens that stand for no spoken word: signs, speaker tags, control tokens, and written numbers."""
    tokenizer = Tokenizer(vocabulary, True, "transcribe", "en")
    control = (tokenizer.transcribe, tokenizer.translate, tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm)
    never = {*tokenizer.non_speech_tokens, *control, tokenizer.no_speech}
    if spelt_numbers:
        words = ((token, i) for token, i in vocabulary.get_vocab().items() if i < tokenizer.eot)
        never.update(i for token, i in words if _WRITTEN_NUMBER & set(token))
    return sorted(never)


def _without_stops(text: str) -> str:
    """A full stop that belongs to the words before it is not of these."""
    return text.strip().lstrip(".,;:!? ")


def _positions_from(encoded: ctranslate2.StorageView, first: int) -> ctranslate2.StorageView:
    """The encoder's output from a position on: what it holds of the sound from there."""
    here = encoded if encoded.device == "cpu" else encoded.to_device(ctranslate2.Device.cpu)
    return _stored(_numbers(here)[:, first:])


def _numbers(encoded: ctranslate2.StorageView) -> NDArray[np.float32]:
    return np.array(encoded.to(ctranslate2.DataType.float32))


def _stored(output: NDArray[np.float32]) -> Encoded:
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(output))


def _device(device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
