"""A bridged call: two parties, and sometimes a third that is rung to take the place of one of them.

Pure but for what parties do: no clock, no socket. Nobody is ever left alone: when one side is gone for good, so is the
other, and whoever is still being rung.
"""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from media.bridge.party import (
    Answered,
    Direction,
    EarlyMedia,
    HungUp,
    Invitation,
    Party,
    PartyEvent,
    Pressed,
    Refused,
    Ringing,
    Taken,
    TransferAsked,
    Turned,
    shown,
)
from media.bridge.seats import Seats, Slot
from media.rtp import RtpPacket
from media.session import AudioCodec
from media.sip.telemetry import report_fault

__all__ = ["BridgedCall", "CallOwner", "Recorder", "Slot"]


class Recorder(Protocol):
    """What hears the call: `media.bridge.recording_source`. None of it waits or raises."""

    def begin(self, call: "BridgedCall") -> None:
        """Both sides stand."""

    def talk(self, slot: Slot, packet: RtpPacket) -> None:
        """Sound of one side, after the other has been given it."""

    def changed(self, call: "BridgedCall") -> None:
        """Somebody else has a place, or a side holds or takes up again."""

    def end(self) -> None: ...


class CallOwner(Protocol):
    """What a call asks of the exchange."""

    def targets(self, wanted: str, call: "BridgedCall", referrer: Party) -> Iterator[Party]:
        """Whom a transfer that `referrer` asks for may ring, one after another. Raises `ValueError` when that is
        nobody."""

    def consulted(self, call_id: str) -> "BridgedCall | None":
        """The standing call of that id."""

    def over(self, call: "BridgedCall", reason: str) -> None: ...


class _Hunt(msgspec.Struct):
    """Parties that are rung one after another for one place."""

    slot: Slot
    candidates: Iterator[Party]
    party: Party | None = None
    """The one that rings now."""
    until: float = 0.0
    rings: bool = False
    status: int = 480
    """What the caller hears when nobody is left: the most telling refusal so far."""


