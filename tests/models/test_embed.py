"""The exported encoder says what the original says."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsMissing
from models.catalogue import SENTENCE_ENCODER
from models.embed import DIMENSIONS, Encoder
from models.embed_export import PARITY_SENTENCES, parity
from models.installation import install


@pytest.fixture(scope="module")
def directory(weights_dir: Path) -> Path:
    install(SENTENCE_ENCODER, weights_dir)
    return weights_dir


@pytest.fixture(scope="module")
def encoder(directory: Path) -> Encoder:
    return Encoder(directory)


def test_parity_with_the_numpy_original(directory: Path) -> None:
    assert len(PARITY_SENTENCES) >= 20
    assert parity(directory / "sentence-encoder" / "encoder.onnx") > 0.99999


def test_vectors_have_length_one_and_mean_something(encoder: Encoder) -> None:
    texts = [
        "I want to cancel my contract.",
        "Quiero cancelar mi contrato.",
        "Quero cancelar meu contrato.",
        "It rains.",
    ]
    vectors = encoder.embed(texts)
    assert vectors.shape == (4, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    close = vectors @ vectors.T
    assert min(close[0, 1], close[0, 2], close[1, 2]) > close[:3, 3].max() + 0.2


def test_strange_texts_have_vectors_too(encoder: Encoder) -> None:
    vectors = encoder.embed(["", " ", "🙂", "\x00", "a" * 50_000, "[card]"])
    assert np.isfinite(vectors).all()
    assert encoder.embed([]).shape == (0, DIMENSIONS)


def test_threads_get_the_same_vectors(encoder: Encoder) -> None:
    texts = list(PARITY_SENTENCES)
    alone = encoder.embed(texts)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lambda _: encoder.embed(texts), range(4)):
            assert np.array_equal(alone, vectors)


def test_an_encoder_that_is_not_installed_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="welcomedly models install sentence-encoder"):
        Encoder(tmp_path)
