"""The scheduler alone, in virtual time."""

import heapq

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ports.hearing import ListenKind
from models.scheduler import Costs, Scheduler, Shed, Task


def task(
    job: int, kind: ListenKind, *, due: float = 1.0, cost: float = 0.2, stream: str = "", segment: int = 0
) -> Task:
    return Task(job=job, kind=kind, stream=("call", stream or str(job)), segment=segment, due=due, cost=cost)


def started(scheduler: Scheduler, now: float = 0.0) -> list[int]:
    jobs = []
    while (next_task := scheduler.take(now)) is not None:
        jobs.append(next_task.job)
    return jobs


def test_finals_go_first_and_all_else_by_its_deadline() -> None:
    scheduler = Scheduler(workers=4)
    scheduler.submit(task(1, "partial", due=0.4), 0.0)
    scheduler.submit(task(2, "speculation", due=0.2), 0.0)
    scheduler.submit(task(3, "final", due=0.3), 0.0)
    scheduler.submit(task(4, "partial", stream="b", due=0.1), 0.0)
    assert started(scheduler) == [3, 4, 2, 1]


def test_the_earliest_deadline_goes_first_within_a_kind() -> None:
    scheduler = Scheduler(workers=3)
    for job, due in ((1, 0.9), (2, 0.3), (3, 0.6)):
        scheduler.submit(task(job, "final", due=due), 0.0)
    assert started(scheduler) == [2, 3, 1]


def test_a_newer_partial_takes_the_place_of_one_that_waits() -> None:
    scheduler = Scheduler(workers=1)
    scheduler.submit(task(1, "partial", stream="a"), 0.0)
    scheduler.submit(task(2, "partial", stream="a"), 0.0)
    assert scheduler.sheds() == [Shed(1, "superseded")]
    assert started(scheduler) == [2]


def test_a_stream_runs_one_partial_at_a_time() -> None:
    scheduler = Scheduler(workers=4)
    scheduler.submit(task(1, "partial", stream="a"), 0.0)
    assert started(scheduler) == [1]
    scheduler.submit(task(2, "partial", stream="a"), 0.0)
    assert started(scheduler) == []
    scheduler.done(1, 0.1)
    assert started(scheduler, 0.1) == [2]


def test_a_final_makes_the_drafts_of_its_segment_needless() -> None:
    scheduler = Scheduler(workers=1)
    scheduler.submit(task(1, "partial", stream="a", segment=4), 0.0)
    scheduler.submit(task(2, "speculation", stream="a", segment=4), 0.0)
    scheduler.submit(task(3, "final", stream="a", segment=4), 0.0)
    assert scheduler.sheds() == [Shed(1, "superseded"), Shed(2, "superseded")]


def test_partials_leave_a_worker_to_finals_that_would_be_late_without() -> None:
    scheduler = Scheduler(workers=2)
    scheduler.submit(task(1, "partial", cost=0.4), 0.0)
    scheduler.submit(task(2, "partial", cost=0.4), 0.0)
    assert started(scheduler) == [1]


@pytest.mark.parametrize(("due", "cost"), [(5.0, 0.4), (0.1, 0.2)])
def test_partials_may_take_the_last_worker_when_finals_have_time_or_they_are_brief(due: float, cost: float) -> None:
    scheduler = Scheduler(workers=2)
    scheduler.submit(task(1, "final", due=due), 0.0)
    assert started(scheduler) == [1]
    scheduler.done(1, 0.2)
    for partial in (2, 3):
        scheduler.submit(task(partial, "partial", cost=cost), 0.2)
    assert started(scheduler, 0.2) == [2, 3]


def test_a_newer_partial_has_its_streams_place_in_the_queue() -> None:
    scheduler = Scheduler(workers=1)
    scheduler.submit(task(1, "partial", stream="a", due=0.8), 0.0)
    scheduler.submit(task(2, "partial", stream="b", due=1.0), 0.2)
    scheduler.submit(task(3, "partial", stream="a", due=1.6), 0.8)
    assert scheduler.sheds() == [Shed(1, "superseded")]
    for job in (3, 2):
        taken = scheduler.take(3.0)
        assert taken is not None
        assert taken.job == job
        scheduler.done(job, 3.1)


def test_the_oldest_partial_gives_way_when_the_queue_is_full() -> None:
    scheduler = Scheduler(workers=1, bound=2)
    for job in (1, 2, 3):
        scheduler.submit(task(job, "partial", due=1.0 + job), 0.0)
    assert scheduler.sheds() == [Shed(1, "load")]
    assert len(scheduler) == 2


def test_cancel_drops_what_waits_and_lets_run_what_runs() -> None:
    scheduler = Scheduler(workers=1)
    scheduler.submit(task(1, "final"), 0.0)
    scheduler.submit(task(2, "speculation"), 0.0)
    assert started(scheduler) == [1]
    scheduler.cancel(1, 0.0)
    scheduler.cancel(2, 0.0)
    scheduler.cancel(99, 0.0)
    assert scheduler.sheds() == [Shed(2, "cancelled")]
    scheduler.done(1, 0.2)


def test_a_promoted_speculation_runs_as_the_final_that_it_is() -> None:
    scheduler = Scheduler(workers=1)
    scheduler.submit(task(1, "final", due=1.0), 0.0)
    assert started(scheduler) == [1]
    scheduler.submit(task(2, "speculation", stream="b", due=0.1), 0.0)
    scheduler.submit(task(3, "speculation", stream="c", due=0.2), 0.0)
    scheduler.promote(3, 0.5, 0.1)
    scheduler.promote(1, 0.5, 0.1)
    scheduler.promote(99, 0.5, 0.1)
    scheduler.done(1, 0.2)
    assert started(scheduler, 0.2) == [3]


