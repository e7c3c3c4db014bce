"""What the media plane costs: packets in, speech segments out, in one process on one core.

    python -m benchmarks.media [media_plane] [media_loopback] [media_gate]

`media_plane` runs the plane in virtual time on packets made beforehand and counts CPU time, so that it tells what a
stream costs whatever else the machine does. `media_loopback` receives real packets on loopback from another process, in
real time on uvloop, and tells what was lost, how much of a core it took and how late the 20 ms ticks were. `media_gate`
counts the onsets of speech that the gate before the VAD loses, on demo calls with noise laid over them.

Beside ours, in the same run and on the same packets: a naive road (asyncio, PyAV, a VAD at 16 kHz leg by leg), and
aiortc's jitter buffer and decoder where aiortc is installed. Each figure is the median of three runs.
"""

import asyncio
import gc
import importlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnxruntime
import uvloop

from engine.facts import Pcm16, SpeechSegment
from engine.ports import CallEnded, CallOffer, MediaEvent
from media.codecs import PCMU
from media.hearing import Hearing, listen
from media.ports import PortRange
from media.rtp import RtpPacket, build_packet, parse_packet
from media.rtp_plane import RtpPlane
from media.rtp_sender import RtpLine, RtpSender
from media.segmenter import Segmenter
from media.session import StreamOffer
from media.vad import VadBank, model_bytes
from media.vad_network import FRAME
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


RUNS = 3


def median(run: Callable[[], float]) -> float:
    return float(np.median([run() for _ in range(RUNS)]))


async def plane_cost(streams: int, seconds: int = 10, *, gated: bool = False) -> float:
    """ms of CPU a stream and second: whole ticks in virtual time with jitter buffer, RTCP, VAD and segments; sockets
    left out."""
    packets = [packets_of(sound, at + 1) for at, sound in enumerate(voices(streams, seconds))]
    clock = VirtualClock()
    plane = RtpPlane(ports=PortRange(43_000, 43_999), clock=clock, gated=gated)
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
    return used * 1000 / (streams * seconds)


def plane_costs(streams: int, gated: bool) -> float:
    return asyncio.run(plane_cost(streams, gated=gated))


def priced(ms: float) -> dict[str, Any]:
    return {"ms_per_stream_second": round(ms, 3), "streams_per_core": round(1000 * USABLE / ms)}


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
    vad = NaiveVad()
    packets = packets_of(voices(1, seconds)[0], 1)
    started = time.process_time()
    for packet in packets:
        for frame in decoder.decode(av.Packet(parse_packet(packet).payload)):
            vad.hear(frame)
    return (time.process_time() - started) * 1000 / seconds


def aiortc_cost(seconds: int = 4) -> float | None:
    """ms per stream and second of aiortc's own road for a received track, without its sockets, threads and DTLS, and
    with the naive road's VAD behind it; None where it is not installed."""
    try:
        jitter = importlib.import_module("aiortc.jitterbuffer")
        codecs = importlib.import_module("aiortc.codecs")
        parameters = importlib.import_module("aiortc.rtcrtpparameters")
        rtp = importlib.import_module("aiortc.rtp")
    except ImportError:
        return None
    codec = parameters.RTCRtpCodecParameters(mimeType="audio/PCMU", clockRate=8000, channels=1, payloadType=0)
    decoder, waiting = codecs.get_decoder(codec), jitter.JitterBuffer(capacity=16, prefetch=4)
    vad = NaiveVad()
    packets = packets_of(voices(1, seconds)[0], 1)
    started = time.process_time()
    for data in packets:
        packet = rtp.RtpPacket.parse(data)
        packet._data = packet.payload  # as RTCRtpReceiver does, by codecs.depayload
        _, encoded = waiting.add(packet)
        for frame in decoder.decode(encoded) if encoded is not None else ():
            vad.hear(frame)
    return (time.process_time() - started) * 1000 / seconds


