"""A card payment as a call's sound: its lines read aloud by an open voice, and where what is private lies in it.

Where a part of a line begins and ends is known to the voice's first and last sound; inside it no word has a time.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from benchmarks.payments import Kind, Line, Payment, readable, tokens
from benchmarks.voices import Sentence, sound_of
from engine.facts import Leg, Pcm16
from models.display import write
from tests.leaks import runs

RATE_HZ = 8_000
LEGS: tuple[Leg, ...] = ("customer", "agent")
VOICES = 5
BEFORE_MS, AFTER_MS, JOIN_MS = 1_500, 2_500, 120
"""Silence before the first line, behind the last, and between the parts of one."""
LONGEST_PAUSE_MS = 4_000
"""Pauses beyond tell nothing that a benchmark's time is worth."""
FRAME_MS = 20
LOUD = 10 ** (-38 / 20)
"""Of a part's loudest frame: below this nobody speaks."""
Frames = np.ndarray[Any, np.dtype[np.bool_]]
"""By frame."""


class Piece(msgspec.Struct, frozen=True):
    """Parts of a line in a row that are all private, or all not."""

    start_ms: int
    end_ms: int
    private: bool


class Said(msgspec.Struct, frozen=True):
    """A line, when it was said, and where its parts are."""

    line: Line
    pieces: tuple[Piece, ...]

    @property
    def start_ms(self) -> int:
        return self.pieces[0].start_ms

    @property
    def end_ms(self) -> int:
        return self.pieces[-1].end_ms

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        return start_ms < self.end_ms and self.start_ms < end_ms


class Spoken(msgspec.Struct, frozen=True):
    """A payment as sound: 8 kHz by leg, all of one length."""

    paid: Payment
    said: tuple[Said, ...]
    sound: dict[str, Pcm16]

    def kinds(self, leg: str, start_ms: int, end_ms: int) -> set[Kind]:
        """Of what is private in the lines that a span of the leg touches."""
        return {kind for one in self._at(leg, start_ms, end_ms) for kind in one.line.kinds}

    def readable(self, leg: str, start_ms: int, end_ms: int, text: str) -> int:
        """Digits and number words of what is private that can be read in a text that is of this span, beyond those of
        what else is said in it. Numbers of two digits and more that nobody said count as well, where something private
        is: they are misheard."""
        lines = [one.line for one in self._at(leg, start_ms, end_ms)]
        private, public = Counter[str](), Counter[str]()
        for part in itertools.chain.from_iterable(line.parts for line in lines):
            (private if part.kind else public).update([*tokens(part.text), *"".join(runs(part.text))])
            if not part.kind:
                public.update("".join(runs(write(part.text, self.paid.language, self.paid.country).text)))
        if not private:
            return 0
        misheard = sum(len(run) for run in runs(text) if len(run) > 1 and not Counter(run) <= public)
        return max(readable(private, public, text), misheard)

    def _at(self, leg: str, start_ms: int, end_ms: int) -> list[Said]:
        return [one for one in self.said if one.line.leg == leg and one.overlaps(start_ms, end_ms)]


def sentences(paid: Payment, number: int) -> list[list[tuple[Sentence, bool]]]:
    """What is read by line, and whether it is private. Both have their own voice, another pair in each payment."""
    return [list(_pieces(line, paid.language, number)) for line in paid.lines]


def _pieces(line: Line, language: str, number: int) -> Iterator[tuple[Sentence, bool]]:
    voice = number % VOICES if line.leg == "customer" else (number + 2) % VOICES
    for private, parts in itertools.groupby(line.parts, lambda part: part.kind is not None):
        if text := " ".join(part.text.strip() for part in parts).strip(" ,.-"):
            yield Sentence(text, language, voice), private


def spoken(paid: Payment, number: int) -> Spoken:
    """The call's sound. What it is made of must have been read aloud."""
    said, at = list[Said](), BEFORE_MS
    placed: list[tuple[Leg, int, Pcm16]] = []
    for line, parts in zip(paid.lines, sentences(paid, number), strict=True):
        at += min(line.pause_ms, LONGEST_PAUSE_MS)
        pieces = []
        for sentence, private in parts:
            voice = voiced(sound_of(sentence, RATE_HZ))
            placed.append((line.leg, at, voice))
            pieces.append(Piece(at, at + _ms(voice), private))
            at = pieces[-1].end_ms + JOIN_MS
        if pieces:
            said.append(Said(line, tuple(pieces)))
    length = (at + AFTER_MS) * RATE_HZ // 1000
    sounds = dict[str, Pcm16]({leg: np.zeros(length, np.int16) for leg in LEGS})
    for leg, start_ms, voice in placed:
        first = start_ms * RATE_HZ // 1000
        sounds[leg][first : first + len(voice)] = voice
    return Spoken(paid, tuple(said), sounds)


def voiced(sound: Pcm16) -> Pcm16:
    """Without the silence at its ends, cut to whole frames."""
    loud = np.flatnonzero(loud_frames(sound, RATE_HZ))
    size = RATE_HZ * FRAME_MS // 1000
    return sound[loud[0] * size : (loud[-1] + 1) * size] if len(loud) else sound[:size]


def loud_frames(sound: Pcm16, rate_hz: int) -> Frames:
    """By frame, whether somebody speaks in it."""
    size = rate_hz * FRAME_MS // 1000
    frames = sound[: len(sound) // size * size].reshape(-1, size).astype(np.float32)
    level = np.sqrt(np.mean(frames**2, axis=1)) if len(frames) else np.zeros(0, np.float32)
    return level > max(1.0, LOUD * float(level.max(initial=0.0)))


def _ms(sound: Pcm16) -> int:
    return len(sound) * 1000 // RATE_HZ
