"""`welcomedly bridge`: the calls that go through us, until it is told to stop.

`python -m pipelines.commands.bridge` is the same without the way there: its process has never seen a model.
"""

import argparse
import contextlib
import os
import sys

import structlog
import uvloop

from engine.errors import WelcomedlyError
from engine.setting_names import misspelt
from engine.settings import load_settings
from engine.telemetry import set_up_logs
from media.bridge.bridge import Bridge
from pipelines.commands.stopping import signals
from pipelines.commands.systemd import Systemd

log = structlog.get_logger(__name__)

_BEFORE_OTHERS = -5
"""Niceness, where we may have it: a packet must not wait for who computes."""


def run(arguments: argparse.Namespace) -> int:
    """Gives its place to a process that has loaded nothing but the bridge; does not return."""
    os.execv(sys.executable, [sys.executable, "-m", __name__])


def main() -> int:
    try:
        settings = load_settings()
        set_up_logs(settings)
        for hint in misspelt(os.environ):
            log.warning("setting.unknown", hint=hint)
        with contextlib.suppress(OSError):
            os.nice(_BEFORE_OTHERS)
        uvloop.run(serve(Bridge(settings)))
    except (WelcomedlyError, OSError) as error:
        print(f"welcomedly: {error}", file=sys.stderr)
        return 1
    return 0


async def serve(bridge: Bridge) -> None:
    """Until it is told to stop: see `signals`."""
    systemd = Systemd(os.environ)
    with signals() as told:
        await bridge.start()
        try:
            systemd.ready()
            print(welcome(bridge), flush=True)
            await told.wait(bridge)
        finally:
            await bridge.close()


def welcome(bridge: Bridge) -> str:
    settings = bridge.settings
    sip = f"{settings.bridge_host}:{bridge.exchange.port} (UDP and TCP)"
    return f"\n  Bridge       {bridge.web.url}\n  SIP          {sip}   data in {settings.data_dir}\n"


if __name__ == "__main__":
    sys.exit(main())
