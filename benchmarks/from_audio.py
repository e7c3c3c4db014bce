"""What is understood of turns that were heard: dialogues of held-back sentences, read aloud, through G.711 and Whisper.

    python -m benchmarks.from_audio es [--dialogues 12] [--part 1]

A dialogue has two channels and eight turns out of `tests/data/turns`: four of customers, two of customers and cards,
two of agents, as the dice fall. It is heard as a recording is (segments of the VAD, each after those before it), and of
each turn the words heard are judged as `benchmarks.turns` judges its text: both figures are of the same turns. An open
voice with an accent reads (`benchmarks.voices`), so what recognition loses here is more than it loses of people.
"""

import argparse
import asyncio
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import av
import jiwer
import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import hear, normalised, segments_of
from benchmarks.rules import Count
from benchmarks.tellers import LANGUAGES
from benchmarks.turns import MODELS, held, judged, labels_of, macro_f1
from benchmarks.voices import Sentence, read_aloud, sound_of
from engine.facts import Leg, Pcm16, SpeechSegment
from models.catalogue import WHISPER_BASE
from models.installation import install
from models.reader import OnnxTextReader
from models.training.corpus import Plans, Row
from models.whisper import Whisper

DIALOGUES = 12
"""In a part, which is a cell: about as much as ten minutes can read and hear."""
PARTS = 5
SHARES = {"customers": 4, "customers_and_cards": 2, "agents": 2}
"""Turns of a dialogue by who wrote them."""
RATE_HZ = 8_000
GAP_MS = 900
LEGS: tuple[Leg, ...] = ("customer", "agent")
_ASKED_BY_AGENTS = "asks_"


class Turn(NamedTuple):
    row: Row
    plans: Plans
    leg: Leg
    sentence: Sentence


class Placed(NamedTuple):
    """A turn in its dialogue's time."""

    turn: Turn
    start_ms: int
    end_ms: int


def dialogues(language: str, part: int, count: int = DIALOGUES) -> list[list[Turn]]:
    """The part's dialogues, the same in every run; no sentence is in two of the language."""
    dice = random.Random(language)
    pools: dict[str, list[tuple[Row, Plans]]] = {}
    for name, (plans, rows) in zip(sorted(SHARES), held(), strict=True):
        # masks are read aloud as no number would be
        pool = [(row, plans) for row in rows if row.language == language and "[" not in row.text]
        dice.shuffle(pool)
        pools[name] = pool
    out = []
    for number in range(part * count):
        turns = [
            _turn(*pools[name][number * share + at], name, number + at)
            for name, share in SHARES.items()
            for at in range(share)
        ]
        dice.shuffle(turns)
        out.append(turns)
    return out[-count:]


def _turn(row: Row, plans: Plans, author: str, voice: int) -> Turn:
    wanted = {label for head in plans for label in labels_of(row, plans, head)}
    agent = author == "agents" or any(label.startswith(_ASKED_BY_AGENTS) for label in wanted)
    return Turn(row, plans, "agent" if agent else "customer", Sentence(row.text, row.language, voice))


def measure(language: str, part: int, count: int = DIALOGUES) -> dict[str, Any]:
    whisper, reader = Whisper(install(WHISPER_BASE, MODELS), device="cpu"), OnnxTextReader(MODELS)
    spoken = dialogues(language, part, count)
    read_aloud([turn.sentence for turns in spoken for turn in turns])
    counts: dict[str, dict[str, dict[str, Count]]] = {"text": {}, "audio": {}}
    said, heard = [], []
    seconds = 0.0
    with TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        for turns in spoken:
            sound, placed = _sound(turns)
            seconds += sound.shape[1] / RATE_HZ
            path = Path(folder) / "dialogue.wav"
            _write(path, sound)
            windows = asyncio.run(segments_of(path, LEGS))
            words = by_turn(
                placed, [segment for segment, _ in windows], [one.text for one in hear(whisper, language, windows)]
            )
            for one, text in zip(placed, words, strict=True):
                said.append(normalised(one.turn.row.text))
                heard.append(normalised(text))
                for form, judged_text in (("text", one.turn.row.text), ("audio", text)):
                    _count(one.turn, judged_text, reader, counts[form])
    return {
        "dialogues": len(spoken),
        "turns": len(said),
        "seconds": round(seconds),
        "word_error_rate": round(100 * jiwer.wer(said, heard), 1),
        **{form: {way: _figures(by_label) for way, by_label in ways.items()} for form, ways in counts.items()},
    }


