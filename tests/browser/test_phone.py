"""The desk's phone in Chromium, with a WAV as its microphone, against the bridge's own sockets, phones and calls."""

import asyncio
import shutil
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from engine.facts import Pcm16, Samples
from engine.ports.desk import Person
from engine.web.console import STATIC
from media.codecs import PCMU
from tests.browser.fake_engine import PASSWORD, FakeEngine
from tests.browser.played_call import CALL_ID, Player, record, tile
from tests.browser.visitor import AGENT, SUPERVISOR, Visitor, misfits, serious_findings, unseen
from tests.media.bridge.far_party import FarParty
from tests.media.bridge.phone_world import World

CUSTOMER = "+34910000000"
TONE = (8000 * np.sin(np.arange(8000 * 20) * 2 * np.pi * 440 / 8000)).astype(np.int16)
_HEARD = """(wanted) => new Promise((done) => {
  const track = window.connections.at(-1).getReceivers()[0].track;
  const context = new AudioContext({sampleRate: 48000});
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const look = () => {
    analyser.getFloatFrequencyData(bins);
    const loudest = bins.indexOf(Math.max(...bins));
    const pitch = (loudest * context.sampleRate) / analyser.fftSize;
    if (bins[loudest] > -60 && Math.abs(pitch - wanted) < 12) done();
    else setTimeout(look, 50);
  };
  look();
})"""
"""Comes back once that pitch is the loudest that the call's track has: the track is what the page plays."""
_BEYOND = """() => [...document.querySelectorAll("[data-testid=phone] *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.textContent)"""
_KEEP_CONNECTIONS = """() => {
  window.connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) { super(...given); window.connections.push(this); }
  };
}"""


def warble() -> Pcm16:
    """Five seconds at 48 kHz that no noise suppressor takes for noise: a voice-like buzz with syllables."""
    at = np.arange(48_000 * 5) / 48_000
    pitch = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.7 * at)) / 48_000
    buzz = sum(np.sin(k * pitch) / k for k in range(1, 18))
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * at), 0, 1)
    return np.asarray(6000 * buzz * syllables, np.int16)


@pytest.fixture(scope="module")
async def talking_browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None or not (STATIC / "index.html").is_file():
        pytest.skip("no Chromium, or the console is not built")
    file = tmp_path_factory.mktemp("voice") / "voice.wav"
    write_wav(file, warble())
    flags = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
        "--autoplay-policy=no-user-gesture-required",
        "--allow-loopback-in-peer-connection",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        await browser.close()


def write_wav(file: Path, samples: Pcm16) -> None:
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(samples.tobytes())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as world:
        yield world


@pytest.fixture
async def engine(world: World) -> AsyncIterator[FakeEngine]:
    engine = FakeEngine(AGENT, bridge=world.url)
    engine.token = world.token("andrea@desk", numbers=(CUSTOMER,))
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def visitor(talking_browser: Browser, engine: FakeEngine) -> AsyncIterator[Visitor]:
    visitor = Visitor(talking_browser, engine)
    yield visitor
    for context in visitor.contexts:
        await context.close()


async def at_the_desk(visitor: Visitor, world: World, person: Person = AGENT) -> Page:
    """Somebody who takes calls."""
    page = await visitor.visit("/desk", person=person)
    await page.evaluate(_KEEP_CONNECTIONS)
    await page.get_by_role("button", name="Take calls").click()
    await expect(page.get_by_role("button", name="Take no more calls")).to_be_visible()
    await world.phones.there("andrea")
    return page


