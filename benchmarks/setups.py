"""How soon a call is answered: while the engine starts, at rest, and how many calls a second can be set up.

    python -m benchmarks startup setups

The engine is `welcomedly serve`, a process of its own with its store, bus and models. `startup` offers it an INVITE
every 100 ms and an AudioHook connection every 300 ms from before its ports are open until some seconds after it is
ready; what counts is all that is sent from the first INVITE on that was received. `setups` sends INVITEs at growing
rates, from several addresses, and gives each answered call back with ACK and BYE. Calls carry no sound.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from pipelines.scorecard import percentiles
from tests.media.sip.test_sipp import free_port

HERE = Path(__file__).resolve().parents[1]
NUMBER = "+18005550199"
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=sendonly\r\n"
READY_WITHIN_S = 120.0
REST_S = 10.0
STARTS = 5
RATES = (25, 50, 75, 100, 150, 200, 300, 400)
RATE_S = 8.0
ANSWERED_WITHIN_S = 3.0
"""At the end of a rate: what is not answered by then is lost."""
BOUND_S = 0.2
"""What the 99th percentile of a rate must be under to count as kept up with."""


class Ports:
    """Free ones for an engine."""

    def __init__(self) -> None:
        self.http, self.sip, self.sockets = free_port(), free_port(), free_port()


@contextlib.contextmanager
def engine(folder: Path, max_calls: int) -> Iterator[Ports]:
    """`welcomedly serve` as it starts, with the demo organisation and an AudioHook peer."""
    ports = Ports()
    key, sockets = folder / "key", folder / "sockets.toml"
    key.write_bytes(secrets.token_bytes(32))
    key.chmod(0o600)
    sockets.write_text(f'[[peer]]\nname = "genesys"\nprotocol = "audiohook"\nnumber = "{NUMBER}"\n', "utf-8")
    settings = {
        "HTTP_PORT": ports.http,
        "SIP_PORT": ports.sip,
        "SOCKETS": sockets,
        "SOCKETS_PORT": ports.sockets,
        "DATA_DIR": folder / "data",
        "WEIGHTS_DIR": os.environ.get("WEIGHTS_DIR") or HERE / "data" / "models",
        "KEY_URL": f"file:{key}",
        "MAX_CALLS": max_calls,
        "RTP_PORTS": "20000-39999",
        "LOG_LEVEL": "error",
    }
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    log = (folder / "log").open("wb")
    command = [sys.executable, "server.py", "serve", "--demo", "--quiet"]
    process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=log, stderr=log)
    try:
        yield ports
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


class Line(asyncio.DatagramProtocol):
    """An address that calls: INVITE, ACK, BYE, each sent once. `sent` and `answered` are monotonic seconds by call."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.sent: dict[str, float] = {}
        self.answered: dict[str, float] = {}
        self.refused: dict[str, int] = {}
        self._to = address
        self._from = ("", 0)
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, host: str, address: tuple[str, int]) -> "Line":
        line = cls(address)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: line, local_addr=(host, 0))
        return line

    def connection_made(self, transport: Any) -> None:
        self._transport, self._from = transport, transport.get_extra_info("sockname")

    def call(self) -> str:
        call = secrets.token_hex(8)
        self.sent[call] = time.monotonic()
        self._put(self._request("INVITE", call, 1, body=SDP))
        return call

    def _request(self, method: str, call: str, cseq: int, to_tag: str = "", body: str = "") -> str:
        host, port = self._from
        tag = f";tag={to_tag}" if to_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:{NUMBER}@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{call}{cseq}{method}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:bench@{host}>;tag={call}\r\nTo: <sip:{NUMBER}@127.0.0.1>{tag}\r\n"
            f"Call-ID: {call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:bench@{host}:{port}>\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _put(self, text: str) -> None:
        assert self._transport is not None
        self._transport.sendto(text.encode(), self._to)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode("latin-1")
        status, cseq, call = re.match(r"SIP/2.0 (\d+)", text), _field(text, "CSeq"), _field(text, "Call-ID")
        if status is None or "INVITE" not in cseq or int(status[1]) < 200 or call in self.answered:
            return
        tag = _field(text, "To").rpartition("tag=")[2]
        self._put(self._request("ACK", call, 1, tag))
        if status[1] != "200":
            self.refused[call] = int(status[1])
            return
        self.answered[call] = time.monotonic()
        self._put(self._request("BYE", call, 2, tag))

    def error_received(self, exc: Exception) -> None:
        """The port is not open yet."""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _field(text: str, name: str) -> str:
    found = re.search(rf"^{name}: *(.*?)\r?$", text, re.MULTILINE)
    return found[1] if found else ""


