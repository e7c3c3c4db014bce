import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts import Pcm16
from media.audio import AudioRing, Halver, Recording, double_rate, kept_from_ms, window_16k


def speech(count: int, seed: int = 0) -> Pcm16:
    return np.random.default_rng(seed).integers(-20_000, 20_000, count).astype(np.int16)


def test_doubling_keeps_a_tone() -> None:
    at = np.arange(4000)
    narrow = (12_000 * np.sin(at * 0.9)).astype(np.int16)  # 1146 Hz
    wide = 12_000 * np.sin(np.arange(8000) * 0.45)
    assert np.abs(double_rate(narrow) - wide)[100:-100].max() < 30


def test_windows_agree_where_they_overlap() -> None:
    source = Recording(speech(8000), 8000)
    whole = window_16k(source, 0, 1000)
    assert np.array_equal(window_16k(source, 137, 731), whole[137 * 16 : 731 * 16])


def test_a_window_beyond_the_sound_is_silence() -> None:
    source = Recording(speech(800), 8000)
    assert not np.any(window_16k(source, 200, 300))
    assert len(window_16k(source, 50, 250)) == 3200
    assert len(window_16k(source, 250, 50)) == 0


def test_wide_sound_is_read_as_it_is() -> None:
    sound = speech(16_000)
    assert np.array_equal(window_16k(Recording(sound, 16_000), 100, 200), sound[1600:3200])


def test_other_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="11025"):
        window_16k(Recording(speech(10), 11_025), 0, 1)


@given(st.lists(st.tuples(st.integers(-300, 2000), st.integers(0, 700)), max_size=12))
def test_the_ring_is_the_end_of_an_endless_tape(writes: list[tuple[int, int]]) -> None:
    ring = AudioRing(1000, seconds=1)
    tape = np.zeros(40_000, np.int16)
    end = 0
    for seed, (step, count) in enumerate(writes):
        position = max(0, end + step)
        sound = speech(count, seed)
        oldest = max(0, max(end, position + count) - 1000)
        kept = sound[max(0, oldest - position) :]
        start = max(position, oldest)
        tape[start : start + len(kept)] = kept
        ring.write(position, sound)
        end = max(end, position + count)
    assert ring.end == end
    oldest = max(0, end - 1000)
    assert (ring.start, kept_from_ms(ring)) == (oldest, oldest)
    assert np.array_equal(ring.read(oldest, 1500)[: end - oldest], tape[oldest:end])
    assert not np.any(ring.read(oldest - 500, 500))
    assert not np.any(ring.read(end, 100))


@given(st.lists(st.integers(0, 400), max_size=12))
def test_halving_does_not_depend_on_how_the_sound_comes(sizes: list[int]) -> None:
    sound = speech(sum(sizes), 4)
    pieces, start = Halver(), 0
    halved = []
    for size in sizes:
        halved.append(pieces.put(sound[start : start + size]))
        start += size
    whole = Halver()
    expected = np.concatenate([whole.put(sound), whole.flush()])
    assert np.array_equal(np.concatenate([*halved, pieces.flush()]), expected)
    assert len(expected) == (len(sound) + 1) // 2


def test_halving_keeps_a_tone_in_its_place_and_drops_what_would_alias() -> None:
    at = np.arange(4000)
    low = (12_000 * np.sin(at * 0.45)).astype(np.int16)  # 1146 Hz
    high = (12_000 * np.sin(at * 2.4)).astype(np.int16)  # 6112 Hz
    halver = Halver()
    assert np.abs(halver.put(low)[100:1900] - low[200:3800:2]).max() < 30
    assert np.abs(Halver().put(high)[100:1900]).max() < 60
