"""What is understood of turns that were heard: dialogues of held-back sentences, read aloud, through G.711 and Whisper.

    python -m benchmarks.from_audio es [--dialogues 12] [--part 1]
    python -m benchmarks.from_audio es --joined

A dialogue has two channels and eight turns out of `tests/data/turns`: four of customers, two of customers and cards,
two of agents, as the dice fall. It is heard as a recording is (segments of the VAD, each after those before it), and of
each turn the words heard are judged as `benchmarks.turns` judges its text: both figures are of the same turns, out of
all ideas. What is lost between them is recognition's, and the first is no measure of sentences that nobody looked at.
An open voice with an accent reads (`benchmarks.voices`): what recognition loses here is more than it loses of people.

A turn of which nothing was heard is judged as nothing, as in a call. A part keeps counts; `--joined` adds up those of
the parts that have run, and only of them all has macro-F1 a meaning: of the turns of a part most labels have two or
three. Recall and precision stand with Wilson's 95 % intervals; nearly every turn is an idea of its own.
"""

import argparse
import asyncio
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
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
from benchmarks.rules import Count, interval
from benchmarks.tellers import LANGUAGES
from benchmarks.turns import MODELS, held, judged, labels_of, macro_f1
from benchmarks.voices import Sentence, read_aloud, sound_of
from engine.facts import Leg, Pcm16, SpeechSegment
from engine.ports.reading import TextReader
from models.catalogue import WHISPER_BASE
from models.installation import install
from models.reader import OnnxTextReader
from models.training.corpus import Plans, Row
from models.whisper import Whisper

DIALOGUES = 12
"""In a part, which is a cell: about as much as ten minutes can read and hear."""
PARTS = 5
RESULTS = Path(__file__).parent / "results"
COUNTED = ("dialogues", "turns", "unheard", "seconds", "words", "word_errors", "counts")
"""What parts are added up by."""
FORMS = ("text", "audio")
SHARES = {"customers": 4, "customers_and_cards": 2, "agents": 2}
"""Turns of a dialogue by who wrote them."""
RATE_HZ = 8_000
GAP_MS = 900
Counts = dict[str, dict[str, Count]]
"""By way of judging and label."""
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
    """Of one part: its counts, and what they come to."""
    whisper, reader = Whisper(install(WHISPER_BASE, MODELS), device="cpu"), OnnxTextReader(MODELS)
    spoken = dialogues(language, part, count)
    read_aloud([turn.sentence for turns in spoken for turn in turns])
    counts: dict[str, Counts] = {form: {} for form in FORMS}
    said, heard = [], []
    seconds, unheard = 0.0, 0
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
                unheard += not text
                for form, judged_text in (("text", one.turn.row.text), ("audio", text)):
                    judge(one.turn, judged_text, reader, counts[form])
    errors = jiwer.process_words(said, heard)
    counted = {
        "dialogues": len(spoken),
        "turns": len(said),
        "unheard": unheard,
        "seconds": round(seconds),
        "words": errors.hits + errors.substitutions + errors.deletions,
        "word_errors": errors.substitutions + errors.deletions + errors.insertions,
        "counts": msgspec.to_builtins(counts),
    }
    return {**figures(counted), **counted}


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
    """The words heard while each turn was said, on its leg, and those heard between turns for the nearest one."""
    words: list[list[str]] = [[] for _ in placed]
    for segment, text in zip(segments, texts, strict=True):
        own = [at for at, one in enumerate(placed) if one.turn.leg == segment.stream] or range(len(placed))
        nearest = min(own, key=lambda at: _distance(segment, placed[at]))
        words[nearest].append(text)
    return [" ".join(one).strip() for one in words]


def _distance(segment: SpeechSegment, one: Placed) -> int:
    """Milliseconds between them; where they overlap, less than nothing."""
    return max(segment.start_ms, one.start_ms) - min(segment.end_ms, one.end_ms)


def judge(turn: Turn, text: str, reader: TextReader, counts: Counts) -> None:
    """Adds to the counts what is found in the text. In an empty one nothing is: no final is made of it in a call."""
    for way, head, found in judged(turn.row, text, reader.read(text)):
        wanted = labels_of(turn.row, turn.plans, head)
        for label in turn.plans[head].labels:
            count = counts.setdefault(way, {}).setdefault(label, Count())
            count.add(label in found and bool(text), label in wanted)


def figures(counted: Mapping[str, Any]) -> dict[str, Any]:
    """What counts come to, over all labels."""
    ways = msgspec.convert(counted["counts"], dict[str, Counts])
    return {
        "word_error_rate": round(100 * counted["word_errors"] / counted["words"], 1),
        **{form: {way: _shares(by_label) for way, by_label in ways[form].items()} for form in FORMS},
    }


def _shares(by_label: Mapping[str, Count]) -> dict[str, Any]:
    total = Count(*map(sum, zip(*map(msgspec.structs.astuple, by_label.values()), strict=True)))
    return {
        "recall": total.recall,
        "recall_95": _span(*interval(total.found, total.found + total.missed)),
        "precision": total.precision,
        "precision_95": _span(*interval(total.found, total.found + total.false)),
    }


def _span(low: float, high: float) -> str:
    return f"{low:.2f}–{high:.2f}"


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of all parts as one, what they come to, and macro-F1 over the labels that occur."""
    counted: dict[str, Any] = reduce(added, [{key: part[key] for key in COUNTED} for part in parts])
    found = figures(counted)
    for form, ways in msgspec.convert(counted["counts"], dict[str, Counts]).items():
        for way, by_label in ways.items():
            found[form][way] |= {"macro_f1": macro_f1(by_label, list(by_label))}
    return {**found, **counted}


def added(one: Any, other: Any) -> Any:
    """Sums of numbers, lists one after the other, and dicts by what is under each name."""
    if isinstance(one, dict):
        return {**one, **other, **{key: added(one[key], other[key]) for key in one.keys() & other.keys()}}
    return one + other


def results(language: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Of the language's parts that have run as cells."""
    paths = (folder / f"from_audio.{language}.{part}.json" for part in range(1, PARTS + 1))
    return [json.loads(path.read_text("utf-8"))["result"] for path in paths if path.exists()]


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
    parser.add_argument("--joined", action="store_true", help="add up the parts that have run as cells")
    given = parser.parse_args()
    if not given.joined:
        Console().print(table(f"{given.language}, a part", measure(given.language, given.part, given.dialogues)))
    elif parts := results(given.language):
        Console().print(table(f"{given.language}, {len(parts)} of {PARTS} parts", joined(parts)))
    else:
        parser.error(f"no part has run: `python -m benchmarks from_audio.{given.language}.1` runs the first")


def table(title: str, result: Mapping[str, Any]) -> Table:
    counted = ", ".join(f"{result[key]} {key}" for key in ("dialogues", "turns", "unheard", "seconds"))
    found = Table(title=f"{title}: {counted}, word error rate {result['word_error_rate']} %")
    keys = [key for key in ("recall", "precision", "macro_f1") if key in next(iter(result["text"].values()))]
    for name in ("", *(f"{key.replace('_f1', '-F1')}, {form}" for key in keys for form in FORMS)):
        found.add_column(name, justify="right" if name else "left")
    for way in result["text"]:
        found.add_row(way, *(_shown(result[form][way], key) for key in keys for form in FORMS))
    return found


def _shown(shares: Mapping[str, Any], key: str) -> str:
    span = shares.get(f"{key}_95")
    return f"{shares[key]:.3f}" + (f" ({span})" if span else "")


if __name__ == "__main__":
    main()
