from hypothesis import given
from hypothesis import strategies as st

from media.level import HALF_LIFE_FRAMES, MAX_GAIN, TARGET_PEAK, Level


@given(st.lists(st.integers(1, 32_768), min_size=1, max_size=400))
def test_no_frame_is_raised_above_the_target(peaks: list[int]) -> None:
    level = Level()
    for peak in peaks:
        gain = level.gain(peak)
        assert 1 <= gain <= MAX_GAIN
        assert peak * gain <= max(TARGET_PEAK, peak) + 1


def test_a_loud_word_is_not_forgotten_in_a_pause() -> None:
    level = Level()
    level.gain(20_000)
    gains = [level.gain(50) for _ in range(HALF_LIFE_FRAMES)]
    assert gains[30] == 1
    assert gains[-1] < 1.3


def test_a_quiet_line_is_raised() -> None:
    level = Level()
    assert [round(level.gain(1000), 1) for _ in range(3)] == [12, 12, 12]
