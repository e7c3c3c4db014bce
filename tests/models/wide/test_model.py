"""The wide part's graph beside plain arithmetic, and its files when they are not whole."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsMissing
from models.tuned.adapter import HeadCard
from models.wide.grams import PLACES, places
from models.wide.graph import Layers, build_graph
from models.wide.model import WideCard, WideModel, save_wide

CARD = WideCard({"acts": HeadCard(("opt_out", "buys", "pays")), "sentiment": HeadCard(("bad", "good"))}, {}, "")
TEXTS = ("No me llamen más.", "", "I want to buy the big one")


def layers() -> Layers:
    chance = np.random.default_rng(5)
    shapes = (PLACES, 8), (512 + 8, 16), (16,), (16, 5), (5,)
    return Layers(*(chance.normal(0, 0.3, shape).astype(np.float32) for shape in shapes))


def vectors() -> np.ndarray:
    drawn = np.random.default_rng(6).normal(size=(len(TEXTS), 512)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def test_the_graph_gives_what_the_layers_do(tmp_path: Path) -> None:
    learnt = layers()
    save_wide(build_graph(learnt).SerializeToString(), CARD, tmp_path)
    found = WideModel(tmp_path).logits(TEXTS, vectors())
    words = np.stack([learnt.table[places(text)].mean(axis=0) for text in TEXTS])
    inner = np.maximum(np.hstack([vectors(), words]) @ learnt.inner + learnt.inner_bias, 0)
    wanted = inner @ learnt.heads + learnt.heads_bias
    assert list(found) == ["acts", "sentiment"]
    assert np.allclose(np.hstack(list(found.values())), wanted, atol=0.02)


def test_texts_are_judged_alone_as_in_company(tmp_path: Path) -> None:
    save_wide(build_graph(layers()).SerializeToString(), CARD, tmp_path)
    model = WideModel(tmp_path)
    together = model.logits(TEXTS, vectors())["acts"]
    alone = [model.logits([text], vectors()[i : i + 1])["acts"][0] for i, text in enumerate(TEXTS)]
    assert np.allclose(together, alone, atol=1e-4)


def test_files_that_are_absent_or_of_two_trainings_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="not whole"):
        WideModel(tmp_path)
    save_wide(build_graph(layers()).SerializeToString(), CARD, tmp_path)
    (tmp_path / "wide.onnx").write_bytes(build_graph(layers()).SerializeToString() + b"\0")
    with pytest.raises(WeightsMissing, match="belong together"):
        WideModel(tmp_path)
