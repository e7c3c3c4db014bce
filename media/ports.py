"""Which UDP ports are free for RTP, and which must rest before another call gets them."""

from collections import deque

import msgspec

COOL_DOWN_S = 30.0
"""Late packets of a port's last call must not reach the next one."""


class PortRange(msgspec.Struct, frozen=True):
    """RTP ports are even, the odd one after each is its RTCP's (RFC 3550 §11)."""

    first: int
    last: int
    """Inclusive."""


class PortPool:
    """Pure; the oldest free port comes first, so that each rests as long as it can."""

    def __init__(self, ports: PortRange, cool_down_s: float = COOL_DOWN_S, start: float = 0.0) -> None:
        """`start`, from 0 up to 1, is where in the range the first port is."""
        even = range(ports.first + ports.first % 2, ports.last, 2)
        if not even or not 0 < ports.first <= ports.last < 65536:
            raise ValueError(f"no even port with its odd neighbour lies in {ports.first}–{ports.last}")
        self._free = deque((port, float("-inf")) for port in even)
        self._free.rotate(-int(start * len(even)))
        self._cool_down_s = cool_down_s

    def __len__(self) -> int:
        return len(self._free)

    def take(self, now_s: float, port: int = 0) -> int | None:
        """This port, or with 0 any; None when it is taken, or all are taken or cooling."""
        if port:
            found = next((one for one in self._free if one[0] == port), None)
            if found is not None:
                self._free.remove(found)
            return None if found is None else port
        if not self._free or now_s < self._free[0][1]:
            return None
        return self._free.popleft()[0]

    def give_back(self, port: int, now_s: float, *, unused: bool = False) -> None:
        """`unused`: no call had it (it was busy); it goes to the back of the queue and need not cool."""
        self._free.append((port, now_s + (0 if unused else self._cool_down_s)))
