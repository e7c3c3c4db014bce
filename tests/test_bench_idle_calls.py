"""Whether the calls that memory is divided by are there."""

import pytest

from benchmarks.idle_calls import all_up, started


def test_calls_that_have_ended_are_not_divided_by() -> None:
    all_up(61, 61)
    with pytest.raises(RuntimeError, match="61 calls were placed, and the engine has 60"):
        all_up(61, 60)


def test_a_caller_that_dies_is_not_waited_for() -> None:
    process, orders = started(9, "+1")
    orders.send(None)
    assert orders.poll(60)
    assert orders.recv() is None
    assert orders.poll(60)
    with pytest.raises(EOFError):
        orders.recv()
    process.join(60)