class BridgedCall:
    """`start` it; then parties' events and `tick` move it. `over` is told to the owner once, at the end."""

    def __init__(
        self,
        invitation: Invitation,
        caller: Party,
        owner: CallOwner,
        recorder: Recorder,
        *,
        number: str = "",
        ring_s: float = 20.0,
    ) -> None:
        """`number` is ours: the one that was dialled, or that is shown to those whom we call. Each party that is rung
        has `ring_s` to answer."""
        self.invitation, self.number = invitation, number or invitation.to_aor
        self.codec: AudioCodec | None = None
        """Of both sides: from the answer on, or from early media whose codec the caller was told."""
        self.organisation = caller.organisation
        """Whose agent takes part, or did; empty: nobody's that we know of."""
        self.up = self.ended = False
        self._owner, self._recorder, self._ring_s = owner, recorder, ring_s
        self._seats = Seats(caller, recorder.talk)
        self._hunt: _Hunt | None = None
        self._now = 0.0
        self._listen(caller)

    @property
    def call_id(self) -> str:
        return self.invitation.call_id

    @property
    def parties(self) -> list[Party | None]:
        """By slot."""
        return self._seats.parties

    @property
    def held(self) -> bool:
        """Neither side's speech reaches the other."""
        return self._seats.held

    # ─── commands ────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, candidates: Iterator[Party], now: float) -> None:
        """Rings the first who may take it."""
        self._now = now
        self._ring_next(_Hunt(1, candidates))

    def tick(self, now: float) -> None:
        """Rings the next one when nobody answers; call it about once a second."""
        self._now = now
        hunt = self._hunt
        if hunt is not None and hunt.party is not None and now >= hunt.until:
            hunt.party.hang_up("not_answered", 408)
            self._refused(hunt, 480)

    def hang_up(self, reason: str, status: int = 0) -> None:
        """Ends it for everybody."""
        self._end(reason, status)

    def take_over(self, slot: Slot, party: Party) -> None:
        """Another party, which has rung us for it and speaks the call's codec, has that place now (RFC 3891)."""
        if not self.up or self.codec is None or self._hunt is not None:
            party.hang_up("rejected", 491 if self._hunt else 481)
            return
        before = self.parties[slot]
        self._listen(party)
        party.accept(self.codec)
        self._seat(slot, party)
        if before is not None:
            before.hang_up("replaced")

    # ─── what parties say ────────────────────────────────────────────────────────────────────────────────────────────

    def _listen(self, party: Party) -> None:
        party.hear = lambda event: self._hear_safely(party, event)

    def _hear_safely(self, party: Party, event: PartyEvent) -> None:
        """A fault of ours must not leave anybody alone on the line."""
        try:
            self._hear(party, event)
        except Exception as error:
            report_fault(error, self.call_id)
            self._end("error", 500)

    def _hear(self, party: Party, event: PartyEvent) -> None:
        if self.ended:
            return
        hunt = self._hunt
        if hunt is not None and party is hunt.party:
            self._hear_rung(hunt, party, event)
            return
        slot = self._seats.of(party)
        if slot is None:
            return
        if isinstance(event, HungUp):
            self._hung_up(slot, event.reason)
        elif isinstance(event, Turned):
            self._seats.turn(slot, event.direction)
            self._recorder.changed(self)
        elif isinstance(event, Pressed):
            other = self.parties[1 - slot]
            if other is not None:
                other.press(event.key, event.duration_ms)
        elif isinstance(event, TransferAsked):
            self._transfer(slot, party, event)

    def _hear_rung(self, hunt: _Hunt, party: Party, event: PartyEvent) -> None:
        if isinstance(event, Ringing | EarlyMedia):
            self._progressed(hunt, event.codec if isinstance(event, EarlyMedia) else None)
        elif isinstance(event, Taken):
            hunt.until = max(hunt.until, self._now + event.opening_s)
        elif isinstance(event, Answered):
            self._answered(hunt, party, event.codec)
        elif isinstance(event, Refused):
            self._refused(hunt, event.status)
        elif isinstance(event, HungUp):
            self._refused(hunt, 480)

    # ─── ringing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ring_next(self, hunt: _Hunt) -> None:
        party = next(hunt.candidates, None)
        if party is None:
            self._nobody(hunt)
            return
        hunt.party, hunt.until = party, self._now + self._ring_s
        self._hunt = hunt
        self._listen(party)
        codecs = (self.codec,) if self.codec else self.invitation.codecs
        caller = self.parties[1 - hunt.slot]
        invitation = self.invitation
        if self.up and caller is not None:  # a transfer shows who will be talked to
            from_aor, from_name = shown(caller)
            invitation = msgspec.structs.replace(invitation, from_aor=from_aor, from_name=from_name)
        party.ring(msgspec.structs.replace(invitation, codecs=codecs))

    def _progressed(self, hunt: _Hunt, codec: AudioCodec | None) -> None:
        referrer, waiting = self.parties[hunt.slot], self.parties[1 - hunt.slot]
        if self.up and referrer is not None:
            referrer.transferred(180)
            return
        heard = codec if self.codec in (None, codec) else None
        if heard is not None and hunt.party is not None:
            self._seats.connect((hunt.slot, hunt.party))
        if waiting is not None and not self.up and waiting.progress(heard):
            self.codec = heard

    def _answered(self, hunt: _Hunt, party: Party, codec: AudioCodec) -> None:
        if self.codec not in (None, codec):  # the caller was told another for early media
            party.hang_up("rejected", 488)
            self._refused(hunt, 488)
            return
        self._hunt, self.codec = None, codec
        referrer, waiting = self.parties[hunt.slot], self.parties[1 - hunt.slot]
        if self.up:
            if referrer is not None:
                referrer.transferred(200)
            self._seat(hunt.slot, party)
            if referrer is not None:
                referrer.hang_up("transferred")
            return
        self.up = True
        self.parties[hunt.slot] = party
        self.organisation = self.organisation or party.organisation
        self._seats.connect()
        if waiting is not None:
            waiting.accept(codec)
        self._recorder.begin(self)

    def _refused(self, hunt: _Hunt, status: int) -> None:
        if self._hunt is not hunt:
            return
        hunt.status = status if hunt.status == 480 else hunt.status
        self._hunt = None
        self._ring_next(hunt)

    def _nobody(self, hunt: _Hunt) -> None:
        referrer = self.parties[hunt.slot]
        if self.up and referrer is not None:
            referrer.transferred(hunt.status)
            self._seats.connect()
        else:
            self._end("rejected", hunt.status)

    # ─── transfers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _transfer(self, slot: Slot, referrer: Party, event: TransferAsked) -> None:
        if not self.up or self._hunt is not None:
            referrer.transferred(491)
        elif event.replaces:
            self._join(slot, referrer, event.replaces)
        else:
            try:
                candidates = self._owner.targets(event.target, self, referrer)
            except ValueError:
                referrer.transferred(404)
                return
            referrer.transferred(100)
            self._ring_next(_Hunt(slot, candidates))

    def _join(self, slot: Slot, referrer: Party, call_id: str) -> None:
        """Attended: the referrer leaves this call and that one, and those who are left talk."""
        other = self._owner.consulted(call_id)
        theirs = other.slot_of(referrer) if other is not None and other is not self else None
        if other is None or theirs is None or not other.up:
            referrer.transferred(481)
        elif other.codec != self.codec:
            referrer.transferred(488)
        else:
            referrer.transferred(200)
            taken, turned = other.hand_over(theirs)
            if taken is not None:
                self._listen(taken)
                self._seat(slot, taken, turned)
                referrer.hang_up("transferred")

    def hand_over(self, slot: Slot) -> tuple[Party | None, Direction]:
        """Gives the party opposite to that place to another call, with how it has turned by itself, and ends."""
        taken, self.parties[1 - slot] = self.parties[1 - slot], None
        self._end("transferred", 0)
        return taken, self._seats.turned[1 - slot]

    def slot_of(self, person: Party) -> Slot | None:
        """The place of the party that is the same person's."""
        return self._seats.of_person(person)

    def _seat(self, slot: Slot, party: Party, turned: Direction = "sendrecv") -> None:
        self.organisation = self.organisation or party.organisation
        self._seats.seat(slot, party, turned)
        self._recorder.changed(self)

    # ─── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _hung_up(self, slot: Slot, reason: str) -> None:
        self.parties[slot] = None
        if self._hunt is not None and self._hunt.slot == slot:  # who asked for the transfer need not wait for it
            return
        self._end(reason, 0)

    def _end(self, reason: str, status: int) -> None:
        if self.ended:
            return
        self.ended = True
        hunt, self._hunt = self._hunt, None
        if hunt is not None and hunt.party is not None:
            hunt.party.hang_up("cancelled")
        for party in self.parties:
            if party is not None:
                party.hang_up(reason, status)
        if self.up:
            self._recorder.end()
        self._owner.over(self, reason)
