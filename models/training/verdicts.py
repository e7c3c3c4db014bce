"""From a tuned head's logits to what it says: calibration, thresholds, and how often it is right. No torch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from models.reading import parts_of, united
from models.training.corpus import HeadPlan, Row

Floats = NDArray[np.float32]
Read = Callable[[Sequence[str]], Floats]
"""Calibrated logits of texts."""
_FAR = 30.0
"""Log-odds beyond which nothing is."""
_LEAST_THRESHOLD = 0.3
"""A label that is less likely than this is never named, whatever its F1 would gain."""


def calibration(plan: HeadPlan, logits: Floats, rows: Sequence[Row], head: str) -> tuple[Floats, Floats]:
    """By label what logits have to be multiplied with, and what is added then: Platt's sigmoid, or one temperature."""
    targets = table(rows, head)
    labels = len(plan.labels)
    if plan.kind == "multiclass":

        def loss(temperature: float) -> float:
            chances = softmax(logits / temperature, axis=1)
            return float(-np.mean(np.log((chances * targets).sum(axis=1) + 1e-12)))

        best = float(minimize_scalar(loss, bounds=(0.2, 10.0), method="bounded").x)
        return np.full(labels, 1 / best, np.float32), np.zeros(labels, np.float32)
    scale, shift = np.ones(labels, np.float32), np.zeros(labels, np.float32)
    for i in range(labels):
        known = ~np.isnan(targets[:, i])
        if 0 < targets[known, i].sum() < known.sum():
            platt = LogisticRegression(C=10.0).fit(logits[known, i : i + 1], targets[known, i])
            scale[i], shift[i] = platt.coef_[0, 0], platt.intercept_[0]
    return scale, shift


def shared_calibration(plan: HeadPlan, logits: Floats, rows: Sequence[Row], head: str) -> tuple[float, Floats]:
    """As `calibration`, with one scale for all labels, so that the few rows of each decide nothing but its shift: as
    many are expected of it as there are. Logits that are calibrated already change little."""
    scales, shift = calibration(plan, logits, rows, head)
    scale = float(np.median(scales))
    if plan.kind == "multiclass":
        return scale, shift
    targets = table(rows, head)
    for i in range(len(plan.labels)):
        known = ~np.isnan(targets[:, i])
        wanted, scaled = targets[known, i].sum(), logits[known, i] * scale
        if 0 < wanted < known.sum():
            shift[i] = brentq(lambda by, scaled=scaled, wanted=wanted: expit(scaled + by).sum() - wanted, -_FAR, _FAR)
    return scale, shift


def thresholds_of(plan: HeadPlan, read: Read, rows: Sequence[Row], head: str) -> tuple[float, ...]:
    """Per label the threshold with the best F1 whose precision is at least the plan's, or comes closest to it."""
    if plan.kind == "multiclass":
        return ()
    chances, targets = as_read(plan, read, rows), table(rows, head)
    out = []
    for i in range(len(plan.labels)):
        known = ~np.isnan(targets[:, i])
        best = (-1.0, 0.0, 0.5)
        for threshold in np.arange(_LEAST_THRESHOLD, 0.96, 0.02):
            chosen, wanted = chances[known, i] >= threshold, targets[known, i] == 1
            hits = float((chosen & wanted).sum())
            share = hits / max(float(chosen.sum()), 1.0)
            f1 = 2 * hits / max(float(chosen.sum() + wanted.sum()), 1.0)
            best = max(best, (min(share, plan.precision), f1, float(threshold)))
        out.append(round(best[2], 2))
    return tuple(out)


def metrics_of(
    plan: HeadPlan, thresholds: Sequence[float], read: Read, rows: Sequence[Row], head: str
) -> dict[str, Any]:
    """By language: macro-F1, and precision, recall, F1 and support by label."""
    chances, targets = as_read(plan, read, rows), table(rows, head)
    said = (
        np.eye(len(plan.labels))[chances.argmax(axis=1)]
        if plan.kind == "multiclass"
        else (chances >= np.asarray(thresholds)).astype(float)
    )
    out: dict[str, Any] = {}
    for language in sorted({row.language for row in rows}):
        at = np.flatnonzero([row.language == language for row in rows])
        labels = {
            label: _figures(said[at, i], targets[at, i])
            for i, label in enumerate(plan.labels)
            if np.nansum(targets[at, i])
        }
        macro = round(float(np.mean([one["f1"] for one in labels.values()])), 3)
        out[language] = {"macro_f1": macro, "rows": len(at), "labels": labels}
    return out


def _figures(said: NDArray[Any], wanted: NDArray[Any]) -> dict[str, float]:
    known = ~np.isnan(wanted)
    said, wanted = said[known], wanted[known]
    hits, named, meant = float((said * wanted).sum()), float(said.sum()), float(wanted.sum())
    return {
        "precision": round(hits / named, 3) if named else 0.0,
        "recall": round(hits / meant, 3),
        "f1": round(2 * hits / (named + meant), 3),
        "support": int(meant),
    }


def as_read(plan: HeadPlan, read: Read, rows: Sequence[Row]) -> NDArray[np.float64]:
    """Probabilities as the product makes them: a turn as a whole and by sentence."""
    parts = [parts_of(row.text) for row in rows]
    logits = read([part for group in parts for part in group])
    flat = softmax(logits, axis=1) if plan.kind == "multiclass" else expit(logits)
    out, start = [], 0
    for group in parts:
        out.append(united(flat[start : start + len(group)], plan.kind, group))
        start += len(group)
    return np.asarray(out, np.float64)


def table(rows: Sequence[Row], head: str) -> Floats:
    return np.stack([row.targets[head] for row in rows])