def _sound(turns: Sequence[Turn]) -> tuple[Pcm16, list[Placed]]:
    """int16[channel, samples] at 8 kHz, one turn after the other, and where each is."""
    gap = np.zeros(GAP_MS * RATE_HZ // 1000, np.int16)
    channels: tuple[list[Pcm16], ...] = ([gap], [gap])
    at, placed = len(gap), []
    for turn in turns:
        sound = sound_of(turn.sentence, RATE_HZ)
        for leg, channel in zip(LEGS, channels, strict=True):
            channel += [sound if leg == turn.leg else np.zeros(len(sound), np.int16), gap]
        placed.append(Placed(turn, at * 1000 // RATE_HZ, (at + len(sound)) * 1000 // RATE_HZ))
        at += len(sound) + len(gap)
    return np.stack([np.concatenate(channel) for channel in channels]), placed


def _write(path: Path, sound: Pcm16) -> None:
    """A WAV file in G.711 µ-law."""
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_mulaw", rate=RATE_HZ, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        container.mux([*stream.encode(frame), *stream.encode(None)])


def by_turn(placed: Sequence[Placed], segments: Sequence[SpeechSegment], texts: Sequence[str]) -> list[str]:
    """The words heard while each turn was said, on its leg."""
    words: list[list[str]] = [[] for _ in placed]
    for segment, text in zip(segments, texts, strict=True):
        overlaps = [_overlap(segment, one) for one in placed]
        if max(overlaps) > 0:
            words[overlaps.index(max(overlaps))].append(text)
    return [" ".join(one) for one in words]


def _overlap(segment: SpeechSegment, one: Placed) -> int:
    """Milliseconds."""
    if one.turn.leg != segment.stream:
        return 0
    return min(segment.end_ms, one.end_ms) - max(segment.start_ms, one.start_ms)


def _count(turn: Turn, text: str, reader: OnnxTextReader, counts: dict[str, dict[str, Count]]) -> None:
    for way, head, found in judged(turn.row, text, reader.read(text)):
        wanted = labels_of(turn.row, turn.plans, head)
        for label in turn.plans[head].labels:
            counts.setdefault(way, {}).setdefault(label, Count()).add(label in found, label in wanted)


def _figures(by_label: dict[str, Count]) -> dict[str, float]:
    """Over all labels: recall, precision and macro-F1."""
    total = Count(*map(sum, zip(*map(msgspec.structs.astuple, by_label.values()), strict=True)))
    return {"recall": total.recall, "precision": total.precision, "macro_f1": macro_f1(by_label, list(by_label))}


def _cells() -> Iterator[tuple[str, Any]]:
    for language in LANGUAGES:
        for part in range(1, PARTS + 1):
            yield f"from_audio.{language}.{part}", partial(measure, language, part)


CELLS = dict(_cells())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.from_audio", description=__doc__.splitlines()[0])
    parser.add_argument("language", choices=LANGUAGES)
    parser.add_argument("--dialogues", type=int, default=DIALOGUES)
    parser.add_argument("--part", type=int, default=1)
    given = parser.parse_args()
    figures = measure(given.language, given.part, given.dialogues)
    title = f"{given.language}: {figures['dialogues']} dialogues, {figures['turns']} turns, {figures['seconds']} s"
    table = Table(title=f"{title}, word error rate {figures['word_error_rate']} %")
    for name in (
        "",
        *(f"{what}, {form}" for what in ("recall", "precision", "macro-F1") for form in ("text", "audio")),
    ):
        table.add_column(name, justify="right" if name else "left")
    for way in figures["text"]:
        pairs = [figures[form][way][key] for key in ("recall", "precision", "macro_f1") for form in ("text", "audio")]
        table.add_row(way, *(f"{value:.3f}" for value in pairs))
    Console().print(table)


if __name__ == "__main__":
    main()
