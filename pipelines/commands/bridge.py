"""`welcomedly bridge`: the calls that go through us, until it is told to stop."""

import argparse
import contextlib
import os

import uvloop

from engine.settings import load_settings
from engine.telemetry import set_up_logs
from media.bridge.bridge import Bridge
from pipelines.commands.serve import told_to_stop

_BEFORE_OTHERS = -5
"""Niceness, where we may have it: a packet must not wait for who computes."""


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    with contextlib.suppress(OSError):
        os.nice(_BEFORE_OTHERS)
    uvloop.run(serve(Bridge(settings)))
    return 0


async def serve(bridge: Bridge) -> None:
    """Until SIGINT or SIGTERM."""
    with told_to_stop() as stop:
        await bridge.start()
        try:
            settings = bridge.settings
            print(
                f"\n  Bridge       {bridge.web.url}\n  SIP          {settings.bridge_host}:{bridge.exchange.port}\n",
                flush=True,
            )
            await stop.wait()
        finally:
            await bridge.close()
