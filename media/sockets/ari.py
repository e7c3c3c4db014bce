"""Asterisk's channels, heard through its REST interface: a snoop on each direction, sent to our RTP plane.

https://docs.asterisk.org/Development/Reference-Information/Asterisk-Framework-and-API-Examples/External-Media-and-ARI/.
The dialplan says which channels, with one line before `Dial` or `Queue`: `Set(WELCOMEDLY=customer)` (or `agent`), the
party on that channel. Its call begins once it is in a bridge with somebody: before, it hears ringing and announcements.
The call itself is not touched: it stays in the dialplan.
"""

import asyncio
import contextlib
import re
import time
import uuid
from collections.abc import Callable
from typing import Any, Literal

import aiohttp
import msgspec
import structlog
import uuid_utils

from engine.control.peers import Peer
from engine.errors import Overloaded
from engine.ports.intake import TAKEN_UP_S, CallIntake, CallOffer, Participant
from media.session import MediaAllocator, MediaSession, StreamOffer
from media.sip.telemetry import report_fault
from media.sockets.ari_rest import AriError, AriRest, address_of
from media.sockets.ari_stock import KINDS, take_stock
from media.sockets.bridges import Bridges
from media.sockets.fields import parse_object, text
from media.sockets.wire import Malformed

log = structlog.get_logger()

VARIABLE = "WELCOMEDLY"
DIRECTIONS = ("in", "out")
"""`in` is what the channel's own party says, `out` what that party hears."""
ENTERS_WITHIN_S = 5.0
LEAVES_WITHIN_S = 2.0
"""At shutdown: an Asterisk that is gone answers nothing."""
LONGEST_PAUSE_S = 30.0
MAX_CALLS = 500
MAX_MARKS = 5000
"""Channels that are marked and talk with nobody yet."""
_NUMBER = re.compile(r"\+?\d{7,15}")
"""What is shorter is an extension: a queue's, or a step of the dialplan."""


class _Mark(msgspec.Struct):
    """A channel that is to be heard once it talks with somebody: as it was when it was marked, and as it is now."""

    role: Literal["customer", "agent"]
    then: dict[str, Any]
    now: dict[str, Any]
    age_s: float = 0.0


class _Heard:
    """One channel's call, and what was made in Asterisk for it."""

    def __init__(self, session: MediaSession, participants: tuple[Participant, ...]) -> None:
        self.session, self.participants = session, participants
        self.made: list[str] = []
        """Paths."""
        self.holders: set[str] = set()
        """Channels whose party holds the call."""


