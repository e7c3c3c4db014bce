import re
import socket
from pathlib import Path

import pytest

from media.ports import PortPool, PortRange
from media.udp_pair import bind_udp

TESTS = Path(__file__).parents[1]


def test_ports_are_even_and_rest_before_they_are_used_again() -> None:
    pool = PortPool(PortRange(20_001, 20_006), cool_down_s=30)
    assert [pool.take(0), pool.take(0), pool.take(0)] == [20_002, 20_004, None]
    pool.give_back(20_002, 100)
    assert pool.take(129) is None
    assert pool.take(130) == 20_002


@pytest.mark.parametrize(("start", "first"), [(0.0, 20_000), (0.5, 20_004), (0.999, 20_006)])
def test_all_ports_are_used_wherever_the_first_is(start: float, first: int) -> None:
    pool = PortPool(PortRange(20_000, 20_007), start=start)
    taken = [pool.take(0) for _ in range(4)]
    assert taken[0] == first
    assert sorted(number for number in taken if number) == [20_000, 20_002, 20_004, 20_006]


def test_a_busy_port_goes_to_the_back() -> None:
    pool = PortPool(PortRange(20_000, 20_003))
    pool.give_back(pool.take(0) or 0, 0, unused=True)
    assert [pool.take(0), pool.take(0)] == [20_002, 20_000]


def test_ports_of_ipv6_take_none_of_ipv4() -> None:
    for host in ("::", "::1"):
        with bind_udp(host, 0) as sock:
            assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@pytest.mark.parametrize(("first", "last"), [(20_001, 20_001), (20_002, 20_002), (30_000, 20_000), (0, 70_000)])
def test_a_range_without_a_pair_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no even port"):
        PortPool(PortRange(first, last))


def test_ports_of_tests_are_none_that_the_system_gives_to_who_asks_for_any() -> None:
    """Linux has 32768 to 60999 for that: there a socket of anybody on a busy machine may have taken them."""
    for path in TESTS.rglob("*.py"):
        for last in re.findall(r"PortRange\([\d_]+, ([\d_]+)\)", path.read_text("utf-8")):
            assert int(last) < 32_768, path
