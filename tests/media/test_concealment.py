import numpy as np

from media.concealment import conceal


def tone(period: int, count: int) -> np.typing.NDArray[np.int16]:
    return (10_000 * np.sin(2 * np.pi * np.arange(count) / period)).astype(np.int16)


def test_a_voice_goes_on_at_its_pitch_and_fades() -> None:
    sound = tone(80, 400)
    hidden = conceal(sound, 160)
    ahead = tone(80, 560)[400:]
    assert np.abs(hidden[:40].astype(int) - ahead[:40]).max() < 1500
    assert np.abs(hidden[80:160]).max() < np.abs(hidden[:80]).max()


def test_after_60_ms_there_is_silence() -> None:
    hidden = conceal(tone(50, 400), 800)
    assert np.any(hidden[300:470])
    assert not np.any(hidden[480:])


def test_without_history_there_is_silence() -> None:
    assert not np.any(conceal(tone(50, 20), 160))
    assert len(conceal(tone(50, 400), 40)) == 40
