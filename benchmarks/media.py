"""What the media plane costs: packets in, speech segments out, in one process on one core.

    python -m benchmarks.media [media_plane] [media_loopback]

`media_plane` runs the plane in virtual time on packets made beforehand and counts CPU time, so that it tells what a
stream costs whatever else the machine does. `media_loopback` receives real packets on loopback from another process, in
real time on uvloop, and tells what was lost, how much of a core it took and how late the 20 ms ticks were.
"""

import asyncio
import gc
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnxruntime
import uvloop

from engine.facts import Pcm16
from engine.ports import CallOffer
from media.codecs import PCMU
from media.ports import PortRange
from media.rtp import RtpPacket, build_packet, parse_packet
from media.rtp_plane import RtpPlane
from media.rtp_sender import RtpLine, RtpSender
from media.segmenter import Segmenter
from media.session import StreamOffer
from media.vad import FRAME, VadBank, model_bytes
from media.wav_file import read_channels

CALL = Path(__file__).parents[1] / "pipelines" / "demo_calls" / "demo_en_sales.flac"
PACKETS_PER_S = 50
FRAMES_PER_S = 31.25
USABLE = 0.7
"""Share of a core that may be planned for; the rest is for the moments when everybody speaks."""


def voices(streams: int, seconds: int) -> list[Pcm16]:
    """Both legs of a call by turns, each stream from another moment on."""
    legs, _ = read_channels(CALL)
    return [np.roll(legs[at % 2], -at * 31_337)[: seconds * 8000] for at in range(streams)]


def offers(streams: int) -> tuple[StreamOffer, ...]:
    return tuple(StreamOffer(str(at), at, "PCMU", 0) for at in range(streams))


def call() -> CallOffer:
    return CallOffer("benchmark", "siprec", "", "", "", ())


# ─── CPU time by stage ───────────────────────────────────────────────────────────────────────────────────────────────


class VirtualClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def packets_of(sound: Pcm16, ssrc: int) -> list[bytes]:
    return [
        build_packet(RtpPacket(0, at & 0xFFFF, at * 160, ssrc, PCMU.encode(sound[at * 160 : (at + 1) * 160])))
        for at in range(len(sound) // 160)
    ]


async def plane_cost(streams: int, seconds: int = 10) -> dict[str, Any]:
    """CPU time of whole ticks in virtual time, sockets left out."""
    packets = [packets_of(sound, at + 1) for at, sound in enumerate(voices(streams, seconds))]
    clock = VirtualClock()
    plane = RtpPlane(ports=PortRange(43_000, 43_999), clock=clock)
    session = await plane.allocate(call(), offers(streams))
    legs = [session.streams[str(at)] for at in range(streams)]
    gc.collect()
    started = time.process_time()
    for at in range(len(packets[0])):
        clock.now_s += 0.020
        for leg, sent in zip(legs, packets, strict=True):
            leg.receive(sent[at], ("127.0.0.1", 4000), clock.now_s * 1000)
        plane.tick()
    used = time.process_time() - started
    session.close("bye")
    await plane.aclose()
    ms = used * 1000 / (streams * seconds)
    return {"streams": streams, "ms_per_stream_second": round(ms, 3), "streams_per_core": round(1000 * USABLE / ms)}


def microseconds(work: Callable[[], object], items: int, repeats: int = 30) -> float:
    """Median CPU time per item."""
    times = []
    for _ in range(repeats):
        started = time.process_time_ns()
        work()
        times.append((time.process_time_ns() - started) / 1000 / items)
    return float(np.median(times))


def stage_costs(legs: int = 64) -> dict[str, float]:
    """µs per packet, or per VAD frame of 32 ms, with `legs` of them in a batch."""
    sounds = voices(legs, 2)
    packets = [packets_of(sound, 1)[0] for sound in sounds]
    payloads = [parse_packet(packet).payload for packet in packets]
    bank = VadBank()
    slots = [bank.open() for _ in range(legs)]
    frames = np.stack([sound[:FRAME] for sound in sounds]).astype(np.float32) / np.float32(32768)
    segmenter = Segmenter("0")
    return {
        "parse": microseconds(lambda: [parse_packet(packet) for packet in packets], legs),
        "decode": microseconds(lambda: PCMU.decode(payloads), legs),
        "vad": microseconds(lambda: bank.score(slots, frames), legs),
        "vad_alone": microseconds(lambda: bank.score(slots[:1], frames[:1]), 1),
        "segment": microseconds(lambda: [segmenter.push(0.9, at * 32, 32) for at in range(200)], 200),
    }


def naive_cost(seconds: int = 4) -> float:
    """ms per stream and second of the road that is built first: PyAV decodes and resamples each packet, and a VAD at
    16 kHz judges each leg alone."""
    decoder = av.CodecContext.create("pcm_mulaw", "r")
    decoder.sample_rate, decoder.layout, decoder.format = 8000, "mono", "s16"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    network = onnxruntime.InferenceSession(model_bytes(), options, providers=["CPUExecutionProvider"])
    state, waiting = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32)
    packets = packets_of(voices(1, seconds)[0], 1)
    started = time.process_time()
    for packet in packets:
        for frame in decoder.decode(av.Packet(parse_packet(packet).payload)):
            for wide in resampler.resample(frame):
                sound = wide.to_ndarray().reshape(-1).astype(np.float32) / np.float32(32768)
                waiting = np.concatenate([waiting, sound])
        while len(waiting) >= 64 + 512:
            inputs = {"input": waiting[None, : 64 + 512], "state": state, "sr": np.array(16_000, np.int64)}
            _, state = network.run(None, inputs)
            waiting = waiting[512:]
    return (time.process_time() - started) * 1000 / seconds


