"""`python -m models.training.train NAME --models DIR`: from authored data to a head with its card."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.embed import Encoder
from models.heads import BUNDLED
from models.training.corpus import DATA, HeadPlan, Row, read_plan, read_rows
from models.training.export import check_parity, provenance, write
from models.training.fit import (
    FOLDS,
    Featurer,
    Settings,
    Trainer,
    calibrated,
    decide,
    folds_of,
    measure,
    noisy,
    thresholds_for,
)


def train(
    name: str,
    rows: list[Row],
    plan: HeadPlan,
    featurer: Featurer,
    directory: Path | None,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Measure by folds, fit on everything, write both files into `directory` (None: only measure). Returns metrics."""
    settings = settings or Settings()
    trainer = Trainer(plan, featurer, settings)
    metrics, scores, chances = cross_validate(trainer, plan, rows, featurer, settings)
    if directory is None:
        return metrics
    targets = trainer.targets(rows)
    head = calibrated(trainer.fit(rows, salt=FOLDS), scores, targets)
    thresholds = thresholds_for(chances, targets, plan.precision)
    head = replace(head, thresholds=thresholds)
    write(name, head, plan, metrics, provenance(rows, settings), directory)
    check_parity(name, head, featurer([row.text for row in rows[:200]]), directory)
    return metrics


def cross_validate(
    trainer: Trainer, plan: HeadPlan, rows: list[Row], featurer: Featurer, settings: Settings
) -> tuple[dict[str, Any], Any, Any]:
    """Metrics, out-of-fold scores before calibration, and out-of-fold calibrated probabilities as the product reads."""
    folds = folds_of(rows, settings.seed)
    targets = trainer.targets(rows)
    heads = [
        trainer.fit([row for row, fold in zip(rows, folds, strict=True) if fold != k], salt=k) for k in range(FOLDS)
    ]
    scores = np.zeros((len(rows), heads[0].weights.shape[1]))
    for k, head in enumerate(heads):
        where = np.flatnonzero(folds == k)
        scores[where] = head.scores(featurer([rows[i].text for i in where]))
    dirty = noisy(rows, settings.seed)
    chances, dirty_chances = np.zeros(targets.shape), np.zeros(targets.shape)
    for k, head in enumerate(heads):
        where, others = np.flatnonzero(folds == k), np.flatnonzero(folds != k)
        fitted = calibrated(head, scores[others], targets[others])
        chances[where] = trainer.read(fitted, [rows[i].text for i in where])
        dirty_chances[where] = trainer.read(fitted, [dirty[i].text for i in where])
    predicted, dirty_predicted = np.zeros_like(targets), np.zeros_like(targets)
    for k, head in enumerate(heads):
        where, others = np.flatnonzero(folds == k), np.flatnonzero(folds != k)
        limits = thresholds_for(chances[others], targets[others], plan.precision)
        judge = replace(head, thresholds=limits)
        predicted[where] = decide(judge, chances[where])
        dirty_predicted[where] = decide(judge, dirty_chances[where])
    metrics: dict[str, Any] = {}
    for language in sorted({row.language for row in rows}):
        at = np.flatnonzero([row.language == language for row in rows])
        chosen = [rows[i] for i in at]
        metrics[language] = measure(plan, chosen, predicted[at], targets[at])
        metrics[language]["noisy"] = measure(plan, chosen, dirty_predicted[at], targets[at])["macro_f1"]
    return metrics, scores, chances


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training.train", description=__doc__)
    parser.add_argument("name", help="folder under models/training/data")
    parser.add_argument("--models", type=Path, required=True, help="directory with the installed sentence-encoder")
    parser.add_argument("--into", type=Path, default=BUNDLED, help="where the head's two files go")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--feedback", type=Path, action="append", default=[], help="rows that people judged (JSON lines)"
    )
    parser.add_argument("--dry", action="store_true", help="print metrics, write nothing")
    for field, kind in (("strength", float), ("lexical_scale", float), ("embedding_scale", float), ("seed", int)):
        parser.add_argument(f"--{field.replace('_', '-')}", type=kind, default=getattr(Settings(), field))
    given = parser.parse_args(arguments)
    plan = read_plan(given.name, given.data)
    rows = read_rows(given.name, plan, given.data, given.feedback)
    settings = Settings(
        strength=given.strength,
        lexical_scale=given.lexical_scale,
        embedding_scale=given.embedding_scale,
        seed=given.seed,
    )
    featurer = Featurer(Encoder(given.models))
    metrics = train(given.name, rows, plan, featurer, None if given.dry else given.into, settings)
    for language, figures in metrics.items():
        print(f"{language}: macro-F1 {figures['macro_f1']} (noisy {figures['noisy']}), {figures['rows']} rows")
        for label, values in figures["labels"].items():
            print(f"   {label:24} {values}")


if __name__ == "__main__":
    main(sys.argv[1:])