async def speak(far: FarParty) -> None:
    """The tone until it is cancelled, a packet for each of the browser's, whose microphone keeps real time."""
    wanted = len(far.played)

    def played(far: FarParty) -> bool:
        return len(far.played) > wanted

    for number in range(len(TONE) // 160):
        far.speak([PCMU.encode(TONE[number * 160 : number * 160 + 160])], number)
        await far.until(played)
        wanted += 1


def envelope(sound: Pcm16, rate: int) -> Samples:
    frames = sound[: len(sound) // (rate // 50) * (rate // 50)].reshape(-1, rate // 50)
    return np.asarray(np.sqrt(np.mean(frames.astype(float) ** 2, axis=1)), np.float32)


async def test_a_call_is_accepted_heard_on_both_sides_and_ended(visitor: Visitor, world: World) -> None:
    page = await at_the_desk(visitor, world)
    far = FarParty(CUSTOMER)
    world.call_in(far, "andrea")
    phone = page.get_by_test_id("phone")
    await expect(phone.get_by_role("status")).to_contain_text(f"Incoming call from {CUSTOMER}")
    assert await serious_findings(page) == []
    await phone.get_by_role("button", name="Accept").click()
    await expect(phone.get_by_role("status")).to_have_text(f"On a call with {CUSTOMER}")
    speaking = asyncio.create_task(speak(far))
    async with asyncio.timeout(15):
        await page.evaluate(_HEARD, 440)
    await far.until(lambda far: len(far.played) > 300)
    speaking.cancel()
    heard = envelope(np.concatenate(PCMU.decode([packet.payload for packet in far.played[50:300]])), 8000)
    said = envelope(np.tile(warble(), 3), 48_000)
    likeness = max(np.corrcoef(heard, said[shift : shift + len(heard)])[0, 1] for shift in range(250))
    assert likeness > 0.8
    assert not (await world.phones.there("andrea")).away
    await phone.get_by_role("button", name="Hang up").click()
    await far.until(lambda far: far.over == ("bye", 0))
    await expect(phone.get_by_role("status")).to_contain_text("call ended")
    assert visitor.complaints == []


async def test_hold_mute_and_keys_from_the_keyboard(visitor: Visitor, world: World) -> None:
    page = await at_the_desk(visitor, world)
    far = FarParty(CUSTOMER)
    world.call_in(far, "andrea")
    phone = page.get_by_test_id("phone")
    await expect(phone.get_by_role("button", name="Accept")).to_be_visible()
    await page.keyboard.press("p")
    await expect(phone.get_by_role("status")).to_contain_text("On a call")
    await page.keyboard.press("m")
    await expect(phone.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
    await far.until(lambda far: len(far.played) > 60)
    silence = PCMU.decode([far.played[-1].payload])[0]
    assert np.abs(silence.astype(int)).max() < 50
    await page.keyboard.press("m")
    await phone.get_by_role("button", name="Hold").click()
    await far.until(lambda far: far.turns == ["inactive"])
    await phone.get_by_role("button", name="Resume").click()
    await far.until(lambda far: far.turns == ["inactive", "sendrecv"])
    await phone.get_by_role("button", name="Keypad").click()
    for key in ("7", "#"):
        await phone.get_by_role("button", name=f"Key {key}").press("Enter")
    await far.until(lambda far: far.keys == ["7", "#"])
    await page.keyboard.press("Escape")
    await expect(phone.get_by_role("button", name="Key 7")).to_have_count(0)
    assert await serious_findings(page) == []
    assert visitor.complaints == []


async def test_the_keypad_covers_nothing_that_the_agent_reads(
    visitor: Visitor, world: World, engine: FakeEngine
) -> None:
    page = await at_the_desk(visitor, world)
    world.call_in(FarParty(CUSTOMER), "andrea")
    phone = page.get_by_test_id("phone")
    await phone.get_by_role("button", name="Accept").click()
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening(), *player.turn(4), *player.turn(5), *player.turn(10), *player.playbook())
    await expect(page.get_by_test_id("alert")).to_have_count(2)
    panels = {"Keypad": phone.get_by_test_id("keypad"), "Transfer": phone.get_by_label("Transfer to")}
    for name, panel in panels.items():
        await phone.get_by_role("button", name=name).click()
        await expect(panel).to_be_visible()
        for width, height in ((1280, 800), (1366, 768)):
            await page.set_viewport_size({"width": width, "height": height})
            assert await unseen(page) == []
            assert await misfits(page) == []
    assert visitor.complaints == []


async def test_a_number_is_dialled_and_the_call_given_on_after_a_word(visitor: Visitor, world: World) -> None:
    page = await at_the_desk(visitor, world)
    customer = world.switch.far[CUSTOMER] = FarParty(CUSTOMER)
    expert = world.switch.far["1002"] = FarParty("1002")
    phone = page.get_by_test_id("phone")
    await phone.get_by_label("Number or extension").fill(CUSTOMER)
    await phone.get_by_label("Number or extension").press("Enter")
    await expect(phone.get_by_role("status")).to_contain_text(f"Calling {CUSTOMER}")
    customer.answer()
    await expect(phone.get_by_role("status")).to_contain_text(f"On a call with {CUSTOMER}")
    await phone.get_by_role("button", name="Transfer").click()
    await phone.get_by_label("Transfer to").fill("1002")
    await phone.get_by_role("button", name="Ask first").click()
    await expect(phone.get_by_role("status")).to_contain_text("Calling 1002")
    await customer.until(lambda far: far.turns == ["inactive"])
    expert.answer()
    await expect(phone.get_by_role("status")).to_contain_text("On a call with 1002")
    unmute = phone.get_by_role("button", name="Unmute")
    for muted in (2, 0):
        await page.keyboard.press("m")
        await expect(unmute).to_have_count(muted)
    assert await serious_findings(page) == []
    for width in (1280, 1024):
        await page.set_viewport_size({"width": width, "height": 768})
        assert await misfits(page) == []
        assert await page.evaluate(_BEYOND) == []
    await phone.get_by_role("button", name="Connect both").click()
    await expect(phone.get_by_label("Number or extension")).to_be_visible()
    customer.speak([bytes(160)], 500)
    await expert.until(lambda far: bytes(160) in [packet.payload for packet in far.played])
    assert (customer.over, expert.over) == (None, None)
    assert visitor.complaints == []


async def test_a_reload_of_the_page_keeps_the_call(visitor: Visitor, world: World) -> None:
    page = await at_the_desk(visitor, world)
    far = FarParty(CUSTOMER)
    world.call_in(far, "andrea")
    phone = page.get_by_test_id("phone")
    await phone.get_by_role("button", name="Accept").click()
    await expect(phone.get_by_role("status")).to_contain_text("On a call")
    await far.until(lambda far: len(far.played) > 20)
    await page.reload()
    await expect(phone.get_by_role("status")).to_contain_text(f"On a call with {CUSTOMER}")
    before = len(far.played)
    await far.until(lambda far: len(far.played) > before + 50)
    await expect(phone.get_by_role("button", name="Take no more calls")).to_be_visible()
    assert far.over is None
    assert visitor.complaints == []


async def test_a_window_that_rings_no_more_offers_to_ring_again_beside_its_call(visitor: Visitor, world: World) -> None:
    page = await at_the_desk(visitor, world)
    far = FarParty(CUSTOMER)
    world.call_in(far, "andrea")
    phone = page.get_by_test_id("phone")
    await phone.get_by_role("button", name="Accept").click()
    await expect(phone.get_by_role("status")).to_contain_text("On a call")
    await world.desk("andrea@desk", "another window").open()
    await expect(phone).to_contain_text("Calls ring in another window")
    here = phone.get_by_role("button", name="Take calls in this window")
    await expect(here).to_have_attribute("aria-pressed", "false")
    await here.click()
    await expect(phone.get_by_role("button", name="Take no more calls")).to_be_visible()
    await expect(phone.get_by_role("status")).to_contain_text("On a call")
    assert far.over is None


async def test_a_call_outlasts_the_page(visitor: Visitor, world: World) -> None:
    page = await at_the_desk(visitor, world, SUPERVISOR)
    far = FarParty(CUSTOMER)
    world.call_in(far, "andrea")
    phone = page.get_by_test_id("phone")
    await phone.get_by_role("button", name="Accept").click()
    await expect(phone.get_by_role("status")).to_contain_text("On a call")
    await page.get_by_role("link", name="Wall").click()
    await expect(page.get_by_role("heading", name="No live call on the floor")).to_be_visible()
    before = len(far.played)
    await far.until(lambda far: len(far.played) > before + 50)
    await page.keyboard.press("m")
    await expect(phone.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await page.reload()
    await expect(phone.get_by_role("status")).to_contain_text(f"On a call with {CUSTOMER}")
    await expect(phone.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
    before = len(far.played)
    await far.until(lambda far: len(far.played) > before + 50)
    assert far.over is None
    assert visitor.complaints == []


async def test_what_the_bridge_cannot_hear_is_told_and_not_taken_for_done(visitor: Visitor, world: World) -> None:
    page = await at_the_desk(visitor, world)
    world.call_in(FarParty(CUSTOMER), "andrea")
    phone = page.get_by_test_id("phone")
    await phone.get_by_role("button", name="Accept").click()
    await expect(phone).to_contain_text("On a call")
    await world.vanish()
    await expect(phone).to_contain_text("Reconnecting")
    await phone.get_by_role("button", name="Transfer").click()
    await phone.get_by_label("Transfer to").fill("1002")
    await phone.get_by_role("button", name="Transfer now").click()
    await expect(page.get_by_role("alert")).to_contain_text("there is no connection, so it was not sent")
    await expect(phone.get_by_label("Transfer to")).to_have_value("1002")
    assert await serious_findings(page) == []
    assert await misfits(page) == []


async def test_escape_closes_the_keypad_and_only_then_the_followed_call(
    visitor: Visitor, world: World, engine: FakeEngine
) -> None:
    page = await at_the_desk(visitor, world, SUPERVISOR)
    world.call_in(FarParty(CUSTOMER), "andrea")
    phone, followed = page.get_by_test_id("phone"), page.get_by_test_id("followed")
    await phone.get_by_role("button", name="Accept").click()
    await engine.open_call(record())
    engine.tiles[:] = [tile(CALL_ID)]
    await page.get_by_role("link", name="Wall").click()
    await page.get_by_test_id("tile").get_by_role("button").click()
    await phone.get_by_role("button", name="Keypad").click()
    await page.keyboard.press("Escape")
    await expect(phone.get_by_test_id("keypad")).to_have_count(0)
    await expect(followed).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(followed).to_have_count(0)


async def test_a_call_outlasts_the_log_in(visitor: Visitor, world: World, engine: FakeEngine) -> None:
    page = await at_the_desk(visitor, world)
    far = FarParty(CUSTOMER)
    world.call_in(far, "andrea")
    phone = page.get_by_test_id("phone")
    await phone.get_by_role("button", name="Accept").click()
    await expect(phone.get_by_role("status")).to_contain_text("On a call")
    await page.context.clear_cookies()
    await engine.drop_sockets()
    await expect(page.get_by_text("your call goes on. Sign in again.")).to_be_visible()
    for what, count in (("Hang up", 1), ("Hold", 1), ("Keypad", 1), ("Transfer", 0), ("Available", 0)):
        await expect(phone.get_by_role("button", name=what)).to_have_count(count)
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    before = len(far.played)
    await far.until(lambda far: len(far.played) > before + 50)
    await page.get_by_label("User name").fill("andrea")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(engine.url + "/desk")
    await expect(phone.get_by_role("status")).to_contain_text(f"On a call with {CUSTOMER}")
    before = len(far.played)
    await far.until(lambda far: len(far.played) > before + 50)
    assert far.over is None


async def test_the_microphone_is_asked_for_and_its_refusal_said(visitor: Visitor, engine: FakeEngine) -> None:
    page = await visitor.visit("/desk", person=AGENT, locale="es-CO")
    await page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); } }"
    )
    await page.get_by_role("button", name="Recibir llamadas").click()
    await expect(page.get_by_role("alert")).to_contain_text("El navegador bloquea el micrófono")
    await expect(page.get_by_role("button", name="Recibir llamadas")).to_have_attribute("aria-pressed", "false")


async def test_without_a_bridge_there_is_no_phone(visitor: Visitor, engine: FakeEngine) -> None:
    engine.bridge = ""
    page = await visitor.visit("/desk", person=AGENT)
    await expect(page.get_by_test_id("link")).to_contain_text("Live")
    await expect(page.get_by_test_id("phone")).to_have_count(0)
    assert visitor.complaints == []