def test_load_sheds_no_promoted_speculation() -> None:
    scheduler = Scheduler(workers=1)
    scheduler.submit(task(1, "speculation", stream="b"), 0.0)
    scheduler.submit(task(2, "speculation", stream="c"), 0.0)
    scheduler.promote(2, 0.5, 0.0)
    overloaded(scheduler)
    assert Shed(1, "load") in scheduler.sheds()
    assert len(scheduler) == 11


def overloaded(scheduler: Scheduler) -> None:
    for job in range(100, 110):
        scheduler.submit(task(job, "final", due=0.5, cost=0.4), 0.0)


def test_load_sheds_partials_first_and_those_of_open_numbers_with_speculation() -> None:
    scheduler = Scheduler(workers=2)
    scheduler.submit(task(1, "partial"), 0.0)
    scheduler.submit(msgspec.structs.replace(task(2, "partial"), capture=True), 0.0)
    scheduler.submit(task(3, "speculation"), 0.0)
    scheduler.submit(task(4, "final", cost=1.5), 0.0)
    assert scheduler.sheds() == [Shed(1, "load")]
    assert not scheduler.headroom(0.0).partials
    overloaded(scheduler)
    assert {shed.job: shed.reason for shed in scheduler.sheds()} == {2: "load", 3: "load"}
    assert not scheduler.headroom(0.0).partials


def test_shedding_ends_one_step_at_a_time_after_a_calm_while() -> None:
    scheduler = Scheduler(workers=2)
    overloaded(scheduler)
    now = 0.0
    while (running := scheduler.take(now)) is not None:
        scheduler.done(running.job, now)
    scheduler.submit(task(1, "speculation"), now + 1.9)
    assert scheduler.sheds() == [Shed(1, "load")]
    scheduler.headroom(now + 2.1)
    scheduler.submit(task(2, "speculation"), now + 2.2)
    assert scheduler.sheds() == []
    assert not scheduler.headroom(now + 2.2).partials
    assert scheduler.headroom(now + 4.3).partials


def test_partials_are_thinned_before_speculation() -> None:
    scheduler = Scheduler(workers=2)
    scheduler.submit(task(1, "partial"), 0.0)
    for job in (2, 3, 4, 5):
        scheduler.submit(task(job, "speculation", cost=0.5), 0.0)
    assert scheduler.sheds() == [Shed(1, "load")]


def test_headroom_tells_load_and_lateness() -> None:
    scheduler = Scheduler(workers=1)
    scheduler.submit(task(1, "final", due=30.0), 0.0)
    scheduler.submit(task(2, "final", due=31.0), 0.0)
    assert started(scheduler) == [1]
    assert scheduler.headroom(30.0).load > 0.99
    assert scheduler.headroom(31.5).finals_late_ms == 500.0


def test_costs_follow_the_machine() -> None:
    costs = Costs()
    before = costs.estimate(10.0, 4.0)
    for _ in range(100):
        costs.learn(10.0, 4.0, 2 * before)
    assert abs(costs.estimate(10.0, 4.0) - 2 * before) < 0.01 * before
    assert costs.estimate(15.0, 9.0) > costs.estimate(10.0, 4.0)


_kinds: st.SearchStrategy[ListenKind] = st.sampled_from(["final", "speculation", "partial"])
_arrivals = st.lists(
    st.tuples(
        st.floats(0, 0.3), _kinds, st.integers(0, 3), st.integers(0, 3), st.floats(0.05, 2), st.floats(0.05, 0.4)
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(_arrivals, st.integers(1, 4), st.sets(st.integers(0, 39), max_size=5))
def test_every_job_ends_once_and_finals_are_always_run(
    arrivals: list[tuple[float, ListenKind, int, int, float, float]], workers: int, cancelled: set[int]
) -> None:
    """A machine of so many workers in virtual time, with every rule watched at each start."""
    scheduler = Scheduler(workers, bound=8)
    ended: list[int] = []
    running: list[tuple[float, int]] = []
    tasks: dict[int, Task] = {}
    now = 0.0

    def pump() -> None:
        while (next_task := scheduler.take(now)) is not None:
            waiting = [t for j, t in tasks.items() if j not in ended and j not in {r for _, r in running}]
            if next_task.kind != "final":
                assert not any(t.kind == "final" for t in waiting)
            else:
                assert next_task.due == min(t.due for t in waiting if t.kind == "final")
            heapq.heappush(running, (now + next_task.cost, next_task.job))
            partials = [tasks[job].stream for _, job in running if tasks[job].kind == "partial"]
            assert len(partials) == len(set(partials))
            assert len(running) <= workers
            ended.extend(shed.job for shed in scheduler.sheds())
        ended.extend(shed.job for shed in scheduler.sheds())

    def run_until(then: float) -> None:
        nonlocal now
        while running and running[0][0] <= then:
            now, job = heapq.heappop(running)
            scheduler.done(job, now)
            ended.append(job)
            pump()
        now = then

    for job, (gap, kind, stream, segment, due, cost) in enumerate(arrivals):
        run_until(now + gap)
        tasks[job] = Task(job=job, kind=kind, stream=("c", str(stream)), segment=segment, due=now + due, cost=cost)
        scheduler.submit(tasks[job], now)
        pump()
        if job in cancelled and kind != "final":
            scheduler.cancel(job, now)
            pump()
        optional = [t for j, t in tasks.items() if j not in ended and t.kind != "final"]
        assert len(optional) <= 8 + workers
    for _ in range(200):
        run_until(now + 0.25)
        pump()
    assert sorted(ended) == sorted(tasks)
    assert len(scheduler) == 0
