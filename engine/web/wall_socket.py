"""`/ws/wall`: a tile a live call; the floor as it stands, then what changes, at most twice a second a call.

The engine says, each as one JSON text message: `floor {at, tiles}` at once, then `tile {tile}` of a call that came or
changed, `gone {id}` of one that ended or left this person's sight, and `beat {at}` every ten seconds. `at` is the
engine's time in UNIX seconds.
"""

import asyncio
import time

import msgspec
from aiohttp import WSCloseCode, web

from engine.fanout import Hub
from engine.feeds import FloorFeed
from engine.ports.storage import CallRecord
from engine.web.keys import HUB
from engine.web.sockets import Socket, open_socket

PAUSE_S = 0.5
"""Between two sendings: a tile that changes more often is sent in its newest state."""


async def wall_socket(request: web.Request) -> web.WebSocketResponse:
    async with open_socket(request, "wall") as socket:
        person = socket.person

        def sees(record: CallRecord) -> bool:
            # An agent sees the calls that wait to be claimed; who has which call is the supervisors' business.
            return person.role != "agent" or not record.agent_id

        hub = request.app[HUB]
        with hub.floor(person.organisation_id, sees) as feed:
            await socket.serve(lambda: _write(socket, hub, feed), lambda: _read(socket))
        return socket.ws


async def _write(socket: Socket, hub: Hub, feed: FloorFeed) -> None:
    tiles = feed.snapshot(hub.tiles(socket.person.organisation_id))
    await socket.send(msgspec.json.encode({"type": "floor", "at": time.time(), "tiles": tiles}))
    while True:
        changed, gone = await feed.next()
        for tile in changed:
            await socket.send(msgspec.json.encode({"type": "tile", "tile": tile}))
        for call_id in gone:
            await socket.send(msgspec.json.encode({"type": "gone", "id": call_id}))
        await asyncio.sleep(PAUSE_S)


async def _read(socket: Socket) -> None:
    """A wall has nothing to say; it ends when the client closes."""
    async for _ in socket.ws:
        return await socket.close(WSCloseCode.POLICY_VIOLATION, "the wall takes no messages")
    return None
