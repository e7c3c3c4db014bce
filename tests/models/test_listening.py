"""Frames and shared windows."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.child import framed, messages
from engine.ports.hearing import Headroom
from models.listening import Cancel, Status, Stop, Windows, from_ears_decoder, to_ears_decoder


async def test_messages_come_as_they_were_sent() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(framed(Cancel(7)) + framed(Stop())[:3])
    reader.feed_data(framed(Stop())[3:])
    reader.feed_eof()
    assert [message async for message in messages(reader, to_ears_decoder())] == [Cancel(7), Stop()]


async def test_a_peer_that_dies_within_a_frame_is_an_end() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(framed(Status(Headroom(up=True, load=0.5, finals_late_ms=0.0, partials=True)))[:-1])
    reader.feed_eof()
    assert [message async for message in messages(reader, from_ears_decoder())] == []


async def test_a_frame_of_absurd_length_is_refused() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"\x7f\xff\xff\xff")
    with pytest.raises(ValueError, match="exceeds"):
        [message async for message in messages(reader, to_ears_decoder())]


def test_windows_that_do_not_fit_are_refused_until_one_is_freed() -> None:
    windows = Windows.create(100)
    first = windows.put(np.full(60, 1, np.int16))
    assert first == 0
    assert windows.put(np.full(60, 2, np.int16)) is None
    assert windows.put(np.full(40, 3, np.int16)) == 60
    windows.free(first)
    assert windows.put(np.full(60, 4, np.int16)) == 0
    with pytest.raises(ValueError, match="outside"):
        windows.read(90, 20)
    windows.close()


def test_a_freed_window_holds_no_sound() -> None:
    windows = Windows.create(100)
    first, second = windows.put(np.full(60, 1, np.int16)), windows.put(np.full(20, 2, np.int16))
    assert (first, second) == (0, 60)
    windows.free(0)
    assert not windows.read(0, 60).any()
    assert (windows.read(60, 20) == 2).all()
    windows.close()


def test_no_more_memory_is_touched_than_windows_wait_for() -> None:
    windows = Windows.create(100)
    for _ in range(10):
        offsets = [windows.put(np.full(20, 1, np.int16)) for _ in range(2)]
        assert offsets == [0, 20]
        for offset in (0, 20):
            windows.free(offset)
    windows.close()


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=40))
def test_no_window_overwrites_another(steps: list[tuple[int, int]]) -> None:
    windows = Windows.create(100)
    held: list[tuple[int, int, int]] = []
    for value, (length, freed) in enumerate(steps):
        offset = windows.put(np.full(length, value, np.int16))
        if offset is not None:
            held.append((offset, length, value))
        for at, samples, expected in held:
            assert (windows.read(at, samples) == expected).all()
        if freed < len(held):
            windows.free(held.pop(freed)[0])
    windows.close()
