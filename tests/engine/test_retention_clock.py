"""A clock that jumped is not believed by what erases: not at once, not by a restart, and not for ever."""

from pathlib import Path

import pytest

from engine.errors import Overloaded
from engine.retention_clock import AWAY_S, DOUBT_S, FILE, JUMP_S, OLDEST, RetentionClock

HOUR_S, YEAR_S = 3_600.0, 365 * 86_400.0
BEGAN = OLDEST + 100 * 86_400.0


class Machine:
    """With an engine on it that looks at the clock every hour."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wall = BEGAN
        self.up = 50.0
        self.newest: float | None = 0.0
        self.start()

    def start(self) -> None:
        self.clock = RetentionClock(self.folder, self.newest_call, lambda: self.wall, lambda: self.up)

    async def newest_call(self) -> float:
        if self.newest is None:
            raise Overloaded("the store cannot read")
        return self.newest

    async def runs(self, seconds: float = HOUR_S) -> bool:
        """Whether the clock is believed after so long."""
        self.wall += seconds
        self.up += seconds
        return await self.clock.believed()


async def test_a_clock_that_goes_is_believed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert await machine.runs(0.0)
    for drift in (0.0, JUMP_S, -JUMP_S):
        machine.wall += drift
        assert await machine.runs()
    machine.start()
    machine.wall += AWAY_S - HOUR_S
    assert await machine.runs()


@pytest.mark.parametrize("jump_s", [YEAR_S, 2 * JUMP_S, -YEAR_S])
async def test_one_that_jumps_is_not_until_it_is_back(tmp_path: Path, jump_s: float) -> None:
    machine = Machine(tmp_path)
    assert await machine.runs(0.0)
    machine.wall += jump_s
    assert not await machine.runs()
    assert not await machine.runs()
    machine.wall -= jump_s
    assert await machine.runs()
    machine.wall += jump_s
    assert not await machine.runs()


@pytest.mark.parametrize("wrong_s", [YEAR_S, -YEAR_S])
async def test_one_that_was_wrong_at_the_start_is_believed_when_it_is_set_right(tmp_path: Path, wrong_s: float) -> None:
    machine = Machine(tmp_path)
    assert await machine.runs(0.0)
    machine.wall += 8 * HOUR_S + wrong_s  # off for a night
    machine.start()
    assert not await machine.runs(0.0)
    assert not await machine.runs()
    machine.wall -= wrong_s
    assert await machine.runs()
    machine.wall += 8 * HOUR_S
    assert not await machine.runs(), "from then on an hour is an hour"


async def test_calls_are_dated_by_none_that_is_surely_wrong(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.clock.now() == BEGAN
    assert await machine.runs(0.0)
    assert machine.clock.now() == BEGAN
    machine.wall += 8 * HOUR_S - YEAR_S  # off for a night, with a flat battery
    machine.start()
    assert not await machine.runs(0.0)
    assert machine.clock.now() == BEGAN
    machine.wall += 60.0
    machine.up += 60.0
    assert machine.clock.now() == BEGAN + 60.0
    assert not await machine.runs()
    assert machine.clock.now() == BEGAN + 60.0 + HOUR_S
    machine.wall += YEAR_S
    assert machine.clock.now() == machine.wall, "it is set right"
    assert await machine.runs()
    assert machine.clock.now() == machine.wall


@pytest.mark.parametrize("jump_s", [YEAR_S, 30 * 86_400.0, -30 * 86_400.0])
async def test_calls_are_dated_by_one_that_is_set_whether_it_was_right_before_or_is_now(
    tmp_path: Path, jump_s: float
) -> None:
    machine = Machine(tmp_path)
    assert await machine.runs(0.0)
    machine.wall += jump_s
    for _ in range(2):
        assert machine.clock.now() == machine.wall
        assert not await machine.runs()
        assert machine.clock.now() == machine.wall
        machine.start()


async def test_calls_of_a_new_machine_with_a_flat_battery_are_no_older_than_the_engine(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.wall = 946_684_800.0
    assert machine.clock.now() == OLDEST
    assert await machine.runs(0.0)
    assert machine.clock.now() == OLDEST


@pytest.mark.parametrize("jump_s", [YEAR_S, 20 * HOUR_S, -20 * HOUR_S])
async def test_restarts_do_not_make_it_believed(tmp_path: Path, jump_s: float) -> None:
    machine = Machine(tmp_path)
    assert await machine.runs(0.0)
    machine.wall += jump_s
    assert not await machine.runs()
    for _ in range(100):
        machine.start()
        assert not await machine.runs(1.0)
    machine.wall += HOUR_S - jump_s
    machine.start()
    assert await machine.runs(0.0), "the engine was off for an hour, to set it right"


@pytest.mark.parametrize("off_s", [0.0, HOUR_S])
async def test_one_that_was_wrong_when_the_engine_started_stays_so_through_restarts(
    tmp_path: Path, off_s: float
) -> None:
    machine = Machine(tmp_path)
    assert await machine.runs(0.0)
    machine.wall += 8 * HOUR_S + YEAR_S  # off for a night
    for _ in range(3):
        machine.start()
        assert not await machine.runs(0.0)
    machine.wall += off_s - YEAR_S
    machine.start()
    assert await machine.runs(0.0)


async def test_an_engine_that_was_off_for_long_believes_it_after_a_day_of_running(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert await machine.runs(0.0)
    machine.wall += 21 * 86_400.0
    believed = []
    for _ in range(4):  # eight hours a day
        machine.start()
        believed += [await machine.runs(60.0), *[await machine.runs() for _ in range(8)]]
        machine.wall += 16 * HOUR_S
    assert believed == [False] * 26 + [True] * 10
    assert DOUBT_S == 24 * HOUR_S


async def test_a_note_that_says_nothing_is_doubted(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"")
    assert not await Machine(tmp_path).runs(0.0)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    machine = Machine(tmp_path)
    for hour in range(25):  # and where none can be made, this process knows
        assert await machine.runs(HOUR_S if hour else 0.0) == (hour == 24)


@pytest.mark.parametrize(
    ("newest", "believed"), [(0.0, True), (BEGAN - AWAY_S, True), (BEGAN - YEAR_S, False), (BEGAN + YEAR_S, False)]
)
async def test_without_a_note_it_is_held_against_the_newest_call(tmp_path: Path, newest: float, believed: bool) -> None:
    machine = Machine(tmp_path)
    machine.newest = newest
    assert await machine.runs(0.0) == believed
    machine.newest = 0.0
    assert await machine.runs() == believed


async def test_a_store_that_is_away_makes_no_clock_believed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.newest = None
    with pytest.raises(Overloaded):
        await machine.runs(0.0)
    machine.newest = BEGAN
    assert await machine.runs()
