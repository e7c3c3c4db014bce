"""What could not be read after a change is read later, and then left alone."""

import asyncio

import pytest
from structlog.testing import capture_logs

from engine.control.renewal import LOOK_S, Renewal
from engine.errors import Overloaded
from tests.virtual_time import VirtualTime


@pytest.mark.parametrize(
    ("error", "told"),
    [(Overloaded("the store cannot read"), 0), (ValueError("a row that nobody can read"), 3)],
)
async def test_what_could_not_be_read_after_a_change_is_read_later(error: Exception, told: int) -> None:
    time, read = VirtualTime(), list[str]()

    async def take(part: str) -> None:
        if time.now < 3 * LOOK_S:
            raise error
        read.append(part)

    renewal = Renewal(take, "shelf.not_read", time.sleep)
    with capture_logs() as logs:
        async with renewal.turn:
            await renewal.renew("one")
        keeping = asyncio.create_task(renewal.keep_up())
        time.goes.set()
        await time.until(6 * LOOK_S)
        keeping.cancel()
    assert [log["event"] for log in logs] == ["shelf.not_read"] * told
    assert read == ["one"]


async def test_of_two_changes_the_later_is_read_last() -> None:
    going, read = asyncio.Event(), list[str]()

    async def take(part: str) -> None:
        if part == "first":
            await going.wait()
        read.append(part)

    renewal = Renewal(take, "shelf.not_read")

    async def change(part: str) -> None:
        async with renewal.turn:
            await renewal.renew(part)

    changes = [asyncio.create_task(change(part)) for part in ("first", "second")]
    await asyncio.sleep(0)
    going.set()
    await asyncio.gather(*changes)
    assert read == ["first", "second"]
