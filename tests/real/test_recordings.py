"""What a recording holds of a real call: every second at its place, and not one digit of the card."""

import asyncio

import aiohttp
import numpy as np
import pytest

from engine.facts import CallEvent, Pcm16
from media.audio import double_rate
from pipelines import demo
from server import Engine
from tests.real.conftest import play_and_follow
from tests.real.sound import loudest, played

pytestmark = pytest.mark.real

MARGIN_MS = 300


def alike(recorded: Pcm16, said: Pcm16, start_ms: int, end_ms: int) -> float:
    """Correlation of what was recorded with what was sent (8 kHz), whatever the answer took (up to a second)."""
    said = double_rate(said)[start_ms * 16 : end_ms * 16].astype(np.float64)
    found = recorded[(start_ms - 500) * 16 : (end_ms + 1_000) * 16].astype(np.float64)
    size = 1 << (len(found) + len(said)).bit_length()
    products = np.fft.irfft(np.fft.rfft(found, size) * np.conj(np.fft.rfft(said, size)), size)
    lag = int(np.argmax(products[: len(found) - len(said)]))
    return float(np.corrcoef(found[lag : lag + len(said)], said)[0, 1])


async def recording(engine: Engine, call_id: str) -> bytes:
    """As a supervisor downloads it."""
    login = next(one for one in engine.logins if one.role == "supervisor")
    async with aiohttp.ClientSession(
        engine.web.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": engine.web.url}
    ) as http:
        await http.post("/api/login", json={"user": login.login, "password": login.password})
        async with asyncio.timeout(30):
            while True:
                async with http.get(f"/api/calls/{call_id}/recording") as answer:
                    assert answer.status == 200
                    if answer.headers["Recording-Complete"] == "?1":  # the file is closed a little after the call
                        return await answer.read()
                await asyncio.sleep(0.2)


async def test_a_card_that_is_read_aloud_is_silence_on_both_channels_and_the_rest_is_there(engine: Engine) -> None:
    call = await asyncio.to_thread(demo.load_call, "es")
    seen = (await play_and_follow(engine, ["es"]))[call.script.id]
    events = [one.what for one in seen if isinstance(one.what, CallEvent)]
    length_ms = next(event.end_ms for event in events if event.name == "call.ended")
    assert [event.data["channels"] for event in events if event.name == "recording.started"] == [2]
    assert next(event.data["reason"] for event in events if event.name == "recording.paused") == "card"
    assert not [event for event in events if event.name in ("recording.silenced", "recording.failed")]

    sound = played(await recording(engine, events[0].call_id))
    assert sound.shape == (2, length_ms * 16)
    card = next(turn for turn in call.script.turns if turn.text.startswith("Cuatro cinco tres nueve"))
    assert loudest(sound, card.start_ms - MARGIN_MS, card.end_ms + MARGIN_MS) <= 1
    voices = dict(zip(call.script.legs, call.sound, strict=True))
    kept = [turn for turn in call.script.turns if turn.end_ms < card.start_ms - 8_000 or turn.start_ms > card.end_ms]
    heard = [
        alike(sound[0 if turn.leg == "customer" else 1], voices[turn.leg], turn.start_ms, turn.end_ms)
        for turn in kept
        if turn.start_ms > 500
    ]
    assert sum(one > 0.8 for one in heard) >= len(heard) - 2, heard
