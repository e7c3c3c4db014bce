"""Whisper: sound to what its encoder hears, that to words. What to make of them is `models.whisper`'s."""

import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import msgspec
import numpy as np
import structlog
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer

from engine.errors import WeightsMissing
from engine.facts import Samples
from engine.ports.hearing import HeardWord
from models.ctranslate import CtranslateModel
from models.decoding import OWN_PADDING_S, RATE_HZ
from models.languages import OURS
from models.whisper_model import Encoded, Found, Question, WhisperModel
from models.whisper_onnx.model import OnnxModel, is_there

_POSITIONS_A_SECOND = 50
POSITION = RATE_HZ // _POSITIONS_A_SECOND
"""Samples to one position of the encoder's output."""
_MOST_POSITIONS = 1_500
"""Half a minute: what Whisper was made for."""
_PROMPT_TOKENS = 200
"""Less than half of the decoder's memory."""
_WRITTEN_NUMBER = frozenset("0123456789%$€£")
_MOST_TOKENS = 448
_TIMED_TOKENS = 440
"""The decoder's places, without those that the start and the end of a text take."""
_FRAMES_A_SECOND = 100
_POSITION_MS = 20
_MARKS_A_SECOND = 50
"""Timestamps of Whisper's vocabulary."""
_ENDS_EARLY_MS = 200
"""Between words with a pause or a sign the decoder looks ahead: it leaves a word so long before it ends (in the middle;
`make bench CELL=accuracy.word_times.es`)."""
_MARK_DOUBT = 1.5
"""Log-probability that a timestamp loses on average, however clear the words: to those right beside it."""

log = structlog.get_logger("ears")


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
    chances: tuple[float, ...] = ()
    """Likelihood of each new word, of the least likely of its tokens; empty: nothing is known of it."""

    @property
    def compression(self) -> float:
        """Above 2.4 a text says the same again and again."""
        data = self.text.encode()
        return len(data) / len(zlib.compress(data)) if data else 0.0


