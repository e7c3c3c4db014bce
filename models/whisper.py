"""Whisper through CTranslate2, in windows as short as the speech allows. Its answers depend on the sound alone."""

import math
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import ctranslate2
import msgspec
import numpy as np
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer

from engine.errors import WeightsMissing
from engine.facts import Pcm16, Samples
from engine.ports import Heard, ListenJob
from models.decoding import RATE_HZ, Decoding, cut_to_fit
from models.hallucination import is_hallucinated
from models.languages import OURS, Belief, expected, likeliest, moved

_POSITION = RATE_HZ // 50
"""Samples to one position of the encoder's output."""
_FOREIGN_GAIN = 0.1
"""So much likelier (mean log-probability) must words in another language than the leg's be."""
_FOREIGN_DOUBT = -0.5
_PROMPT_TOKENS = 200
"""Of a prompt, from its start: less than half of the decoder's memory."""
_WRITTEN_NUMBER = frozenset("0123456789%$€£")


class _Decode(msgspec.Struct, frozen=True):
    text: str
    new: str
    """What follows the prefix."""
    log_probability: float
    """Mean over the tokens behind the prefix, the end included."""
    no_speech: float
    capped: bool
    """Ran into the cap for its duration: it does not end by itself."""

    @property
    def compression(self) -> float:
        """Above 2.4 a text says the same again and again."""
        data = self.text.encode()
        return len(data) / len(zlib.compress(data)) if data else 0.0


