"""One connection: its adapter's acts become the call, and what the adapter says goes out in order."""

import contextlib
from collections.abc import Iterable, Sequence

import msgspec
import structlog

from engine.control.peers import Peer
from engine.facts import Fact
from engine.flow import Channel, ChannelFull
from engine.ports.intake import Refusal
from media.sip.telemetry import report_fault
from media.sockets.pace import Pace
from media.sockets.session import SocketSession
from media.sockets.switchboard import Switchboard
from media.sockets.wire import (
    Act,
    Adapter,
    Digit,
    End,
    Hangup,
    Hold,
    Malformed,
    Named,
    Open,
    Parties,
    Resume,
    Send,
    Sound,
)

log = structlog.get_logger()

OUTBOX = 256
"""Messages that wait for a peer that reads slowly; at the bound its connection is closed."""
NEWS = 32
"""With so many waiting, facts are left out."""
START_WITHIN_S = 10.0
"""From connection to the call's opening, or to its name; a connection that says less is closed."""
NAMED_WITHIN_S = 3_600.0
"""The same of one that has said its name: its party may ring, or wait in a queue."""
LEAVE_WITHIN_S = 6.0
"""From our good-bye to the peer's."""


class Link:
    """`receive` what comes, `lost` when the connection is gone; `outbox` is what to send, and `Hangup` ends it."""

    def __init__(self, board: Switchboard, peer: Peer, adapter: Adapter, address: str) -> None:
        self.peer, self.address = peer, address
        self.outbox: Channel[Send | Hangup] = Channel(OUTBOX, "refuse")
        self.session: SocketSession | None = None
        self._board, self._adapter = board, adapter
        self._since = self._leaving_since = board.plane.clock()
        self._pace = Pace(self._since)
        self._named = self._opened = self._leaving = self._over = False
        self.digits = 0

    @property
    def over(self) -> bool:
        """Nothing more is heard; the connection is to be closed once the outbox is empty."""
        return self._over

    def receive(self, data: str | bytes) -> None:
        """The peer's next message (over TCP: bytes). Never raises."""
        if self._over:
            return
        if not self._pace.takes(len(data), self._board.plane.clock()):
            self._board.count(self.peer, "flood")
            self.hang_up("flood")
            return
        try:
            self._run(self._adapter.receive(data))
        except Malformed as error:
            if not self._leaving:
                log.info("socket.malformed", peer=self.peer.name, why=str(error), call=self._call_id)
                self._board.count(self.peer, "malformed")
            self.hang_up("malformed")
        except Exception as error:
            report_fault(error, self._call_id)
            self._board.count(self.peer, "fault")
            self.hang_up("error")

    def hang_up(self, reason: str) -> None:
        """Ends the connection from our side, in the protocol's way; asked again, at once."""
        if self._leaving:
            self._finish()
            return
        self._leave(reason if reason in ("shutdown", "bye") else "error")
        try:
            self._run(self._adapter.hang_up(reason))
        except Malformed:
            self._finish()

    def lost(self, *, clean: bool) -> None:
        """The connection is gone."""
        self._leave("bye" if clean else "peer_vanished")
        self._finish()

    def check(self, now: float) -> None:
        """Closes what does not begin and what does not end."""
        if self._leaving:
            if now - self._leaving_since > LEAVE_WITHIN_S:
                self._finish()
        elif not self._opened and now - self._since > (NAMED_WITHIN_S if self._named else START_WITHIN_S):
            self._board.count(self.peer, "slow")
            self.hang_up("slow")
        elif self._opened and self.session is not None and self.session.closed:
            self.hang_up("shutdown")

    # ─── acts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, acts: Iterable[Act]) -> None:
        for act in acts:
            self._do(act)

    def _do(self, act: Act) -> None:
        match act:
            case Sound(stream=stream, samples=samples, position=position):
                if self.session is not None:
                    self.session.put(stream, samples, position)
            case Send():
                self._say(act)
            case Named():
                self._named = True
            case Open():
                self._open(act)
            case Hold() if self.session is not None:
                self.session.hold()
            case Resume() if self.session is not None:
                self.session.resume()
            case Parties(participants=participants) if self.session is not None:
                self.session.participants_changed(participants)
            case Digit():
                self.digits += 1
            case End(reason=reason):
                self._leave(reason)
            case Hangup():
                self._finish(act)

    def _open(self, asked: Open) -> None:
        if self._opened:
            raise Malformed("a connection opens one call")
        self._opened = True
        answer = self._board.open(self.peer, self.address, asked)
        if isinstance(answer, Refusal):
            self._board.count(self.peer, "refused")
            self._leaving, self._leaving_since = True, self._board.plane.clock()
            self._run(self._adapter.refused(answer))
            return
        self._board.count(self.peer, "accepted")
        self.session = answer
        answer.readers.append(self._tell)
        self._run(self._adapter.admitted())

    def _tell(self, facts: Sequence[Fact]) -> None:
        if not self._leaving and len(self.outbox) < NEWS:
            try:
                self._run(self._adapter.told(facts))
            except (Malformed, msgspec.EncodeError) as error:
                report_fault(error, self._call_id)

    def _say(self, message: Send) -> None:
        try:
            self.outbox.put(message)
        except ChannelFull:
            self._board.count(self.peer, "slow")
            self._finish()

    def _leave(self, reason: str) -> None:
        """The call goes on without this leg, or ends."""
        if self._leaving:
            return
        self._leaving, self._leaving_since = True, self._board.plane.clock()
        if self.session is not None:
            if self._tell in self.session.readers:
                self.session.readers.remove(self._tell)
            self._board.leave(self.session, reason)

    def _finish(self, last: Hangup | None = None) -> None:
        self._leave("error")
        if not self._over:
            self._over = True
            with contextlib.suppress(ChannelFull):  # then the channel's end says it
                self.outbox.put(last or Hangup())
            self.outbox.close()

    @property
    def _call_id(self) -> str:
        return self.session.offer.call_id if self.session else ""
