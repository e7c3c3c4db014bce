import numpy as np
import pytest
from numpy.typing import NDArray

from media.vad import FRAME, VadBank


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