class Whisper:
    """The model and its vocabulary. `hear` may run in as many threads at once as there are workers.

    Raises `WeightsMissing` when `weights` is not a directory with a CTranslate2 Whisper model.
    """

    def __init__(
        self,
        weights: Path,
        *,
        workers: int = 1,
        device: str = "auto",
        compute_type: str = "",
        decoding: Decoding | None = None,
    ) -> None:
        check_weights(weights)
        self.device = _device(device)
        self._decoding = decoding or Decoding()
        self._model = ctranslate2.models.Whisper(
            str(weights),
            device=self.device,
            compute_type=compute_type or ("int8" if self.device == "cpu" else "float16"),
            inter_threads=workers,
            intra_threads=1,
        )
        self._mel = FeatureExtractor(feature_size=self._model.n_mels)
        self._vocabulary = tokenizers.Tokenizer.from_file(str(weights / "tokenizer.json"))
        self._never = never_chosen(self._vocabulary, spelt_numbers=self._decoding.spelt_numbers)
        self._never_foreign = never_chosen(self._vocabulary, spelt_numbers=False)
        """In languages whose number words nobody here knows, digits are the form in which a number can be masked."""

    def hear(self, job: ListenJob, pcm: Pcm16, context: int = 0, said: str = "") -> Heard:
        """Blocking. Windows longer than 28 s are cut at their quietest places and heard in turn.

        The first `context` samples are what was said before, `said` its words: neither is in the answer.
        """
        began = time.perf_counter()
        sound = pcm.astype(np.float32) / 32768.0
        heard = self._hear_after(job, sound, context, said) if context and said else None
        parts = [heard] if heard is not None else [self._hear(job, part) for part in cut_to_fit(sound[context:])]
        return _joined(job, parts, 1000 * (time.perf_counter() - began))

    def _hear_after(self, job: ListenJob, sound: Samples, context: int, said: str) -> Heard | None:
        """With what was said before it; None when that does not help, so that it is to be heard alone."""
        length_s = len(sound) / RATE_HZ
        encoded = self._encode(sound, self._decoding.context_s(length_s))
        speech = sound[context:]
        belief, own = self._identify(job, encoded, len(speech) / RATE_HZ, context // _POSITION)
        language = likeliest(belief)
        if job.belief and language != likeliest(job.belief):
            return None  # words of another language would mislead
        begun = msgspec.structs.replace(job, prefix=said)
        decode = self._likelier(begun, encoded, language, len(speech) / RATE_HZ)
        if not decode.new or self._is_doubtful(decode, capture=job.capture):
            return None
        if own != language and decode.log_probability < _FOREIGN_DOUBT:
            return None
        if is_hallucinated(decode.new, speech, decode.no_speech, decode.log_probability, suspect=job.suspect):
            return None
        return _heard(job, decode.new, decode, language, belief)

    def _hear(self, job: ListenJob, speech: Samples) -> Heard:
        speech_s = len(speech) / RATE_HZ
        encoded = self._encode(speech, self._decoding.window_s(speech_s, job.kind))
        belief, own = self._identify(job, encoded, speech_s)
        language = likeliest(belief)
        decode = self._likelier(job, encoded, language, speech_s)
        if own != language and job.kind != "partial":
            foreign = self._decode(job, encoded, own, speech_s)
            if foreign.log_probability > decode.log_probability + _FOREIGN_GAIN:
                language, decode = own, foreign
        doubtful = self._is_doubtful(decode, capture=job.capture)
        if doubtful and job.kind != "partial":
            longer = self._encode(speech, max(self._decoding.redo_window_s, self._decoding.window_s(speech_s)))
            decode = _better(decode, self._decode(job, longer, language, speech_s, again=True))
        text = decode.text
        if is_hallucinated(text, speech, decode.no_speech, decode.log_probability, suspect=job.suspect):
            text = ""
        elif _loops(decode) and not job.capture:
            text = job.prefix
        elif doubtful and job.kind == "partial":
            text = job.prefix  # a draft that loops is not worth showing, nor a second decode
        return _heard(job, text, decode, language, belief)

    def _encode(self, speech: Samples, window_s: float) -> ctranslate2.StorageView:
        window = np.zeros(round(window_s * RATE_HZ), np.float32)
        window[: len(speech)] = speech[: len(window)]
        features = np.ascontiguousarray(self._mel(window, padding=0)[None], dtype=np.float32)
        return self._model.encode(ctranslate2.StorageView.from_array(features))

    def _identify(
        self, job: ListenJob, encoded: ctranslate2.StorageView, speech_s: float, behind: int = 0
    ) -> tuple[Belief, str]:
        """What the leg speaks after this segment, and what the segment by itself: by the encoder's output that is there
        anyway, one step of the decoder. The first `behind` positions are of what was said before."""
        if job.language and not job.belief:
            return {job.language: 1.0}, job.language
        speech = _positions_from(encoded, behind) if behind else encoded
        scores = {token[2:-2]: score for token, score in self._model.detect_language(speech)[0]}
        own = likeliest(moved(expected(), scores, speech_s))
        return moved(job.belief or expected(), scores, speech_s), own

    def _likelier(self, job: ListenJob, encoded: ctranslate2.StorageView, language: str, speech_s: float) -> _Decode:
        """As it is heard, or as it is behind the campaign's terms: the likelier, and never one that loops."""
        plain = self._decode(job, encoded, language, speech_s)
        if not (self._decoding.prompted and job.prompt and job.kind != "partial"):
            return plain
        prompted = self._decode(job, encoded, language, speech_s, prompt=job.prompt)
        worse = prompted.log_probability < plain.log_probability or self._is_doubtful(prompted, capture=job.capture)
        return plain if worse else prompted

    def _decode(
        self,
        job: ListenJob,
        encoded: ctranslate2.StorageView,
        language: str,
        speech_s: float,
        *,
        prompt: str = "",
        again: bool = False,
    ) -> _Decode:
        tokenizer = Tokenizer(self._vocabulary, True, "transcribe", language)
        before = [tokenizer.sot_prev, *tokenizer.encode(f" {prompt}")[:_PROMPT_TOKENS]] if prompt else []
        begin = [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]
        prefix = tokenizer.encode(f" {job.prefix.strip()}") if job.prefix.strip() else []
        cap = round(8 + 12 * speech_s)
        result = self._model.generate(
            encoded,
            [[*begin, *prefix]],
            beam_size=1 if job.kind == "partial" else self._decoding.beam,
            # CTranslate2 halves it, as OpenAI's sample_len does, and counts the prefix
            max_length=min(448, 2 * (len(begin) + len(prefix) + cap)),
            suppress_tokens=self._never if language in OURS else self._never_foreign,
            # a prefix may already be all that is said
            suppress_blank=not prefix,
            no_repeat_ngram_size=4 if again and not job.capture else 0,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]  # the prefix included
        new = tokens[len(prefix) :]
        return _Decode(
            text=tokenizer.decode(tokens).strip(),
            new=tokenizer.decode(new).strip().lstrip(".,;:!? "),
            log_probability=result.scores[0] * len(tokens) / (len(new) + 1),
            no_speech=result.no_speech_prob,
            capped=len(new) >= cap,
        )

    def _is_doubtful(self, decode: _Decode, *, capture: bool) -> bool:
        """Whether to listen once more. A number read aloud is a repetition, so with `capture` only the score counts."""
        if decode.log_probability < self._decoding.redo_log_probability:
            return True
        return not capture and (decode.capped or decode.compression > self._decoding.redo_compression)


def check_weights(weights: Path) -> None:
    """Raises `WeightsMissing` when the directory lacks a file of the model."""
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not (weights / name).is_file()]
    if missing:
        raise WeightsMissing(
            f"no Whisper model in {weights}: {', '.join(missing)} missing; `welcomedly models install`"
        )


