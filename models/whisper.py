"""What was said in a segment, as Whisper hears it: in windows as short as the speech allows. Its answers depend on the
sound alone."""

import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from engine.facts import Pcm16, Samples
from engine.ports.hearing import Heard, HeardWord, ListenJob
from models.decoder import POSITION, Decode, Decoder
from models.decoding import PAUSE_S, RATE_HZ, Decoding, cut_to_fit
from models.hallucination import is_hallucinated
from models.languages import Belief, expected, likeliest, moved
from models.whisper_model import Encoded

_FOREIGN_GAIN = 0.1
"""So much likelier (mean log-probability) must words in another language than the leg's be."""
_FOREIGN_DOUBT = -0.5
_EARLY_S = 1.0
"""Words that end so long before their segment does may lack some."""
_TAIL_S = 0.2
"""Of a segment's sound, so much at its end is behind the last that the VAD took for speech."""
_LIKELY = 0.4
"""First words of a draft in doubt are shown while they are as likely: of the first half second six drafts in ten
are in doubt, and many loop behind a first word that is right."""
_LOST_WORDS = 4
_WORD = re.compile(r"\w+")
_SIGNS = re.compile(r"(?:[^\w\s]\s*){4}")
"""So many signs on end stand for words that were not found."""


class Whisper:
    """The model and how it is asked. `hear` may run in as many threads at once as there are workers.

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
        self._decoding = decoding or Decoding()
        self._decoder = Decoder(
            weights,
            workers=workers,
            device=device,
            compute_type=compute_type,
            spelt_numbers=self._decoding.spelt_numbers,
        )
        self.device = self._decoder.device

    def hear(
        self,
        job: ListenJob,
        pcm: Pcm16,
        context: int = 0,
        said: str = "",
        draft: Callable[[Heard], None] = lambda _: None,
    ) -> Heard:
        """Blocking. Windows longer than 28 s are cut at their quietest places and heard in turn.

        The first `context` samples are what was said before, `said` its words: neither is in the answer. `draft` is
        called, in this thread, with words worth showing while the segment is heard once more. Words that end long
        before the sound does may lack some: then all of the window is encoded, and what reaches further holds.
        """
        began = time.perf_counter()
        sound = pcm.astype(np.float32) / 32768.0

        def early(heard: Heard) -> None:
            draft(_joined(job, [(0.0, heard)], 1000 * (time.perf_counter() - began)))

        parts = self._parts(job, sound, context, said, early, whole=False)
        ends_s, length_s = _end_s(parts), (len(sound) - context) / RATE_HZ
        may_lack = job.kind != "partial" and self._decoder.borrows_silence
        if may_lack and 0 < ends_s < length_s - _EARLY_S - _TAIL_S:
            again = self._parts(job, sound, context, said, early, whole=True)
            parts = again if _end_s(again) > ends_s else parts
        return _joined(job, parts, 1000 * (time.perf_counter() - began))

    def _parts(
        self, job: ListenJob, sound: Samples, context: int, said: str, draft: Callable[[Heard], None], *, whole: bool
    ) -> list[tuple[float, Heard]]:
        """What is heard of the window, and where in it each part begins (s); with its padding encoded as a `whole`."""
        heard = self._hear_after(job, sound, context, said, draft, whole=whole) if context and said else None
        if heard is not None:
            return [(0.0, heard)]
        parts, begin_s = [], 0.0
        for part in cut_to_fit(sound[context:]):
            parts.append((begin_s, self._hear(job, part, whole=whole)))
            begin_s += len(part) / RATE_HZ
        return parts

    def _hear_after(
        self, job: ListenJob, sound: Samples, context: int, said: str, draft: Callable[[Heard], None], *, whole: bool
    ) -> Heard | None:
        """With what was said before it; None when that does not help, so that it is to be heard alone.

        Read from a mark on, the words cost half as much as behind every word before them, and are nearly always the
        same. Where they are in any doubt they are a draft, and read again with a beam.
        """
        length_s = len(sound) / RATE_HZ
        encoded = self._decoder.encode(sound, self._decoding.context_s(length_s), whole=whole)
        speech = sound[context:]
        belief, own = self._identify(job, encoded, len(speech) / RATE_HZ, context // POSITION)
        language = likeliest(belief)
        if job.belief and language != likeliest(job.belief):
            return None  # words of another language would mislead
        if own == language and not job.capture and not self._is_prompted(job):
            cap, start_s = _cap(len(speech) / RATE_HZ), context / RATE_HZ - PAUSE_S / 2
            for beam in (1, self._decoding.beam):
                marked = self._decoder.decode_from(encoded, language, start_s, said, cap, beam=beam)
                if _is_made_up(job, marked, speech) or _repeats(said, marked.text):
                    break
                heard = _heard(job, marked.text, marked, language, belief)
                sure = beam > 1 or marked.log_probability > self._decoding.sure_log_probability
                if sure and _reaches(marked, length_s) and not self._is_doubtful(marked, capture=False):
                    return self._timed(job, heard, encoded, len(speech), context)
                if marked.log_probability > self._decoding.redo_log_probability:
                    draft(heard)
        begun = msgspec.structs.replace(job, prefix=said)
        decode = self._likelier(begun, encoded, language, len(speech) / RATE_HZ)
        if not decode.new or self._is_doubtful(decode, capture=job.capture):
            return None
        if own != language and decode.log_probability < _FOREIGN_DOUBT:
            return None
        if _is_made_up(job, decode, speech):
            return None
        return self._timed(job, _heard(job, decode.new, decode, language, belief), encoded, len(speech), context)

    def _hear(self, job: ListenJob, speech: Samples, *, whole: bool) -> Heard:
        speech_s = len(speech) / RATE_HZ
        encoded = self._decoder.encode(speech, self._decoding.window_s(speech_s, job.kind), whole=whole)
        belief, own = self._identify(job, encoded, speech_s)
        language = likeliest(belief)
        decode = self._likelier(job, encoded, language, speech_s)
        if own != language and job.kind != "partial":
            foreign = self._decode(job, encoded, own, speech_s)
            if foreign.log_probability > decode.log_probability + _FOREIGN_GAIN:
                language, decode = own, foreign
        doubtful = self._is_doubtful(decode, capture=job.capture)
        if doubtful and job.kind != "partial":
            longer = self._decoder.encode(speech, max(self._decoding.redo_window_s, self._decoding.window_s(speech_s)))
            decode = _better(decode, self._decode(job, longer, language, speech_s, again=True))
        if doubtful and job.kind == "partial" and not (job.expected or job.prefix):
            decode, doubtful = _beginning(decode), False  # nothing of the segment was heard yet
        text = decode.text
        if is_hallucinated(text, speech, decode.no_speech, decode.log_probability, suspect=job.suspect, gain=job.gain):
            text = ""
        elif _loops(decode) and not job.capture:
            text = job.prefix
        elif doubtful and job.kind == "partial":
            text = job.prefix  # a draft in doubt takes no word back, and is not worth a second decode
        return self._timed(job, _heard(job, text, decode, language, belief), encoded, len(speech))

    def _timed(self, job: ListenJob, heard: Heard, encoded: Encoded, samples: int, context: int = 0) -> Heard:
        """With the times of its words, which nobody needs of a partial."""
        if job.kind == "partial" or not heard.text:
            return heard
        times = self._decoder.times(encoded, heard.language, heard.text, samples / RATE_HZ, context // POSITION)
        return msgspec.structs.replace(heard, words=times)

    def _identify(self, job: ListenJob, encoded: Encoded, speech_s: float, behind: int = 0) -> tuple[Belief, str]:
        """What the leg speaks after this segment, and what the segment by itself, by the encoder's output that is there
        anyway. The first `behind` positions are of what was said before."""
        if job.language and not job.belief:
            return {job.language: 1.0}, job.language
        scores = self._decoder.languages(encoded, behind)
        own = likeliest(moved(expected(), scores, speech_s))
        return moved(job.belief or expected(), scores, speech_s), own

    def _likelier(self, job: ListenJob, encoded: Encoded, language: str, speech_s: float) -> Decode:
        """As it is heard, or as it is behind the campaign's terms: the likelier, and never one that loops."""
        plain = self._decode(job, encoded, language, speech_s)
        if not self._is_prompted(job):
            return plain
        prompted = self._decode(job, encoded, language, speech_s, prompt=job.prompt)
        worse = prompted.log_probability < plain.log_probability or self._is_doubtful(prompted, capture=job.capture)
        return plain if worse else prompted

    def _decode(
        self,
        job: ListenJob,
        encoded: Encoded,
        language: str,
        speech_s: float,
        *,
        prompt: str = "",
        again: bool = False,
    ) -> Decode:
        """Greedy, and with a beam where that leaves doubts, a number is read aloud, or words are to be read `again`."""
        prefix, cap, no_repeat = job.prefix, _cap(speech_s), 4 if again and not job.capture else 0
        if job.kind == "partial" or not (job.capture or again or prefix):
            greedy = self._decoder.decode(
                encoded, language, cap, beam=1, prefix=prefix, prompt=prompt, expected=job.expected
            )
            sure = greedy.log_probability > self._decoding.sure_log_probability and bool(greedy.new)
            if job.kind == "partial" or (sure and not self._is_doubtful(greedy, capture=False)):
                return greedy
        return self._decoder.decode(
            encoded, language, cap, beam=self._decoding.beam, prefix=prefix, prompt=prompt, no_repeat=no_repeat
        )

    def _is_prompted(self, job: ListenJob) -> bool:
        return self._decoding.prompted and bool(job.prompt) and job.kind != "partial"

    def _is_doubtful(self, decode: Decode, *, capture: bool) -> bool:
        """Whether to listen once more. A number read aloud is a repetition, so with `capture` it may be one; but nobody
        reads as many tokens as the cap allows."""
        if decode.log_probability < self._decoding.redo_log_probability or _SIGNS.search(decode.new):
            return True
        return decode.capped or (not capture and decode.compression > self._decoding.redo_compression)


