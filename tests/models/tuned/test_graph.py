"""The graph judges texts one by one as it judges them in company."""

from pathlib import Path

import numpy as np
import pytest

from models.tuned.adapter import Card, HeadCard
from models.tuned.encoder import TunedEncoder
from models.tuned.graph import build_graph
from models.tuned.pieces import cutter, kept
from tests.models.tuned.tiny import source

TEXTS = ("no llamen mas", "quiero una casa", "", "stop calling me " * 20, "el verde")


@pytest.fixture
def encoder(tmp_path: Path) -> TunedEncoder:
    given = source()
    ids = kept(given)
    heads = {"acts": (np.random.default_rng(1).normal(size=(3, 32)).astype(np.float32), np.zeros(3, np.float32))}
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


def test_many_texts_go_in_several_runs(encoder: TunedEncoder) -> None:
    many = encoder.logits(["no llamen mas a una casa"] * 100)["acts"]
    assert many.shape == (100, 3)
    assert float(np.abs(many - many[0]).max()) < 0.15
