from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from media.vad import VadBank, model_bytes
from media.vad_network import FRAME, batched
from media.wav_file import read_channels

CALL = Path(__file__).parents[1] / "data" / "call_15s.flac"


@pytest.fixture(scope="module")
def bank() -> VadBank:
    return VadBank()


def noise(count: int, seed: int) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).normal(0, 0.1, (count, FRAME))).astype(np.float32)


def test_noise_and_silence_are_no_speech(bank: VadBank) -> None:
    slot = bank.open()
    scores = [bank.score([slot], frame[None])[0] for frame in [*noise(40, 1), *np.zeros((10, FRAME), np.float32)]]
    assert max(scores) < 0.3
    bank.close(slot)


def test_scores_do_not_depend_on_the_batch(bank: VadBank) -> None:
    legs = [noise(20, seed) * np.float32(seed) for seed in range(7)]
    slots = [bank.open() for _ in legs]
    together = [bank.score(slots, np.stack([leg[at] for leg in legs])) for at in range(20)]
    for at, leg in enumerate(legs):
        bank.reset(slots[at])
        alone = [bank.score([slots[at]], frame[None])[0] for frame in leg]
        assert alone == pytest.approx([scores[at] for scores in together], abs=0.011)
    for slot in slots:
        bank.close(slot)


def test_a_slot_starts_afresh(bank: VadBank) -> None:
    frames = noise(10, 3)
    slot = bank.open()
    first = [bank.score([slot], frame[None])[0] for frame in frames]
    bank.close(slot)
    again = bank.open()
    assert again == slot
    assert [bank.score([again], frame[None])[0] for frame in frames] == first
    bank.close(again)


def test_it_grows() -> None:
    bank = VadBank()
    slots = [bank.open() for _ in range(300)]
    assert len(set(slots)) == 300
    assert len(bank.score(slots, np.zeros((300, FRAME), np.float32))) == 300


def test_the_rewritten_network_says_what_its_authors_says(bank: VadBank) -> None:
    voice = read_channels(CALL)[0][0]
    frames = voice[: len(voice) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float32) / np.float32(32768)
    theirs = onnxruntime.InferenceSession(model_bytes(), providers=["CPUExecutionProvider"])
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros((1, 32), np.float32)
    slot, ours, expected = bank.open(), [], []
    for frame in frames:
        heard = np.concatenate([context, frame[None]], axis=1)
        inputs = {"input": heard, "state": state, "sr": np.array(8000, np.int64)}
        probability, state = theirs.run(None, inputs)
        context = frame[None, -32:]
        expected.append(float(probability[0, 0]))
        ours += bank.score([slot], frame[None])
    assert max(expected) > 0.9 > 0.1 > min(expected)
    assert ours == pytest.approx(expected, abs=0.0051)
    bank.close(slot)


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="not the network"):
        batched(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [])).SerializeToString())