async def opened_after(http: aiohttp.ClientSession, ports: Ports) -> float:
    """Seconds from the first SYN to `opened`. Raises `aiohttp.ClientError` before the port is open."""
    session, began = str(uuid.uuid4()), time.monotonic()
    async with http.ws_connect(
        f"http://127.0.0.1:{ports.sockets}/genesys", headers={"Audiohook-Session-Id": session}
    ) as ws:
        media = [{"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}]
        about = {
            "organizationId": str(uuid.uuid4()),
            "conversationId": str(uuid.uuid4()),
            "participant": {"id": str(uuid.uuid4()), "ani": "+15550100", "aniName": "", "dnis": NUMBER},
            "media": media,
        }

        async def say(kind: str, seq: int, parameters: dict[str, Any]) -> Any:
            message = {
                "version": "2",
                "id": session,
                "type": kind,
                "seq": seq,
                "serverseq": seq - 1,
                "position": "PT0S",
            }
            await ws.send_str(json.dumps(message | {"parameters": parameters}))
            return json.loads(await ws.receive_str(timeout=10))

        answer = await say("open", 1, about)
        took = time.monotonic() - began
        if answer["type"] != "opened":
            raise RuntimeError(f"AudioHook was answered {answer}")
        await say("close", 2, {"reason": "end"})
        return took


async def ready(http: aiohttp.ClientSession, ports: Ports) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{ports.http}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def repeat(work: Callable[[], Any], every_s: float, stop: asyncio.Event) -> None:
    """On a steady beat, whether the last one is done or not."""
    due = time.monotonic()
    tasks: set[asyncio.Task[None]] = set()
    while not stop.is_set():
        made = work()
        if asyncio.iscoroutine(made):
            tasks.add(asyncio.ensure_future(made))
        due += every_s
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    if tasks:
        await asyncio.wait(tasks)


class Start:
    """What one start of the engine brought; times are seconds from the start of its process."""

    def __init__(self) -> None:
        self.ready_s = 0.0
        self.first_s = 0.0
        self.loading: dict[str, list[float]] = {"sip": [], "audiohook": []}
        self.resting: dict[str, list[float]] = {"sip": [], "audiohook": []}
        self.unanswered = self.refused = 0
        self.failures: list[str] = []


async def watch_a_start(folder: Path) -> Start:
    start = Start()
    opened: list[tuple[float, float]] = []
    failures: list[str] = []
    with engine(folder, max_calls=2_000) as ports:
        began, stop = time.monotonic(), asyncio.Event()
        line = await Line.open("127.0.0.1", ("127.0.0.1", ports.sip))
        async with aiohttp.ClientSession() as http:

            async def knock() -> None:
                at = time.monotonic()
                try:
                    opened.append((at, await opened_after(http, ports)))
                except aiohttp.ClientError:
                    if opened:
                        failures.append("AudioHook connection was refused")
                except (RuntimeError, TypeError, TimeoutError) as error:
                    failures.append(str(error) or type(error).__name__)

            beats = ((line.call, 0.1), (knock, 0.3))
            playing = [asyncio.create_task(repeat(work, every_s, stop)) for work, every_s in beats]
            while not await ready(http, ports):
                if time.monotonic() - began > READY_WITHIN_S:
                    raise RuntimeError((folder / "log").read_text("utf-8")[-2_000:])
                await asyncio.sleep(0.1)
            ready_at = time.monotonic()
            await asyncio.sleep(REST_S)
            stop.set()
            await asyncio.gather(*playing)
            await asyncio.sleep(1.0)
        line.close()
    first = min(line.sent[call] for call in line.answered)
    start.ready_s, start.first_s = ready_at - began, first - began
    for call, at in line.answered.items():
        (start.loading if line.sent[call] < ready_at else start.resting)["sip"].append(at - line.sent[call])
    for at, took in opened:
        (start.loading if at < ready_at else start.resting)["audiohook"].append(took)
    received = [call for call, at in line.sent.items() if at >= first]
    start.refused = len(line.refused)
    start.unanswered = sum(call not in line.answered and call not in line.refused for call in received)
    start.failures = failures
    return start


def summed_up(starts: list[Start]) -> dict[str, Any]:
    def spread(when: Callable[[Start], dict[str, list[float]]], what: str) -> dict[str, float]:
        return percentiles([1000 * took for start in starts for took in when(start)[what]])

    return {
        "first_answer_after_start_s": [round(start.first_s, 2) for start in starts],
        "ready_after_start_s": [round(start.ready_s, 2) for start in starts],
        "sip_200_while_models_load_ms": spread(lambda start: start.loading, "sip"),
        "sip_200_at_rest_ms": spread(lambda start: start.resting, "sip"),
        "audiohook_opened_while_models_load_ms": spread(lambda start: start.loading, "audiohook"),
        "audiohook_opened_at_rest_ms": spread(lambda start: start.resting, "audiohook"),
        "invites_not_answered": sum(start.unanswered for start in starts),
        "invites_refused": sum(start.refused for start in starts),
        "audiohook_failures": [failure for start in starts for failure in start.failures][:5],
    }


async def watch_rates(folder: Path) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    with engine(folder, max_calls=5_000) as ports:
        began = time.monotonic()
        async with aiohttp.ClientSession() as http:
            while not await ready(http, ports):
                if time.monotonic() - began > READY_WITHIN_S:
                    raise RuntimeError((folder / "log").read_text("utf-8")[-2_000:])
                await asyncio.sleep(0.2)
        for rate in RATES:
            rows.append(await _at_rate(rate, ports))
            print(rows[-1], flush=True)
            if rows[-1]["lost"] or rows[-1]["answer_ms"].get("p99", 1e9) > 5 * 1000 * BOUND_S:
                break
    kept = [row["per_second"] for row in rows if not row["lost"] and row["answer_ms"]["p99"] <= 1000 * BOUND_S]
    return {"set_ups_a_second_with_p99_under_200_ms": max(kept, default=0), "rates": rows}


async def _at_rate(rate: int, ports: Ports) -> dict[str, Any]:
    lines = [await Line.open(f"127.0.0.{number}", ("127.0.0.1", ports.sip)) for number in range(1, 9)]
    stop, turn = asyncio.Event(), iter(range(10**9))
    calling = asyncio.create_task(repeat(lambda: lines[next(turn) % len(lines)].call() and None, 1 / rate, stop))
    await asyncio.sleep(RATE_S)
    stop.set()
    await calling
    await asyncio.sleep(ANSWERED_WITHIN_S)
    took = [line.answered[call] - line.sent[call] for line in lines for call in line.answered]
    sent, refused = sum(len(line.sent) for line in lines), sum(len(line.refused) for line in lines)
    for line in lines:
        line.close()
    return {
        "per_second": rate,
        "sent": sent,
        "refused": refused,
        "lost": sent - refused - len(took),
        "answer_ms": percentiles([1000 * one for one in took]),
    }


def startup() -> dict[str, Any]:
    starts: list[Start] = []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
            starts.append(uvloop.run(watch_a_start(Path(folder))))
    result = summed_up(starts)
    print(json.dumps(result, indent=2))
    return result


def setups() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        return uvloop.run(watch_rates(Path(folder)))


CELLS = {"startup": startup, "setups": setups}
