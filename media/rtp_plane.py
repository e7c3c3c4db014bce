"""The RTP plane: a UDP port per m-line, and one clock of 20 ms on which every call's packets become speech segments.

Nothing wakes the loop when a datagram comes: the kernel notes the time and keeps it, and each tick takes what has come
on all legs of all calls together, so that G.711 is decoded in one table look-up and the VAD runs in one batch.
"""

import logging
import selectors
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from engine.errors import Overloaded
from engine.ports.intake import CallOffer, MediaEvent
from media.audio import AudioRing
from media.hearing import BEGINNING, Hearing, Since, listen, own_ring
from media.plane import Plane
from media.ports import PortPool, PortRange
from media.reception import Quality
from media.rtp_port import RtpPort, own_address
from media.rtp_session import Before, RtpSession
from media.rtp_stream import INBOX, Waiting, decode_all
from media.segmenter import Endpointing
from media.session import StreamOffer
from media.udp_pair import bind_pair
from media.vad import VadBank

log = logging.getLogger(__name__)

SUSPEND_AFTER_S = 30.0
REPORT_EVERY_S = 5.0
"""Counts are passed on and drops logged so often at most."""


class RtpPlane(Plane[RtpSession]):
    """All calls' RTP (`media.session.MediaAllocator`). `start` it in the loop that calls it, `aclose` it there."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        ports: PortRange | None = None,
        *,
        advertise: str = "",
        suspend_after_s: float = SUSPEND_AFTER_S,
        endpointing: Endpointing | None = None,
        gated: bool = False,
        counted: Callable[[str, int], None] | None = None,
        judged: Callable[[Quality], None] | None = None,
        bank: VadBank | None = None,
        start: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`host` is bound; `advertise` is what peers are told instead, behind NAT. `counted` is told now and then how
        many more packets met which fate (`RtpStream.fates`), `judged` how well each stream came over the last 10 s.
        `gated` spares the VAD what is as quiet as the line's noise (`Ear`). `start`, from 0 up to 1, is where the first
        port is in the range: to those of an engine that was killed its calls may be sent for long yet."""
        super().__init__("rtp-plane", clock)
        self._bank = bank or VadBank()
        self._host = host
        self._advertise = advertise
        self._pool = PortPool(ports or PortRange(20_000, 23_999), start=start)
        self._suspend_after_ms = suspend_after_s * 1000
        self._endpointing = endpointing
        self._gated = gated
        self._ready = selectors.DefaultSelector()
        self._over: Counter[str] = Counter()
        """Fates in calls that are over."""
        self._counted = counted
        self._judged = judged or (lambda quality: None)
        self._reported: Counter[str] = Counter()
        self._report_at = clock()

    async def aclose(self) -> None:
        await super().aclose()
        self._ready.close()
        self._report()

    # ─── what signalling asks ────────────────────────────────────────────────────────────────────────────────────────

    def address(self, peer_host: str) -> str:
        return own_address(self._host, self._advertise, peer_host)

    async def allocate(
        self,
        offer: CallOffer,
        streams: tuple[StreamOffer, ...],
        *,
        sink: Callable[[MediaEvent], None] | None = None,
        ring: Callable[[str, int], AudioRing] = own_ring,
        before: Before | None = None,
        since: Since = BEGINNING,
    ) -> RtpSession:
        """The call's clock starts now, or as it did `before`. For `sink`, `ring` and `since` see `Hearing`."""
        hearing = Hearing(
            offer,
            self._bank,
            endpointing=self._endpointing,
            gated=self._gated,
            sink=sink,
            ring=ring,
            since=since,
        )
        session = RtpSession(self, hearing, self.clock, judged=self._judged, before=before)
        await session.update(streams)
        self._sessions[id(session)] = session
        return session

    # ─── what sessions ask ───────────────────────────────────────────────────────────────────────────────────────────

    async def open_ports(self, numbers: Sequence[int], now_ms: Callable[[], float]) -> list[RtpPort]:
        opened: list[RtpPort] = []
        try:
            for wanted in numbers:
                opened.append(self._bind(wanted, now_ms))
                for sock in opened[-1].sockets:
                    self._ready.register(sock, selectors.EVENT_READ, partial(opened[-1].read, sock))
        except BaseException:
            self.close_ports(opened)
            raise
        return opened

    def _bind(self, wanted: int, now_ms: Callable[[], float]) -> RtpPort:
        for _ in range(len(self._pool)):
            number = self._pool.take(self.clock(), wanted)
            if number is None:
                break
            try:
                return RtpPort(number, bind_pair(self._host, number), now_ms)
            except OSError:  # another program has it
                self._pool.give_back(number, self.clock(), unused=True)
        raise Overloaded("no RTP port is free")

    def close_ports(self, ports: list[RtpPort]) -> None:
        for port in ports:
            for sock in port.sockets:
                self._ready.unregister(sock)
            port.close()
            self._pool.give_back(port.number, self.clock())

    def release(self, session: RtpSession, ports: list[RtpPort], *, hear: bool = True) -> None:
        self._sessions.pop(id(session), None)
        if hear:
            self._hear([session], last=True)
            session.judge(last=True)
        fates: Counter[str] = Counter()
        for stream in session.streams.values():
            fates.update(stream.fates)
        self._over += fates
        log.info("RTP of call %s is over: %s", session.offer.call_id, dict(fates))
        self.close_ports(ports)

    # ─── the clock ───────────────────────────────────────────────────────────────────────────────────────────────────

    def tick(self) -> None:
        self._read()
        for session in self._hear(list(self._sessions.values())):
            session.abandon()
        for session in list(self._sessions.values()):
            session.watch(self._suspend_after_ms)
        if self.clock() >= self._report_at:
            self._report()

    def _read(self) -> None:
        """One datagram of every port that has some, until none has: hardly more system calls than datagrams."""
        for _ in range(INBOX):  # a flood waits in the kernel, which drops it
            ready = self._ready.select(0)
            if not ready:
                break
            wall_s = time.time()
            for key, _ in ready:
                key.data(wall_s)

    def _hear(self, sessions: Sequence[RtpSession], *, last: bool = False) -> list[RtpSession]:
        """Gives the sessions that are broken; the others are heard all the same."""
        broken: list[RtpSession] = []
        waiting: list[tuple[RtpSession, list[Waiting]]] = []
        for session in sessions:
            try:
                waiting.append((session, session.drain(last=last)))
            except Exception:
                log.exception("a call's packets cannot be put in order; it ends")
                broken.append(session)
        sound = iter(decode_all([packet for _, packets in waiting for packet in packets]))
        for session, packets in waiting:
            decoded = [next(sound) for _ in packets]
            try:
                for (stream, item), samples in zip(packets, decoded, strict=True):
                    stream.place(item, samples)
                session.fill()
            except Exception:
                log.exception("a call's sound cannot be placed; it ends")
                broken.append(session)
        listen(self._bank, [session.hearing for session in sessions if session not in broken])
        return broken

    def fates(self) -> Mapping[str, int]:
        """What became of all datagrams since start, of calls live and over (`RtpStream.fates`)."""
        total = Counter(self._over)
        for session in self._sessions.values():
            for stream in session.streams.values():
                total.update(stream.fates)
        return total

    def _report(self) -> None:
        self._report_at = self.clock() + REPORT_EVERY_S
        total = self.fates()
        more = {fate: count - self._reported[fate] for fate, count in total.items() if count > self._reported[fate]}
        self._reported.update(more)
        dropped = sum(more.get(fate, 0) for fate in ("foreign", "malformed", "dropped"))
        if dropped:
            log.warning("dropped %d datagrams on RTP ports that were no packets of a call's source", dropped)
        if self._counted is not None:
            for fate, count in more.items():
                self._counted(fate, count)
