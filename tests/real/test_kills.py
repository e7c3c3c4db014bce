"""What a kill may cost: late words at most."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from engine.facts import Transcript
from pipelines import demo
from pipelines.commands.demo import AGENTS, play_demo
from pipelines.follower import Follower
from pipelines.scorecard import summarise
from server import Engine
from tests.real.sound import played

pytestmark = pytest.mark.real

TIMEOUT_S = 60.0


def children(pid: int) -> set[int]:
    """Processes whose parent is `pid`, by /proc."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.add(int(entry.name))
    return found


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what must come; the test fails when it does not."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await asyncio.sleep(0.05)


class Served:
    """`welcomedly serve --demo` as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, welcome: str) -> None:
        self.process = process
        url, sip = re.search(r"Welcomedly\s+(\S+)", welcome), re.search(r"SIP\s+\S+:(\d+)", welcome)
        assert url, welcome
        assert sip, welcome
        self.url, self.sip_port = url[1], int(sip[1])
        self.passwords = dict(re.findall(r"^  (?:agent|supervisor|admin)\s+(\S+)\s+(\S+)", welcome, re.MULTILINE))


@contextlib.asynccontextmanager
async def serve(data: Path, weights: Path, sip_port: int = 0) -> AsyncIterator[Served]:
    settings = {
        "HTTP_PORT": "0",
        "SIP_PORT": str(sip_port),
        "DATA_DIR": str(data),
        "XDG_DATA_HOME": str(data.parent / "keys"),
        "WEIGHTS_DIR": str(weights.resolve()),
        "RTP_PORTS": "30000-30999",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        "serve",
        "--demo",
        "--quiet",
        env=os.environ | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not any(line.startswith("  admin") for line in lines):
                line = await process.stdout.readline()
                assert line, "the engine ended at start"
                lines.append(line.decode().rstrip())
        yield Served(process, "\n".join(lines))
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), TIMEOUT_S)


async def recorded_until(url: str) -> float:
    """Media time up to which the only call's recording is written, by the engine's own count."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        counts = re.findall(r"^welcomedly_recorded_seconds_total\{.*\} (\S+)$", await answer.text(), re.MULTILINE)
    return 1_000 * sum(map(float, counts))


async def test_what_was_shown_survives_the_engine(tmp_path: Path, weights: Path) -> None:
    call = demo.load_call("es")
    parties = demo.Parties(customer="+15550100@carrier.example", agent="1001@pbx.example")
    async with serve(tmp_path / "data", weights) as engine:
        async with Follower(engine.url, "andrea", engine.passwords["andrea"]) as follower:
            playing = asyncio.create_task(
                demo.play(call, engine.sip_port, call.script.campaign, parties, outbound=True)
            )
            await until(lambda: sum(isinstance(one.what, Transcript) for one in follower.seen) >= 5)
            kin = children(engine.process.pid)
            assert kin, "ears is a process of its own"
            written_ms = await recorded_until(engine.url)
            engine.process.kill()
            await engine.process.wait()
            shown = [one.what for one in follower.seen if isinstance(one.what, Transcript)]
            playing.cancel()
            await asyncio.wait([playing])
        await until(lambda: not any(map(alive, kin)))
    async with (
        serve(tmp_path / "data", weights) as again,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": again.url}) as http,
    ):
        assert again.passwords == engine.passwords
        login = {"user": "andrea", "password": again.passwords["andrea"]}
        await http.post(f"{again.url}/api/login", json=login)
        async with http.get(f"{again.url}/api/calls/{shown[0].call_id}") as answer:
            stored = await answer.json()
        texts = [fact["text"] for fact in stored["facts"] if fact["type"] == "transcript"]
        assert texts[: len(shown)] == [one.text for one in shown]
        last = next(fact for fact in stored["facts"] if fact.get("name") == "call.ended")  # reviewed soon after
        assert last["data"]["reason"] == "engine_restarted"
        async with http.ws_connect(f"{again.url}/ws/desk") as desk:
            await desk.send_json({"type": "resume", "calls": {shown[0].call_id: shown[-1].seq}})
            seqs: list[int] = []
            async with asyncio.timeout(TIMEOUT_S):
                while not seqs or seqs[-1] < last["seq"]:
                    said = await desk.receive_json()
                    seqs += [said["seq"]] if "seq" in said else []
        assert seqs == list(range(shown[-1].seq + 1, last["seq"] + 1))
        login = {"user": "sofia", "password": again.passwords["sofia"]}
        await http.post(f"{again.url}/api/login", json=login)
        async with http.get(f"{again.url}/api/calls/{shown[0].call_id}/recording") as answer:
            assert answer.status == 200
            recorded_ms = played(await answer.read()).shape[1] / 16
        assert recorded_ms >= written_ms - 1_000
        # It runs no further behind the words than an open utterance and the margins are long.
        assert recorded_ms >= shown[-2].start_ms - 2_000


async def test_ears_and_the_broker_may_die_in_mid_call(engine: Engine) -> None:
    call = await asyncio.to_thread(demo.load_call, "es")
    login = next(one for one in engine.logins if one.login == AGENTS[call.script.campaign])
    async with Follower(engine.web.url, login.login, login.password) as follower:
        playing = asyncio.create_task(play_demo(engine, call, "members"))
        await until(lambda: sum(isinstance(one.what, Transcript) for one in follower.seen) >= 3)
        broker, ears = engine.bus.server_pid, engine.ears.pid
        assert broker is not None
        assert ears is not None
        os.kill(broker, signal.SIGKILL)
        await until(lambda: sum(isinstance(one.what, Transcript) for one in follower.seen) >= 7)
        os.kill(ears, signal.SIGKILL)
        assert await playing == "bye"
        assert await follower.wait_ended(1, 30.0)
    summary = summarise(call.script, follower.seen, served=True)
    assert summary["expect"]["missing"] == []
    assert summary["expect"]["unexpected"] == []
    assert engine.ears.pid not in (None, ears)
    assert engine.bus.server_pid not in (None, broker)
    assert summary["cards"], "cards do not wait for the broker"