def _cap(speech_s: float) -> int:
    """More tokens than anyone speaks in that time."""
    return round(8 + 12 * speech_s)


def _reaches(marked: Decode, length_s: float) -> bool:
    """Whether words that were read from a mark on are as long as the speech: some may be lost at its end."""
    return marked.until_s is not None and marked.until_s > length_s - _EARLY_S


def _is_made_up(job: ListenJob, decode: Decode, speech: Samples) -> bool:
    return not decode.new or is_hallucinated(
        decode.new, speech, decode.no_speech, decode.log_probability, suspect=job.suspect, gain=job.gain
    )


def _repeats(said: str, text: str) -> bool:
    """Whether the text begins with the words that were said last, or goes back to some: the decoder may have lost the
    mark."""
    before, new = _WORD.findall(said.casefold()), _WORD.findall(text.casefold())
    if any(before[-count:] == new[:count] for count in range(1, min(len(before), len(new)) + 1)):
        return True
    runs = {tuple(before[at : at + _LOST_WORDS]) for at in range(len(before) - _LOST_WORDS + 1)}
    return any(tuple(new[at : at + _LOST_WORDS]) in runs for at in range(len(new) - _LOST_WORDS + 1))


def _loops(decode: Decode) -> bool:
    """The same again and again until the cap: nobody said it."""
    return decode.capped and decode.compression > 2.4


