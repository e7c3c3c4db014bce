"""Weights come out of the package's file as they went in, up to four bits; anything else is refused."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsMissing
from models.tuned.source import read_source
from tests.models.tuned.tiny import MATRICES, PIECES, SHAPE, source, write_file


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    given = source()
    write_file(tmp_path / "weights.bin", given)
    read = read_source(tmp_path / "weights.bin")
    assert (read.shape.width, read.shape.layers, read.shape.inner) == (SHAPE.width, SHAPE.layers, SHAPE.inner)
    assert read.pieces == PIECES
    assert read.scores == pytest.approx(given.scores)
    for name, (rows, columns) in MATRICES.items():
        matrix, wanted = read.tensors[f"l1.{name}.w"], given.tensors[f"l1.{name}.w"]
        assert matrix.shape == (rows, columns)
        assert float(np.abs(matrix - wanted).max()) < float(np.abs(wanted).max()) / 7
        assert np.array_equal(read.tensors[f"l1.{name}.b"], given.tensors[f"l1.{name}.b"])
    assert read.tensors["emb.word"].shape == (len(PIECES) + 4, 32)
    assert np.array_equal(read.tensors["emb.pos"], given.tensors["emb.pos"])


@pytest.mark.parametrize("cut", [0, 3, 40, 300, -100])
def test_what_is_not_whole_is_refused(cut: int, tmp_path: Path) -> None:
    write_file(tmp_path / "weights.bin", source())
    data = (tmp_path / "weights.bin").read_bytes()
    (tmp_path / "weights.bin").write_bytes(data[:cut])
    with pytest.raises(WeightsMissing, match=r"weights\.bin"):
        read_source(tmp_path / "weights.bin")


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"GGUF" + bytes(4096))
    with pytest.raises(WeightsMissing, match="no file of multilingual-e5-small"):
        read_source(tmp_path / "weights.bin")
