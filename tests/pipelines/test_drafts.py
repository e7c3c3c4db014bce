"""Which drafts are asked for and which are shown, as load and the order of their answers have it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.facts import SpeechSegment
from engine.ports.hearing import Headroom
from pipelines.lane import Drafted
from pipelines.transcribe import Transcriber
from tests.fakes import FakeEars, FakeSession

SHORT, WHOLE = "I would", "I would like to pay."
STARTED = SpeechSegment("1", 0, "started", 0, 200)
LULL = SpeechSegment("1", 0, "continues", 0, 900, lull=True)
PAUSED = SpeechSegment("1", 0, "paused", 0, 900)
RESUMED = SpeechSegment("1", 0, "resumed", 0, 1200)
LATER = SpeechSegment("1", 0, "continues", 0, 1900, lull=True)


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


async def test_a_draft_of_less_sound_takes_nothing_back_that_a_speculation_showed() -> None:
    ears = FakeEars({("1", 0): WHOLE})
    partial = ears.hold["1", 0, "partial"] = asyncio.Event()
    async with transcribing(ears) as (transcriber, drafts):
        for segment in (STARTED, LULL, PAUSED):
            transcriber.hear(segment)
            await turns()
        assert [draft.text for draft in drafts] == [WHOLE]
        ears.words["1", 0] = SHORT
        partial.set()
        await turns()
        assert [draft.text for draft in drafts] == [WHOLE]
        for segment in (RESUMED, LATER):
            transcriber.hear(segment)
            await turns()
        assert [(draft.end_ms, draft.text) for draft in drafts] == [(900, WHOLE), (1900, SHORT)]


async def test_a_draft_that_comes_before_the_speculation_is_shown() -> None:
    ears = FakeEars({("1", 0): WHOLE})
    speculation = ears.hold["1", 0, "speculation"] = asyncio.Event()
    async with transcribing(ears) as (transcriber, drafts):
        for segment in (STARTED, LULL, PAUSED):
            transcriber.hear(segment)
            await turns()
        assert [draft.end_ms for draft in drafts] == [900]
        speculation.set()
        await turns()
        assert [draft.end_ms for draft in drafts] == [900, 900]
