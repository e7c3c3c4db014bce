"""Calls through the bridge's own process: sipp and baresip on its sides, sound exact both ways, kills survived."""

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soxr

from engine.facts import Pcm16
from media.bridge.party import Answered, Direction, EarlyMedia, HungUp, Refused, Turned
from media.ports import PortRange
from tests.media.bridge.telephones import Talk, Telephone, refer
from tests.media.sip.test_baresip import BARESIP, MODULES
from tests.media.sip.test_sipp import SIPP, free_port, run_sipp
from tests.real.bridge_process import BridgeProcess, bridge_process
from tests.real.telephone import give_voices, telephone
from tests.real.test_baresip_media import CONFIG, likeness, spoken

pytestmark = pytest.mark.real
needs_sipp = pytest.mark.skipif(not SIPP, reason="sipp is missing: apt-get install sip-tester")
needs_baresip = pytest.mark.skipif(
    not BARESIP or not (MODULES / "sndfile.so").exists(),
    reason="baresip is missing: apt-get install baresip-core baresip-ffmpeg",
)
FRAME_S = 0.02


@pytest.fixture
async def desk() -> AsyncIterator[Telephone]:
    async with Telephone(PortRange(26_200, 26_239)) as one:
        yield one


@pytest.fixture
async def customer() -> AsyncIterator[Telephone]:
    async with Telephone(PortRange(26_240, 26_279)) as one:
        yield one


def dial(customer: Telephone, bridge: BridgeProcess, number: str = "5000") -> Talk:
    return customer.call(f"sip:{number}@127.0.0.1:{bridge.port}", bridge.port)


async def speak(talk: Talk, frames: list[bytes]) -> None:
    """In real time, as packets come from a line."""
    for frame in frames:
        talk.say(frame)
        await asyncio.sleep(FRAME_S)


def noise(seed: int, count: int) -> list[bytes]:
    dice = np.random.default_rng(seed)
    return [dice.bytes(160) for _ in range(count)]


@needs_sipp
async def test_early_media_and_what_comes_back_is_what_was_said(customer: Telephone, tmp_path: Path) -> None:
    give_voices(tmp_path)
    async with (
        telephone("called_echo.xml", tmp_path, "-rtp_echo", "-mp", str(free_port())) as port,
        bridge_process(tmp_path, {"5000": f"sip:echo@127.0.0.1:{port}"}) as bridge,
    ):
        talk = dial(customer, bridge)
        assert (await talk.told(EarlyMedia)).codec == "PCMU"
        early, later = noise(1, 25), noise(2, 50)
        await speak(talk, early)
        await talk.hears(*early[2:])
        await talk.told(Answered)
        await speak(talk, later)
        await talk.hears(*later)
        assert len({packet.ssrc for packet in talk.packets}) == 1
        talk.party.hang_up("bye")


@needs_sipp
async def test_callers_voice_arrives_octet_by_octet(desk: Telephone, tmp_path: Path) -> None:
    async with bridge_process(tmp_path, {"5000": desk.uri}) as bridge:
        calling = asyncio.create_task(run_sipp(bridge, "caller_speaks.xml", tmp_path, "-m", "1"))
        agent = await desk.rung()
        agent.party.accept("PCMU")
        assert (await agent.told(HungUp)).reason == "bye"
        await calling
    voice = (tmp_path / "audio" / "a.ulaw").read_bytes()
    heard = b"".join(agent.heard)
    assert len(heard) > 8_000
    assert heard in voice


@needs_sipp
@pytest.mark.parametrize(
    "scenario",
    [
        "offerless.xml",
        "session_refresh.xml",
        "session_too_small.xml",
        "lost_ack.xml",
        "lost_200.xml",
        "cancel_race.xml",
    ],
)
async def test_call_flows_of_a_caller(scenario: str, desk: Telephone, tmp_path: Path) -> None:
    async with bridge_process(tmp_path, {"5000": desk.uri}) as bridge:
        calling = asyncio.create_task(run_sipp(bridge, scenario, tmp_path, "-m", "1"))
        agent = await desk.rung()
        agent.party.accept("PCMA" if scenario == "offerless.xml" else "PCMU")
        assert await agent.rest() == [HungUp("bye")]
        await calling


@needs_sipp
@pytest.mark.parametrize(
    ("scenario", "turns"),
    [
        ("hold_old.xml", ["inactive", "sendrecv"]),
        ("hold_new.xml", ["sendonly", "sendrecv", "inactive", "sendrecv"]),
        ("hold_late.xml", ["inactive", "sendrecv"]),
    ],
)
async def test_caller_who_holds(scenario: str, turns: list[Direction], desk: Telephone, tmp_path: Path) -> None:
    async with bridge_process(tmp_path, {"5000": desk.uri}) as bridge:
        calling = asyncio.create_task(run_sipp(bridge, scenario, tmp_path, "-m", "1", "-set", "lockstep", "1"))
        agent = await desk.rung()
        agent.party.accept("PCMU")
        for turn in turns:
            assert await agent.told(Turned) == Turned(turn)
            agent.party.press("1", 100)  # a caller that goes on before we are told may be gone by then
        assert await agent.rest() == [HungUp("bye")]
        await calling


@needs_sipp
async def test_caller_who_gives_up(desk: Telephone, tmp_path: Path) -> None:
    async with bridge_process(tmp_path, {"5000": desk.uri}) as bridge:
        calling = asyncio.create_task(run_sipp(bridge, "cancel_ringing.xml", tmp_path, "-m", "1"))
        agent = await desk.rung()
        assert (await agent.told(HungUp)).reason == "cancelled"
        await calling


