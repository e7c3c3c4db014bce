"""The whole of it: a customer on a SIP telephone, the bridge, an agent in Chromium with a voice, the engine that hears
both, and the call that goes on when the engine is gone."""

import asyncio
import shutil
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soxr
from playwright.async_api import Browser, async_playwright, expect

from engine.facts import Pcm16
from engine.settings import Settings
from engine.web.console import STATIC
from media.bridge.bridge import Bridge
from media.bridge.party import Answered
from media.codecs import PCMU
from media.ports import PortRange
from pipelines import demo
from pipelines.commands.demo import throwaway_settings
from server import Engine
from tests.media.bridge.telephones import Talk, Telephone
from tests.media.sip.test_sipp import free_port
from tests.real.test_screens import log_in

pytestmark = pytest.mark.real

NUMBER = "+576015550134"
PATIENCE_MS = 90_000
AGENT_MS, CUSTOMER_MS = (1_000, 13_000), (34_000, 44_000)
"""Where in the demo call the agent says her name, and the customer his trouble."""


@pytest.fixture
def settings(tmp_path: Path, weights: Path) -> Settings:
    return throwaway_settings(tmp_path, max_calls=8).model_copy(
        update={
            "bridge_http_port": free_port(),
            "bridge_sip_port": 0,
            "bridge_rtp_ports": "26300-26339",
        }
    )


@pytest.fixture
async def bridge(engine: Engine, settings: Settings) -> AsyncIterator[Bridge]:
    heard_at = {"bridge_engine": f"sip:127.0.0.1:{engine.sip_port};transport=tcp"}
    bridge = Bridge(settings.model_copy(update=heard_at))
    await bridge.start()
    yield bridge
    await bridge.close()


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None or not (STATIC / "index.html").is_file():
        pytest.skip("no Chromium here, or the console is not built")
    voice = tmp_path / "agent.wav"
    write_wav(voice, cut((await asyncio.to_thread(demo.load_call, "es")).sound[1], AGENT_MS))
    flags = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={voice}",
        "--autoplay-policy=no-user-gesture-required",
        "--allow-loopback-in-peer-connection",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        await browser.close()


def cut(sound: Pcm16, span_ms: tuple[int, int]) -> Pcm16:
    return sound[span_ms[0] * 8 : span_ms[1] * 8]


def write_wav(file: Path, samples: Pcm16) -> None:
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(np.asarray(soxr.resample(samples, 8_000, 48_000), np.int16).tobytes())


async def speak(talk: Talk, sound: Pcm16) -> None:
    """In real time, then silence until it is cancelled."""
    frame, number = np.zeros(160, np.int16), 0
    start = asyncio.get_running_loop().time()
    while True:
        now = sound[number * 160 : number * 160 + 160]
        talk.say(PCMU.encode(now if len(now) == 160 else frame))
        number += 1
        await asyncio.sleep(max(0.0, start + number * 0.02 - asyncio.get_running_loop().time()))


async def test_both_are_heard_and_the_call_outlives_the_engine(
    engine: Engine, bridge: Bridge, browser: Browser
) -> None:
    desk = await log_in(browser, engine, "andrea", "/desk")
    await desk.get_by_role("button", name="Take calls").click(timeout=40_000)
    await expect(desk.get_by_role("button", name="Take no more calls")).to_be_visible()
    phone = desk.get_by_test_id("phone").get_by_role("status")
    port = bridge.exchange.port
    call = await asyncio.to_thread(demo.load_call, "es")
    async with Telephone(PortRange(26_340, 26_359)) as customer:
        talk = customer.call(f"sip:{NUMBER}@127.0.0.1:{port}", port, "PCMU")
        await expect(phone).to_contain_text("Incoming call from Ana")
        await desk.keyboard.press("p")
        await talk.told(Answered)
        speaking = asyncio.create_task(speak(talk, cut(call.sound[0], CUSTOMER_MS)))
        log = desk.get_by_role("log")
        await expect(log).to_contain_text("Andrea Rojas", timeout=PATIENCE_MS)
        await expect(log).to_contain_text("empleo", timeout=PATIENCE_MS)
        await engine.close()
        await talk.hears_more(100)
        await expect(phone).to_contain_text("On a call with Ana")
        talk.party.hang_up("bye")
        await expect(phone).to_contain_text("call ended")
        speaking.cancel()