class Decoder:
    """The model and its vocabulary. Each method blocks, in as many threads at once as there are workers.

    With `auto` a GPU on which nothing can be computed is none: `device` says what it came to. Raises `WeightsMissing`
    when `weights` is not a directory with a CTranslate2 Whisper model.
    """

    def __init__(self, weights: Path, *, workers: int, device: str, compute_type: str, spelt_numbers: bool) -> None:
        check_weights(weights)
        self._vocabulary = tokenizers.Tokenizer.from_file(str(weights / "tokenizer.json"))
        self.device = _device(device)
        try:
            self._load(weights, workers, compute_type)
        except (RuntimeError, ValueError) as error:
            if device != "auto" or self.device == "cpu":
                raise
            log.warning("gpu.unusable", reason=str(error))
            self.device = "cpu"
            self._load(weights, workers, compute_type)
        self._never = np.asarray(never_chosen(self._vocabulary, spelt_numbers=spelt_numbers))
        self._never_foreign = np.asarray(never_chosen(self._vocabulary, spelt_numbers=False))
        """In languages whose number words nobody here knows, digits are the form in which a number can be masked."""

    def _load(self, weights: Path, workers: int, compute_type: str) -> None:
        """And hear a silence: a card without the libraries that computing takes loads a model all the same."""
        self._model = _model(weights, self._vocabulary, workers, self.device, compute_type)
        self._mel = FeatureExtractor(feature_size=self._model.bands)
        on_cpu = self.device == "cpu"
        silence = self._encode(np.zeros(0, np.float32), _MOST_POSITIONS if on_cpu else _POSITIONS_A_SECOND)
        self._model.languages(silence)
        self._silence = silence if on_cpu else None
        """Half a minute in which nothing is heard, encoded. A GPU minds no padding."""

    @property
    def borrows_silence(self) -> bool:
        """Whether a window that is encoded as a whole is another than one that is not."""
        return self._silence is not None

    def encode(self, speech: Samples, window_s: float, *, whole: bool = False) -> Encoded:
        """The speech, padded with silence or cut to the window.

        A CPU encodes little of the padding: behind it stands what was once made of silence at those places. The decoder
        needs it there, for it was taught on half minutes and begins to loop without. It nearly always hears the same;
        who doubts it has the `whole` window encoded.
        """
        length = round(window_s * _POSITIONS_A_SECOND)
        own = length if whole or self._silence is None else encoded_positions(len(speech), length)
        encoded = self._encode(speech[: own * POSITION], own)
        if self._silence is None or own == length:
            return encoded
        return self._model.followed(encoded, self._model.between(self._silence, own, length))

    def _encode(self, speech: Samples, positions: int) -> Encoded:
        window = np.zeros(positions * POSITION, np.float32)
        window[: len(speech)] = speech
        return self._model.encode(np.ascontiguousarray(self._mel(window, padding=0)[None], dtype=np.float32))

    def languages(self, encoded: Encoded, behind: int = 0) -> dict[str, float]:
        """Likelihoods of each language, of what lies behind so many positions."""
        return self._model.languages(self._model.between(encoded, behind) if behind else encoded)

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
        expected: str = "",
    ) -> Decode:
        """At most `cap` tokens behind the prefix. What is `expected` to be said, prefix included, makes the words come
        sooner: right or wrong, they are the same, or as good where two are nearly alike."""
        tokenizer = self._tokenizer(language)
        before = [tokenizer.sot_prev, *tokenizer.encode(f" {prompt}")[:_PROMPT_TOKENS]] if prompt else []
        begin = [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]
        begun = tokenizer.encode(f" {prefix.strip()}") if prefix.strip() else []
        question = Question(
            prompt=[*begin, *begun],
            start=len(before),
            text=len(begin),
            cap=_room(cap, [*begin, *begun]),
            not_first=() if begun else (*tokenizer.encode(" "), tokenizer.eot),
            marked=False,
            no_repeat=no_repeat,
            expected=_behind(tokenizer, begun, expected),
            **self._signs(tokenizer),
        )
        found = self._model.find(encoded, question, beam)
        new = _without_stops(tokenizer.decode(found.tokens))
        return Decode(
            text=tokenizer.decode([*begun, *found.tokens]).strip(),
            new=new,
            log_probability=found.log_probability / (len(found.tokens) + 1),
            no_speech=found.no_speech,
            capped=len(found.tokens) >= question.cap,
            chances=_chances(tokenizer, found, new),
        )

    def decode_from(self, encoded: Encoded, language: str, start_s: float, said: str, cap: int, *, beam: int) -> Decode:
        """What is said from a mark on, which tells the decoder where it stands: the words before are a mere prompt."""
        tokenizer = self._tokenizer(language)
        mark = tokenizer.timestamp_begin + round(start_s * _MARKS_A_SECOND)
        before = [tokenizer.sot_prev, *tokenizer.encode(f" {said}")[-_PROMPT_TOKENS:]]
        begin = [*before, *tokenizer.sot_sequence]
        question = Question(
            prompt=[*begin, mark],
            start=len(before),
            text=len(begin),
            cap=_room(cap, [*begin, mark]),
            not_first=(),
            marked=True,
            **self._signs(tokenizer),
        )
        found = self._model.find(encoded, question, beam)
        words = [token for token in found.tokens if token < tokenizer.eot]
        marks = [token for token in found.tokens if token >= tokenizer.timestamp_begin]
        score = found.log_probability + _MARK_DOUBT * len(marks)
        text = _without_stops(tokenizer.decode(words))
        return Decode(
            text=text,
            new=text,
            log_probability=min(0.0, score / (len(words) + 1)),
            no_speech=found.no_speech,
            capped=len(found.tokens) >= question.cap,
            until_s=(marks[-1] - tokenizer.timestamp_begin) / _MARKS_A_SECOND if marks else None,
        )

    def times(
        self, encoded: Encoded, language: str, text: str, speech_s: float, behind: int = 0
    ) -> tuple[HeardWord, ...]:
        """When each word of the text is said, by where the decoder looks for it. One run of the decoder over all words.
        The speech begins behind so many positions and is `speech_s` long. Nothing for more words than the decoder has
        places for: times are no reason to lose a final."""
        tokenizer = self._tokenizer(language)
        tokens = tokenizer.encode(f" {text}")
        if len(tokens) > _TIMED_TOKENS:
            return ()
        speech = self._model.between(encoded, behind) if behind else encoded
        last = min(self._model.positions(speech), math.ceil(speech_s * _FRAMES_A_SECOND) // 2)
        begins = self._model.begins(speech, tokenizer.sot_sequence, tokens, last)
        words, at, token = [], -1, 0  # the text is encoded behind a space
        for word, its_tokens in zip(*tokenizer.split_to_word_tokens([*tokens, tokenizer.eot]), strict=True):
            start, at = at + len(word) - len(word.lstrip()), at + len(word)
            first, token = begins[token], token + len(its_tokens)
            if any(letter.isalnum() for letter in word) and token <= len(tokens):
                end_ms = _POSITION_MS * begins[token]
                words.append(HeardWord(start, start + len(word.strip()), _POSITION_MS * first, end_ms))
        return _longer(words, _POSITION_MS * last)

    def _tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(self._vocabulary, True, "transcribe", language)

    def _signs(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """Tokens that mean the same in every question."""
        return {
            "never": self._never if tokenizer.language_code in OURS else self._never_foreign,
            "stop": tokenizer.eot,
            "marks": tokenizer.timestamp_begin,
            "no_marks": tokenizer.no_timestamps,
            "no_speech": tokenizer.no_speech,
        }


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


def _longer(words: Sequence[HeardWord], last_ms: int) -> tuple[HeardWord, ...]:
    """Where the next word leaves room for it, words end when they do and not when the decoder leaves them."""
    ends = [*(word.start_ms for word in words[1:]), last_ms]
    return tuple(
        msgspec.structs.replace(word, end_ms=max(word.end_ms, min(word.end_ms + _ENDS_EARLY_MS, end_ms)))
        for word, end_ms in zip(words, ends, strict=True)
    )


def _chances(tokenizer: Tokenizer, found: Found, text: str) -> tuple[float, ...]:
    """Of each word of the text that was found: signs at its end have no say."""
    if not found.chances or not found.tokens:
        return ()
    chances, at = list[float](), 0
    pieces = zip(*tokenizer.split_to_word_tokens([*found.tokens, tokenizer.eot]), strict=True)
    for piece, tokens in list(pieces)[:-1]:  # the stop is a word of its own
        least = min(found.chances[at : at + len(tokens)])
        at += len(tokens)
        if piece.startswith(" ") or not chances:
            chances.append(least)
        elif any(letter.isalnum() for letter in piece):
            chances[-1] = min(chances[-1], least)
    return tuple(chances) if len(chances) == len(text.split()) else ()


def _without_stops(text: str) -> str:
    """A full stop that belongs to the words before it is not of these."""
    return text.strip().lstrip(".,;:!? ")


def _behind(tokenizer: Tokenizer, begun: Sequence[int], expected: str) -> Sequence[int]:
    """Tokens of what is expected, behind those that are given."""
    tokens = tokenizer.encode(f" {expected.strip()}") if expected.strip() else []
    return tokens[len(begun) :]


def _room(cap: int, given: Sequence[int]) -> int:
    """Of so many tokens those that the decoder has places for behind these."""
    return max(1, min(cap, _MOST_TOKENS - len(given)))


def _model(
    weights: Path, vocabulary: tokenizers.Tokenizer, workers: int, device: str, compute_type: str
) -> WhisperModel:
    if device == "cpu" and compute_type in ("", "int8") and is_there(weights):
        return OnnxModel(weights, vocabulary)
    chosen = compute_type or ("int8" if device == "cpu" else "float16")
    return CtranslateModel(weights, workers=workers, device=device, compute_type=chosen)


def _device(device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
