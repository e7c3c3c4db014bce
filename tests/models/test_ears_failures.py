"""What the process `ears` makes of windows that cannot be heard: its model is a test's."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.child import framed
from engine.ports.hearing import Heard, ListenJob
from models.decoding import Decoding
from models.ears import EarsServer
from models.listening import Answer, Submit, Windows, from_ears_decoder
from models.scheduler import Costs

FAILED = "failed"
WORDS = "words"
CARD_LOST = "CUDA failed with error an illegal memory access was encountered"


class Model:
    """Fails job by job with these messages; hears where one is empty."""

    device = "cuda"

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = errors

    def hear(self, job: ListenJob, *_: object) -> Heard:
        if error := self.errors[job.job]:
            raise RuntimeError(error)
        return Heard(job=job.job, text=WORDS, language="en")


class Writer:
    """Keeps what is answered."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._decoder = from_ears_decoder()

    def is_closing(self) -> bool:
        return False

    def write(self, frame: bytes) -> None:
        message = self._decoder.decode(frame[4:])
        if isinstance(message, Answer):
            self.told.append(message.heard.shed or message.heard.text)


async def told(monkeypatch: pytest.MonkeyPatch, errors: Sequence[str], segments: Sequence[int]) -> tuple[Any, ...]:
    """The server, and what it says of these jobs of a stream, up to its end."""
    writer, windows = Writer(), Windows.create(160)
    monkeypatch.setattr("models.ears._load", lambda *_: Model(errors))
    monkeypatch.setattr(os, "_exit", lambda code: writer.told.append(f"exit {code}"))
    server = EarsServer(writer, windows, workers=1)  # type: ignore[arg-type]
    await server.load(Path(), "cuda", "", Decoding())
    offset = windows.put(np.ones(160, np.int16))
    assert offset is not None
    for number, segment in enumerate(segments):
        job = ListenJob(job=number, call_id="c", stream="1", segment=segment, kind="final", due=0.0, language="en")
        reader = asyncio.StreamReader()
        reader.feed_data(framed(Submit(job, offset, 160)))
        reader.feed_eof()
        await server.serve(reader)
        while server._running:
            await asyncio.wait(server._running)
    windows.close()
    return server, writer.told


@pytest.mark.parametrize(
    ("errors", "segments", "said"),
    [
        (["x", "x", "x"], [1, 2, 3], [FAILED, FAILED, "exit 1"]),
        ([CARD_LOST], [1], ["exit 1"]),
        (["x", "x", "", "x", "x"], [1, 2, 3, 4, 5], [FAILED, FAILED, WORDS, FAILED, FAILED]),
        (["x", "x", "x", ""], [1, 1, 1, 2], [FAILED, FAILED, FAILED, WORDS]),
    ],
)
async def test_a_process_that_hears_nothing_any_more_ends_before_it_says_so_of_the_last(
    monkeypatch: pytest.MonkeyPatch, errors: Sequence[str], segments: Sequence[int], said: Sequence[str]
) -> None:
    _, heard = await told(monkeypatch, errors, segments)
    assert heard[: len(said)] == said
    assert ("exit 1" in heard) == ("exit 1" in said)


async def test_what_fails_at_once_makes_no_window_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = await told(monkeypatch, ["x"] * 8, [1] * 8)
    assert server._costs.estimate(5.0, 2.0) == Costs().estimate(5.0, 2.0)
