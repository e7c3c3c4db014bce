"""Both parts that judge an utterance as one."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.errors import WeightsMissing
from models.catalogue import TURN_ENCODER
from models.installation import install
from models.tuned.adapter import HeadCard, load_adapter
from models.turns import TurnJudge, blended
from models.wide.model import BUNDLED, Blend, WideCard, WideModel, save_wide


def test_what_is_shipped_was_fitted_beside_the_turn_encoder_that_is_shipped() -> None:
    deep, wide = load_adapter().card, WideModel().card
    assert wide.beside == deep.sha256
    assert {name: head.labels for name, head in wide.heads.items()} == {
        name: head.labels for name, head in deep.heads.items()
    }
    assert {name for name, head in wide.heads.items() if head.thresholds} == {"acts", "intents"}


def test_log_odds_add_up() -> None:
    card = WideCard({"acts": HeadCard(("a", "b"), (0.5, 0.5))}, {"acts": Blend(2.0, (0.5, -0.5))}, "")
    deep, wide = {"acts": np.asarray([[1, -1]], np.float32)}, {"acts": np.asarray([[0.5, 2]], np.float32)}
    assert blended(deep, wide, card)["acts"].tolist() == [[3.5, 1.5]]


def test_of_a_head_that_is_not_asked_nothing_is_worked_out(weights_dir: Path) -> None:
    install(TURN_ENCODER, weights_dir)
    judge, texts, vectors = TurnJudge(weights_dir), ["hola", "adiós"], np.zeros((2, 512), np.float32)
    every, some = judge.chances(texts, vectors), judge.chances(texts, vectors, ("sentiment",))
    assert set(every) - set(some) == {"sentiment"}
    assert all(np.array_equal(every[name], some[name]) for name in some)


def test_a_wide_part_of_another_turn_encoder_is_refused(tmp_path: Path, weights_dir: Path) -> None:
    install(TURN_ENCODER, weights_dir)
    card = msgspec.structs.replace(WideModel().card, beside="0" * 64)
    save_wide((BUNDLED / "wide.onnx").read_bytes(), card, tmp_path)
    with pytest.raises(WeightsMissing, match=r"models\.training\.wide"):
        TurnJudge(weights_dir, wide=tmp_path)
