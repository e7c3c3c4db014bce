"""The far ends of a peer's streams, in a process of their own: the same conversations as our engine's, two streams a
call, in 20 ms frames."""

import asyncio
import json
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

import msgspec
import numpy as np
import soxr

from benchmarks.listening import telephone
from benchmarks.load.lines import APART_S, WARM_UP_S, Call, Played, own_cpu_s
from benchmarks.load.material import LEGS, RATE_HZ, Conversation, conversations, line
from benchmarks.load.streams import Update

PEER_RATE_HZ = 16_000
FRAME = PEER_RATE_HZ // 50
FINISHED_WITHIN_S = 10.0
"""After the last frame of a call; then the next one begins whatever the peer still has to say."""


async def play(ports: Sequence[int], count: int, seconds: float, orders: Connection) -> None:
    """So many calls at once for so long, each at two servers. See `benchmarks.load.lines.Lines`."""
    order = conversations()
    plans = [line(number, count, seconds, order) for number in range(count)]
    servers = [dict(zip(LEGS, ports[2 * number :], strict=False)) for number in range(count)]
    warm = order[0].part(0.0, WARM_UP_S)
    if warm is not None:
        await asyncio.gather(*(_call(warm, one, 0.0) for one in servers))
    orders.send(None)
    await asyncio.to_thread(orders.recv)
    began, cpu_s = time.monotonic(), own_cpu_s()
    played = await asyncio.gather(
        *(_line(plan, servers[number], began, number * APART_S) for number, plan in enumerate(plans))
    )
    calls = [call for one in played for call in one]
    orders.send_bytes(msgspec.msgpack.encode(Played(calls, 0, round(own_cpu_s() - cpu_s, 2))))


async def _line(plan: Sequence[Conversation], ports: dict[str, int], began: float, after_s: float) -> list[Call]:
    await asyncio.sleep(after_s)
    return [await _call(conversation, ports, began) for conversation in plan]


async def _call(conversation: Conversation, ports: dict[str, int], began: float) -> Call:
    sound = {
        leg: soxr.resample(telephone((pcm / 32767).astype(np.float32)), RATE_HZ, PEER_RATE_HZ)
        for leg, pcm in conversation.sound.items()
    }
    streams = {leg: await asyncio.open_connection("127.0.0.1", ports[leg]) for leg in LEGS}
    updates: dict[str, list[Update]] = {leg: [] for leg in LEGS}
    first_frame_s = time.monotonic()
    hearing = [asyncio.create_task(_hear(streams[leg][0], first_frame_s, updates[leg])) for leg in LEGS]
    for _, writer in streams.values():
        writer.write(json.dumps({"language": conversation.language}).encode() + b"\n")
    for number in range(len(sound[LEGS[0]]) // FRAME):
        await asyncio.sleep(max(0.0, first_frame_s + number / 50 - time.monotonic()))
        for leg, (_, writer) in streams.items():
            writer.write(sound[leg][number * FRAME : (number + 1) * FRAME].tobytes())
    for _, writer in streams.values():
        writer.write_eof()
    _, late = await asyncio.wait(hearing, timeout=FINISHED_WITHIN_S)
    for task in late:
        task.cancel()
    for _, writer in streams.values():
        writer.close()
    ended = "late" if late else "bye"
    about = (conversation.language, first_frame_s - began, conversation.seconds, conversation.utterances)
    return Call(*about, updates, ended)


async def _hear(reader: asyncio.StreamReader, first_frame_s: float, updates: list[Update]) -> None:
    """Until the server has said all."""
    while told := await reader.readline():
        said = json.loads(told)
        updates.append(Update(time.monotonic() - first_frame_s, said["committed"].strip(), said["partial"].strip()))
