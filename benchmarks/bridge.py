"""What a call loses by going through the bridge: added delay and packet spacing, SIP to SIP, while others compute.

    python -m benchmarks.bridge

The bridge runs as its own process, as in production. Each packet is sent twice at once: through the bridge, and
straight to a socket beside; both arrivals are stamped by the kernel, so neither a late sender nor a late reader is
counted. Three loads: a quiet machine, one busy loop a core as nice as `ears`, and one a core that is not nice at all.
"""

import asyncio
import multiprocessing
import os
import re
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from numpy.typing import NDArray

from media.rtp import RtpPacket, build_packet, parse_packet
from media.rtp_sender import Address
from media.sip import effects, usage
from media.sip.caller import Caller, CallPlan, PlacedCall, place_call
from media.sip.endpoint import Endpoint, new_tag
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Request
from media.sip.negotiation import audio_offer
from media.udp_pair import ANCILLARY, bind_udp, stamp_of

CALLS = 20
SECONDS = 20
FRAME_S = 0.02
EARS_NICENESS = 10
_SDP = ("Content-Type", "application/sdp")
FloatArray = NDArray[np.float64]


class Callee(Caller):
    """Answers every INVITE at once; its sockets are in order of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[socket.socket] = []

    def offered(self, request: Request, flow: Flow) -> None:
        sock = bind_udp("127.0.0.1", 0)
        self.sockets.append(sock)
        contact = f"<{self.endpoint.contact('callee', flow)}>"
        machine = usage.InviteUsage(request, contact, new_tag(), ours=False, dice=secrets.SystemRandom().random)
        leg = Leg(self.endpoint, machine, flow, lambda effect: _carry_on(leg, self.endpoint, effect))
        answer = audio_offer("127.0.0.1", [sock.getsockname()[1]], direction="sendrecv").to_bytes()
        leg.run(machine.accept(request, self.endpoint.clock(), _SDP, body=answer))


def _carry_on(leg: Leg, endpoint: Endpoint, effect: effects.Effect) -> None:
    if isinstance(effect, effects.Asked):
        leg.run(leg.usage.refuse(effect.request, 488))


class Road:
    """One call: packets through the bridge, and the same ones past it."""

    def __init__(self, near: socket.socket, far: socket.socket, bridge: Address) -> None:
        self._near, self._far, self._bridge = near, far, bridge
        self._beside = bind_udp("127.0.0.1", 0)
        self._address = self._beside.getsockname()
        self._ssrc = secrets.randbits(32)
        self.straight: dict[bytes, float] = {}
        self.bridged: dict[bytes, float] = {}
        """When each payload arrived, seconds by the kernel."""
        self.sent = 0

    def send(self) -> None:
        payload = self.sent.to_bytes(4) + bytes(156)
        packet = build_packet(RtpPacket(0, self.sent & 0xFFFF, self.sent * 160, self._ssrc, payload))
        self._near.sendto(packet, self._address)
        self._near.sendto(packet, self._bridge)
        self.sent += 1

    def drain(self) -> None:
        for sock, arrivals in ((self._far, self.bridged), (self._beside, self.straight)):
            for data, stamp in _waiting(sock):
                arrivals[parse_packet(data).payload] = stamp

    def close(self) -> None:
        for sock in (self._near, self._far, self._beside):
            sock.close()


def _waiting(sock: socket.socket) -> Iterator[tuple[bytes, float]]:
    while True:
        try:
            data, ancillary, _, _ = sock.recvmsg(2048, ANCILLARY)
        except BlockingIOError:
            return
        if len(data) == 172:  # no RTCP
            yield data, stamp_of(ancillary)


@asynccontextmanager
async def bridge(callee_port: int) -> AsyncIterator[tuple[int, int]]:
    """The process's id, and its SIP port; every number rings the callee."""
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        plan = Path(folder) / "routes.toml"
        plan.write_text(f'[[route]]\nnumber = "*"\nuri = "sip:callee@127.0.0.1:{callee_port}"\n')
        async with bridge_process(Path(folder), BRIDGE_ROUTES=str(plan)) as (process, _, port):
            yield process, port


