"""Cores are taken as long as windows are heard, and whoever cannot hear them gives no figure."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from benchmarks import understanding
from benchmarks.understanding import one_program, rate, saturated
from pipelines import demo

CALL = SimpleNamespace(sound=(np.zeros(0, np.int16), np.zeros(160_000, np.int16)))


class Ears:
    """Hears a window a millisecond, of which every other is shed; up to `most`, then it fails."""

    most = 1_000_000
    closed = False

    def __init__(self, _: object) -> None:
        self.asked = 0

    async def start(self) -> None: ...

    async def ready(self) -> None: ...

    async def close(self) -> None:
        Ears.closed = True

    async def listen(self, *_: Any) -> Any:
        self.asked += 1
        if self.asked > self.most:
            raise RuntimeError("ears is away")
        shed = "load" if self.asked % 2 else ""
        await asyncio.sleep(0.001)
        return SimpleNamespace(shed=shed)


@pytest.fixture(autouse=True)
def _a_short_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "load_call", lambda _: CALL)
    monkeypatch.setattr(understanding, "location", lambda *_: Path("whisper"))
    monkeypatch.setattr(understanding, "EarsClient", Ears)
    monkeypatch.setattr(understanding, "WARM_S", 0.01)
    monkeypatch.setattr(Ears, "closed", False)


async def test_windows_that_are_heard_are_counted_and_those_that_are_shed_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Ears] = []

    class Watched(Ears):
        def __init__(self, settings: object) -> None:
            super().__init__(settings)
            asked.append(self)

    monkeypatch.setattr(understanding, "EarsClient", Watched)
    async with saturated() as heard:
        for _ in range(20_000):
            if len(heard) >= 5:
                break
            await asyncio.sleep(0.001)
        assert 5 <= len(heard) <= asked[0].asked / 2
    assert Ears.closed


async def test_what_hearing_raises_ends_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ears, "most", 40)
    with pytest.raises(ExceptionGroup) as failure:
        async with saturated():
            await asyncio.sleep(60)
    assert failure.group_contains(RuntimeError, match="ears is away")
    assert Ears.closed


class Model:
    """Hears a window a millisecond; up to `most`, then it fails."""

    most = 1_000_000
    failed: ClassVar = threading.Event()

    def __init__(self, *_: object, **__: object) -> None:
        self.asked = 0
        self.lock = threading.Lock()

    def transcribe(self, *_: object, **__: object) -> tuple[Iterator[str], None]:
        with self.lock:
            self.asked += 1
            if self.asked > self.most:
                self.failed.set()
                raise RuntimeError("no memory")
        time.sleep(0.001)
        return iter("a"), None


def test_threads_of_one_program_are_counted_and_their_faults_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(understanding, "WhisperModel", Model)
    ends = time.monotonic() + 20
    with one_program() as heard:
        while not heard and time.monotonic() < ends:
            time.sleep(0.001)
    assert heard
    monkeypatch.setattr(Model, "most", 3)
    with pytest.raises(RuntimeError, match="no memory"), one_program():
        assert Model.failed.wait(20)


def test_only_windows_of_the_time_count_and_none_is_no_load() -> None:
    assert rate([0.5, 1.0, 2.0, 3.0, 4.5], 1.0, 4.0) == 1.0
    with pytest.raises(RuntimeError, match="not taken"):
        rate([0.5], 1.0, 4.0)