class Ari:
    """Follows one Asterisk. `open`, then calls come by themselves; `close` leaves them."""

    def __init__(
        self,
        peer: Peer,
        intake: CallIntake,
        media: MediaAllocator,
        *,
        wall_clock: Callable[[], float] = time.time,
        pause_s: float = 1.0,
        leaves_within_s: float = LEAVES_WITHIN_S,
    ) -> None:
        self._peer, self._intake, self._media = peer, intake, media
        self._wall_clock, self._pause_s, self._leaves_within_s = wall_clock, pause_s, leaves_within_s
        self._rest = AriRest(peer)
        self._host = ""
        """Its address, as it was when we connected last."""
        self._missed = 0
        """Connections that could not be made since."""
        self._bridges = Bridges()
        self._marks: dict[str, _Mark] = {}
        self._starting: set[str] = set()
        """Channels for which things are being made in Asterisk."""
        self._calls: dict[str, _Heard] = {}
        self._entering: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def calls(self) -> int:
        return len(self._calls)

    async def open(self) -> None:
        await self._rest.open()
        self._spawn(self._listen_on())

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        calls, self._calls = list(self._calls.values()), {}
        for call in calls:
            call.session.close("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._leaves_within_s):
                await asyncio.gather(*(self._remove(call) for call in calls))
        await self._rest.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            report_fault(error)

    # ─── events ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _listen_on(self) -> None:
        """Stays connected; a lost connection ends its calls, whose ends we would not hear of."""
        while True:
            try:
                await self._listen()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                log.warning("ari.unreachable", peer=self._peer.name, kind=type(error).__name__)
            self._marks.clear()
            for channel in list(self._calls):
                self._end(channel, "peer_vanished")
            await asyncio.sleep(min(LONGEST_PAUSE_S, self._pause_s * 2 ** min(self._missed, 6)))
            self._missed += 1

    async def _listen(self) -> None:
        self._host = await address_of(self._peer.url)
        async with self._rest.events() as events:
            self._missed = 0
            stock = await take_stock(self._rest, self._peer, VARIABLE)
            self._bridges = Bridges(stock.bridges, stock.channels)
            for about, role in stock.values:  # events tell of no mark that was there before
                channel = text(about, "id")
                self._mark(channel, about, role, TAKEN_UP_S if self._bridges.partners(channel) else 0.0)
            async for message in events:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(message.data)

    def _take(self, message: str) -> None:
        """One event; a fault in it costs no other."""
        try:
            self._hear(parse_object(message))
        except Malformed:
            log.warning("ari.malformed", peer=self._peer.name)
        except Exception as error:
            report_fault(error)

    def _hear(self, event: dict[str, Any]) -> None:
        channel = text(event, "channel.id")
        if not channel:
            return
        if (mark := self._marks.get(channel)) is not None:
            mark.now = event["channel"]
        match event.get("type"):
            case "ChannelVarset" if event.get("variable") == VARIABLE:
                self._mark(channel, event["channel"], text(event, "value"))
            case "ChannelEnteredBridge":
                members = self._bridges.entered(event.get("bridge"), event["channel"])
                for marked in sorted(self._marks.keys() & members):
                    self._begin_if_it_talks(marked)
            case "ChannelLeftBridge":
                self._bridges.left(event.get("bridge"), event["channel"])
                self._let_go(channel)
            case "StasisStart" if channel in self._entering:
                entering = self._entering[channel]
                if not entering.done():
                    entering.set_result(None)
            case "ChannelDestroyed":
                self._marks.pop(channel, None)
                self._end(channel, "bye")
                self._let_go(channel)
            case "ChannelHold":
                self._hold(channel)
            case "ChannelUnhold":
                self._let_go(channel)
            case "ChannelConnectedLine" if channel in self._calls:
                self._connected(self._calls[channel], event)

    def _mark(self, channel: str, about: dict[str, Any], role: Any, age_s: float = 0.0) -> None:
        self._marks.pop(channel, None)
        if channel in self._calls or len(self._marks) >= MAX_MARKS:
            return
        if role in ("customer", "agent"):
            self._marks[channel] = _Mark(role, about, about, age_s)
            self._begin_if_it_talks(channel)

    def _begin_if_it_talks(self, channel: str) -> None:
        taken = self._calls.keys() | self._starting
        if channel not in taken and self._bridges.partners(channel) and len(taken) < MAX_CALLS:
            self._starting.add(channel)
            self._spawn(self._follow(channel, self._marks.pop(channel)))

    def _hold(self, channel: str) -> None:
        """Asterisk tells of a hold on the channel of whoever holds: mostly the agent's, which nobody has marked."""
        for one in {channel} | self._bridges.partners(channel):
            if (call := self._calls.get(one)) is not None:
                call.holders.add(channel)
                call.session.hold()

    def _let_go(self, channel: str) -> None:
        """Its party holds nobody any more: it took the call back, or has left it (a transfer tells of no unhold)."""
        for call in self._calls.values():
            if channel in call.holders:
                call.holders.discard(channel)
                if not call.holders:
                    call.session.resume()

    def _connected(self, call: _Heard, event: dict[str, Any]) -> None:
        """The other party has another number now: it answered, or the call was transferred."""
        number, name = text(event, "channel.connected.number"), text(event, "channel.connected.name")
        here, there = call.participants
        changed = Participant(there.stream, there.position, number, name, role=there.role)
        if changed != there:
            call.participants = (here, changed)
            call.session.participants_changed(call.participants)

    # ─── one call ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _follow(self, channel: str, mark: _Mark) -> None:
        try:
            offer = self._offer(channel, mark)
            refusal = self._intake.admit(offer)
            if refusal is not None:
                self._marks.pop(channel, None)
                log.info("ari.refused", peer=self._peer.name, code=refusal.code)
                return
            try:
                await self._hear_both(channel, offer)
            finally:
                self._intake.withdraw(offer)
        finally:
            self._starting.discard(channel)
        if channel in self._marks:  # the connection was lost meanwhile, and the next one has found it
            self._begin_if_it_talks(channel)

    async def _hear_both(self, channel: str, offer: CallOffer) -> None:
        """Begins an admitted call, unless Asterisk or our own ports are in the way."""
        streams = tuple(
            StreamOffer(stream=name, position=place, codec="PCMU", payload_type=0)
            for place, name in enumerate(DIRECTIONS)
        )
        try:
            session = await self._media.allocate(offer, streams)
        except Overloaded:
            log.info("ari.refused", peer=self._peer.name, code="overloaded")
            return
        call = self._calls[channel] = _Heard(session, offer.participants)
        try:
            for place, direction in enumerate(DIRECTIONS):
                await self._fork(call, channel, direction, session.local_ports()[place])
        except (AriError, OSError) as error:
            log.warning("ari.unheard", peer=self._peer.name, why=str(error))
            self._end(channel, "error")
        if channel not in self._calls:  # or it has ended meanwhile
            self._spawn(self._remove(call))
            return
        self._intake.begin(session)
        log.info("ari.following", call=offer.call_id, peer=self._peer.name)

    def _offer(self, channel: str, mark: _Mark) -> CallOffer:
        caller = text(mark.then, "caller.number")
        there: Any = "agent" if mark.role == "customer" else "customer"
        connected = text(mark.now, "connected.number"), text(mark.now, "connected.name")
        return CallOffer(
            call_id=str(uuid_utils.uuid7()),
            protocol="ari",
            peer=self._peer.url.partition("://")[2].partition("/")[0] + "/rtp",
            from_aor=caller,
            to_aor=self._called(mark),
            else_aor=self._peer.number,
            participants=(
                Participant("in", 0, caller, text(mark.then, "caller.name"), role=mark.role),
                Participant("out", 1, *connected, role=there),
            ),
            correlation={"asterisk-channel": channel},
            answered_at=self._wall_clock(),
            age_s=mark.age_s,
        )

    def _called(self, mark: _Mark) -> str:
        """The number that the customer dialled; where that is none, or an agent dialled, the peer's."""
        dialled = text(mark.then, "dialplan.exten")
        if mark.role == "customer" and _NUMBER.fullmatch(dialled):
            return dialled
        return self._peer.number or dialled

    async def _fork(self, call: _Heard, channel: str, direction: str, port: int) -> None:
        """Snoop → mixing bridge → external media."""
        snoop, sender, bridge = (f"{self._peer.app}-{kind}-{uuid.uuid4().hex}" for kind in KINDS)
        host = self._media.address(self._host)
        entering = [self._expect(name) for name in (snoop, sender)]
        try:
            call.made.append(f"channels/{snoop}")
            await self._rest.post(f"channels/{channel}/snoop/{snoop}", app=self._peer.app, spy=direction)
            call.made.append(f"channels/{sender}")
            await self._rest.post(
                "channels/externalMedia",
                channelId=sender,
                app=self._peer.app,
                external_host=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
                format="ulaw",
            )
            async with asyncio.timeout(ENTERS_WITHIN_S):
                await asyncio.gather(*entering)
        except TimeoutError:
            raise AriError("a channel did not enter the application") from None
        finally:
            for name in (snoop, sender):
                del self._entering[name]
        call.made.append(f"bridges/{bridge}")
        await self._rest.post(f"bridges/{bridge}", type="mixing")
        await self._rest.post(f"bridges/{bridge}/addChannel", channel=f"{snoop},{sender}")

    def _expect(self, channel: str) -> asyncio.Future[None]:
        future = self._entering[channel] = asyncio.get_running_loop().create_future()
        return future

    def _end(self, channel: str, reason: str) -> None:
        """At once here, in Asterisk by and by: what is still being made for it is taken away by whoever makes it."""
        call = self._calls.pop(channel, None)
        if call is None:
            return
        call.session.close(reason)
        if channel not in self._starting:
            self._spawn(self._remove(call))

    async def _remove(self, call: _Heard) -> None:
        await asyncio.gather(*(self._rest.delete(path) for path in call.made))
