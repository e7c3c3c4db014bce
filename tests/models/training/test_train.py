"""The whole road from rows to a head in two files, on a toy encoder and a toy plan."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.embed import DIMENSIONS
from models.heads import Head, features
from models.training.corpus import HeadPlan, Row
from models.training.fit import Featurer, Linear, calibrated, thresholds_for
from models.training.noise import augmented, misheard, unaccented, unpunctuated
from models.training.train import train

COLOURS = ("rojo", "verde", "azul", "blanco", "negro", "gris")


class FakeEncoder:
    """Every text at the same place: all that can be learned is in the words."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.full((len(texts), DIMENSIONS), DIMENSIONS**-0.5, dtype=np.float32)


def toy_rows(labels: dict[str, tuple[str, ...]]) -> list[Row]:
    return [
        Row(f"{word}-{colour}", language, f"{word} el {colour}", names)
        for word, names in labels.items()
        for colour in COLOURS
        for language in ("es", "pt")
    ]


@pytest.mark.parametrize(
    ("plan", "labels"),
    [
        (
            HeadPlan("multiclass", ("a", "b"), join=True, join_order=("a", "b")),
            {"quiero comprar": ("a",), "detesto": ("b",)},
        ),
        (HeadPlan("multilabel", ("a", "b"), exclusive=True), {"quiero comprar": ("a",), "detesto": ("b",), "veo": ()}),
        (HeadPlan("multilabel", ("a", "b")), {"quiero comprar": ("a",), "detesto": ("a", "b"), "veo": ()}),
    ],
)
def test_a_head_is_trained_measured_written_and_read(
    plan: HeadPlan, labels: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    metrics = train("toy", toy_rows(labels), plan, Featurer(FakeEncoder()), tmp_path)
    assert set(metrics) == {"es", "pt"}
    assert metrics["es"]["macro_f1"] > 0.9
    head = Head("toy", tmp_path)
    texts = [f"{word} el amarillo" for word in labels]
    chances = head.probabilities(features(FakeEncoder().embed(texts), texts))
    for row, names in zip(chances, labels.values(), strict=True):
        if plan.kind == "multiclass":
            assert plan.labels[int(row.argmax())] == names[0]
        else:
            found = {
                name
                for name, chance, least in zip(plan.labels, row, head.card.thresholds, strict=True)
                if chance >= least
            }
            assert found == set(names)


def test_noise_is_what_a_recogniser_does() -> None:
    chance = random.Random(5)
    assert unpunctuated("¿Cómo, está [card]?") == "cómo está [card]"
    assert unaccented("¿Cómo está, señor?") == "como esta senor"
    heard = {misheard("mi tarjeta es [card] y no funciona nada", "es", chance) for _ in range(50)}
    assert len(heard) > 5
    assert all("[card]" in text for text in heard)


def test_augmentation_keeps_ideas_and_labels() -> None:
    rows = [Row("x", "en", "I want to cancel, please.", ("a",))]
    grown = augmented(rows, seed=1)
    assert grown[0] == rows[0]
    assert {(row.idea, row.labels) for row in grown} == {("x", ("a",))}


def test_thresholds_keep_the_asked_precision() -> None:
    chances = np.asarray([[0.9], [0.8], [0.7], [0.6], [0.5], [0.4]])
    targets = np.asarray([[1], [1], [0], [1], [0], [0]])
    assert thresholds_for(chances, targets, precision=1.0)[0] > 0.7
    assert thresholds_for(chances, targets, precision=0.0)[0] <= 0.6


def test_calibration_softens_what_is_too_sure() -> None:
    head = Linear("multiclass", False, np.eye(2), np.zeros(2), (0.0, 0.0))
    scores = np.asarray([[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    targets = np.asarray([[1, 0], [1, 0], [0, 1], [0, 1]])
    assert calibrated(head, scores, targets).weights[0, 0] < 0.5
