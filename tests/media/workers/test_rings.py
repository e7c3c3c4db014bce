"""One process writes a stream's sound, another reads it: here the two mappings of one."""

import os
from collections.abc import Iterator

import numpy as np
import pytest

from media.audio import RING_SECONDS, AudioRing, kept_from_ms
from media.workers.rings import SharedRings


@pytest.fixture
def rings() -> Iterator[SharedRings]:
    made = SharedRings.create(3)
    yield made
    made.close()


def sound(count: int, seed: int = 1) -> np.typing.NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-3000, 3000, count).astype(np.int16)


@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_what_one_writes_the_other_reads(rings: SharedRings, rate_hz: int) -> None:
    writer, reader = rings.ring(1, rate_hz), SharedRings(rings.fd, 3).ring(1, rate_hz)
    own = AudioRing(rate_hz)
    for at in range(0, (RING_SECONDS + 3) * rate_hz, 4000):
        writer.write(at, sound(4000, at))
        own.write(at, sound(4000, at))
    start = 10 * rate_hz
    assert np.array_equal(reader.read(start, 30 * rate_hz), own.read(start, 30 * rate_hz))
    assert not reader.read(0, rate_hz).any()
    writer.tell(12.5, 3.0)
    assert (reader.last_packet_s, reader.ahead_ms, reader.newest) == (12.5, 3.0, None)
    writer.tell(12.5, 3.0, (0xFFFFFFFF, 1 << 40))
    assert reader.newest == (0xFFFFFFFF, 1 << 40)
    writer.clear()
    assert reader.newest is None


def test_rings_do_not_touch_and_a_wiped_one_is_empty(rings: SharedRings) -> None:
    for place in range(3):
        rings.ring(place, 16_000).write(0, sound(16_000 * RING_SECONDS, place))
    kept = rings.ring(1, 16_000).kept()
    rings.wipe(1)
    assert not rings.ring(1, 16_000).read(0, 16_000).any()
    assert rings.ring(1, 16_000).end == 0
    for place in (0, 2):
        assert np.array_equal(rings.ring(place, 16_000).read(0, 16_000), sound(16_000 * RING_SECONDS, place)[:16_000])
    assert np.array_equal(kept.read(0, 16_000), sound(16_000 * RING_SECONDS, 1)[:16_000])


def test_what_is_kept_is_the_newest(rings: SharedRings) -> None:
    ring, reader = rings.ring(0, 8000), rings.ring(0, 8000)
    assert kept_from_ms(reader) == 0
    for at in range(0, (RING_SECONDS + 5) * 8000, 4000):
        ring.write(at, sound(4000, at))
    assert kept_from_ms(reader) == 5_000
    end = ring.end
    kept = ring.kept()
    assert np.array_equal(kept.read(end - 8000, 8000), ring.read(end - 8000, 8000))
    assert not kept.read(end, 8000).any()


def test_who_comes_later_goes_on_where_the_first_ended(rings: SharedRings) -> None:
    rings.ring(0, 8000).write(0, sound(8000))
    later = rings.ring(0, 8000)
    later.write(16_000, sound(8000, 2))
    assert np.array_equal(later.read(0, 8000), sound(8000))
    assert not later.read(8000, 8000).any()


def test_a_new_stream_has_nothing_of_the_one_before(rings: SharedRings) -> None:
    rings.ring(0, 8000).write(0, sound(80_000))
    ring, reader = rings.ring(0, 8000), rings.ring(0, 8000)
    ring.clear()
    ring.write(8000, sound(160, 2))
    assert not reader.read(0, 8000).any()
    assert np.array_equal(reader.read(8000, 160), sound(160, 2))
    assert not reader.read(8160, 80_000).any()


def test_an_empty_ring_takes_no_memory() -> None:
    made = SharedRings.create(200)
    made.ring(199, 8000).write(0, sound(160))
    assert os.stat(made.fd).st_blocks * 512 < 64 * 1024
    made.close()
