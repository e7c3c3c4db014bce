"""What the media plane costs: packets in, speech segments out, in one process on one core.

    python -m benchmarks media_plane media_loopback

`media_plane` runs the plane in virtual time on packets made beforehand and counts CPU time, so that it tells what a
stream costs whatever else the machine does; sockets are left out. `media_loopback` receives real packets on loopback
from another process, in real time, and tells what was lost, how much of a core it took and how late the 20 ms ticks
were: with jitter buffer, RTCP and the ring that the recorder reads.

Beside ours, in the same run and on the same packets, go the roads of `benchmarks.media_peers`. Rounds are interleaved,
figures are medians of rounds or windows, and a ratio is the median of the rounds' ratios.
"""

import asyncio
import gc
import resource
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import msgspec
import numpy as np
import uvloop

from benchmarks.media_load import Load, packets_of, voices
from benchmarks.media_peers import Peer, Receiver, peers
from engine.ports.intake import CallOffer
from media.codecs import PCMU
from media.ports import PortRange
from media.recorder import RecordedSpan
from media.recording import OggOpusFile
from media.rtp import parse_packet
from media.rtp_plane import RtpPlane
from media.rtp_session import RtpSession
from media.segmenter import Segmenter
from media.session import StreamOffer
from media.vad import VadBank
from media.vad_network import FRAME

FRAMES_PER_S = 31.25
USABLE = 0.7
"""Share of a core that may be planned for; the rest is for the moments when everybody speaks."""
LEGS = 2
"""Streams of a call."""
ROUNDS = 5


def legs() -> tuple[StreamOffer, ...]:
    return tuple(StreamOffer(str(at), at, "PCMU", 0) for at in range(LEGS))


def call() -> CallOffer:
    return CallOffer("benchmark", "siprec", "", "", "", ())


