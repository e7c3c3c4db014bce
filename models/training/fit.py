"""Fits, calibrates and measures one head. Everything random is drawn from the seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from models.embed import DIMENSIONS, SentenceEncoder
from models.heads import Kind
from models.lexical import WIDTH, lexical
from models.reading import parts_of, united
from models.training.corpus import HeadPlan, Row
from models.training.noise import augmented, misheard, unaccented
from models.training.solve import Matrix, logistic

FOLDS = 5
_LEAST_THRESHOLD = 0.3
"""A label that is less likely than this is never named, whatever its F1 would gain."""


@dataclass(frozen=True)
class Linear:
    """Calibrated weights: probability = softmax or sigmoid of `features @ weights + bias`."""

    kind: Kind
    exclusive: bool
    """Multilabel only: softmax with a last column "none", which is left out of the probabilities."""
    weights: Matrix
    bias: Matrix
    thresholds: tuple[float, ...]

    def scores(self, features: Any) -> Matrix:
        return np.asarray(features @ self.weights) + self.bias

    def probabilities(self, features: Any) -> Matrix:
        scores = self.scores(features)
        if self.kind == "multiclass":
            return np.asarray(softmax(scores, axis=1))
        return np.asarray(softmax(scores, axis=1)[:, :-1] if self.exclusive else expit(scores))


class Featurer:
    """Text → sparse features, remembered by text: a fold's rows come again in every other fold."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._row: dict[str, int] = {}
        self._known: Any = None

    def __call__(self, texts: Sequence[str]) -> Any:
        new = [text for text in dict.fromkeys(texts) if text not in self._row]
        blocks = [] if self._known is None else [self._known]
        for start in range(0, len(new), 256):
            block = new[start : start + 256]
            dense = scipy.sparse.csr_matrix(self._encoder.embed(block))
            blocks.append(scipy.sparse.hstack([dense, scipy.sparse.csr_matrix(lexical(block))], format="csr"))
            self._row.update((text, len(self._row)) for text in block)
        if new:
            self._known = scipy.sparse.vstack(blocks, format="csr")
        return self._known[[self._row[text] for text in texts]]


@dataclass(frozen=True)
class Settings:
    """What is tuned by the folds."""

    strength: float = 4.0
    """Inverse of the L2 penalty."""
    lexical_scale: float = 1.0
    embedding_scale: float = 1.0
    joined_share: float = 0.2
    """Joined texts per authored row, when the plan asks for them."""
    seed: int = 11


