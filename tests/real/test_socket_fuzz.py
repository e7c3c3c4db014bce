"""Byte streams on every socket protocol: mutations of what the platforms send. Memory stays, nothing escapes."""

import gc
import os
import random
import tracemalloc
from collections.abc import Sequence

import pytest

from engine.control.peers import Peer
from media.sockets.adapters import adapter_for
from media.sockets.link import Link
from media.sockets.plane import SocketPlane
from media.sockets.signature import Upgrade
from media.sockets.switchboard import Switchboard
from tests.media.sockets.site import FakeClock, FakeIntake, bank
from tests.media.sockets.test_adapters import STARTS, WIRED

pytestmark = pytest.mark.real
STREAMS = int(os.environ.get("FUZZ_STREAMS", "12000"))
MESSAGES = (
    '{"event":"media","media":{"track":"inbound","chunk":"2","timestamp":"40","payload":"//////8="}}',
    '{"event":"stop","stop":{"callSid":"CA1"}}',
    '{"event":"dtmf","dtmf":{"digit":"1"}}',
    '{"version":"2","id":"s","type":"ping","seq":2,"serverseq":1,"position":"PT1S","parameters":{}}',
    '{"version":"2","id":"s","type":"resumed","seq":3,"serverseq":1,"position":"PT1S","parameters":{"discarded":"PT1S"}}',
    "MEDIA_START format:slin16 channel_id:1",
    b"\x10\x01\x40" + bytes(320),
    b"\x03\x00\x011",
    b"\xff\x00\x01\x02",
    bytes(640),
)


def mutated(message: str | bytes, dice: random.Random) -> str | bytes:
    """A few bytes changed, taken out, doubled or put in."""
    data = bytearray(message.encode() if isinstance(message, str) else message)
    for _ in range(dice.randrange(4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del data[at : at + dice.randrange(1, 9)]
            case 2:
                data[at:at] = data[at : at + dice.randrange(1, 33)]
            case _:
                data[at:at] = dice.choice((b"{", b"[", b'"', b"9999999999999999999", b"\x00", b"null", b"\xff\xff"))
    return data.decode("utf-8", "replace") if isinstance(message, str) else bytes(data)


def play(board: Switchboard, streams: Sequence[int]) -> None:
    for number in streams:
        dice = random.Random(number)
        protocol = WIRED[number % len(WIRED)]
        peer = Peer("p", protocol)
        adapter = adapter_for(peer, None if protocol == "audiosocket" else Upgrade("/p", {}, ""))
        link = Link(board, peer, adapter, "192.0.2.1:1/ws")
        start = STARTS[protocol]
        link.receive(start if dice.random() < 0.8 else mutated(start, dice))
        for _ in range(dice.randrange(1, 9)):
            link.receive(mutated(dice.choice(MESSAGES), dice))
        link.lost(clean=dice.random() < 0.5)
        assert link.over
        assert len(board) == 0


class Forgetful(FakeIntake):
    """Keeps no call."""

    def admit(self, offer: object) -> None:
        return None

    def begin(self, session: object) -> None:
        pass


class Outcomes:
    def __init__(self) -> None:
        self.seen: set[str] = set()

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        self.seen.add(labels["outcome"])

    def set(self, name: str, value: float, /, **labels: str) -> None:
        pass


async def test_streams_by_the_thousand_leave_nothing_behind() -> None:
    outcomes = Outcomes()
    plane = SocketPlane(bank=bank(), clock=FakeClock())
    board = Switchboard(Forgetful(), plane, outcomes)
    play(board, range(2_000))
    gc.collect()
    tracemalloc.start()
    play(board, range(2_000, 4_000))
    gc.collect()
    before = tracemalloc.take_snapshot()
    size = sum(one.size for one in before.statistics("filename"))
    tracemalloc.stop()
    play(board, range(4_000, STREAMS))
    tracemalloc.start()
    play(board, range(2_000))
    gc.collect()
    after = sum(one.size for one in tracemalloc.take_snapshot().statistics("filename"))
    tracemalloc.stop()
    assert after < size + 2_000_000
    assert "fault" not in outcomes.seen
    assert {"accepted", "malformed"} <= outcomes.seen