def _beginning(decode: Decode) -> Decode:
    """Of a draft in doubt its first words that are likely each, up to one that comes again: loops begin so."""
    words = list[str]()
    said = set[str]()
    for word, chance in zip(decode.new.split(), decode.chances, strict=False):
        bare = " ".join(_WORD.findall(word.casefold()))
        if chance < _LIKELY or bare in said:
            break
        words.append(word)
        said.add(bare)
    new = " ".join(words)
    return msgspec.structs.replace(decode, text=new, new=new, chances=decode.chances[: len(words)])


def _better(first: Decode, second: Decode) -> Decode:
    """One that ends by itself before one that does not, then the likelier."""
    return min(first, second, key=lambda decode: (decode.capped, decode.compression > 2.4, -decode.log_probability))


def _heard(job: ListenJob, text: str, decode: Decode, language: str, belief: Belief) -> Heard:
    return Heard(
        job=job.job,
        text=text,
        language=language,
        language_score=round(belief.get(language, 0.0), 4),
        confidence=round(math.exp(decode.log_probability), 4),
        no_speech=round(decode.no_speech, 4),
        chances=decode.chances if job.kind == "partial" else (),
        belief=belief if job.belief else {},
    )


def _end_s(parts: Sequence[tuple[float, Heard]]) -> float:
    """Where the last word ends; 0 where none has a time."""
    return max((begin_s + heard.words[-1].end_ms / 1000 for begin_s, heard in parts if heard.words), default=0.0)


def _joined(job: ListenJob, begun: Sequence[tuple[float, Heard]], run_ms: float) -> Heard:
    """One answer for the parts of a window, each with where in it it begins (s)."""
    parts = [part for _, part in begun]
    last = parts[-1]
    words: list[HeardWord] = []
    length = 0
    for begin_s, part in begun:
        words += [word.moved(length, round(1000 * begin_s)) for word in part.words]
        length += len(part.text) + 1 if part.text else 0
    return Heard(
        job=job.job,
        text=" ".join(part.text for part in parts if part.text),
        language=last.language,
        language_score=last.language_score,
        confidence=round(sum(part.confidence for part in parts) / len(parts), 4),
        no_speech=max(part.no_speech for part in parts),
        belief=last.belief,
        words=tuple(words),
        chances=last.chances if len(parts) == 1 else (),
        run_ms=round(run_ms, 1),
    )