class Trainer:
    """Fits heads of one plan."""

    def __init__(self, plan: HeadPlan, featurer: Featurer, settings: Settings) -> None:
        self._plan = plan
        self._features = featurer
        self._settings = settings
        # Scaling a block of features is the same as another penalty for its weights.
        scale = np.full(DIMENSIONS + WIDTH, settings.lexical_scale, dtype=np.float32)
        scale[:DIMENSIONS] = settings.embedding_scale
        self._scale = scale

    def fit(self, rows: list[Row], salt: int) -> Linear:
        """Uncalibrated weights on the rows and what augmentation makes of them; `salt` varies what is joined."""
        train = augmented(rows, self._settings.seed)
        if self._plan.join:
            chance = random.Random(self._settings.seed * 1000 + salt)
            train += joined(rows, self._plan, int(len(rows) * self._settings.joined_share), chance)
        features = self._features([row.text for row in train]).multiply(self._scale).tocsr()
        targets = self.targets(train).astype(np.float64)
        exclusive = self._plan.kind == "multilabel" and self._plan.exclusive
        if exclusive:
            targets = np.hstack([targets, targets.sum(axis=1, keepdims=True) == 0])
        softmax = exclusive or self._plan.kind == "multiclass"
        if softmax:
            targets = targets / targets.sum(axis=1, keepdims=True)
        weights, bias = logistic(
            np.asarray(features[:, :DIMENSIONS].todense()),
            features[:, DIMENSIONS:],
            targets,
            self._weights_of(targets),
            self._settings.strength,
            exclusive=softmax,
        )
        weights = weights * self._scale[:, None]
        return Linear(self._plan.kind, exclusive, weights, bias, tuple(0.5 for _ in self._plan.labels))

    def _weights_of(self, targets: Matrix) -> Matrix:
        """How much each row counts. Rare labels count more: fully balanced for sigmoids, half way for classes."""
        share = np.maximum(targets.mean(axis=0), 1.0 / len(targets))
        if self._plan.kind == "multilabel":
            if self._plan.exclusive:
                return np.ones((len(targets), 1))
            return np.asarray(np.where(targets > 0, 0.5 / share, 0.5 / np.maximum(1.0 - share, 1e-6)))
        weights = (targets @ (1.0 / share) ** 0.5)[:, None]
        return np.asarray(weights / weights.mean())

    def targets(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        return np.asarray([[int(label in row.labels) for label in self._plan.labels] for row in rows])

    def read(self, head: Linear, texts: Sequence[str]) -> Matrix:
        """Probabilities as the product makes them: a turn as a whole and by sentence."""
        parts = [parts_of(text) for text in texts]
        flat = head.probabilities(self._features([part for group in parts for part in group]))
        out, start = [], 0
        for group in parts:
            out.append(united(flat[start : start + len(group)], self._plan.kind))
            start += len(group)
        return np.asarray(out)


def joined(rows: list[Row], plan: HeadPlan, count: int, chance: random.Random) -> list[Row]:
    """Two texts of one language said in one turn. Multiclass: the joint label is the first in `join_order`."""
    by_language: dict[str, list[Row]] = {}
    for row in rows:
        by_language.setdefault(row.language, []).append(row)
    out = []
    for _ in range(count):
        group = by_language[chance.choice(sorted(by_language))]
        first, second = chance.choice(group), chance.choice(group)
        labels = tuple(dict.fromkeys((*first.labels, *second.labels)))
        if plan.kind == "multiclass":
            if set(labels) >= {"negative", "positive"}:
                continue  # which of the two moods wins is not ours to say
            labels = (min(labels, key=plan.join_order.index),) if plan.join_order else first.labels
        out.append(Row(first.idea, first.language, f"{first.text} {second.text}", labels))
    return out


def folds_of(rows: list[Row], seed: int) -> NDArray[np.int64]:
    """Fold of each row, by idea; ideas of each set of labels are dealt out evenly."""
    ideas: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        group = ideas.setdefault(tuple(sorted(row.labels)), [])
        if row.idea not in group:
            group.append(row.idea)
    fold: dict[str, int] = {}
    at = 0
    for labels in sorted(ideas):
        group = sorted(ideas[labels])
        random.Random(seed).shuffle(group)
        for idea in group:
            fold.setdefault(idea, at % FOLDS)
            at += 1
    return np.asarray([fold[row.idea] for row in rows], dtype=np.int64)


def calibrated(head: Linear, scores: Matrix, targets: NDArray[np.int64]) -> Linear:
    """Temperature (softmax) or Platt's sigmoid per label, fitted on out-of-fold scores and folded into the weights."""
    if head.kind == "multiclass" or head.exclusive:
        if head.exclusive:
            targets = np.hstack([targets, (targets.sum(axis=1, keepdims=True) == 0).astype(np.int64)])

        def loss(temperature: float) -> float:
            chances = softmax(scores / temperature, axis=1)
            return float(-np.mean(np.log((chances * targets).sum(axis=1) + 1e-12)))

        best = float(minimize_scalar(loss, bounds=(0.2, 10.0), method="bounded").x)
        return replace(head, weights=head.weights / best, bias=head.bias / best)
    slopes, offsets = np.ones(scores.shape[1]), np.zeros(scores.shape[1])
    for i in range(scores.shape[1]):
        if 0 < targets[:, i].sum() < len(targets):
            platt = LogisticRegression(C=100.0).fit(scores[:, i : i + 1], targets[:, i])
            slopes[i], offsets[i] = platt.coef_[0, 0], platt.intercept_[0]
    return replace(head, weights=head.weights * slopes, bias=head.bias * slopes + offsets)


def thresholds_for(chances: Matrix, targets: NDArray[np.int64], precision: float) -> tuple[float, ...]:
    """Per label the threshold with the best F1 whose precision is at least `precision` (or comes closest to it)."""
    out = []
    for i in range(chances.shape[1]):
        best = (-1.0, 0.0, 0.5)
        for threshold in np.arange(_LEAST_THRESHOLD, 0.96, 0.02):
            chosen = chances[:, i] >= threshold
            hits = float((chosen & (targets[:, i] == 1)).sum())
            share = hits / max(float(chosen.sum()), 1.0)
            f1 = 2 * hits / max(float(chosen.sum() + targets[:, i].sum()), 1.0)
            best = max(best, (min(share, precision), f1, float(threshold)))
        out.append(round(best[2], 2))
    return tuple(out)


def measure(plan: HeadPlan, rows: list[Row], predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Macro-F1, and F1, precision and recall by label, over `rows`."""
    by_label = {}
    for i, label in enumerate(plan.labels):
        hits = float((predicted[:, i] & truth[:, i]).sum())
        said, meant = float(predicted[:, i].sum()), float(truth[:, i].sum())
        by_label[label] = {
            "precision": round(hits / said, 3) if said else 0.0,
            "recall": round(hits / meant, 3) if meant else 0.0,
            "f1": round(2 * hits / (said + meant), 3) if said + meant else 0.0,
            "support": int(meant),
        }
    present = [value["f1"] for value in by_label.values() if value["support"]]
    exact = float((predicted == truth).all(axis=1).mean())
    macro = round(float(np.mean(present)), 3)
    return {"macro_f1": macro, "exact": round(exact, 3), "rows": len(rows), "labels": by_label}


def decide(head: Linear, chances: Matrix) -> NDArray[np.int64]:
    if head.kind == "multiclass":
        return np.asarray(np.eye(chances.shape[1], dtype=np.int64)[chances.argmax(axis=1)])
    return np.asarray(chances >= np.asarray(head.thresholds), dtype=np.int64)


def noisy(rows: list[Row], seed: int) -> list[Row]:
    """The test rows as a recogniser would give them: half without accents, all a little misheard."""
    chance = random.Random(seed)
    texts = [unaccented(row.text) if chance.random() < 0.5 else row.text for row in rows]
    return [
        Row(row.idea, row.language, misheard(text, row.language, chance), row.labels)
        for row, text in zip(rows, texts, strict=True)
    ]
