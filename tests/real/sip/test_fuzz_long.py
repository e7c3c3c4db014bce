"""Tens of thousands of mutated datagrams and streams at a server with a call: nothing raised, memory flat."""

import asyncio
import gc
import random
import tracemalloc

import pytest

from media.sip.layer import MAX_TRANSACTIONS
from media.sip.server import MAX_HALF_OPEN
from media.sip.wire import StreamFramer
from tests.media.sip.test_fuzz import REQUESTS, SAMPLES, SDP, Target, mutated

pytestmark = pytest.mark.real
ROUNDS = 4
DATAGRAMS = 5_000
STREAMS = 4_000


async def test_datagrams() -> None:
    target = Target()
    await target.call()
    sizes = []
    tracemalloc.start()
    try:
        for seed in range(ROUNDS):
            await target.bombard(DATAGRAMS, seed)
            for _ in range(20):  # lets every timer of what came run out
                target.now += 20
                target.endpoint._tick()
                await asyncio.sleep(0)
            target.intake.offers.clear()
            del target.media.sessions[1:]
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert target.counts.seen["sip_dropped_total fault"] == 0
    assert target.media.sessions[0].reason == ""
    assert sizes[-1] - sizes[0] < 300_000, sizes
    await target.close()


def test_streams() -> None:
    dice = random.Random(9)
    samples = (*SAMPLES, *REQUESTS)
    for _ in range(STREAMS):
        framer = StreamFramer()
        stream = b"".join(mutated(dice.choice(samples), dice) for _ in range(dice.randint(1, 4)))
        for at in range(0, len(stream), 997):
            if framer.broken is None:
                framer.feed(stream[at : at + 997])


async def test_ten_thousand_half_open_invites() -> None:
    """From as many callers: few become calls, none stays, and a call that stands goes on."""
    target = Target()
    await target.call()
    target.media.room = 100_000
    invite = target.request("INVITE", 1, body=SDP)
    for number in range(10_000):
        another = invite.replace(b"good", b"bad%d" % number).replace(b"INVITE1", b"I%d" % number)
        target.endpoint.received(another, target.flow)
        if number % 50 == 0:
            await asyncio.sleep(0)
    assert target.server.calls <= MAX_HALF_OPEN + 1
    assert len(target.endpoint._layer) <= MAX_TRANSACTIONS
    for _ in range(40):  # the 2xx are repeated in vain, and then our BYEs
        target.now += 20
        target.endpoint._tick()
        await asyncio.sleep(0)
    assert (len(target.endpoint._layer), target.server.calls) == (0, 1)
    assert target.media.sessions[0].reason == ""
    assert {session.reason for session in target.media.sessions[1:]} == {"no_ack"}
    await target.close()
