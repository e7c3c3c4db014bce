"""The bridge beside the engine: started, started again when it dies, kept when the engine died."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.settings import Settings, load_settings
from media.bridge.child import BridgeChild
from tests.media.sip.test_sipp import free_port
from tests.real.test_kills import alive, until

pytestmark = pytest.mark.real


def settings_in(where: Path) -> Settings:
    return load_settings(
        data_dir=where,
        bridge_sip_port=0,
        bridge_http_port=free_port(),
        bridge_rtp_ports="27400-27419",
        bridge_engine="off",
    )


async def test_a_bridge_that_dies_is_started_again_and_stops_with_the_engine(tmp_path: Path) -> None:
    async with BridgeChild(settings_in(tmp_path)) as child:
        await until(lambda: child.pid != 0)
        first = child.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.pid not in (0, first))
        second = child.pid
    await until(lambda: not alive(second))


async def test_a_bridge_of_an_engine_that_was_killed_is_kept(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    before = BridgeChild(settings)
    await before.__aenter__()
    await until(lambda: before.pid != 0)
    assert before._watch is not None
    before._watch.cancel()  # as if its engine had been killed
    await asyncio.wait([before._watch])
    async with BridgeChild(settings) as child:
        await until(lambda: child.pid == before.pid)
    assert before._process is not None
    await asyncio.wait_for(before._process.wait(), 10.0)


async def test_a_bridge_without_a_call_ends_as_it_drains_and_is_told_of_certificates_before(tmp_path: Path) -> None:
    async with BridgeChild(settings_in(tmp_path)) as child:
        await until(lambda: child.pid != 0)
        only = child.pid
        child.renew_certificate()
        child.drain()
        assert child.draining
        await until(lambda: not child.draining)
        assert not alive(only)
        assert child._process is not None
        assert child._process.returncode == 0
