"""Conversations of human voices with what is said in them, and when: the same in every run.

Turns are Asterisk's recorded prompts in English and Spanish (Debian's `asterisk-core-sounds-*`; their scripts are in
the packages' documentation) and five LibriVox clips (`pocketsphinx-testdata`); both speakers take them by turns, with
pauses as people make them. Portuguese is the bundled demo call, made by a machine: no recording of people with its
words was found in a package. Prompts with digits or spelt letters in their script are left out, since it does not say
how they are read.
"""

import gzip
import itertools
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import soxr

from benchmarks.debian import recordings
from engine.facts import Pcm16, Samples
from media.wav_file import read_channels
from pipelines import demo

RATE_HZ = 8_000
LEGS = ("customer", "agent")
LENGTH_S = 100.0
"""A conversation ends with the turn that passes this."""
TAIL_S = 1.2
"""Line noise after the last turn: longer than any engine takes to know that it was the last."""
LEAST_WORDS = 4
_LEVEL = 0.06
"""Root mean square of every turn, of full scale."""
_NOISE = 0.0006
_FLOOR_DB = -38.0
"""Of a turn's loudest frame: below this nobody speaks."""
_PAUSE_S = 0.3
"""A silence that short is part of speech (a stop's closure, a breath)."""
_UNFIT = re.compile(r"[\d\[\]()*#@]|www|\b[A-Z] [A-Z]\b")
"""Not plain words: digits, stage directions, signs, letters to be spelt."""
_OTHERWISE = {("es", "vm-record-prepend")}
"""Prompts in which another text is spoken than the script has."""

Span = tuple[float, float]
"""Start and end, s."""


class Utterance(msgspec.Struct, frozen=True):
    """One turn. Times in seconds from the conversation's first frame."""

    leg: str
    text: str
    spans: tuple[Span, ...]
    """Where there is sound in it, with pauses between them."""

    @property
    def start_s(self) -> float:
        return self.spans[0][0]

    @property
    def end_s(self) -> float:
        return self.spans[-1][1]

    def moved(self, by_s: float) -> "Utterance":
        return Utterance(self.leg, self.text, tuple((start + by_s, end + by_s) for start, end in self.spans))


class Conversation(msgspec.Struct, frozen=True):
    """A two-channel call: 8 kHz sound by leg, all of one length, and its turns in order."""

    language: str
    sound: dict[str, Pcm16]
    utterances: tuple[Utterance, ...]

    @property
    def seconds(self) -> float:
        return len(self.sound[LEGS[0]]) / RATE_HZ

    def part(self, start_s: float, end_s: float) -> "Conversation | None":
        """The turns that lie between the two; None when there are none."""
        kept = [turn for turn in self.utterances if turn.start_s >= start_s and turn.end_s <= end_s]
        if not kept:
            return None
        before = [turn.end_s for turn in self.utterances if turn.end_s <= kept[0].start_s]
        after = [turn.start_s for turn in self.utterances if turn.start_s >= kept[-1].end_s]
        first_s = max([kept[0].start_s - 0.5, 0.0, *before])
        last_s = min([kept[-1].end_s + TAIL_S, self.seconds, *after])
        first, last = round(first_s * RATE_HZ), round(last_s * RATE_HZ)
        quiet = _noise(random.Random(last), round(TAIL_S * RATE_HZ) - (last - round(kept[-1].end_s * RATE_HZ)))
        sound = {leg: np.concatenate([pcm[first:last], _pcm(quiet)]) for leg, pcm in self.sound.items()}
        return Conversation(self.language, sound, tuple(turn.moved(-first / RATE_HZ) for turn in kept))


class Clip(msgspec.Struct, frozen=True):
    text: str
    sound: Samples


def conversations() -> list[Conversation]:
    """All there are, languages by turns: en, es, en, es, pt and so on, the one in Portuguese again and again. Blocking;
    fetches the packages at the first time."""
    english = [*prompts("en"), *readers()]
    made = {language: list(converse(clips, language)) for language, clips in (("en", english), ("es", prompts("es")))}
    portuguese = _demo("pt")
    order: list[Conversation] = []
    for at, (one, other) in enumerate(zip(made["en"], made["es"], strict=False)):
        order += [one, other, *([portuguese] if at % 2 else [])]
    return order


