"""Where the words beside a number that is read aloud are found, and where they are: what a recording's cuts rest on.

    make bench CELL="accuracy.word_times.en accuracy.word_times.es accuracy.turn_edges"

Digits that were recorded one by one stand between two sentences of the same voice (Debian's Asterisk prompts, 8 kHz),
so their places are known to the sample. `cut` is what `pipelines.word_times.surely_within` hides of such a clip, also
when the first and the last digit were not heard: milliseconds of digits that stay, and of other words that go.
`turn_edges` has digits alone, with noise, and says by how much a turn begins after them and ends before they do.
"""

import asyncio
import random
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from benchmarks.debian import recordings
from benchmarks.listening import written
from engine.facts import Pcm16, SpeechSegment
from engine.ports.hearing import HeardWord, ListenJob
from media.audio import double_rate
from media.wav_file import FileSession, read_channels
from models.catalogue import WHISPER_BASE
from models.installation import install
from models.whisper import Whisper
from pipelines.word_times import surely_within

MODELS = Path("data/models")
CLIPS = 220
DIGITS = {
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
}
VOICE = "asterisk-core-sounds-{}-wav"
TURNS, NOISES_DB = 80, (40, 15, 8)
_PER_MS = 8
_ALONE_MS = 1_500
_LENGTHS = (3, 4, 4, 6, 8)
_SENTENCE_MS = (1_200, 3_000)
_AROUND_MS, _BETWEEN_MS = (30, 350), (20, 140)
_LOUD = 0.03
"""Of a recording's loudest 10 ms: the silence at its ends is quieter."""
_LONGEST_MS = 11_000
_NOT_SENTENCES = ("digits", "letters", "phonetic", "silence")


class Clip(NamedTuple):
    sound: Pcm16
    digits: list[int]
    before_ms: float
    """End of the sentence before the digits."""
    start_ms: float
    end_ms: float
    """Of the digits."""
    after_ms: float
    """Start of the sentence behind them."""


def clips(language: str, count: int) -> Iterator[Clip]:
    """The same in every run."""
    voice, spoken = recordings(VOICE.format(language)), _digits(language)
    sentences = [_trimmed(read_channels(path)[0][0]) for path in voice if not {*path.parts} & {*_NOT_SENTENCES}]
    low, high = (ms * _PER_MS for ms in _SENTENCE_MS)
    sentences = [sound for sound in sentences if low < len(sound) < high]
    dice = random.Random(language)
    for number in range(count):
        digits = [dice.randrange(10) for _ in range(dice.choice(_LENGTHS))]
        read = _read(digits, spoken, dice)
        before, after = (_silence(dice.uniform(*_AROUND_MS)) for _ in range(2))
        first, second = dice.choice(sentences), dice.choice(sentences)
        parts = [_silence(180), first, before, read, after, second, _silence(200)]
        ends = np.cumsum([len(part) for part in parts]) / _PER_MS
        if ends[-1] < _LONGEST_MS:
            noise = np.random.default_rng(number).normal(0, 8, round(ends[-1] * _PER_MS))
            sound = np.clip(np.concatenate(parts) + noise, -32768, 32767).astype(np.int16)
            yield Clip(sound, digits, ends[1], ends[2], ends[3], ends[4])


def _digits(language: str) -> list[Pcm16]:
    paths = {path.stem: path for path in recordings(VOICE.format(language)) if path.parent.name == "digits"}
    return [_trimmed(read_channels(paths[str(digit)])[0][0]) for digit in range(10)]


def _read(digits: Sequence[int], spoken: Sequence[Pcm16], dice: random.Random) -> Pcm16:
    parts = [part for digit in digits for part in (_silence(dice.uniform(*_BETWEEN_MS)), spoken[digit])]
    return np.concatenate(parts[1:])


def _silence(ms: float) -> Pcm16:
    return np.zeros(int(ms * _PER_MS), np.int16)


def _trimmed(sound: Pcm16) -> Pcm16:
    loud = np.convolve(np.abs(sound.astype(np.float32)), np.ones(10 * _PER_MS, np.float32), "same")
    there = np.flatnonzero(loud > _LOUD * loud.max())
    return sound[there[0] : there[-1] + 1]


