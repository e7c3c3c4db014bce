"""What an installation builds of Whisper base hears speech as the model does that it is built from."""

import wave
from pathlib import Path
from shutil import copyfile

import ctranslate2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import WeightsMissing
from models.catalogue import WHISPER_BASE
from models.decoder import POSITION, Decoder, encoded_positions
from models.decoding import RATE_HZ
from models.installation import install
from models.whisper_encoder.encoder import GRAPH
from models.whisper_encoder.evens import load_evens
from models.whisper_encoder.export import cosines, export_encoder

CLIP = Path(__file__).parents[2] / "data" / "ears" / "good_question.wav"


@pytest.fixture(scope="module")
def weights(pytestconfig: pytest.Config) -> Path:
    assert pytestconfig.cache is not None
    return install(WHISPER_BASE, pytestconfig.cache.mkdir("models"))


def features(encoded: ctranslate2.StorageView) -> NDArray[np.float32]:
    return np.array(encoded.to(ctranslate2.DataType.float32))


def test_it_hears_as_ctranslate2_does(weights: Path, tmp_path: Path) -> None:
    with wave.open(str(CLIP)) as file:
        speech = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / np.float32(32768)
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        (tmp_path / name).symlink_to(weights / name)
    ours, theirs = (
        Decoder(folder, workers=1, device="cpu", compute_type="", spelt_numbers=True) for folder in (weights, tmp_path)
    )
    one, other = (features(decoder.encode(speech, 8.0)) for decoder in (ours, theirs))
    assert one.shape == other.shape == (1, 400, 512)
    assert not np.array_equal(one, other), "both were encoded by the same"
    heard = len(speech) // POSITION
    assert float(cosines(one[:, :heard], other[:, :heard]).mean()) > 0.99


def test_behind_the_first_of_it_padding_is_what_silence_is_at_its_place(weights: Path) -> None:
    decoder = Decoder(weights, workers=1, device="cpu", compute_type="", spelt_numbers=True)
    speech = np.random.default_rng(5).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32)
    own = encoded_positions(len(speech), 400)
    padded, brief, silence = (
        features(decoder.encode(*window)) for window in ((speech, 8.0), (speech, own / 50), (speech[:0], 30.0))
    )
    assert padded.shape == (1, 400, 512)
    assert np.array_equal(padded[:, :own], brief)
    assert np.array_equal(padded[:, own:], silence[:, own:400])
    assert not np.array_equal(features(decoder.encode(speech, 8.0, whole=True)), padded)
    assert np.array_equal(features(decoder.encode(speech, 1.5)), features(decoder.encode(speech[:24_000], 1.5)))


def test_the_precision_that_is_asked_for_is_ctranslate2s(weights: Path) -> None:
    speech = np.random.default_rng(5).normal(0, 0.1, 32_000).astype(np.float32)
    exact = Decoder(weights, workers=1, device="cpu", compute_type="float32", spelt_numbers=True)
    eight = Decoder(weights, workers=1, device="cpu", compute_type="int8", spelt_numbers=True)
    first, second = features(exact.encode(speech, 6.0)), features(eight.encode(speech, 6.0))
    assert not np.array_equal(first, second)
    assert float(cosines(first, second).mean()) > 0.95


def test_a_model_with_other_outliers_is_not_exported(weights: Path, tmp_path: Path) -> None:
    copyfile(weights / "model.bin", tmp_path / "model.bin")
    out = tmp_path / "out"
    out.mkdir()
    evens = {name: even[::-1].copy() ** 8 for name, even in load_evens().items()}
    with pytest.raises(WeightsMissing, match="differs from its source"):
        export_encoder(tmp_path, out, evens)
    assert [path.name for path in export_encoder(tmp_path, out)] == [GRAPH]
