"""The other ends of the calls, in a process of their own: callers that play conversations, and the agents' desks.

A line plays one call after another, as an SBC's recording server (SIPREC) would. The desks log in as browsers do, and
what comes onto them is what counts as shown.
"""

import asyncio
import multiprocessing
import resource
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import uvloop

from benchmarks.load.engine import Running
from benchmarks.load.material import Conversation, Utterance, conversations, line
from benchmarks.load.shown import Screen
from benchmarks.load.streams import Update
from media.rtp_sender import RtpLine, RtpSender
from media.sip.caller import Caller, CallPlan, CallRefused, place_call
from media.siprec_source import RecordedParty
from pipelines.commands.demo import AGENTS
from pipelines.follower import Follower
from pipelines.replay import direction_of

CAMPAIGNS = {"es": "collections", "en": "sales", "pt": "care"}
"""Of the demo organisation, by language."""
APART_S = 0.25
"""Between the first calls of two lines: a server may limit calls a second."""
ENDED_WITHIN_S = 30.0
WARM_UP_S = 9.0


class Call(msgspec.Struct, frozen=True):
    """One call as it went."""

    language: str
    began_s: float
    """From when the lines began to play."""
    seconds: float
    utterances: tuple[Utterance, ...]
    updates: dict[str, list[Update]]
    """By leg."""
    ended: str


class Played(msgspec.Struct, frozen=True):
    calls: list[Call]
    refused: int
    """Times that a call was not admitted."""
    cpu_s: float
    """Of the playing process, while it played."""


class Lines:
    """A process that plays. When it is made, all is ready and warm; then `go` and `result`. All block."""

    def __init__(self, play: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
        """`play` is given the arguments and a pipe: it sends None when it is ready, plays once it receives, and sends
        `Played` as MessagePack."""
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(play, *arguments, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._ours.recv()

    def go(self) -> None:
        self._ours.send(None)

    def result(self) -> Played:
        """Raises `EOFError` when the process has failed."""
        played = msgspec.msgpack.decode(self._ours.recv_bytes(), type=Played)
        self._process.join()
        return played


def _run(play: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    uvloop.run(play(*arguments))


async def play(running: Running, count: int, seconds: float, orders: Connection) -> None:
    """So many calls at once at an engine, for so long."""
    order = conversations()
    plans = [line(number, count, seconds, order) for number in range(count)]
    async with AsyncExitStack() as stack:
        caller = await stack.enter_async_context(Caller())
        agents = [one for one in running.logins if one.login in AGENTS.values()]
        desks = [Follower(running.url, one.login, one.password) for one in agents]
        for desk in desks:
            await stack.enter_async_context(desk)
        player = Player(running, caller)
        warm = [part for one in order[:2] if (part := one.part(0.0, WARM_UP_S))]
        await asyncio.gather(*(player.call(part) for part in warm))
        player.placed.clear()
        orders.send(None)
        await asyncio.to_thread(orders.recv)
        began, cpu_s = time.monotonic(), own_cpu_s()
        await asyncio.gather(*(player.line(plan, number * APART_S) for number, plan in enumerate(plans)))
        cpu_s = own_cpu_s() - cpu_s
        for desk, agent in zip(desks, agents, strict=True):
            ending = sum(AGENTS[CAMPAIGNS[one.language]] == agent.login for one in [*warm, *player.conversations()])
            await desk.wait_ended(ending, ENDED_WITHIN_S)
    screen = Screen()
    for one in sorted((one for desk in desks for one in desk.seen), key=lambda one: one.at):
        screen.show(one)
    calls = [one.told(screen, began) for one in player.placed]
    orders.send_bytes(msgspec.msgpack.encode(Played(calls, player.refused, round(cpu_s, 2))))


def own_cpu_s() -> float:
    """Of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class _Placed(msgspec.Struct, frozen=True):
    conversation: Conversation
    dialog_id: str
    first_frame_s: float
    """Monotonic."""
    ended: str

    def told(self, screen: Screen, began: float) -> Call:
        updates = screen.updates(self.dialog_id, self.first_frame_s * 1000)
        conversation = self.conversation
        begun_s = self.first_frame_s - began
        about = (conversation.language, begun_s, conversation.seconds, conversation.utterances)
        return Call(*about, updates, self.ended)


class Player:
    """Places calls at one engine. `placed` and `refused` grow."""

    def __init__(self, running: Running, caller: Caller) -> None:
        self._running, self._caller = running, caller
        self._extensions = {one.login: one.extension for one in running.logins}
        self.placed: list[_Placed] = []
        self.refused = 0

    def conversations(self) -> list[Conversation]:
        return [one.conversation for one in self.placed]

    async def line(self, plan: Sequence[Conversation], after_s: float) -> None:
        """One call after another. A refused one is tried again when the engine says, and plays what is left of it."""
        await asyncio.sleep(after_s)
        for conversation in plan:
            due = time.monotonic()
            rest: Conversation | None = conversation
            while rest is not None:
                try:
                    await self.call(rest)
                    break
                except CallRefused as refusal:
                    self.refused += 1
                    await asyncio.sleep(max(1.0, float(refusal.headers.get("Retry-After", "1"))))
                    rest = conversation.part(time.monotonic() - due, conversation.seconds)

    async def call(self, conversation: Conversation) -> None:
        """To its end in real time. Raises `CallRefused`."""
        campaign = CAMPAIGNS[conversation.language]
        agent = f"{self._extensions[AGENTS[campaign]]}@pbx.example"
        parties = {"customer": "+15550100@carrier.example", "agent": agent}
        # as SBCs have it: the caller's line is the first
        order = ("agent", "customer") if direction_of(campaign) == "outbound" else ("customer", "agent")
        sender = RtpSender([RtpLine(conversation.sound[leg]) for leg in order])
        try:
            plan = CallPlan(
                f"sip:{campaign}@127.0.0.1:{self._running.sip_port};transport=udp",
                "127.0.0.1",
                sender.local_ports,
                parties=[RecordedParty(label=str(at + 1), aor=f"sip:{parties[leg]}") for at, leg in enumerate(order)],
                from_uri="sip:sbc@127.0.0.1",
            )
            placed = await place_call(self._caller, plan, "UDP")
            placed.ended.add_done_callback(lambda _: sender.stop())
            first_frame_s = await sender.send(placed.remote_ports())
            placed.bye()
            self.placed.append(_Placed(conversation, placed.dialog_id, first_frame_s, await placed.ended))
        finally:
            sender.close()
