"""How well utterances are understood: acts, intents and sentiment on sentences that nothing was trained on.

    python -m benchmarks accuracy.turns
    python -m benchmarks.turns [--part choose [--misses]]

The held-back ideas (`tests/data/turns`) are written apart from the training data and the phrases. Two thirds of them
are there to choose by: bars, shares, the shape of a model. The last third is what is reported, and nothing is chosen or
mended by it. (Rounds before there were two parts looked at a third of all ideas, when they chose the bar for alerts and
the wide part: the figure is not wholly unseen.)

`phrases` is what the rules' phrases hear, `encoder` what the turn encoder does, `both` what does a duty, `as alerts`
what raises one. Every text is judged as written and once misheard (`benchmarks.mishearing`: not with the noise
that training garbles texts with). Recall and precision stand with Wilson's 95 % intervals, for which the texts of an
idea count as one: they say the same in three languages.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.mishearing import Mishearing
from benchmarks.rules import Count, interval
from engine.ports.reading import Reading
from models.compliance import load_detectors
from models.compliance.history import ALERT_SCORE
from models.reader import OnnxTextReader
from models.training.corpus import Plans, Row, read_plans, read_rows

MODELS = Path("data/models")
HELD = Path(__file__).parent.parent / "tests" / "data" / "turns"
COLUMNS = ("", "recall (95 %)", "precision (95 %)", "missed", "of", "ideas", "false", "of")
Note = Callable[[str], object]
Part = Literal["choose", "report"]


class Tally(Count):
    """Counts, and the ideas that they are of."""

    wanted: set[str] = msgspec.field(default_factory=set)
    """Ideas in which the label holds."""
    said: set[str] = msgspec.field(default_factory=set)
    """Ideas in which it was found."""

    def judge(self, idea: str, fired: bool, wanted: bool) -> None:
        self.add(fired, wanted)
        if wanted:
            self.wanted.add(idea)
        if fired:
            self.said.add(idea)

    @property
    def recall_95(self) -> tuple[float, float]:
        return interval(self.recall * len(self.wanted), len(self.wanted))

    @property
    def precision_95(self) -> tuple[float, float]:
        return interval(self.precision * len(self.said), len(self.said))

    def shown(self) -> tuple[str, ...]:
        return (
            f"{self.recall:.3f} ({_span(self.recall_95)})",
            f"{self.precision:.3f} ({_span(self.precision_95)})",
            *map(str, (self.missed, self.found + self.missed, len(self.wanted), self.false, self.false + self.quiet)),
        )


def _span(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:.2f}–{bounds[1]:.2f}"


def part_of(idea: str) -> Part:
    """The same for all of an idea's texts in every run, whatever other ideas there are."""
    return "choose" if int(hashlib.sha256(f"turns {idea}".encode()).hexdigest(), 16) % 3 else "report"


def held(folder: Path = HELD, part: Part | None = None) -> Iterator[tuple[Plans, list[Row]]]:
    """Ideas by their author, with the labels that he went by: for others nothing is known of them. None: all ideas."""
    for one in sorted(path.parent for path in folder.glob("*/heads.yaml")):
        plans = read_plans(one)
        yield plans, [row for row in read_rows(plans, one) if part in (None, part_of(row.idea))]


def ideas(folder: Path = HELD, part: Part = "report") -> int:
    return sum(len({row.idea for row in rows}) for _, rows in held(folder, part))


def measure(folder: Path = HELD, part: Part = "report", note: Note = lambda _: None) -> dict[str, dict[str, Tally]]:
    """Counts by way of judging, and in it by language, by label and by both."""
    reader = OnnxTextReader(MODELS)
    mishearing = Mishearing((row.language, row.text) for _, rows in held(folder) for row in rows)
    counts: dict[str, dict[str, Tally]] = {}
    for plans, rows in held(folder, part):
        _count(rows, plans, reader, mishearing, counts, note)
    return counts