async def calls(plane: RtpPlane, streams: int) -> list[RtpSession]:
    return [await plane.allocate(call(), legs()) for _ in range(streams // LEGS)]


# ─── CPU time by stage ───────────────────────────────────────────────────────────────────────────────────────────────


class VirtualClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def plane_cost(streams: int, seconds: int = 6, *, gated: bool = False) -> float:
    """ms of CPU a stream and second: whole ticks in virtual time with jitter buffer, RTCP, VAD and segments; sockets
    left out."""
    packets = [packets_of(sound, at + 1) for at, sound in enumerate(voices(streams, seconds))]
    clock = VirtualClock()
    plane = RtpPlane(ports=PortRange(43_000, 44_999), clock=clock, gated=gated)
    sessions = await calls(plane, streams)
    lines = [stream for session in sessions for stream in session.streams.values()]
    gc.collect()
    started = time.process_time()
    for at in range(len(packets[0])):
        clock.now_s += 0.020
        for line, sent in zip(lines, packets, strict=True):
            line.receive(sent[at], ("127.0.0.1", 4000), clock.now_s * 1000)
        plane.tick()
    used = time.process_time() - started
    for session in sessions:
        session.close("bye")
    await plane.aclose()
    return used * 1000 / (streams * seconds)


def ours(streams: int, gated: bool) -> float:
    return asyncio.run(plane_cost(streams, gated=gated))


def theirs(make: Callable[[], Peer], seconds: int = 6) -> float:
    """ms of CPU a stream and second, sockets left out."""
    peer, packets = make(), packets_of(voices(1, seconds)[0], 1)
    started = time.process_time()
    for data in packets:
        peer.hear(data)
    return (time.process_time() - started) * 1000 / seconds


def microseconds(work: Callable[[], object], items: int, repeats: int = 30) -> float:
    """Median CPU time per item."""
    times = []
    for _ in range(repeats):
        started = time.process_time_ns()
        work()
        times.append((time.process_time_ns() - started) / 1000 / items)
    return float(np.median(times))


class Nowhere:
    """`engine.ports.storage.ByteSink`."""

    def write(self, chunk: bytes) -> None: ...

    def close(self) -> None: ...

    def abandon(self) -> None: ...


def recording_cost() -> float:
    """ms of CPU a stream and second: Opus in Ogg of a call of two legs. It runs in worker threads, beside the plane,
    and only for campaigns that record."""
    wide = [np.repeat(sound, 2)[:16_000] for sound in voices(LEGS, 1)]
    file, at_ms = OggOpusFile(Nowhere(), LEGS), 0

    def second() -> None:
        nonlocal at_ms
        file.write(RecordedSpan(at_ms, at_ms + 1000, "sound"), wide)
        at_ms += 1000

    return microseconds(second, LEGS, 10) / 1000


def stage_costs(streams: int = 64) -> dict[str, float]:
    """µs per packet, or per VAD frame of 32 ms, with `streams` of them in a batch."""
    sounds = voices(streams, 2)
    packets = [packets_of(sound, 1)[0] for sound in sounds]
    payloads = [parse_packet(packet).payload for packet in packets]
    bank = VadBank()
    slots = [bank.open() for _ in range(streams)]
    frames = np.stack([sound[:FRAME] for sound in sounds]).astype(np.float32) / np.float32(32768)
    segmenter = Segmenter("0")
    return {
        "parse": microseconds(lambda: [parse_packet(packet) for packet in packets], streams),
        "decode": microseconds(lambda: PCMU.decode(payloads), streams),
        "vad": microseconds(lambda: bank.score(slots, frames), streams),
        "vad_alone": microseconds(lambda: bank.score(slots[:1], frames[:1]), 1),
        "segment": microseconds(lambda: [segmenter.push(0.9, at * 32, 32) for at in range(200)], 200),
    }


def media_plane() -> dict[str, Any]:
    stages = {name: round(cost, 2) for name, cost in stage_costs().items()}
    print("  stage       µs")
    for name, cost in stages.items():
        print(f"  {name:<10} {cost:>6}")
    runs: dict[str, Callable[[], float]] = {
        f"{streams} streams" + (", gated" if gated else ""): partial(ours, streams, gated)
        for streams in (2, 8, 64, 256)
        for gated in (False, True)
    }
    runs |= {name: partial(theirs, make) for name, make in peers().items()}
    rounds = [{name: run() for name, run in runs.items()} for _ in range(ROUNDS)]
    record = round(recording_cost(), 3)
    print(f"  {'road':<20} ms per stream and second  streams per core at {USABLE:.0%}  naive / this")
    rows: dict[str, dict[str, float]] = {}
    for name in runs:
        ms = float(np.median([one[name] for one in rounds]))
        ratio = float(np.median([one["naive"] / one[name] for one in rounds]))
        rows[name] = {
            "ms_per_stream_second": round(ms, 3),
            "streams_per_core": round(1000 * USABLE / ms),
            "naive_ratio": round(ratio, 2),
        }
        print(f"  {name:<20} {ms:>24.3f}  {1000 * USABLE / ms:>24.0f}  {ratio:>11.2f}x")
    print(f"  a recording, beside the plane: {record} ms per stream and second")
    return {"stages_us": stages, "roads": rows, "recording_ms": record, "rounds": ROUNDS}


# ─── real packets ────────────────────────────────────────────────────────────────────────────────────────────────────

SETTLE_S = 2.0
WINDOWS, WINDOW_S = 3, 3.0
SECONDS = 12
"""Of sending: longer than it takes to settle and to measure."""


class TimedPlane(RtpPlane):
    """Notes when ticks happen."""

    def __init__(self, *, gated: bool) -> None:
        super().__init__(ports=PortRange(44_000, 47_999), gated=gated)
        self.ticked_at: list[float] = []

    def tick(self) -> None:
        self.ticked_at.append(time.monotonic())
        super().tick()


async def our_road(streams: int, gated: bool) -> dict[str, Any]:
    async with TimedPlane(gated=gated) as plane:
        sessions = await calls(plane, streams)
        ports = [port for session in sessions for port in session.local_ports().values()]
        row = await watched(ports)
        intervals = np.diff(plane.ticked_at[-round((SECONDS - SETTLE_S) / 0.02) :]) * 1000
        for session in sessions:
            session.close("bye")
        heard = plane.fates()["played"]
    late = round(float(np.percentile(intervals, 99)) - 20, 1)
    return row | {"missing": row["sent"] - heard, "tick_late_p99_ms": late}


async def their_road(make: Callable[[], Peer], streams: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        ports, receivers = [], []
        for _ in range(streams):
            transport, receiver = await loop.create_datagram_endpoint(
                partial(Receiver, make()), local_addr=("127.0.0.1", 0)
            )
            stack.callback(transport.close)
            receivers.append(receiver)
            ports.append(transport.get_extra_info("sockname")[1])
        row = await watched(ports)
        await asyncio.sleep(0.5)
        heard = sum(receiver.heard for receiver in receivers)
    return row | {"missing": row["sent"] - heard}


async def watched(ports: list[int]) -> dict[str, Any]:
    """Has packets sent to the ports, and says what this process used meanwhile."""
    load = await asyncio.to_thread(Load, ports, SECONDS)
    gc.collect()
    gc.freeze()  # as the engine does once it is up
    load.go()
    await asyncio.sleep(SETTLE_S)
    shares = []
    for _ in range(WINDOWS):
        cpu, wall = time.process_time(), time.monotonic()
        await asyncio.sleep(WINDOW_S)
        shares.append((time.process_time() - cpu) / (time.monotonic() - wall))
    sent = await asyncio.to_thread(load.result)
    share = float(np.median(shares))
    return {
        "streams": len(ports),
        "sent": sent.packets,
        "core_share": round(share, 3),
        "ms_per_stream_second": round(share * 1000 / len(ports), 3),
        "sender": msgspec.to_builtins(sent),
    }


def media_loopback() -> dict[str, Any]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    runs: list[tuple[str, Callable[[], Coroutine[Any, Any, dict[str, Any]]], bool]] = []
    for gated, sizes in ((False, (100, 300, 500)), (True, (100, 500, 800))):
        runs += [("ours, gated" if gated else "ours", partial(our_road, size, gated), True) for size in sizes]
    for name, make in peers().items():
        # the naive road's loop is asyncio's own; aiortc gets the faster one
        runs += [(name, partial(their_road, make, size), name != "naive") for size in (20, 60, 120)]
    rows = []
    print("  road           streams     sent  missing  share of a core  tick late p99 ms  sender's share, late p99 ms")
    for name, run, fast in runs:
        gc.unfreeze()
        gc.collect()
        row = {"road": name} | (uvloop.run(run()) if fast else asyncio.run(run()))
        rows.append(row)
        print(
            f"  {name:<13} {row['streams']:>8} {row['sent']:>8} {row['missing']:>8} {row['core_share']:>16}"
            f"  {row.get('tick_late_p99_ms', '–'):>16}  {row['sender']['core_share']:>14}"
            f" {row['sender']['late_p99_ms']:>12}",
            flush=True,
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return {"loopback": rows, "best": best(rows)}


def best(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By road: the most streams that lost nothing at `USABLE` of a core or less, what a stream costs there, and so how
    many such a share would carry; and how many times less that is than the naive road's."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if not row["missing"] and row["core_share"] <= USABLE:
            ms = row["ms_per_stream_second"]
            found[row["road"]] = {"lossless": row["streams"], "ms": ms, "would_carry": round(1000 * USABLE / ms)}
    for road in found.values():
        if "naive" in found:
            road["naive_ratio"] = round(found["naive"]["ms"] / road["ms"], 2)
    for name, road in found.items():
        print(f"  {name}: {road}")
    return found


CELLS: dict[str, Callable[[], dict[str, Any]]] = {"media_plane": media_plane, "media_loopback": media_loopback}
