"""What systemd hears of a command that runs for ever (sd_notify(3)): that it is ready, and that its loop turns."""

import asyncio
import contextlib
import socket
from collections.abc import MutableMapping


class Systemd:
    """Where no unit of `Type=notify` started us, nothing is said to anybody."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Takes what is for us out of it: processes that we start are not to speak in our name."""
        address = environment.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._beat_s = float(environment.pop("WATCHDOG_USEC", "0")) / 2e6
        environment.pop("WATCHDOG_PID", "")

    def ready(self) -> None:
        """From now on, and as long as the loop turns, its watchdog is told so twice in its time."""
        self._say("READY=1")
        if self._address and self._beat_s:
            self._beat()

    def _beat(self) -> None:
        self._say("WATCHDOG=1")
        asyncio.get_running_loop().call_later(self._beat_s, self._beat)

    def _say(self, state: str) -> None:
        if self._address:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
                to.setblocking(False)
                to.sendto(state.encode(), self._address)
