"""Calls that rtpengine relays: asked for over its NG protocol, heard through our RTP plane.

https://github.com/sipwise/rtpengine, `docs/ng_control_protocol.md`. Kamailio or OpenSIPS need no change: we look for
new calls (`list`), subscribe to the media of those with two sides (`subscribe request`, `subscribe answer`) and of
sides that come later (a third party, whoever a call is transferred to), and leave (`unsubscribe`) when they are gone.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec
import structlog
import uuid_utils

from engine.control.peers import Peer, role_names
from engine.errors import Overloaded
from engine.ports.intake import TAKEN_UP_S, CallIntake, CallOffer, Participant
from media.session import MediaAllocator, MediaSession, StreamOffer
from media.sip.negotiation import Answerer, negotiate
from media.sip.sdp import Sdp, parse_sdp
from media.sip.telemetry import report_fault
from media.sockets.ng import TRIES_S, NgClient, NgError, NgRefusal

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
GONE_AFTER = 5
"""So many looks without an answer, and rtpengine is gone with its calls."""
LISTED = 500
"""Calls that one `list` names: with Call-IDs of 120 characters it still fits a datagram."""
REFUSED = 5000
"""Calls that are not asked for again, of an rtpengine that has more than it lists."""
ATTEMPTS = 3
"""So many subscriptions to a call that came to nothing, and it is left alone."""
QUERIES = 20
"""Calls that are followed are asked for new sides by turns, so many a look."""
MAX_SIDES = 8
"""Of one call, over its time; more are not heard."""


class _Followed:
    """A call that we hear, over one subscription for its first sides and one for each that came later."""

    def __init__(self, session: MediaSession, to_tag: str, streams: tuple[StreamOffer, ...], sides: set[str]) -> None:
        self.session, self.to_tags, self.streams = session, [to_tag], streams
        self.ours = {to_tag}
        """Tags of our listening: of what goes on and of what came to nothing."""
        self.sides = sides
        """Tags that are heard, or were found not to be to hear."""
        self.participants = session.offer.participants


class Rtpengine:
    """Follows one rtpengine's calls. `open`, then calls come by themselves; `close` leaves them."""

    def __init__(
        self,
        peer: Peer,
        intake: CallIntake,
        media: MediaAllocator,
        *,
        look_every_s: float = LOOK_EVERY_S,
        listed: int = LISTED,
        tries_s: Sequence[float] = TRIES_S,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        host, _, port = peer.url.removeprefix("udp://").rpartition(":")
        self._host = host.strip("[]")
        self._ng = NgClient(self._host, int(port) if port.isdecimal() else 2223, tries_s)
        self._peer, self._intake, self._media = peer, intake, media
        self._look_every_s, self._listed, self._wall_clock = look_every_s, listed, wall_clock
        self._followed: dict[str, _Followed] = {}
        self._refused: list[str] = []
        self._failures: Counter[str] = Counter()
        """Subscriptions that came to nothing, by call."""
        self._left: list[tuple[str, str]] = []
        """Call and tag of subscriptions to give up once rtpengine answers."""
        self._cut = False
        """The last list did not name every call."""
        self._missed = 0
        self._named: set[str] | None = None
        """What the last list named; None before the first one, and once rtpengine was gone."""
        self._before: set[str] = set()
        """Calls that may have begun before we came: nobody has seen them ring."""
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def calls(self) -> int:
        return len(self._followed)

    async def open(self) -> None:
        await self._ng.open()
        self._task = asyncio.get_running_loop().create_task(self._look_on(), name=f"rtpengine-{self._peer.name}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        async with asyncio.TaskGroup() as group:
            for call_id in list(self._followed):
                group.create_task(self._leave(call_id, "shutdown"))
        self._ng.close()

    async def _look_on(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:
                report_fault(error)
            await asyncio.sleep(self._look_every_s)

    async def look(self) -> None:
        """Once: follows what is new, ends what is gone."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        try:
            found = (await self._ng.ask("list", limit=self._listed)).get("calls")
        except NgError:
            self._missed += 1
            if self._missed == GONE_AFTER:
                self._named = None
                for call_id in list(self._followed):
                    self._left += [(call_id, to_tag) for to_tag in self._end(call_id, "peer_vanished").to_tags]
            return
        self._missed = 0
        live = {call_id for call_id in found if isinstance(call_id, str)} if isinstance(found, list) else set()
        self._weigh(live)
        left, self._left = self._left, []
        for call_id, to_tag in left:
            await self._unsubscribe(call_id, to_tag)
        for call_id in list(self._followed)[:QUERIES]:
            followed = self._followed[call_id] = self._followed.pop(call_id)  # to the end: all get their turn
            await self._look_for_others(call_id, followed)
        for call_id in sorted(live - self._followed.keys() - set(self._refused)):
            await self._try(call_id)

    def _weigh(self, live: set[str]) -> None:
        """Ends what is gone. A list as long as we ask for is cut, in no order that is promised: whether a call that it
        leaves out goes on, only `query` says; and for how long one has gone on that it names later, nobody does."""
        cut = len(live) >= self._listed
        if cut and not self._cut:
            log.warning("rtpengine.list_cut", peer=self._peer.name, listed=self._listed)
        if self._named is None or cut or self._cut:
            self._before |= live - (self._named or set())
        self._before &= live
        self._named = live
        self._cut = cut
        for call_id in self._failures.keys() - live:
            del self._failures[call_id]
        if cut:
            self._refused = self._refused[-REFUSED:]
            return
        self._refused = [call_id for call_id in self._refused if call_id in live]
        self._left = [(call_id, to_tag) for call_id, to_tag in self._left if call_id in live]
        for call_id in [known for known in self._followed if known not in live]:
            self._end(call_id, "bye")

    async def _sides(self, call_id: str) -> set[str]:
        tags = (await self._ng.ask("query", call_id=call_id)).get("tags")
        return {name for name, about in tags.items() if _is_side(name, about)} if isinstance(tags, dict) else set()

    async def _try(self, call_id: str) -> None:
        try:
            sides = await self._sides(call_id)
            if len(sides) > 1:  # answered
                await self._follow(call_id, sides, TAKEN_UP_S if call_id in self._before else 0.0)
            else:
                self._before.discard(call_id)
        except (NgError, ValueError, Overloaded) as error:
            self._unheard(error)

    def _unheard(self, error: Exception) -> None:
        log.info("rtpengine.unheard", peer=self._peer.name, kind=type(error).__name__)

    async def _look_for_others(self, call_id: str, followed: _Followed) -> None:
        try:
            sides = await self._sides(call_id)
        except NgRefusal:  # it knows no such call
            self._end(call_id, "bye")
            return
        except NgError as error:
            self._unheard(error)
            return
        for side in sorted(sides - followed.sides - followed.ours):  # our own listening has tags, too
            followed.sides.add(side)
            if len(followed.sides) <= MAX_SIDES:
                try:
                    await self._join(call_id, followed, side)
                except (NgError, ValueError, Overloaded) as error:
                    self._unheard(error)

    @contextlib.asynccontextmanager
    async def _subscription(self, call_id: str, **to: object) -> AsyncIterator[tuple[str, Sdp]]:
        """Its tag and what it offers us. It is given up when what is done with it raises: rtpengine would keep its
        ports, and send to one of ours that another call may get."""
        asked = await self._ng.ask("subscribe request", call_id=call_id, **to)
        to_tag = str(asked.get("to-tag", ""))
        try:
            yield to_tag, parse_sdp(str(asked.get("sdp", "")).encode())
        except BaseException:
            await self._unsubscribe(call_id, to_tag)
            raise

    async def _join(self, call_id: str, followed: _Followed, side: str) -> None:
        """Hears one more side of a call, as a stream of its own."""
        async with self._subscription(call_id, from_tags=[side]) as (to_tag, described):
            followed.ours.add(to_tag)  # whatever comes of it
            offered = negotiate(described, lines=1)
            if not offered:
                await self._unsubscribe(call_id, to_tag)
                return
            place = max(2, 1 + max(stream.position for stream in followed.streams))  # the first two began it
            new = msgspec.structs.replace(offered[0], position=place, stream=str(place))
            await followed.session.update((*followed.streams, new))
            followed.streams = (*followed.streams, new)
            ports = {offered[0].position: followed.session.local_ports()[place]}
            await self._accept(call_id, to_tag, described, offered, ports)
        followed.to_tags.append(to_tag)
        followed.participants = (*followed.participants, self._party(place, new.stream))
        followed.session.participants_changed(followed.participants)
        log.info("rtpengine.joined", call=followed.session.offer.call_id, peer=self._peer.name)

    async def _follow(self, call_id: str, sides: set[str], age_s: float) -> None:
        try:
            async with self._subscription(call_id, flags=["all"]) as (to_tag, described):
                await self._begin(call_id, sides, to_tag, described, age_s)
        except (NgError, ValueError):
            self._failures[call_id] += 1
            if self._failures[call_id] >= ATTEMPTS:
                self._refused.append(call_id)
            raise

    async def _begin(self, call_id: str, sides: set[str], to_tag: str, described: Sdp, age_s: float) -> None:
        """Begins the call, if it is admitted. Raises `NgError`, and `Overloaded` when no port of ours is free."""
        streams = negotiate(described)
        offer = self._offer(call_id, described, streams, age_s)
        refusal = self._intake.admit(offer) if streams else None
        if not streams or refusal is not None:
            self._refused.append(call_id)
            log.info("rtpengine.refused", peer=self._peer.name, code=refusal.code if refusal else "no_codec")
            await self._unsubscribe(call_id, to_tag)
            return
        try:
            session = await self._media.allocate(offer, streams)
            try:
                await self._accept(call_id, to_tag, described, streams, session.local_ports())
            except BaseException:
                session.close("error")
                raise
            self._followed[call_id] = _Followed(session, to_tag, streams, sides)
            self._intake.begin(session)
        finally:
            self._intake.withdraw(offer)
        log.info("rtpengine.following", call=session.offer.call_id, peer=self._peer.name, streams=len(streams))

    async def _accept(
        self,
        call_id: str,
        to_tag: str,
        described: Sdp,
        streams: tuple[StreamOffer, ...],
        ports: Mapping[int, int],
    ) -> None:
        answerer = Answerer(int(self._wall_clock()), self._media.address(self._host))
        answer = answerer.answer(described, streams, ports).to_bytes()
        await self._ng.ask("subscribe answer", call_id=call_id, to_tag=to_tag, sdp=answer, flags=["allow transcoding"])

    def _offer(self, call_id: str, described: Sdp, streams: tuple[StreamOffer, ...], age_s: float) -> CallOffer:
        """m-lines are in the order of the tags: who offered first is the caller."""
        return CallOffer(
            call_id=str(uuid_utils.uuid7()),
            protocol="rtpengine",
            peer=f"{self._peer.url.removeprefix('udp://')}/udp",
            from_aor="",
            to_aor=self._peer.number,
            participants=tuple(self._party(_place(described, stream), stream.stream) for stream in streams),
            correlation={"call-id": call_id},
            answered_at=self._wall_clock(),
            age_s=age_s,
        )

    def _party(self, place: int, stream: str) -> Participant:
        if self._peer.roles is not None and place < 2:
            return Participant(stream, place, role=role_names(self._peer)[place])
        return Participant(stream, place, side=("caller", "called")[place] if place < 2 else "")

    def _end(self, call_id: str, reason: str) -> _Followed:
        followed = self._followed.pop(call_id)
        followed.session.close(reason)
        return followed

    async def _leave(self, call_id: str, reason: str) -> None:
        for to_tag in self._end(call_id, reason).to_tags:
            await self._unsubscribe(call_id, to_tag)

    async def _unsubscribe(self, call_id: str, to_tag: str) -> None:
        """Where rtpengine does not answer, again when it does."""
        try:
            await self._ng.ask("unsubscribe", call_id=call_id, to_tag=to_tag)
        except NgRefusal:  # it knows the call no more
            pass
        except NgError:
            self._left.append((call_id, to_tag))


def _place(described: Sdp, stream: StreamOffer) -> int:
    """Whose line it is, by its place among the sides': one that cannot be heard has its place all the same."""
    return sum(line.kind == "audio" for line in described.media[: stream.position])


def _is_side(name: str, about: object) -> bool:
    """Of `query`'s tags: whether this is a side of the call. From the offer on there is an untagged one for whoever
    will answer, and other listeners have tags too."""
    if not isinstance(about, dict) or not about.get("tag", name):
        return False
    heard = about.get("subscriptions")
    kinds = {one.get("type") for one in heard if isinstance(one, dict)} if isinstance(heard, list) else set()
    return kinds != {"pub/sub"}
