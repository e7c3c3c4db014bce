"""How well utterances are understood: acts, intents and sentiment on sentences that nothing was trained or tuned on.

    python -m benchmarks accuracy.turns
    python -m benchmarks.turns [--misses]

The held-back ideas (`tests/data/turns`) are written apart from the training data and the phrases. `phrases` is what the
rules' phrases hear, `encoder` what the turn encoder does, `both` what does a duty, `as alerts` what raises one. Every
text is judged as written and once garbled as recognition does. Recall and precision stand with their 95 % intervals
(Wilson).
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.rules import Count
from engine.ports.reading import Reading
from models.compliance import load_detectors
from models.compliance.history import ALERT_SCORE
from models.reader import OnnxTextReader
from models.training.corpus import Plans, Row, read_plans, read_rows
from models.training.noise import misheard

MODELS = Path("data/models")
HELD = Path(__file__).parent.parent / "tests" / "data" / "turns"
Note = Callable[[str], object]


def held(folder: Path = HELD) -> Iterator[tuple[Plans, list[Row]]]:
    """Ideas by their author, with the labels that he went by: for others nothing is known of them."""
    for one in sorted(path.parent for path in folder.glob("*/heads.yaml")):
        plans = read_plans(one)
        yield plans, read_rows(plans, one)


def measure(folder: Path = HELD, note: Note = lambda _: None) -> dict[str, dict[str, Count]]:
    """Counts by way of judging, and in it by language, by label and by both."""
    reader = OnnxTextReader(MODELS)
    counts: dict[str, dict[str, Count]] = {}
    for plans, rows in held(folder):
        _count(rows, plans, reader, counts, note)
    return counts


def _count(
    rows: Sequence[Row], plans: Plans, reader: OnnxTextReader, counts: dict[str, dict[str, Count]], note: Note
) -> None:
    for row in rows:
        garbled = misheard(row.text, row.language, random.Random(row.text))
        for form, text in (("", row.text), (" garbled", garbled)):
            reading = reader.read(text)
            for way, head, said in judged(row, text, reading):
                wanted = labels_of(row, plans, head)
                for label in plans[head].labels:
                    for key in (row.language, label, f"{label} {row.language}"):
                        count = counts.setdefault(way + form, {}).setdefault(key, Count())
                        count.add(label in said, label in wanted)
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


def macro_f1(counts: dict[str, Count], labels: Sequence[str]) -> float:
    """Over the labels that occur."""
    f1s = [f1(counts[label]) for label in labels if label in counts and counts[label].found + counts[label].missed]
    return round(float(np.mean(f1s)), 3) if f1s else 0.0


def f1(count: Count) -> float:
    return 2 * count.found / max(2 * count.found + count.missed + count.false, 1)


def cell() -> dict[str, Any]:
    labels = {head: plan.labels for head, plan in read_plans().items()}
    return {way: _figures(counts, labels[way.split()[0]]) for way, counts in measure().items()}


def _figures(counts: dict[str, Count], labels: Sequence[str]) -> dict[str, Any]:
    rows = {
        key: {"recall": count.recall, "precision": count.precision, "of": count.found + count.missed}
        for key, count in counts.items()
        if " " not in key and count.found + count.missed
    }
    return {"macro_f1": {one: _macro_f1_in(counts, labels, one) for one in ("es", "pt", "en")}, **rows}


def _macro_f1_in(counts: dict[str, Count], labels: Sequence[str], language: str) -> float:
    return macro_f1({label: counts.get(f"{label} {language}", Count()) for label in labels}, labels)


def labels_of(row: Row, plans: Plans, head: str) -> set[str]:
    return {label for label, holds in zip(plans[head].labels, row.targets[head], strict=True) if holds}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turns", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HELD)
    parser.add_argument("--misses", action="store_true", help="print every sentence judged wrong")
    given = parser.parse_args()
    note: Note = (lambda line: print(line, file=sys.stderr)) if given.misses else lambda _: None
    for way, counts in measure(given.data, note).items():
        labels = read_plans()[way.split()[0]].labels
        languages = _figures(counts, labels)["macro_f1"]
        table = Table(title=f"{way}: macro-F1 {' · '.join(f'{one} {value}' for one, value in languages.items())}")
        for name in ("", "recall (95 %)", "precision (95 %)", "missed", "of", "false", "of"):
            table.add_column(name, justify="right" if name else "left")
        for key in ("es", "pt", "en", *labels):
            if key in counts and counts[key].found + counts[key].missed:
                table.add_row(key, *counts[key].shown())
        Console().print(table)


CELLS = {"accuracy.turns": cell}

if __name__ == "__main__":
    main()
