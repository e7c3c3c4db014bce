"""What there is in an Asterisk when we connect: its events tell of nothing but changes."""

import asyncio
import re
from typing import Any

import msgspec
import structlog

from engine.control.peers import Peer
from media.sockets.ari_rest import AriRest
from media.sockets.fields import text

log = structlog.get_logger()

KINDS = {"snoop": "channels", "rtp": "channels", "bridge": "bridges"}
"""What we make in Asterisk, and where it lists that."""
WITHIN_S = 15.0
"""Events and the answers to the connection's pings wait meanwhile: after 30 s it would be given up."""
AT_ONCE = 8
"""Channels that are asked; of one after another a busy Asterisk would answer too few in time."""


class Stock(msgspec.Struct):
    """As far as it was told in time."""

    bridges: object = None
    channels: list[object] = []
    values: list[tuple[dict[str, Any], str]] = []
    """Channels that are not ours, each with its value of the variable, which is mostly empty."""


async def take_stock(rest: AriRest, peer: Peer, variable: str) -> Stock:
    """Also takes away what an engine before us had no time to: it would go on sending sound to our ports, which are
    other calls' now. An application has one engine."""
    found = Stock()
    try:
        async with asyncio.timeout(WITHIN_S):
            await _look(rest, peer, variable, found)
    except TimeoutError:
        log.warning("ari.slow", peer=peer.name, channels=len(found.channels), asked=len(found.values))
    return found


async def _look(rest: AriRest, peer: Peer, variable: str, found: Stock) -> None:
    ours = re.compile(rf"{re.escape(peer.app)}-({'|'.join(KINDS)})-[0-9a-f]{{32}}")
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(about: dict[str, Any]) -> None:
        async with turns:
            answer = await rest.get(f"channels/{text(about, 'id')}/variable", variable=variable)
        found.values.append((about, text(answer, "value")))

    found.bridges, listed = await asyncio.gather(rest.get("bridges"), rest.get("channels"))
    found.channels = listed if isinstance(listed, list) else []
    bridges = found.bridges if isinstance(found.bridges, list) else []
    left = [name for one in (*bridges, *found.channels) if (name := ours.fullmatch(text(one, "id")))]
    await asyncio.gather(*(rest.delete(f"{KINDS[name[1]]}/{name[0]}") for name in left))
    others = [one for one in found.channels if isinstance(one, dict) and text(one, "id")]
    await asyncio.gather(*(ask(one) for one in others if not ours.fullmatch(text(one, "id"))))