def measure(language: str, count: int = CLIPS) -> dict[str, Any]:
    whisper = Whisper(install(WHISPER_BASE, MODELS), device="cpu")
    found: dict[str, list[float]] = {}
    unheard = 0
    for number, clip in enumerate(clips(language, count)):
        job = ListenJob(
            job=number, call_id="c", stream="1", segment=0, kind="final", due=0.0, language=language, capture=True
        )  # fmt: skip
        heard = whisper.hear(job, double_rate(clip.sound))
        names = [DIGITS[language][digit] for digit in clip.digits]
        at = _place(names, [_plain(heard.text[word.start : word.end]) for word in heard.words])
        if at is None:
            unheard += 1
            continue
        for name, ms in _errors(clip, heard.words[at - 1 : at + len(names) + 1], len(clip.sound) / _PER_MS):
            found.setdefault(name, []).append(ms)
    return {
        "clips": len(found["first_starts"]),
        "misheard": unheard,
        **{name: _spread(ms) for name, ms in found.items()},
    }


def _place(names: Sequence[str], words: Sequence[str]) -> int | None:
    """Where the digits stand, with words around them."""
    starts = range(1, len(words) - len(names))
    return next((at for at in starts if list(words[at : at + len(names)]) == list(names)), None)


def _plain(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", word.lower()) if letter.isalnum())


def _errors(clip: Clip, words: Sequence[HeardWord], length_ms: float) -> Iterator[tuple[str, float]]:
    before, first, last, after = words[0], words[1], words[-2], words[-1]
    yield "before_ends", before.end_ms - clip.before_ms
    yield "first_starts", first.start_ms - clip.start_ms
    yield "last_ends", last.end_ms - clip.end_ms
    yield "after_starts", after.start_ms - clip.after_ms
    for name, dropped in (("cut", 0), ("cut_unheard", 1)):
        known = [before, *words[1 + dropped : len(words) - 1 - dropped], after]
        start, end = surely_within(known, known[1].start, known[-2].end, (0, round(length_ms)))
        yield f"{name}_stays", max(0.0, start - clip.start_ms) + max(0.0, clip.end_ms - end)
        yield f"{name}_goes", max(0.0, clip.before_ms - start) + max(0.0, end - clip.after_ms)


def turn_edges() -> dict[str, Any]:
    """By language and noise (dB below the voice), ms."""
    return {
        f"{language} {noise_db} dB": _turn_edges(language, noise_db) for language in DIGITS for noise_db in NOISES_DB
    }


def _turn_edges(language: str, noise_db: int) -> dict[str, Any]:
    spoken, dice = _digits(language), random.Random(noise_db)
    begins, ends, unheard = list[float](), list[float](), 0
    for _ in range(TURNS):
        read = _read([dice.randrange(10) for _ in range(dice.choice((1, *_LENGTHS)))], spoken, dice)
        sound = np.concatenate([_silence(_ALONE_MS), read, _silence(_ALONE_MS)]).astype(np.float64)
        loud = np.sqrt(np.mean(read.astype(np.float64) ** 2)) / 10 ** (noise_db / 20)
        sound += np.random.default_rng(len(begins)).normal(0, loud, len(sound))
        turns = asyncio.run(_turns(np.clip(sound, -32768, 32767).astype(np.int16)))
        if turns:
            begins.append(turns[0].start_ms - _ALONE_MS)
            ends.append(_ALONE_MS + len(read) / _PER_MS - turns[-1].end_ms)
        unheard += not turns
    return {"turns": TURNS, "unheard": unheard, "begins_late": _spread(begins), "ends_early": _spread(ends)}


async def _turns(sound: Pcm16) -> list[SpeechSegment]:
    with TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        session = FileSession(written(Path(folder) / "call.wav", [sound]), legs=["customer"])
    return [one async for one in session.events() if isinstance(one, SpeechSegment) and one.state == "ended"]


def _spread(values: Sequence[float]) -> dict[str, float]:
    names = {"p1": 1, "p50": 50, "p95": 95, "p99": 99, "worst": 100}
    return {"mean": round(float(np.mean(values)), 1)} | {
        name: round(float(np.percentile(values, share)), 1) for name, share in names.items()
    }


CELLS: dict[str, Callable[[], dict[str, Any]]] = {
    **{f"accuracy.word_times.{language}": partial(measure, language) for language in DIGITS},
    "accuracy.turn_edges": turn_edges,
}
