"""A desk without a screen: logs in and follows the agent's socket as the browser does, acknowledging what it is
shown."""

import asyncio
import time
from types import TracebackType

import aiohttp
import msgspec

from engine.facts import CallEvent, Draft, Fact
from engine.ports.storage import CallRecord
from pipelines.scorecard import Seen

PING_S = 20.0
_message: msgspec.json.Decoder[Fact | Draft] = msgspec.json.Decoder(Fact | Draft)
_kind = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Follower:
    """Async context manager: logged in and subscribed inside. `seen` grows as facts come.

    With `wall` it is a supervisor who follows every call that the wall shows.
    """

    def __init__(self, base_url: str, user: str, password: str, *, wall: bool = False) -> None:
        self._base, self._user, self._password, self._wall = base_url, user, password, wall
        self._http: aiohttp.ClientSession | None = None
        self._reading: list[asyncio.Task[None]] = []
        self.seen: list[Seen] = []
        self.campaigns: dict[str, str] = {}
        """Call → its campaign's kind, of every call that came onto the desk."""
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        """Every fact as it came, for those who print them. Unbounded, as one call's facts are few."""
        self._ended: set[str] = set()
        self._an_end = asyncio.Event()

    async def __aenter__(self) -> "Follower":
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"Origin": self._base},  # cookies of an IP address
        )
        login = {"user": self._user, "password": self._password}
        async with self._http.post(f"{self._base}/api/login", json=login) as answer:
            answer.raise_for_status()
        socket = await self._http.ws_connect(f"{self._base}/ws/desk", heartbeat=PING_S)
        await socket.send_str('{"type":"resume","calls":{}}')
        self._reading = [asyncio.create_task(self._read(socket))]
        if self._wall:
            wall = await self._http.ws_connect(f"{self._base}/ws/wall", heartbeat=PING_S)
            self._reading.append(asyncio.create_task(self._follow(wall, socket)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._reading:
            task.cancel()
        if self._reading:
            await asyncio.wait(self._reading)
        if self._http:
            await self._http.close()

    async def wait_ended(self, calls: int, timeout_s: float) -> bool:
        """Whether so many calls have ended before our eyes within the time."""
        try:
            async with asyncio.timeout(timeout_s):
                while len(self._ended) < calls:
                    self._an_end.clear()
                    await self._an_end.wait()
        except TimeoutError:
            return False
        return True

    def by_call(self) -> dict[str, list[Seen]]:
        calls: dict[str, list[Seen]] = {}
        for one in self.seen:
            calls.setdefault(one.what.call_id, []).append(one)
        return calls

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            at = time.monotonic() * 1000
            data = message.data.encode()
            fields = _kind.decode(data)
            kind = bytes(fields["type"])
            if kind == b'"call"':
                record = msgspec.json.decode(fields["call"], type=CallRecord)
                self.campaigns[record.call_id] = record.campaign
            if kind not in (b'"transcript"', b'"insight"', b'"suggestion"', b'"event"', b'"draft"'):
                continue
            what = _message.decode(data)
            self.seen.append(Seen(what, at))
            await socket.send_str(_acknowledge(what))
            if not isinstance(what, Draft):
                self.lines.put_nowait(data)
            if isinstance(what, CallEvent) and what.name == "call.ended":
                self._ended.add(what.call_id)
                self._an_end.set()

    async def _follow(self, wall: aiohttp.ClientWebSocketResponse, desk: aiohttp.ClientWebSocketResponse) -> None:
        followed: set[str] = set()
        async for message in wall:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            said = msgspec.json.decode(message.data)
            tiles = said["tiles"] if said["type"] == "floor" else [said["tile"]] if said["type"] == "tile" else []
            for call_id in [tile["id"] for tile in tiles if tile["id"] not in followed]:
                followed.add(call_id)
                await desk.send_json({"type": "follow", "id": call_id})


def _acknowledge(what: Fact | Draft) -> str:
    if isinstance(what, Draft):
        ack = {"id": what.call_id, "stream": what.stream, "segment": what.segment, "revision": what.revision}
    else:
        ack = {"id": what.call_id, "seq": what.seq}
    return msgspec.json.encode({"type": "shown", **ack}).decode()
