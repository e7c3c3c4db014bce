"""What tuning changed is kept in two files that belong together."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsMissing
from models.catalogue import TURN_ENCODER
from models.tuned.adapter import BUNDLED, Adapter, Card, HeadCard, adapted, load_adapter, save_adapter
from tests.models.tuned.tiny import tensors


def made() -> Adapter:
    chance = np.random.default_rng(5)
    arrays = {
        "l0.q.w.down": chance.normal(size=(4, 32)),
        "l0.q.w.up": chance.normal(size=(32, 4)),
        "l0.q.b": chance.normal(size=32),
        "head.acts.w": chance.normal(size=(2, 32)),
        "head.acts.b": chance.normal(size=2),
    }
    return Adapter(Card({"acts": HeadCard(("a", "b"), (0.5, 0.9))}, ""), arrays)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    given = made()
    save_adapter(given, tmp_path)
    read = load_adapter(tmp_path)
    assert read.card.heads == given.card.heads
    assert {name: array.shape for name, array in read.arrays.items()} == {n: a.shape for n, a in given.arrays.items()}


def test_matrices_change_by_the_product_and_biases_as_they_are() -> None:
    before, given = tensors(), made()
    after = adapted(before, given)
    change = given.arrays["l0.q.w.up"] @ given.arrays["l0.q.w.down"]
    assert np.allclose(after["l0.q.w"], before["l0.q.w"] + change, atol=1e-4)
    assert np.allclose(after["l0.q.b"], given.arrays["l0.q.b"])
    assert np.array_equal(after["l1.q.w"], before["l1.q.w"])


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    save_adapter(made(), tmp_path)
    (tmp_path / "turns.npz").write_bytes((tmp_path / "turns.npz").read_bytes() + b" ")
    with pytest.raises(WeightsMissing, match="belong together"):
        load_adapter(tmp_path)
    (tmp_path / "turns.json").write_bytes(b"{}")
    with pytest.raises(WeightsMissing, match="not whole"):
        load_adapter(tmp_path)


def test_the_shipped_one_is_small_and_the_catalogue_knows_it() -> None:
    card = load_adapter().card
    assert (BUNDLED / "turns.npz").stat().st_size < 4_000_000
    assert int(card.sha256[:7], 16) == TURN_ENCODER.recipe