def line(number: int, lines: int, seconds: float, order: Sequence[Conversation]) -> list[Conversation]:
    """What one of so many lines plays in so many seconds, one call after another. Lines begin at different calls, and
    at different moments of them, so that they do not breathe together."""
    turn = itertools.cycle(range(len(order)))
    calls = itertools.islice(turn, number * len(order) // lines, None)
    first = order[next(calls)]
    planned: list[Conversation] = []
    left = seconds
    part = first.part(first.seconds * number / lines, first.seconds)
    while left > 0:
        if part is not None:
            if part.seconds > left:
                part = part.part(0.0, left)
            if part is None:
                break
            planned.append(part)
            left -= part.seconds
        part = order[next(calls)]
    return planned


def converse(clips: Sequence[Clip], language: str) -> Iterator[Conversation]:
    """Both speak by turns until all is said; the same in every run."""
    chance = random.Random(f"{language} 1")
    deck = list(clips)
    chance.shuffle(deck)
    speakers = itertools.cycle(("agent", "customer"))
    while deck:
        turns: list[tuple[str, Clip]] = []
        pauses: list[float] = []
        length_s = 0.0
        while deck and length_s < LENGTH_S:
            turns.append((next(speakers), deck.pop()))
            pauses.append(min(3.0, max(0.25, chance.lognormvariate(-0.5, 0.6))))
            length_s += pauses[-1] + len(turns[-1][1].sound) / RATE_HZ
        if length_s >= LENGTH_S:
            yield _laid_out(turns, pauses, language, chance)


def _laid_out(
    turns: Sequence[tuple[str, Clip]], pauses: Sequence[float], language: str, chance: random.Random
) -> Conversation:
    length = round((sum(pauses) + TAIL_S) * RATE_HZ) + sum(len(clip.sound) for _, clip in turns) + len(turns)
    sound = {leg: _noise(chance, length) for leg in LEGS}
    utterances, at = [], 0
    for (leg, clip), pause_s in zip(turns, pauses, strict=True):
        at += round(pause_s * RATE_HZ)
        sound[leg][at : at + len(clip.sound)] += clip.sound
        utterances.append(Utterance(leg, clip.text, spoken(clip.sound)).moved(at / RATE_HZ))
        at += len(clip.sound)
    end = at + round(TAIL_S * RATE_HZ)
    return Conversation(language, {leg: _pcm(samples[:end]) for leg, samples in sound.items()}, tuple(utterances))


# ─── clips ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def prompts(language: str, rate_hz: int = RATE_HZ) -> list[Clip]:
    """Recorded prompts whose script is plain words, each text once. From 16 kHz on they are the wideband recordings."""
    found: dict[str, Clip] = {}
    kind = "wav" if rate_hz == RATE_HZ else "g722"
    scripts = recordings(f"asterisk-core-sounds-{language}", "txt.gz")
    paths = recordings(f"asterisk-core-sounds-{language}-{kind}", kind)
    by_name = {"/".join(path.parts[path.parts.index("sounds") + 2 :]).rpartition(".")[0]: path for path in paths}
    for row in gzip.decompress(scripts[0].read_bytes()).decode("utf-8", "replace").splitlines():
        name, colon, text = row.partition(": ")
        if row.startswith(";") or not colon or name not in by_name or (language, name) in _OTHERWISE:
            continue
        if _UNFIT.search(text):
            continue
        words = re.sub(r"[\W_]+", " ", text.lower()).split()
        if len(words) >= LEAST_WORDS:
            found.setdefault(" ".join(words), _clip(text.strip(), *_read(by_name[name]), rate_hz))
    return list(found.values())


def readers(rate_hz: int = RATE_HZ) -> list[Clip]:
    """LibriVox clips, with their words."""
    paths = {path.stem: path for path in recordings("pocketsphinx-testdata") if path.parent.name == "librivox"}
    folder = next(iter(paths.values())).parent
    rows = (folder / "transcription").read_text("utf-8").splitlines()
    matches = (re.fullmatch(r"<s> (.*) </s> \((.*)\)", row.strip()) for row in rows)
    return [_clip(match[1], *_read(paths[match[2]]), rate_hz) for match in matches if match]


def _demo(language: str) -> Conversation:
    call = demo.load_call(language)
    sound = dict(zip(call.script.legs, call.sound, strict=True))
    utterances = []
    for turn in sorted(call.script.turns, key=lambda one: one.start_ms):
        said = sound[turn.leg][turn.start_ms * RATE_HZ // 1000 : turn.end_ms * RATE_HZ // 1000]
        spans = spoken(_samples(said))
        utterances.append(Utterance(turn.leg, turn.text, spans).moved(turn.start_ms / 1000))
    return Conversation(language, sound, tuple(utterances))


def spoken(sound: Samples, rate_hz: int = RATE_HZ) -> tuple[Span, ...]:
    """Stretches of sound in a turn, seconds from its start. Raises `ValueError` where all is silence."""
    frame = rate_hz // 50
    frames = sound[: len(sound) // frame * frame].reshape(-1, frame)
    energy = np.mean(frames.astype(np.float64) ** 2, axis=1)
    if not len(energy) or not energy.max():
        raise ValueError("a turn without sound")
    spans: list[Span] = []
    for at in np.flatnonzero(energy > energy.max() * 10 ** (_FLOOR_DB / 10)):
        start, end = float(at) / 50, float(at + 1) / 50
        if spans and start - spans[-1][1] < _PAUSE_S:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return tuple(spans)


def _clip(text: str, samples: Samples, from_hz: int, rate_hz: int) -> Clip:
    """Without silence around it, at the level of all."""
    sound = soxr.resample(samples, from_hz, rate_hz) if from_hz != rate_hz else samples
    spans = spoken(sound, rate_hz)
    sound = sound[round(spans[0][0] * rate_hz) : round(spans[-1][1] * rate_hz)]
    return Clip(text, (sound * (_LEVEL / np.sqrt(np.mean(sound**2)))).astype(np.float32))


def _read(path: Path) -> tuple[Samples, int]:
    channels, rate_hz = read_channels(path)
    return _samples(channels[0]), rate_hz


def _samples(pcm: Pcm16) -> Samples:
    return (pcm / 32768).astype(np.float32)


def _noise(chance: random.Random, samples: int) -> Samples:
    """What a line has when nobody speaks."""
    rng = np.random.default_rng(chance.getrandbits(32))
    return rng.normal(0, _NOISE, max(0, samples)).astype(np.float32)


def _pcm(samples: Samples) -> Pcm16:
    return np.clip(samples * 32767, -32768, 32767).astype(np.int16)
