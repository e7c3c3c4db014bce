"""Only a whole Whisper model is read."""

from pathlib import Path

import pytest

from benchmarks.whisper_shape import BASE, write_random
from engine.errors import WeightsMissing
from models.whisper_onnx.source import read_decoder, read_source

SHAPE = BASE._replace(width=16, heads=2, encoder_layers=2, decoder_layers=1, languages=3, positions=20)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_random(SHAPE, tmp_path)
    return tmp_path / "model.bin"


def test_the_encoder_of_a_model_is_read(model: Path) -> None:
    source = read_source(model)
    assert (source.heads, source.layers, source.bands, source.width) == (2, 2, 80, 16)
    assert source.tensors["l1.fo.w"].shape == (16, 64)
    assert source.tensors["positions"].shape == (20, 16)
    assert len(source.tensors) == 7 + 2 * 12


def test_the_decoder_of_a_model_is_read(model: Path) -> None:
    source = read_decoder(model)
    assert (source.heads, source.layers, source.width) == (2, 1, 16)
    assert source.tensors["l0.ckv.w"].shape == (32, 16)
    assert source.tensors["vocabulary"].shape == (SHAPE.vocabulary, 16)
    assert source.alignment_heads
    assert len(source.tensors) == 4 + 20
    (model.parent / "config.json").write_text("{}")
    with pytest.raises(WeightsMissing, match="no heads for the times"):
        read_decoder(model)


def test_what_is_not_whole_or_no_whisper_is_refused(model: Path) -> None:
    data = model.read_bytes()
    model.write_bytes(data[: len(data) - len(data) // 20])
    with pytest.raises(WeightsMissing, match="is not whole"):
        read_source(model)
    model.write_bytes(data.replace(b"WhisperSpec", b"AnotherSpec"))
    with pytest.raises(WeightsMissing, match="no Whisper model"):
        read_source(model)
    with pytest.raises(WeightsMissing, match="absent"):
        read_source(model.with_name("absent.bin"))