def _loops(decode: _Decode) -> bool:
    """The same again and again until the cap: nobody said it."""
    return decode.capped and decode.compression > 2.4


def _better(first: _Decode, second: _Decode) -> _Decode:
    """One that ends by itself before one that does not, then the likelier."""
    return min(first, second, key=lambda decode: (decode.capped, decode.compression > 2.4, -decode.log_probability))


def _heard(job: ListenJob, text: str, decode: _Decode, language: str, belief: Belief) -> Heard:
    return Heard(
        job=job.job,
        text=text,
        language=language,
        language_score=round(belief.get(language, 0.0), 4),
        confidence=round(math.exp(decode.log_probability), 4),
        no_speech=round(decode.no_speech, 4),
        belief=belief if job.belief else {},
    )


def _positions_from(encoded: ctranslate2.StorageView, first: int) -> ctranslate2.StorageView:
    """The encoder's output from a position on: what it holds of the sound from there."""
    here = encoded if encoded.device == "cpu" else encoded.to_device(ctranslate2.Device.cpu)
    output = np.array(here.to(ctranslate2.DataType.float32))
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(output[:, first:]))


def _joined(job: ListenJob, parts: Sequence[Heard], run_ms: float) -> Heard:
    """One answer for the parts of a window."""
    last = parts[-1]
    return Heard(
        job=job.job,
        text=" ".join(part.text for part in parts if part.text),
        language=last.language,
        language_score=last.language_score,
        confidence=round(sum(part.confidence for part in parts) / len(parts), 4),
        no_speech=max(part.no_speech for part in parts),
        belief=last.belief,
        run_ms=round(run_ms, 1),
    )


def _device(device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def never_chosen(vocabulary: tokenizers.Tokenizer, *, spelt_numbers: bool = True) -> list[int]:
    """Tokens that stand for no spoken word: signs, speaker tags, control tokens, and written numbers."""
    tokenizer = Tokenizer(vocabulary, True, "transcribe", "en")
    control = (tokenizer.transcribe, tokenizer.translate, tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm)
    never = {*tokenizer.non_speech_tokens, *control, tokenizer.no_speech}
    if spelt_numbers:
        words = ((token, i) for token, i in vocabulary.get_vocab().items() if i < tokenizer.eot)
        never.update(i for token, i in words if _WRITTEN_NUMBER & set(token))
    return sorted(never)
