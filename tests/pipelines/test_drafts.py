"""Which drafts are asked for under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.facts import SpeechSegment
from engine.ports.hearing import Headroom
from pipelines.lane import Drafted
from pipelines.transcribe import Transcriber
from tests.fakes import FakeEars, FakeSession

STARTED = SpeechSegment("1", 0, "started", 0, 200)
LULL = SpeechSegment("1", 0, "continues", 0, 900, lull=True)


class Short(FakeEars):
    """Sheds partials, or is away."""

    up = True

    def headroom(self) -> Headroom:
        return Headroom(up=self.up, load=1.0, finals_late_ms=0.0, partials=False)


@asynccontextmanager
async def transcribing(ears: FakeEars, *, capturing: bool = False) -> AsyncIterator[tuple[Transcriber, list[Drafted]]]:
    drafts: list[Drafted] = []
    async with asyncio.TaskGroup() as group:
        transcriber = Transcriber(
            FakeSession([], []),
            ears,
            language="en",
            drafts=True,
            group=group,
            draft=drafts.append,
            capturing=lambda: capturing,
            reading=lambda: capturing,
            may_break_off=lambda _: False,
        )
        yield transcriber, drafts


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("up", "capturing", "asked"), [(True, True, 1), (True, False, 0), (False, True, 0), (False, False, 0)]
)
async def test_while_partials_are_shed_a_card_that_is_read_has_its_own(
    *, up: bool, capturing: bool, asked: int
) -> None:
    ears = Short({("1", 0): "four five three nine"})
    ears.up = up
    async with transcribing(ears, capturing=capturing) as (transcriber, _):
        for segment in (STARTED, LULL):
            transcriber.hear(segment)
            await turns()
    assert [(job.kind, job.capture) for job in ears.jobs] == [("partial", True)] * asked
