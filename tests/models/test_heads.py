"""Heads and their cards belong together, and the shipped ones keep the closed vocabularies."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.errors import WeightsMissing
from models.embed import DIMENSIONS
from models.heads import BUNDLED, Head, HeadCard, exists, features
from models.lexical import WIDTH
from models.reading import parts_of, united
from models.training.corpus import HeadPlan, read_plan
from models.training.export import graph_of
from models.training.fit import Linear


def made(directory: Path, kind: str = "multilabel", exclusive: bool = True) -> HeadCard:
    """A head with random weights of two labels."""
    columns = 3 if exclusive else 2
    weights = np.random.default_rng(1).normal(size=(DIMENSIONS + WIDTH, columns))
    head = Linear(
        "multilabel" if kind == "multilabel" else "multiclass", exclusive, weights, np.zeros(columns), (0.5, 0.5)
    )
    data = graph_of("made", head).SerializeToString()
    card = HeadCard("made", head.kind, ("a", "b"), head.thresholds, hashlib.sha256(data).hexdigest(), WIDTH)
    (directory / "made.onnx").write_bytes(data)
    (directory / "made.json").write_bytes(msgspec.json.encode(card))
    return card


@pytest.mark.parametrize(("kind", "exclusive"), [("multiclass", False), ("multilabel", True), ("multilabel", False)])
def test_a_written_head_is_read_back(tmp_path: Path, kind: str, exclusive: bool) -> None:
    card = made(tmp_path, kind, exclusive)
    head = Head("made", tmp_path)
    given = features(np.zeros((3, DIMENSIONS), dtype=np.float32), ["uno", "dos palabras", ""])
    chances = head.probabilities(given)
    assert head.card == card
    assert chances.shape == (3, 2)
    assert ((chances >= 0) & (chances <= 1)).all()
    if kind == "multiclass":
        assert np.allclose(chances.sum(axis=1), 1.0, atol=1e-5)


def test_weights_of_another_card_are_refused(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "made.onnx").write_bytes((tmp_path / "made.onnx").read_bytes() + b"\0")
    with pytest.raises(WeightsMissing, match="do not belong together"):
        Head("made", tmp_path)


def test_a_broken_card_and_a_missing_head_say_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="missing"):
        Head("made", tmp_path)
    made(tmp_path)
    (tmp_path / "made.json").write_text("{}")
    with pytest.raises(WeightsMissing, match="not a head's card"):
        Head("made", tmp_path)
    assert exists("made", tmp_path)


@pytest.mark.parametrize("name", ["sentiment", "intents"])
def test_shipped_heads_have_the_planned_labels_and_figures_by_language(name: str) -> None:
    plan: HeadPlan = read_plan(name)
    card = Head(name).card
    assert card.labels == plan.labels
    assert set(card.metrics) == {"en", "es", "pt"}
    assert all(0.0 < figures["macro_f1"] <= 1.0 and "noisy" in figures for figures in card.metrics.values())


def test_the_shipped_heads_are_small() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) < 2_000_000


def test_a_turn_is_read_whole_and_by_sentence() -> None:
    assert parts_of("Sí, claro que quiero.") == ["Sí, claro que quiero."]
    text = "Sigue en rojo y parpadea. Es la cuarta vez este mes. Voy a cancelar el servicio."
    assert parts_of(text) == [text, "Sigue en rojo y parpadea.", "Es la cuarta vez este mes.", text[-27:]]
    assert parts_of("No. Deje de llamarme, por favor.") == ["No. Deje de llamarme, por favor."]
    run_on = "It has been down three times this month, it is a disgrace really, so I am going to leave you."
    assert parts_of(run_on)[1:] == [
        "It has been down three times this month,",
        "it is a disgrace really,",
        "so I am going to leave you.",
    ]
    assert len(parts_of("Una frase de cuatro. " * 40)) <= 7
    assert parts_of("") == [""]


def test_one_sentence_can_carry_an_intent_but_not_turn_a_mood_alone() -> None:
    chances = np.asarray([[0.2, 0.1], [0.9, 0.0], [0.1, 0.3]])
    assert united(chances, "multilabel").tolist() == [0.9, 0.3]
    assert united(chances, "multiclass")[0] == pytest.approx(0.35)
    assert united(chances[:1], "multiclass").tolist() == [0.2, 0.1]