def media_plane() -> dict[str, Any]:
    stages = {name: round(cost, 2) for name, cost in stage_costs().items()}
    print("  stage       µs")
    for name, cost in stages.items():
        print(f"  {name:<10} {cost:>6}")
    planes = [asyncio.run(plane_cost(streams)) for streams in (2, 8, 64, 256)]
    print("  streams  ms per stream and second  streams per core at 70 %")
    for row in planes:
        print(f"  {row['streams']:>7}  {row['ms_per_stream_second']:>24}  {row['streams_per_core']:>24}")
    naive = round(naive_cost(), 3)
    ratio = round(naive / min(row["ms_per_stream_second"] for row in planes), 2)
    print(f"  packet by packet and leg by leg, without sockets: {naive} ms; ours at its best is {ratio} times as fast")
    return {"stages_us": stages, "planes": planes, "naive_ms_per_stream_second": naive, "ratio": ratio}


# ─── real packets ────────────────────────────────────────────────────────────────────────────────────────────────────


def send_all(ports: Sequence[int], seconds: int) -> None:
    """The sending process."""
    sender = RtpSender([RtpLine(sound) for sound in voices(len(ports), seconds)])
    uvloop.run(sender.send([("127.0.0.1", port) for port in ports]))
    sender.close()


START_S = 3.0
"""A new process needs about two seconds until its first packet."""


class TimedPlane(RtpPlane):
    """Notes when ticks happen."""

    def __init__(self) -> None:
        super().__init__(ports=PortRange(44_000, 45_999))
        self.ticked_at: list[float] = []

    def tick(self) -> None:
        self.ticked_at.append(time.monotonic())
        super().tick()


async def loopback(streams: int, seconds: int = 8) -> dict[str, Any]:
    plane = TimedPlane()
    async with plane:
        session = await plane.allocate(call(), offers(streams))
        ports = [session.local_ports()[at] for at in range(streams)]
        sender = multiprocessing.get_context("spawn").Process(target=send_all, args=(ports, seconds))
        sender.start()
        await asyncio.sleep(START_S)
        plane.ticked_at.clear()
        cpu, wall = time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        used, passed = time.process_time() - cpu, time.monotonic() - wall
        intervals = np.diff(plane.ticked_at) * 1000
        await asyncio.to_thread(sender.join)
        session.close("bye")
        fates = plane.fates()
    sent = streams * seconds * PACKETS_PER_S
    return {
        "streams": streams,
        "sent": sent,
        "missing": sent - fates["played"],
        "core_share": round(used / passed, 3),
        "tick_late_p99_ms": round(float(np.percentile(intervals, 99)) - 20, 1),
    }


def media_loopback() -> dict[str, Any]:
    rows = [uvloop.run(loopback(streams)) for streams in (2, 16, 64, 200)]
    print("  streams     sent  missing  share of a core  tick late p99 ms")
    for row in rows:
        print(
            f"  {row['streams']:>7}  {row['sent']:>7}  {row['missing']:>7}  {row['core_share']:>15}"
            f"  {row['tick_late_p99_ms']:>16}"
        )
    return {"loopback": rows}


CELLS: dict[str, Callable[[], dict[str, Any]]] = {"media_plane": media_plane, "media_loopback": media_loopback}


if __name__ == "__main__":
    for chosen in sys.argv[1:] or CELLS:
        print(json.dumps(CELLS[chosen](), ensure_ascii=False))
