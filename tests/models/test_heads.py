"""Heads and their cards belong together, and the shipped ones keep the closed vocabularies."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsMissing
from models.embed import DIMENSIONS
from models.heads import BUNDLED, Head
from models.lexical import WIDTH
from models.training.corpus import read_plans


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("sentiment.onnx", "sentiment.json"):
        shutil.copy(BUNDLED / name, tmp_path)
    return tmp_path


def test_rows_have_a_chance_for_each_label(folder: Path) -> None:
    head = Head("sentiment", folder)
    chances = head.probabilities(np.zeros((2, DIMENSIONS + WIDTH), np.float32))
    assert chances.shape == (2, len(head.card.labels))
    assert chances.sum(axis=1) == pytest.approx(1.0, abs=1e-3)


def test_files_that_do_not_belong_together_are_refused(folder: Path) -> None:
    weights, card = folder / "sentiment.onnx", folder / "sentiment.json"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-1] + b"x")
    with pytest.raises(WeightsMissing, match="belong together"):
        Head("sentiment", folder)
    weights.unlink()
    with pytest.raises(WeightsMissing, match="missing"):
        Head("sentiment", folder)
    weights.write_bytes(kept)
    card.write_bytes(b"{}")
    with pytest.raises(WeightsMissing, match="not a head's card"):
        Head("sentiment", folder)


@pytest.mark.parametrize("name", ["sentiment", "intents"])
def test_the_shipped_heads_have_the_planned_labels_and_figures_by_language(name: str) -> None:
    card = Head(name).card
    assert card.labels == read_plans()[name].labels
    assert set(card.metrics) == {"en", "es", "pt"}
