"""When a child is said to hang, and what does not end it."""

import asyncio
import os
import subprocess
import sys

import pytest

from engine.child import Watch
from tests.virtual_time import VirtualTime


@pytest.fixture
async def time() -> VirtualTime:
    time = VirtualTime()
    time.goes.set()
    return time


@pytest.fixture
async def watch(time: VirtualTime) -> Watch:
    return Watch(time, time.sleep)


async def test_a_child_that_owes_nothing_lives_as_long_as_it_does(time: VirtualTime, watch: Watch) -> None:
    await watch.over(time.until(1_000.0))
    assert time.now >= 1_000.0


async def test_what_does_not_come_in_time_ends_it(time: VirtualTime, watch: Watch) -> None:
    ended = asyncio.Event()

    async def life() -> None:
        try:
            watch.owes("a word", 10.0)
            await time.until(5.0)
            watch.owes("a word", 10.0)
            watch.owes("an answer", 60.0)
            await time.until(12.0)
            watch.gave("a word")
            watch.gave("nothing that was owed")
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TimeoutError, match="an answer is overdue"):
        await watch.over(life())
    assert 64.0 <= time.now <= 67.0
    assert ended.is_set()
    await watch.over(time.until(time.now + 100.0))  # the next one owes nothing yet


async def test_its_own_failure_is_told(watch: Watch) -> None:
    async def life() -> None:
        raise ValueError("a frame that is not ours")

    with pytest.raises(ValueError, match="not ours"):
        await watch.over(life())


async def test_time_that_nobody_saw_passing_makes_nobody_late(time: VirtualTime, watch: Watch) -> None:
    async def life() -> None:
        watch.owes("a word", 10.0)
        await time.until(2.0)
        time.jumps = 3_600.0
        await time.until(3 * 3_600.0)
        time.jumps = 0.0
        watch.gave("a word")

    await watch.over(life())
    assert time.now > 3 * 3_600.0


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_what_a_terminal_tells_all_of_us_is_the_engine_s_to_handle(name: str) -> None:
    program = (
        "import os, signal\n"
        "from engine.child import die_with\n"
        f"die_with({os.getpid()})\n"
        f"os.kill(os.getpid(), signal.{name})\n"
        "print('lives')\n"
    )
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (child.returncode, child.stdout) == (0, "lives\n")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel is not told")
def test_a_child_that_costs_no_call_goes_before_the_engine_where_memory_runs_out() -> None:
    told = "from pathlib import Path; from engine.child import go_first; go_first(); go_first(); "
    told += "print(Path('/proc/self/oom_score_adj').read_text())"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)
    assert int(done.stdout) >= 500