class NaiveVad:
    """Resamples each frame to 16 kHz and asks the network of one leg."""

    def __init__(self) -> None:
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._network = onnxruntime.InferenceSession(model_bytes(), options, providers=["CPUExecutionProvider"])
        self._state, self._waiting = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32)

    def hear(self, frame: av.AudioFrame) -> None:
        for wide in self._resampler.resample(frame):
            sound = wide.to_ndarray().reshape(-1).astype(np.float32) / np.float32(32768)
            self._waiting = np.concatenate([self._waiting, sound])
        while len(self._waiting) >= 64 + 512:
            inputs = {"input": self._waiting[None, : 64 + 512], "state": self._state, "sr": np.array(16_000, np.int64)}
            _, self._state = self._network.run(None, inputs)
            self._waiting = self._waiting[512:]


def media_plane() -> dict[str, Any]:
    stages = {name: round(cost, 2) for name, cost in stage_costs().items()}
    print("  stage       µs")
    for name, cost in stages.items():
        print(f"  {name:<10} {cost:>6}")
    roads: dict[str, float] = {}
    for streams in (2, 8, 64, 256):
        for gated in (False, True):
            name = f"{streams} streams" + (", gated" if gated else "")
            roads[name] = median(partial(plane_costs, streams, gated))
    roads["naive"] = median(naive_cost)
    if aiortc_cost(1) is not None:
        roads["aiortc"] = median(lambda: aiortc_cost() or 0.0)
    print("  road                 ms per stream and second  streams per core at 70 %  naive / this")
    for name, ms in roads.items():
        row = priced(ms)
        ratio = roads["naive"] / ms
        print(f"  {name:<20} {row['ms_per_stream_second']:>24}  {row['streams_per_core']:>24}  {ratio:>11.2f}x")
    best = min(ms for name, ms in roads.items() if name.endswith("streams"))
    ratio = round(roads["naive"] / best, 2)
    return {"stages_us": stages, "roads": {name: priced(ms) for name, ms in roads.items()}, "naive_ratio": ratio}


# ─── the gate ────────────────────────────────────────────────────────────────────────────────────────────────────────


def segments(sound: Pcm16, *, gated: bool) -> list[tuple[int, int]]:
    """Where speech lies by the whole road behind the decoder."""
    bank = VadBank()
    events: list[MediaEvent] = []
    hearing = Hearing(call(), bank, gated=gated, sink=events.append)
    hearing.add_stream("0")
    for at in range(0, len(sound), 160):
        hearing.put("0", at, sound[at : at + 160])
        listen(bank, [hearing])
    hearing.finish(CallEnded(0, "bye"))
    ended = [event for event in events if isinstance(event, SpeechSegment) and event.state == "ended"]
    return [(one.start_ms, one.end_ms) for one in ended]


NOISES = ((0, 0), *((noise, seed) for noise in (30, 100, 300) for seed in range(12)))
"""Standard deviation in 16 bits, and seed: over 3,000 onsets, without which one lost in 1,000 would not show."""


def media_gate() -> dict[str, Any]:
    """Onsets without the gate that no segment with it covers from 200 ms after them on, nor one that begins sooner."""
    rows: list[dict[str, Any]] = []
    for path in sorted(CALL.parent.glob("*.flac")):
        for leg, sound in enumerate(read_channels(path)[0]):
            for noise, seed in NOISES:
                chance = np.random.default_rng(seed)
                heard = np.clip(sound + chance.normal(0, noise, len(sound)), -32768, 32767).astype(np.int16)
                plain, gated = segments(heard, gated=False), segments(heard, gated=True)
                lost = [one for one in plain if not any(got[0] <= one[0] + 200 and got[1] > one[0] for got in gated)]
                rows.append(
                    {
                        "call": path.stem,
                        "leg": leg,
                        "noise": noise,
                        "seed": seed,
                        "onsets": len(plain),
                        "lost": len(lost),
                    }
                )
    onsets, lost_onsets = sum(row["onsets"] for row in rows), sum(row["lost"] for row in rows)
    print(f"  {onsets} onsets of speech, of which the gate loses {lost_onsets}")
    return {"onsets": onsets, "lost": lost_onsets, "rows": rows}


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


CELLS: dict[str, Callable[[], dict[str, Any]]] = {
    "media_plane": media_plane,
    "media_loopback": media_loopback,
    "media_gate": media_gate,
}


if __name__ == "__main__":
    for chosen in sys.argv[1:] or CELLS:
        print(json.dumps(CELLS[chosen](), ensure_ascii=False))