def _count(
    rows: Sequence[Row],
    plans: Plans,
    reader: OnnxTextReader,
    mishearing: Mishearing,
    counts: dict[str, dict[str, Tally]],
    note: Note,
) -> None:
    for row in rows:
        for form, text in (("", row.text), (" misheard", mishearing.of(row.text, row.language))):
            reading = reader.read(text)
            for way, head, said in judged(row, text, reading):
                wanted = labels_of(row, plans, head)
                for label in plans[head].labels:
                    for key in (row.language, label, f"{label} {row.language}"):
                        tally = counts.setdefault(way + form, {}).setdefault(key, Tally())
                        tally.judge(row.idea, label in said, label in wanted)
                    if not form and (label in said) != (label in wanted) and way != "phrases":
                        note(f"{way} {label} {row.language} {'missed' if label in wanted else 'false'}: {row.text}")


def judged(row: Row, text: str, reading: Reading) -> Iterator[tuple[str, str, set[str]]]:
    """By way of judging: the head, and the labels that are found."""
    if "acts" in row.targets:
        detectors = load_detectors()
        folded = detectors.fold(text)
        yield "acts by phrases", "acts", {act for act in detectors if detectors[act].find(folded)}
        yield "acts by encoder", "acts", {act.label for act in reading.acts}
        hits = {act: hit for act in detectors if (hit := detectors[act].find(folded, reading))}
        yield "acts by both", "acts", set(hits)
        alerts = {act for act, hit in hits.items() if hit.score >= ALERT_SCORE}
        yield "acts as alerts", "acts", alerts - reading.unlikely
    if "intents" in row.targets:
        yield "intents", "intents", {intent.label for intent in reading.intents}
    if "sentiment" in row.targets:
        yield "sentiment", "sentiment", {reading.sentiment.label}


def macro_f1(counts: Mapping[str, Count], labels: Sequence[str]) -> float:
    """Over the labels that occur."""
    f1s = [f1(counts[label]) for label in labels if label in counts and counts[label].found + counts[label].missed]
    return round(float(np.mean(f1s)), 3) if f1s else 0.0


def f1(count: Count) -> float:
    return 2 * count.found / max(2 * count.found + count.missed + count.false, 1)


def cell() -> dict[str, Any]:
    """Of the ideas that are reported."""
    labels = {head: plan.labels for head, plan in read_plans().items()}
    return {"ideas": ideas(), **{way: _figures(counts, labels[way.split()[0]]) for way, counts in measure().items()}}


def _figures(counts: Mapping[str, Tally], labels: Sequence[str]) -> dict[str, Any]:
    rows = {
        key: {
            "recall": tally.recall,
            "recall_95": _span(tally.recall_95),
            "precision": tally.precision,
            "precision_95": _span(tally.precision_95),
            "of": tally.found + tally.missed,
            "ideas": len(tally.wanted),
        }
        for key, tally in counts.items()
        if " " not in key and tally.found + tally.missed
    }
    return {"macro_f1": {one: _macro_f1_in(counts, labels, one) for one in ("es", "pt", "en")}, **rows}


def _macro_f1_in(counts: Mapping[str, Tally], labels: Sequence[str], language: str) -> float:
    return macro_f1({label: counts.get(f"{label} {language}", Count()) for label in labels}, labels)


def labels_of(row: Row, plans: Plans, head: str) -> set[str]:
    return {label for label, holds in zip(plans[head].labels, row.targets[head], strict=True) if holds}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Of the command line; exits where they are none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turns", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HELD)
    parser.add_argument("--part", choices=get_args(Part), default="report", help="which of the ideas")
    parser.add_argument("--misses", action="store_true", help="print every sentence judged wrong")
    found = parser.parse_args(given)
    if found.misses and found.part == "report":
        parser.error("what is reported is not mended by: --misses goes with --part choose")
    return found


def main() -> None:
    given = arguments()
    note: Note = (lambda line: print(line, file=sys.stderr)) if given.misses else lambda _: None
    counted = f"{ideas(given.data, given.part)} ideas to {given.part}"
    for way, counts in measure(given.data, given.part, note).items():
        labels = read_plans()[way.split()[0]].labels
        languages = _figures(counts, labels)["macro_f1"]
        values = " · ".join(f"{one} {value}" for one, value in languages.items())
        table = Table(title=f"{way}, {counted}: macro-F1 {values}")
        for name in COLUMNS:
            table.add_column(name, justify="right" if name else "left")
        for key in ("es", "pt", "en", *labels):
            if key in counts and counts[key].found + counts[key].missed:
                table.add_row(key, *counts[key].shown())
        Console().print(table)


CELLS = {"accuracy.turns": cell}

if __name__ == "__main__":
    main()