@needs_sipp
async def test_blind_transfer_by_a_caller(desk: Telephone, tmp_path: Path) -> None:
    async with Telephone(PortRange(26_280, 26_299)) as carol:
        routes = {"5000": desk.uri, "carol": carol.uri}
        async with bridge_process(tmp_path, routes) as bridge:
            calling = asyncio.create_task(run_sipp(bridge, "refer.xml", tmp_path, "-m", "1", "-key", "carol", "1"))
            agent = await desk.rung()
            agent.party.accept("PCMU")
            taken = await carol.rung()
            taken.party.accept("PCMU")
            await calling
            sound = noise(3, 20)
            await speak(agent, sound)
            await taken.hears(*sound[2:])
            agent.party.hang_up("bye")
            await taken.told(HungUp)


async def test_desk_transfers_and_nobody_takes_it(customer: Telephone, desk: Telephone, tmp_path: Path) -> None:
    routes = {"5000": desk.uri, "6000": f"sip:nobody@127.0.0.1:{free_port()}"}
    async with bridge_process(tmp_path, routes) as bridge:
        talk = dial(customer, bridge)
        agent = await desk.rung()
        agent.party.accept("PCMU")
        await talk.told(Answered)
        refer(agent, "sip:7000@bridge.example")  # no such number
        sound = noise(4, 20)
        await speak(talk, sound)
        await agent.hears(*sound[2:])
        talk.party.hang_up("bye")
        await agent.told(HungUp)


async def test_both_sides_hold_at_once_and_take_up_again(customer: Telephone, desk: Telephone, tmp_path: Path) -> None:
    async with bridge_process(tmp_path, {"5000": desk.uri}) as bridge:
        talk = dial(customer, bridge)
        agent = await desk.rung()
        agent.party.accept("PCMU")
        await talk.told(Answered)
        directions: tuple[Direction, ...] = ("sendonly", "sendrecv")
        for direction in directions:  # two offers cross, both get 491 and come again (RFC 3261 §14.1)
            talk.party.turn(direction)
            agent.party.turn(direction)
            for side in (talk, agent):
                assert (await side.told(Turned, 15.0)).direction == direction
        sound = noise(8, 20)
        await speak(talk, sound)
        await agent.hears(*sound[2:])


async def test_killed_bridge_says_bye_to_both_sides_when_it_is_back(
    customer: Telephone, desk: Telephone, tmp_path: Path
) -> None:
    async with bridge_process(tmp_path, {"5000": desk.uri}) as bridge:
        talk = dial(customer, bridge)
        agent = await desk.rung()
        agent.party.accept("PCMU")
        await talk.told(Answered)
        await bridge.kill()
    async with bridge_process(tmp_path, {"5000": desk.uri}, bridge.port) as again:
        for side in (talk, agent):
            assert (await side.told(HungUp)).reason == "bye"
        assert (await dial(customer, again, "9").told(Refused)).status == 404
    assert b'"cseq"' not in (tmp_path / "data" / "bridge-dialogs").read_bytes()


# ─── baresip ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def configure(where: Path, port: int, sound: Pcm16, media: str = "") -> None:
    """A profile that plays this sound and keeps what it hears as WAV."""
    where.mkdir()
    with wave.open(str(where / "call.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(sound.tobytes())
    text = CONFIG.read_text().replace("@SOUND@", str(where / "call.wav")).replace("@PORT@", str(port))
    text = text.replace("rtp_ports 21000-21100", "rtp_ports 26300-26399")
    text = text.replace("module g711.so", f"module g711.so\nmodule srtp.so\nmodule sndfile.so\nsnd_path {where}")
    (where / "config").write_text(text)
    (where / "accounts").write_text(
        f"<sip:1001@127.0.0.1:{port}>;regint=0;audio_codecs=PCMU/8000/1;answermode=auto{media}\n"
    )


async def baresip(where: Path, seconds: int, *command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(BARESIP, "-f", str(where), "-t", str(seconds), *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def dumped(where: Path) -> Pcm16:
    (path,) = where.glob("dump-*-dec.wav")
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def alike(heard: Pcm16, said: Pcm16) -> float:
    """Correlation: what a telephone plays has been through its own jitter buffer."""
    return likeness(*(np.asarray(soxr.resample(sound, 8000, 16_000), np.int16) for sound in (heard, said)))


@needs_baresip
@pytest.mark.parametrize("protection", ["", ";mediaenc=srtp-mand"])
async def test_two_telephones_hear_each_other(protection: str, tmp_path: Path) -> None:
    ports, voice = (free_port(), free_port()), spoken(8000)
    voices = voice, np.ascontiguousarray(voice[::-1])
    for name, port, sound, media in zip("ab", ports, voices, (protection, ""), strict=True):
        configure(tmp_path / name, port, sound, media)
    async with bridge_process(tmp_path, {"5000": f"sip:1001@127.0.0.1:{ports[1]}"}) as bridge:
        called = await baresip(tmp_path / "b", 9)
        assert called.stdout is not None
        await called.stdout.readuntil(b"baresip is ready.\n")
        calling = await baresip(tmp_path / "a", 7, "-e", f"d sip:5000@127.0.0.1:{bridge.port}")
        try:
            async with asyncio.timeout(25):
                said = [(await process.communicate())[0].decode() for process in (calling, called)]
        finally:
            for process in (calling, called):
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    assert alike(dumped(tmp_path / "a"), voices[1]) > 0.98, said
    assert alike(dumped(tmp_path / "b"), voices[0]) > 0.98, said