@asynccontextmanager
async def bridge_process(folder: Path, **more: str) -> AsyncIterator[tuple[int, str, int]]:
    """Its id, the address of its HTTP port, and its SIP port; its data lie in `folder`."""
    settings = {"BRIDGE_SIP_PORT": "0", "BRIDGE_HTTP_PORT": "0", "BRIDGE_RTP_PORTS": "44000-45999"}
    settings |= {"BRIDGE_ENGINE": "off", "DATA_DIR": str(folder), "LOG_LEVEL": "error"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pipelines.commands.bridge"),
        env=os.environ | settings | more,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = ""
    while not (found := re.search(r"Bridge\s+(http\S+).*?SIP\s+\S+?:(\d+)", said, re.DOTALL)):
        said += (await process.stdout.readline()).decode()
    try:
        yield process.pid, found[1], int(found[2])
    finally:
        process.terminate()
        await process.wait()


def burn(niceness: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, niceness)
    values = np.random.default_rng(1).random((256, 256))
    while True:
        values = values @ values
        values /= values.max()


@contextmanager
def busy(niceness: int | None) -> Iterator[None]:
    """A busy loop a core; None: none."""
    loops = (
        []
        if niceness is None
        else [
            multiprocessing.get_context("spawn").Process(target=burn, args=(niceness,), daemon=True)
            for _ in range(os.cpu_count() or 1)
        ]
    )
    for loop in loops:
        loop.start()
    time.sleep(2.0 if loops else 0.0)
    try:
        yield
    finally:
        for loop in loops:
            loop.terminate()
            loop.join()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def on_time() -> Iterator[None]:
    """This process before all others, where we may: the sender stands for a line that is never late, and one that is
    stopped between a packet and its copy would count as delay."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


async def talk(roads: list[Road], seconds: float) -> None:
    start = time.monotonic()
    for number in range(int(seconds / FRAME_S)):
        await asyncio.sleep(max(0.0, start + number * FRAME_S - time.monotonic()))
        for road in roads:
            road.send()
            road.drain()
    await asyncio.sleep(0.5)
    for road in roads:
        road.drain()


async def measure(niceness: int | None, calls: int = CALLS, seconds: float = SECONDS) -> dict[str, Any]:
    async with Callee() as callee, Caller() as caller, bridge(callee.endpoint.transports.port) as (pid, port):
        placed: list[PlacedCall] = []
        roads: list[Road] = []
        for _ in range(calls):
            near = bind_udp("127.0.0.1", 0)
            plan = CallPlan(f"sip:100@127.0.0.1:{port}", "127.0.0.1", [near.getsockname()[1]])
            placed.append(await place_call(caller, plan))
            roads.append(Road(near, callee.sockets[-1], placed[-1].remote_ports()[0]))
        with busy(niceness), on_time():
            used, started = cpu_s(pid), time.monotonic()
            await talk(roads, seconds)
            share = (cpu_s(pid) - used) / (time.monotonic() - started)
        for call in placed:
            call.bye()
        result = judged(roads) | {"calls": calls, "bridge_core_share": round(share, 3)}
        for road in roads:
            road.close()
        return result


def judged(roads: list[Road]) -> dict[str, Any]:
    added = [delays(road) for road in roads]
    everything = np.concatenate(added)
    sent = sum(road.sent for road in roads)
    return {
        "added_ms": {name: round(float(np.percentile(everything, at)), 2) for name, at in _POINTS},
        "spacing_p99_ms": round(float(np.percentile(np.concatenate([np.diff(one) for one in added]), 99)) + 20, 2),
        "spacing_p99_ms_with_the_senders_own": round(float(np.percentile(spacing(roads), 99)), 2),
        "lost": round(1 - sum(len(road.bridged) for road in roads) / sent, 5),
        "packets": sent,
    }


_POINTS = (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))


def delays(road: Road) -> FloatArray:
    """ms that each packet took longer than the same one past the bridge, in order. What they differ from one to the
    next is how the bridge spaces the packets of a sender that is on time."""
    there = sorted(road.straight.keys() & road.bridged.keys())
    return np.array([road.bridged[payload] - road.straight[payload] for payload in there]) * 1000


def spacing(roads: list[Road]) -> FloatArray:
    """ms between packets as they come out of the bridge; this machine's sender is late, too."""
    return np.concatenate([np.diff(np.sort(np.array(list(road.bridged.values())))) for road in roads]) * 1000


def delay() -> dict[str, Any]:
    loads = {"quiet": None, "busy_as_ears": EARS_NICENESS, "busy_not_nice": 0}
    return {name: uvloop.run(measure(niceness)) for name, niceness in loads.items()}


CELLS: dict[str, Callable[[], dict[str, Any]]] = {"bridge_delay": delay}

if __name__ == "__main__":
    import json

    print(json.dumps(delay(), indent=2))
