"""The graph computes what Whisper's encoder is, and in 8 bits nearly that."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from models.whisper_onnx.encoder import WhisperEncoder
from models.whisper_onnx.encoder_graph import EVENED, build_graph, folded
from tests.models.whisper_onnx import plain

EVENS = {
    f"l{layer}.{name}": np.geomspace(0.5, 2, plain.WIDTH).astype(np.float32)
    for layer in range(plain.LAYERS)
    for name in EVENED
}


def encoder(evens: dict[str, NDArray[np.float32]] | None) -> WhisperEncoder:
    return WhisperEncoder(build_graph(plain.source(), evens).SerializeToString())


@pytest.mark.parametrize("frames", [2, 26, 2 * plain.POSITIONS])
def test_in_full_precision_it_is_the_encoder(frames: int) -> None:
    mel = plain.mel(frames)
    heard = encoder(None).encode(mel)
    assert heard.shape == (1, frames // 2, plain.WIDTH)
    np.testing.assert_allclose(heard[0], plain.encoded(plain.source().tensors, mel), atol=2e-5)


def test_evening_changes_nothing() -> None:
    mel, source = plain.mel(30), plain.source()
    even = folded(source, EVENS)
    assert not np.array_equal(even["l0.qkv.w"], source.tensors["l0.qkv.w"])
    np.testing.assert_allclose(plain.encoded(even, mel), plain.encoded(source.tensors, mel), atol=1e-5)


@pytest.mark.parametrize("evens", [{}, EVENS])
def test_in_eight_bits_it_is_nearly_the_encoder(evens: dict[str, NDArray[np.float32]]) -> None:
    mel = plain.mel(60)
    off = encoder(evens).encode(mel)[0] - plain.encoded(plain.source().tensors, mel)
    assert 0 < float(np.abs(off).mean()) < 0.03


def test_a_position_that_is_loud_takes_no_bits_from_the_others() -> None:
    source, mel = plain.source(), plain.mel(60)
    source.tensors["positions"][7, 3] = 1000  # alone drives eight inner channels, far beyond all others
    source.tensors["l0.fi.w"][:8, 3], source.tensors["l0.fi.b"][:8] = 30, -90
    off = WhisperEncoder(build_graph(source, {}).SerializeToString()).encode(mel)[0]
    off -= plain.encoded(source.tensors, mel)
    assert float(np.abs(np.delete(off, 7, axis=0)).mean()) < 0.02


def test_the_same_sound_gives_the_same_output_in_threads_at_once() -> None:
    one, mels = encoder(EVENS), [plain.mel(2 * plain.POSITIONS, seed) for seed in range(4)]
    alone = [one.encode(mel).tobytes() for mel in mels]
    assert len({*alone}) == len(mels)
    with ThreadPoolExecutor(4) as pool:
        together = [*pool.map(lambda mel: one.encode(mel).tobytes(), mels * 8)]
    assert together == alone * 8
