"""Five hundred calls over a network that loses a twentieth of the datagrams and delays another tenth past their
followers."""

import asyncio
import random
import resource

import pytest

from media.sip.caller import Caller, CallPlan, place_call
from media.sip.server import SipServer
from tests.media.sip.loss_proxy import LossProxy
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia

pytestmark = pytest.mark.real
CALLS = 500
AT_ONCE = 60


async def test_no_call_is_stuck_and_none_is_doubled() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096), hard))
    intake, media = FakeIntake(), FakeMedia()
    server = SipServer("127.0.0.1", 0, intake, media, rate=0)
    await server.open()
    dice, room = random.Random(5), asyncio.Semaphore(AT_ONCE)
    try:
        proxy = LossProxy(server.port, loss=0.05, reordered=0.1, seed=1)
        async with asyncio.timeout(150), proxy, Caller() as caller:

            async def one(number: int) -> str:
                async with room:
                    plan = CallPlan(f"sip:{number}@127.0.0.1:{proxy.port}", "127.0.0.1", [40_000])
                    call = await place_call(caller, plan)
                    await asyncio.sleep(dice.uniform(0.1, 0.6))
                    call.bye()
                    return await call.ended

            assert set(await asyncio.gather(*(one(number) for number in range(CALLS)))) == {"bye"}
            await asyncio.gather(*(session.ended.wait() for session in media.sessions))
        assert proxy.lost > 0.03 * proxy.carried
        assert len(media.sessions) == len(intake.offers) == CALLS  # none doubled
        assert len({session.offer.call_id for session in intake.sessions}) == len(intake.sessions) == CALLS
        assert sorted(int(offer.to_aor.partition("@")[0]) for offer in intake.offers) == list(range(CALLS))
        assert {session.reason for session in media.sessions} <= {"bye", "no_ack"}
        assert server.calls == 0
    finally:
        await server.close(0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
