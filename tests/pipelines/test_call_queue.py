"""What waits to be committed: in order, bounded, and nothing that a person did is lost in silence."""

import asyncio

import pytest

from engine.errors import Overloaded
from engine.ports.desk import DeskCommand, Person
from engine.ports.intake import CallEnded, ClockTick, MediaNotice
from pipelines.call_queue import LATE, QUEUE, CallQueue, Command, EarsNotice, TapeNotice

PERSON = Person("u", "org", "Ana", "agent")


def command(name: str) -> Command:
    return Command(PERSON, DeskCommand(name, "call-1"), 0)  # type: ignore[arg-type]


async def taken(queue: CallQueue) -> list[object]:
    found: list[object] = []
    while (item := queue.get_nowait()) is not None:
        found.append(item)
    return found


async def test_ticks_with_nothing_between_them_are_one() -> None:
    queue = CallQueue("call-1")
    held = MediaNotice(700, "call.held")
    for item in (ClockTick(250), ClockTick(500), held, ClockTick(750), ClockTick(1000), CallEnded(1100, "bye")):
        await queue.put(item)
    assert await taken(queue) == [ClockTick(500), held, ClockTick(1000), CallEnded(1100, "bye")]


async def test_a_tick_that_was_taken_is_not_changed() -> None:
    queue = CallQueue("call-1")
    await queue.put(ClockTick(250))
    assert await queue.get() == ClockTick(250)
    await queue.put(ClockTick(500))
    assert await queue.get() == ClockTick(500)


async def test_a_command_between_ticks_keeps_its_place() -> None:
    queue = CallQueue("call-1")
    await queue.put(ClockTick(250))
    queue.offer(command("pause"))
    await queue.put(ClockTick(500))
    assert await taken(queue) == [ClockTick(250), command("pause"), ClockTick(500)]


async def test_media_goes_on_for_as_long_as_a_judgement_waits() -> None:
    queue = CallQueue("call-1")
    async with asyncio.timeout(5):
        for at_ms in range(0, 1_000 * QUEUE, 250):
            await queue.put(ClockTick(at_ms))
    assert len(await taken(queue)) == 1


async def test_a_full_queue_refuses_people_and_remembers_what_ears_and_the_recording_said_last() -> None:
    queue = CallQueue("call-1")
    lost = EarsNotice(False)
    queue.offer(lost)
    media = [MediaNotice(at_ms, "call.held") for at_ms in range(QUEUE - 1)]
    for item in media:
        await queue.put(item)
    for name in ("claim", "card", "judge", "pause"):
        with pytest.raises(Overloaded):
            queue.offer(command(name))
    queue.offer(lost)
    queue.offer(EarsNotice(True))
    failed = TapeNotice("recording.failed", 0, {})
    queue.offer(failed)
    assert await queue.get() == lost
    await queue.put(CallEnded(1, "bye"))
    assert await taken(queue) == [*media, EarsNotice(True), failed, CallEnded(1, "bye")], "each in its place"


async def test_notices_beside_a_full_queue_are_bounded_and_the_last_holds() -> None:
    queue = CallQueue("call-1")
    for at_ms in range(QUEUE):
        await queue.put(MediaNotice(at_ms, "call.held"))
    said = [TapeNotice("recording.silenced", at_ms, {}) for at_ms in range(2 * LATE)]
    for notice in said:
        queue.offer(notice)
    assert (await taken(queue))[QUEUE:] == said[LATE:]
