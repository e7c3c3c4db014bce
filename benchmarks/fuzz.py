"""A million datagrams and a hundred thousand streams that nobody should send, at servers with a call in progress.

    nice -n 19 python -m benchmarks fuzz        # at most nine minutes; again and again until it says `whole`

Mutations of every sample: RFC 4475's messages, eight vendors' SIPREC INVITEs, all methods, RTP, RTCP, SRTP, SIP over
TCP and WebSocket, and what eleven platforms send over their sockets. Each run goes on at the seed where the last one
stopped and adds to its totals. Nothing may be raised past the edge, memory stays, and calls in progress notice nothing:
their sound is what it would have been, sample by sample.
"""

import asyncio
import gc
import json
import logging
import random
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from benchmarks.media import VirtualClock
from benchmarks.media_load import packets_of, voices
from engine.ports.intake import CallOffer
from media.codecs import PCMU
from media.ports import PortRange
from media.rtcp import ReceiverReport, build_report
from media.rtp_plane import RtpPlane
from media.session import StreamOffer
from media.sip.connection import StreamConnection, WebSocketConnection
from media.sip.wire import MAX_BODY, MAX_HEAD
from media.sockets.plane import SocketPlane
from media.sockets.switchboard import Switchboard
from media.srtp import SrtpKeys, SrtpWriter, choose_keys, crypto_value, new_key
from media.vad import VadBank
from tests.media.sip.test_fuzz import REQUESTS, SAMPLES, Target, mutated
from tests.media.sockets.site import FakeClock
from tests.real.test_socket_fuzz import Forgetful, Outcomes, play

RESULT = Path(__file__).parent / "results" / "fuzz.json"
SHIFT_S = 540.0
ROUNDS = 100
PER_ROUND = {"sip": 6_000, "rtp": 2_000, "rtcp": 1_000, "srtp": 1_000, "tcp": 400, "ws": 200, "platform": 400}
DATAGRAMS, STREAMS = ("sip", "rtp", "rtcp", "srtp"), ("tcp", "ws", "platform")
KEPT = 4 * 8_000
"""Samples of the untouched call that are compared after each round."""
WARM_ROUNDS = 2
"""After so many, memory is what it will be."""


class Pipe(asyncio.Transport):
    """The far end of a stream connection, which reads nothing and remembers nothing."""

    def __init__(self, port: int) -> None:
        super().__init__({"peername": ("127.0.0.1", port)})
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


