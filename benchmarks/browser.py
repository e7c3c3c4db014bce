"""From mouth to ear between a SIP telephone and an agent's browser, through the bridge, with a real Chromium.

    python -m benchmarks browser_delay

The desk's page gets for its microphone what it plays, so that a burst of tone that the telephone sends comes back to
it: packet → bridge → the browser's jitter buffer and decoder → its audio graph, encoder and packets → bridge → packet.
Half of that is one way, mouth to ear, as the two directions cannot be told apart without one clock for both; what the
loop adds (a quantum of the audio graph) counts against us. `jitter_buffer_ms` is what Chromium itself says that it
keeps. Two loads: a quiet machine, and one busy loop a core as nice as `ears`; Chromium runs on the same cores.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from playwright.async_api import Page, async_playwright

from benchmarks.bridge import EARS_NICENESS, bridge_process, busy
from engine.control.phone_pass import PhonePass, bridge_key, sign
from engine.ports.desk import Person
from media.codecs import PCMU
from media.rtp import RtpPacket, build_packet, parse_packet
from media.sip.caller import Caller, CallPlan, place_call
from media.udp_pair import ANCILLARY, bind_udp, stamp_of
from tests.browser.fake_engine import SESSION, FakeEngine

SECONDS = 40
WARM_S = 5.0
"""The browser's jitter buffer begins wide and settles."""
FRAME_S = 0.02
EVERY = 37
"""Frames from one burst to the next; odd against everything, so that phases spread."""
BURST = 4
LOUD = 2_000
TONE = PCMU.encode((12_000 * np.sin(np.arange(160) * 2 * np.pi * 1000 / 8000)).astype(np.int16))
SILENCE = PCMU.encode(np.zeros(160, np.int16))
NUMBER = "+34910000000"
PERSON = Person("u-andrea", "org", "Andrea", "agent")
_LOOP = """
const context = new AudioContext({latencyHint: "interactive"});
const back = context.createMediaStreamDestination();
window.connections = [];
navigator.mediaDevices.getUserMedia = async () => back.stream.clone();
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) {
    super(...given);
    window.connections.push(this);
    this.addEventListener("track", ({track}) =>
      context.createMediaStreamSource(new MediaStream([track])).connect(back));
  }
};"""
_KEPT = """async () => {
  for (const one of (await window.connections.at(-1).getStats()).values())
    if (one.type === "inbound-rtp") return 1000 * one.jitterBufferDelay / one.jitterBufferEmittedCount;
}"""


class Telephone:
    """Sends bursts in silence and notes when each comes back."""

    def __init__(self) -> None:
        self.sock = bind_udp("127.0.0.1", 0)
        self.sent: list[float] = []
        """Seconds (wall clock, as the kernel stamps) at which each burst began."""
        self.came: list[float] = []
        self._loud = 0.0

    async def talk(self, to: tuple[str, int], seconds: float) -> None:
        start = time.monotonic()
        for number in range(int(seconds / FRAME_S)):
            await asyncio.sleep(max(0.0, start + number * FRAME_S - time.monotonic()))
            loud = number % EVERY < BURST
            if number % EVERY == 0:
                self.sent.append(time.time())
            payload = TONE if loud else SILENCE
            self.sock.sendto(build_packet(RtpPacket(0, number & 0xFFFF, number * 160, 99, payload)), to)
            self._drain()
        await asyncio.sleep(0.5)
        self._drain()

    def _drain(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self.sock.recvmsg(2048, ANCILLARY)
            except BlockingIOError:
                return
            if len(data) != 172:  # RTCP
                continue
            sound = np.abs(PCMU.decode([parse_packet(data).payload])[0].astype(np.int32))
            loud = np.flatnonzero(sound > LOUD)
            if len(loud):
                at = stamp_of(ancillary) + int(loud[0]) / 8000
                if at - self._loud > BURST * FRAME_S * 2:
                    self.came.append(at)
                self._loud = at

    def judged(self, since: float) -> dict[str, Any]:
        """By the bursts that were sent from then on."""
        came, sent = np.array(self.came), [at for at in self.sent if at >= since]
        trips = [1000 * (later[0] - at) for at in sent if len(later := came[came > at])]
        trips = [trip for trip in trips if trip < 1000 * EVERY * FRAME_S]
        points = (("p50", 50), ("p95", 95), ("max", 100)) if trips else ()
        return {
            "mouth_to_ear_ms": {name: round(float(np.percentile(trips, at)) / 2, 1) for name, at in points},
            "bursts": len(sent),
            "heard": len(trips),
        }


async def measure(niceness: int | None, seconds: float = SECONDS) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as name:
        folder = Path(name)
        async with bridge_process(folder) as (_, url, port):
            engine = FakeEngine(PERSON, bridge=url)
            claims = PhonePass("org", "u-andrea", "Andrea", "andrea@desk", "", (NUMBER,), "", time.time() + 600)
            engine.token = sign(claims, bridge_key("", folder))
            await engine.start()
            try:
                return await _in_browser(engine, port, niceness, seconds)
            finally:
                await engine.stop()


async def _in_browser(engine: FakeEngine, port: int, niceness: int | None, seconds: float) -> dict[str, Any]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        context = await browser.new_context(locale="en-US")
        await context.add_cookies([{"name": "session", "value": SESSION, "url": engine.url}])
        await context.add_init_script(_LOOP)
        page = await context.new_page()
        await page.goto(engine.url + "/desk")
        await page.get_by_role("button", name="Take calls").click()
        await page.get_by_role("button", name="Take no more calls").wait_for()
        await asyncio.sleep(1.0)
        try:
            return await _call(page, port, niceness, seconds)
        finally:
            await browser.close()


async def _call(page: Page, port: int, niceness: int | None, seconds: float) -> dict[str, Any]:
    telephone = Telephone()
    async with Caller() as caller:
        plan = CallPlan(f"sip:{NUMBER}@127.0.0.1:{port}", "127.0.0.1", [telephone.sock.getsockname()[1]])
        answering = asyncio.ensure_future(page.get_by_role("button", name="Accept").click())
        placed = await place_call(caller, plan)
        await answering
        with busy(niceness):
            began = time.time()
            await telephone.talk(placed.remote_ports()[0], seconds)
        kept = await page.evaluate(_KEPT)
        placed.bye()
    telephone.sock.close()
    return telephone.judged(began + WARM_S) | {"jitter_buffer_ms": round(kept, 1)}


def delay() -> dict[str, Any]:
    loads = {"quiet": None, "busy_as_ears": EARS_NICENESS}
    return {name: uvloop.run(measure(niceness)) for name, niceness in loads.items()}


CELLS: dict[str, Callable[[], dict[str, Any]]] = {"browser_delay": delay}

if __name__ == "__main__":
    import json

    print(json.dumps(delay(), indent=2))
