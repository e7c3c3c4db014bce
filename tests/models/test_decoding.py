"""Windows and their cuts."""

import numpy as np

from models.decoding import RATE_HZ, Decoding, cut_to_fit


def test_a_window_is_the_speech_and_six_seconds() -> None:
    assert Decoding().window_s(4.1) == 10.5


def test_short_speech_gets_a_longer_window_in_finals_alone() -> None:
    assert Decoding().window_s(1.0) == Decoding().window_s(1.0, "speculation") == 12.0
    assert Decoding().window_s(1.0, "partial") == 5.0


def test_no_window_is_longer_than_whispers() -> None:
    assert Decoding().window_s(28.0) == 30.0


def test_speech_that_fits_is_not_cut() -> None:
    speech = np.ones(28 * RATE_HZ, np.float32)
    assert [len(part) for part in cut_to_fit(speech)] == [len(speech)]


def test_long_speech_is_cut_in_its_pause_and_nothing_is_lost() -> None:
    speech = np.full(60 * RATE_HZ, 0.5, np.float32)
    speech[24 * RATE_HZ : 25 * RATE_HZ] = 0.0
    parts = list(cut_to_fit(speech))
    assert 24 * RATE_HZ < len(parts[0]) < 25 * RATE_HZ
    assert all(len(part) <= 28 * RATE_HZ for part in parts)
    assert np.array_equal(np.concatenate(parts), speech)