class Sip:
    """Our SIP server without sockets, with a call in progress."""

    def __init__(self) -> None:
        self.target = Target()

    async def start(self) -> None:
        await self.target.call()

    async def datagrams(self, count: int, seed: int) -> None:
        await self.target.bombard(count, seed)
        await self._rest()

    async def streams(self, kind: str, count: int, seed: int) -> None:
        dice = random.Random(f"{kind}{seed}")
        for number in range(count):
            self.target.now += 0.01
            pipe = Pipe(1_024 + number)
            if kind == "tcp":
                self._feed(StreamConnection(self.target.wire, "TCP"), pipe, self._messages(dice), dice)
            else:
                self._feed(WebSocketConnection(self.target.wire, "WS"), pipe, self._frames(dice), dice)
            if number % 50 == 0:
                self.target.endpoint._tick()
                await asyncio.sleep(0)
        await self._rest()

    def _messages(self, dice: random.Random) -> bytes:
        samples = (*SAMPLES, *REQUESTS)
        chosen = [dice.choice(samples) for _ in range(dice.randint(1, 4))]
        return b"".join(mutated(one, dice) if dice.random() < 0.7 else one for one in chosen)

    def _frames(self, dice: random.Random) -> bytes:
        """A handshake and frames, as a browser would send them, and then wounds."""
        browser = ClientProtocol(parse_uri("ws://127.0.0.1/"), subprotocols=None)
        shake = browser.connect()
        shake.headers["Sec-WebSocket-Protocol"] = "sip"
        sent = shake.serialize()
        for _ in range(dice.randint(1, 4)):
            message = self._messages(dice)[:60_000]
            head = bytes([dice.choice((0x81, 0x82, 0x01, 0x80, 0x89, 0x88))])
            size = len(message)
            length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2)
            sent += head + length + bytes(4) + message  # masked with zeros
        return mutated(sent, dice) if dice.random() < 0.7 else sent

    def _feed(
        self, connection: StreamConnection | WebSocketConnection, pipe: Pipe, stream: bytes, dice: random.Random
    ) -> None:
        connection.connection_made(pipe)
        at = 0
        while at < len(stream) and not pipe.closed:
            size = dice.randint(1, 1_400)
            connection.data_received(stream[at : at + size])
            at += size
        if isinstance(connection, StreamConnection):
            assert len(connection._framer._buffer) <= MAX_HEAD + MAX_BODY + 4
        connection.connection_lost(None)

    async def _rest(self) -> None:
        """Every timer of what came runs out."""
        for _ in range(20):
            self.target.now += 20
            self.target.endpoint._tick()
            await asyncio.sleep(0)
        self.target.intake.offers.clear()
        self.target.intake.sessions[1:] = []
        del self.target.media.sessions[1:]

    def check(self) -> None:
        session = self.target.media.sessions[0]
        assert self.target.counts.seen["sip_dropped_total fault"] == 0
        assert (session.reason, session.history) == ("", [])
        assert self.target.server.calls == 1
        assert self.target.endpoint.transports.connections == 0


class Rtp:
    """Two calls on one plane: one whose lines are shot at, one that must not notice."""

    HERE, THERE = ("127.0.0.1", 4_000), ("198.51.100.7", 999)

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.plane = RtpPlane(ports=PortRange(43_000, 43_099), clock=self.clock, bank=VadBank())
        self.packets = packets_of(voices(1, 60)[0], 1)
        key = new_key()
        agreed = choose_keys([crypto_value("1", key)])
        assert agreed is not None
        self.keys: SrtpKeys = agreed
        writer = SrtpWriter(agreed.theirs)
        self.protected = [writer.rtp(packet) for packet in self.packets]
        self.sent = 0
        once = np.concatenate(PCMU.decode([packet[12:] for packet in self.packets]))
        self.source = np.tile(once, 2).tobytes()

    async def start(self) -> None:
        lines = (
            StreamOffer("plain", 0, "PCMU", 0, event_payload_type=101, comfort_payload_type=13),
            StreamOffer("keyed", 1, "PCMU", 0, srtp=self.keys),
            StreamOffer("opus", 2, "opus", 111),
        )
        self.victim = await self.plane.allocate(_call("victim"), lines)
        self.bystander = await self.plane.allocate(_call("bystander"), (StreamOffer("plain", 0, "PCMU", 0),))

    async def datagrams(self, kind: str, count: int, seed: int) -> None:
        dice = random.Random(f"{kind}{seed}")
        for number in range(count):
            packet = dice.choice(self.protected if kind == "srtp" else self.packets)
            if kind == "rtcp":
                report = ReceiverReport(dice.getrandbits(32), 3, 7, dice.getrandbits(16), 5, 0, 0)
                packet = build_report(dice.getrandbits(32), b"cname@x", report)
            data = mutated(packet, dice) if dice.random() < 0.9 else packet
            line = "keyed" if kind == "srtp" else dice.choice(("plain", "opus", "keyed"))
            address = self.HERE if dice.random() < 0.8 else self.THERE
            self.victim.streams[line].receive(data[: dice.choice((1_500, 1_500, 40))], address, self.clock.now_s * 1000)
            if number % 10 == 0:
                await self._tick()

    async def _tick(self) -> None:
        """20 ms, in which the other call's next packet comes."""
        self.clock.now_s += 0.020
        packet = self.packets[self.sent % len(self.packets)]
        sequence = self.sent & 0xFFFF
        stamp = self.sent * 160 & 0xFFFFFFFF
        honest = packet[:2] + sequence.to_bytes(2) + stamp.to_bytes(4) + packet[8:]
        self.bystander.streams["plain"].receive(honest, self.HERE, self.clock.now_s * 1000)
        self.sent += 1
        self.plane.tick()
        if self.sent % 100 == 0:
            await asyncio.sleep(0)

    def check(self) -> None:
        assert len(self.plane._sessions) == 2  # a call whose packets raise is ended
        fates = self.bystander.streams["plain"].fates
        assert fates["played"] >= self.sent - 5
        assert not any(fates.get(fate) for fate in ("lost", "late", "foreign", "malformed", "dropped"))
        heard = self.bystander.hearing.sound("plain", (self.sent - 10) * 160 - KEPT, KEPT)
        assert heard.tobytes() in self.source, "the other call's sound is not what was sent"


