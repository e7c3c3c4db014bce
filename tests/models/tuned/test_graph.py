"""The graph judges texts one by one as it judges them in company."""

from pathlib import Path

import numpy as np
import pytest

from models.tuned.adapter import Card, HeadCard
from models.tuned.encoder import NeedEncoder, TunedEncoder
from models.tuned.graph import HeadWeights, build_graph
from models.tuned.pieces import cutter, kept
from tests.models.tuned.tiny import source

TEXTS = ("no llamen mas", "quiero una casa", "", "stop calling me " * 20, "el verde")


@pytest.fixture
def encoder(tmp_path: Path) -> TunedEncoder:
    given = source()
    ids = kept(given)
    looks, weights = np.random.default_rng(1).normal(0, 0.4, (2, 3, 32)).astype(np.float32)
    heads = {"acts": HeadWeights(looks, weights, np.zeros(3, np.float32))}
    tensors = given.tensors | {"emb.word": given.tensors["emb.word"][ids]}
    (tmp_path / "graph.onnx").write_bytes(build_graph(given.shape, tensors, heads).SerializeToString())
    return TunedEncoder.of(
        tmp_path / "graph.onnx", cutter(given, ids), Card({"acts": HeadCard(("a", "b", "c"), (0.5, 0.5, 0.5))}, "")
    )


def test_company_changes_nothing_but_roundings(encoder: TunedEncoder) -> None:
    alone = np.concatenate([encoder.logits([text])["acts"] for text in TEXTS])
    together = encoder.logits(TEXTS)["acts"]
    assert together.shape == (5, 3)
    assert float(np.abs(alone - together).max()) < 0.15
    assert float(np.abs(alone[0] - alone[1]).max()) > 0.3


def test_evening_changes_nothing_but_roundings(tmp_path: Path) -> None:
    given = source()
    ids = kept(given)
    tensors = given.tensors | {"emb.word": given.tensors["emb.word"][ids]}
    looks, weights = np.random.default_rng(1).normal(0, 0.4, (2, 3, 32)).astype(np.float32)
    heads = {"acts": HeadWeights(looks, weights, np.zeros(3, np.float32))}
    card = Card({"acts": HeadCard(("a", "b", "c"), (0.5, 0.5, 0.5))}, "")
    judged = []
    for even in (
        {},
        {"l0.fo.even": np.linspace(0.5, 2, 64).astype(np.float32), "l1.fi.even": np.full(32, 3, np.float32)},
    ):
        (tmp_path / "graph.onnx").write_bytes(build_graph(given.shape, tensors | even, heads).SerializeToString())
        judged.append(TunedEncoder.of(tmp_path / "graph.onnx", cutter(given, ids), card).logits(TEXTS)["acts"])
    assert float(np.abs(judged[0] - judged[1]).max()) < 0.15


def test_many_texts_go_in_several_runs(encoder: TunedEncoder) -> None:
    many = encoder.logits(["no llamen mas a una casa"] * 100)["acts"]
    assert many.shape == (100, 3)
    assert float(np.abs(many - many[0]).max()) < 0.15


def test_without_heads_it_is_the_mean_over_words(tmp_path: Path) -> None:
    given = source()
    ids = kept(given)
    tensors = given.tensors | {"emb.word": given.tensors["emb.word"][ids]}
    (tmp_path / "graph.onnx").write_bytes(build_graph(given.shape, tensors, {}).SerializeToString())
    encoder = NeedEncoder.of(tmp_path / "graph.onnx", cutter(given, ids))
    together = encoder.embed(TEXTS)
    assert together.shape == (5, 32)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.embed([text]) for text in TEXTS])
    assert float((together * alone).sum(axis=1).min()) > 0.99
    assert float(together[0] @ together[1]) < 0.95
