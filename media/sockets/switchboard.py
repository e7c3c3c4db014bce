"""Which sockets make which call: admission, legs that join, and the end of a call with its last leg."""

import time

import msgspec
import structlog
import uuid_utils

from engine.control.peers import Peer
from engine.ports.intake import CallIntake, CallOffer, Refusal
from media.sip.telemetry import Counts, Uncounted
from media.sockets.plane import SocketPlane
from media.sockets.session import SocketSession
from media.sockets.wire import Malformed, Open

log = structlog.get_logger()


class _Call(msgspec.Struct):
    session: SocketSession
    key: tuple[str, str]
    legs: int = 1


class Switchboard:
    """One for all sockets of the engine."""

    def __init__(self, intake: CallIntake, plane: SocketPlane, metrics: Counts | None = None) -> None:
        self.plane = plane
        self._intake = intake
        self._metrics = metrics or Uncounted()
        self._calls: dict[str, _Call] = {}
        self._joined: dict[tuple[str, str], _Call] = {}
        self._closing = False

    def __len__(self) -> int:
        """Live calls."""
        return len(self._calls)

    def count(self, peer: Peer, outcome: str) -> None:
        self._metrics.count("platform_sockets_total", protocol=peer.protocol, outcome=outcome)

    def open(self, peer: Peer, address: str, asked: Open) -> SocketSession | Refusal:
        """Lets a call in, or a leg into its call. Raises `Malformed` when its channels are there already."""
        key = (peer.name, asked.key)
        known = self._joined.get(key) if asked.key else None
        if known is not None:
            if known.session.add(asked.channels) is None:
                raise Malformed("the call has that leg already")
            known.legs += 1
            known.session.tell_participants()
            return known.session
        return self._admit(peer, address, asked, key)

    def _admit(self, peer: Peer, address: str, asked: Open, key: tuple[str, str]) -> SocketSession | Refusal:
        offer = CallOffer(
            call_id=str(uuid_utils.uuid7()),
            protocol=peer.protocol,
            peer=address,
            from_aor=asked.from_aor,
            to_aor=asked.to_aor or peer.number,
            participants=tuple(channel.participant for channel in asked.channels),
            correlation=asked.correlation,
            answered_at=time.time(),
        )
        refusal = Refusal("shutting_down", 5) if self._closing else self._intake.admit(offer)
        if refusal is not None:
            log.info("socket.refused", code=refusal.code, peer=peer.name)
            return refusal
        try:
            session = self._begin(offer, asked)
        finally:
            self._intake.withdraw(offer)
        call = self._calls[offer.call_id] = _Call(session, key)
        if asked.key:
            self._joined[key] = call
        log.info("socket.opened", call=offer.call_id, peer=peer.name, streams=len(asked.channels))
        return session

    def _begin(self, offer: CallOffer, asked: Open) -> SocketSession:
        session = self.plane.open(offer)
        try:
            if session.add(asked.channels) is None:
                raise Malformed("a call's channels must differ")
            self._intake.begin(session)
        except Exception:
            session.abandon()
            raise
        return session

    def leave(self, session: SocketSession, reason: str) -> None:
        """One leg's socket is over; the call ends with its last one."""
        call = self._calls.get(session.offer.call_id)
        if call is None:
            return
        call.legs -= 1
        if call.legs <= 0:
            del self._calls[session.offer.call_id]
            self._joined.pop(call.key, None)
            session.close(reason)
            log.info("socket.ended", call=session.offer.call_id, reason=reason)

    def shut(self) -> None:
        """No more calls."""
        self._closing = True