def _call(name: str) -> CallOffer:
    return CallOffer(name, "siprec", "127.0.0.1:5060/udp", "", "", ())


async def shift(total: Counter[str], rounds: int) -> tuple[int, float]:
    """Rounds from `rounds` on until they are done or the time is up. The rounds done, and by how many KiB memory grew
    after the first ones."""
    loop, faults = asyncio.get_running_loop(), list[str]()
    loop.set_exception_handler(lambda _, context: faults.append(str(context.get("exception") or context["message"])))
    sip, rtp, outcomes = Sip(), Rtp(), Outcomes()
    board = Switchboard(Forgetful(), SocketPlane(bank=VadBank(), clock=FakeClock()), outcomes)
    await sip.start()
    await rtp.start()
    began, warm_kib, first = time.monotonic(), 0.0, rounds
    while rounds < ROUNDS and time.monotonic() - began < SHIFT_S:
        await sip.datagrams(PER_ROUND["sip"], rounds)
        for kind in ("rtp", "rtcp", "srtp"):
            await rtp.datagrams(kind, PER_ROUND[kind], rounds)
        for kind in ("tcp", "ws"):
            await sip.streams(kind, PER_ROUND[kind], rounds)
        play(board, range(rounds * PER_ROUND["platform"], (rounds + 1) * PER_ROUND["platform"]))
        for where in (sip, rtp):
            where.check()
        assert "fault" not in outcomes.seen
        assert not faults, faults
        total.update(PER_ROUND)
        rounds += 1
        gc.collect()
        if rounds - first == WARM_ROUNDS:
            warm_kib = _resident_kib()
        print(
            f"round {rounds}/{ROUNDS}  {time.monotonic() - began:.0f} s  {_resident_kib() / 1024:.0f} MiB", flush=True
        )
    grown = _resident_kib() - warm_kib if rounds - first > WARM_ROUNDS else 0.0
    await rtp.plane.aclose()
    await sip.target.close()
    return rounds, grown


def _resident_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1024


def fuzz() -> dict[str, Any]:
    """Goes on where the last run stopped."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.ERROR)
    done: dict[str, Any] = json.loads(RESULT.read_text("utf-8"))["result"] if RESULT.exists() else {}
    if done.get("whole"):
        done = {}
    total: Counter[str] = Counter(done.get("sent", {}))
    rounds, grown = asyncio.run(shift(total, done.get("rounds", 0)))
    return {
        "datagrams": sum(total[kind] for kind in DATAGRAMS),
        "streams": sum(total[kind] for kind in STREAMS),
        "whole": rounds >= ROUNDS,
        "raised_past_the_edge": 0,
        "calls_in_progress_disturbed": 0,
        "memory_grew_kib_a_run": [*done.get("memory_grew_kib_a_run", []), round(grown)],
        "rounds": rounds,
        "sent": dict(total),
    }


CELLS = {"fuzz": fuzz}
