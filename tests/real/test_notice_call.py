"""A caller on a plain trunk call hears the notice and then beeps, and the rule that wants a notice is content."""

import asyncio
import contextlib
import socket
from typing import Any

import aiohttp
import numpy as np
import pytest

from engine.facts import CallEvent, Insight, Pcm16
from media.announcement import BEEP_HZ
from media.codecs import PCMU
from media.rtp import parse_packet
from media.sip.caller import Caller, CallPlan, place_call
from pipelines.follower import Follower
from server import Engine
from tests.media.sockets.speech import voices
from tests.media.test_wav_file import write_wav

pytestmark = pytest.mark.real
NOTICE_S = 2


async def set_campaign(engine: Engine, kind: str, **fields: object) -> str:
    """As an administrator does it, over the API. The campaign's id."""
    admin = next(one for one in engine.logins if one.role == "admin")
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(engine.url, cookie_jar=jar, headers={"Origin": engine.url}) as http:
        async with http.post("/api/login", json={"user": admin.login, "password": admin.password}) as answer:
            answer.raise_for_status()
        async with http.get("/api/campaigns") as answer:
            campaign: dict[str, Any] = next(one for one in await answer.json() if one["kind"] == kind)
        path = f"/api/campaigns/{campaign.pop('id')}"
        campaign.pop("organisation_id")
        async with http.put(path, json=campaign | fields) as answer:
            assert answer.status == 200, await answer.text()
    return path.rpartition("/")[2]


async def listen(sock: socket.socket, seconds: float) -> list[bytes]:
    """RTP payloads of so long."""
    payloads: list[bytes] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                payloads.append(parse_packet(await asyncio.get_running_loop().sock_recv(sock, 2_000)).payload)
    return payloads


def pitch_hz(sound: Pcm16) -> float:
    spectrum = np.abs(np.fft.rfft(sound.astype(np.float64)))
    return float(spectrum.argmax()) * 8_000 / len(sound)


async def test_the_caller_hears_the_notice_and_the_rule_is_content(engine: Engine) -> None:
    words = voices()[1][: NOTICE_S * 8_000]
    campaign_id = await set_campaign(engine, "collections", recording=True, notice=True, beep_s=2)
    folder = engine.settings.data_dir / "notices"
    folder.mkdir()
    write_wav(folder / f"{campaign_id}.es.wav", [words], 8_000)
    supervisor = next(one for one in engine.logins if one.role == "supervisor")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    async with (
        asyncio.timeout(60),
        Follower(engine.url, supervisor.login, supervisor.password, wall=True) as follower,
        Caller() as caller,
    ):
        target = f"sip:collections@127.0.0.1:{engine.sip_port}"
        call = await place_call(caller, CallPlan(target, "127.0.0.1", [sock.getsockname()[1]]))
        assert call.sdp is not None
        assert call.sdp.direction(call.sdp.media[0]) == "sendrecv"
        payloads = await listen(sock, NOTICE_S + 5)
        call.bye()
        assert await follower.wait_ended(1, 30)
    sock.close()
    heard = np.concatenate(PCMU.decode(payloads))
    assert np.corrcoef(heard[: len(words)], words)[0, 1] > 0.99
    beeps = heard[len(words) :]
    assert len(beeps) >= 4_000
    assert abs(pitch_hz(beeps[:4_000]) - BEEP_HZ) < 10
    facts = [one.what for one in follower.seen]
    played = [fact for fact in facts if isinstance(fact, CallEvent) and fact.name == "notice.played"]
    assert [fact.data for fact in played] == [{"what": "words", "length_ms": NOTICE_S * 1_000}]
    duty = [fact.outcome for fact in facts if isinstance(fact, Insight) and fact.rule == "CO-REC-NOTICE"]
    assert duty == ["satisfied"]
