"""What tuning changed is kept in two files that belong together."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsMissing
from models.catalogue import NEED_ENCODER, TURN_ENCODER, Entry
from models.tuned.adapter import (
    BUNDLED,
    NEEDS,
    TURNS,
    Adapter,
    Card,
    HeadCard,
    adapted,
    evened,
    load_adapter,
    packed,
    save_adapter,
)
from tests.models.tuned.tiny import tensors

CHANGE = np.random.default_rng(4).normal(0, 0.02, (32, 32)).astype(np.float32)


def made() -> Adapter:
    chance = np.random.default_rng(5)
    arrays = {
        **packed(tensors(), {"l0.q.w": tensors()["l0.q.w"] + CHANGE}),
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


def test_matrices_change_within_half_a_step_and_biases_as_they_are() -> None:
    before, given = tensors(), made()
    after = adapted(before, given)
    off = after["l0.q.w"] - before["l0.q.w"] - CHANGE
    assert np.all(np.abs(off) <= np.abs(CHANGE).max(axis=1, keepdims=True) / 7 * 0.51)
    assert float(np.square(off).sum()) < 0.03 * float(np.square(CHANGE).sum())
    assert np.allclose(after["l0.q.b"], given.arrays["l0.q.b"])
    assert np.array_equal(after["l1.q.w"], before["l1.q.w"])


def test_large_inputs_are_divided_and_their_columns_multiplied() -> None:
    matrix = np.random.default_rng(6).normal(0, 0.05, (8, 16)).astype(np.float32)
    largest = np.ones(16, np.float32)
    largest[3] = 30.0
    even = evened(matrix, largest)
    assert int(even.argmax()) == 3
    assert float((largest / even).max() / np.median(largest / even)) < 5
    assert float(np.exp(np.log(even).mean())) == pytest.approx(1.0, abs=1e-3)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    save_adapter(made(), tmp_path)
    (tmp_path / "turns.npz").write_bytes((tmp_path / "turns.npz").read_bytes() + b" ")
    with pytest.raises(WeightsMissing, match="belong together"):
        load_adapter(tmp_path)
    (tmp_path / "turns.json").write_bytes(b"{}")
    with pytest.raises(WeightsMissing, match="not whole"):
        load_adapter(tmp_path)


@pytest.mark.parametrize(("name", "entry"), [(TURNS, TURN_ENCODER), (NEEDS, NEED_ENCODER)])
def test_the_shipped_ones_are_small_and_the_catalogue_knows_them(name: str, entry: Entry) -> None:
    card = load_adapter(name=name).card
    assert (BUNDLED / f"{name}.npz").stat().st_size < 12_000_000
    assert int(card.sha256[:7], 16) == entry.recipe
