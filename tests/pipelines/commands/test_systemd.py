"""systemd hears what it needs of a unit of `Type=notify`, and nothing is said where there is none."""

import asyncio
import socket
from pathlib import Path

import pytest

from pipelines.commands.systemd import Systemd


async def heard_of(environment: dict[str, str], listening: socket.socket, messages: int) -> list[str]:
    Systemd(environment).ready()
    async with asyncio.timeout(10):
        loop = asyncio.get_running_loop()
        return [(await loop.sock_recv(listening, 100)).decode() for _ in range(messages)]


@pytest.mark.parametrize("name", ["{}/notify", "@welcomedly-test{}"])
def test_it_is_told_when_we_are_ready_and_again_and_again(name: str, tmp_path: Path) -> None:
    address = name.format(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.setblocking(False)
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000", "WATCHDOG_PID": "1", "PATH": "/bin"}
        said = asyncio.run(heard_of(environment, listening, 4))  # a loop of its own, which ends what is told again
    assert said == ["READY=1", *3 * ["WATCHDOG=1"]]
    assert environment == {"PATH": "/bin"}, "processes that we start do not speak for us"


async def test_nobody_is_told_anything_where_no_unit_started_us() -> None:
    Systemd({}).ready()
    Systemd({"NOTIFY_SOCKET": "/nowhere/at/all"}).ready()
