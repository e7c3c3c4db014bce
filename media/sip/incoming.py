"""One call that came in: ties its signalling (`Leg`), its sound (`MediaSession`) and the intake together."""

import asyncio
import secrets
import time
from collections.abc import Coroutine
from typing import Any, Protocol

import numpy as np
import structlog

from engine.errors import Overloaded
from engine.facts import Pcm16
from engine.ports.intake import CallIntake, CallOffer, Refusal
from media import siprec
from media.session import MediaAllocator, MediaSession, StreamOffer
from media.sip import effects, usage
from media.sip.agreement import Agreement
from media.sip.bodies import Unacceptable, read_body
from media.sip.call_offer import call_offer
from media.sip.digest import Login
from media.sip.endpoint import ACCEPT, Endpoint, new_tag
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.liveness import Liveness
from media.sip.message import Request, reason_header
from media.sip.negotiation import Answerer
from media.sip.sdp import Sdp
from media.sip.takeover import Takeover
from media.sip.telemetry import report_fault
from media.sip.transfers import Transfers
from media.speaker import notice_sound

log = structlog.get_logger()

_REFUSALS = {"overloaded": 503, "shutting_down": 503, "forbidden": 403, "unknown_number": 404}
_SDP = ("Content-Type", "application/sdp")


class Owner(Protocol):
    """The server that keeps the call."""

    endpoint: Endpoint
    intake: CallIntake
    media: MediaAllocator

    def login_at(self, host: str) -> Login: ...

    def begun(self, call: "IncomingCall") -> None:
        """The call stands."""

    def over(self, call: "IncomingCall") -> None:
        """The call has ended."""


class IncomingCall:
    """From INVITE to BYE. Everything that it starts ends with it."""

    def __init__(self, owner: Owner, invite: Request, flow: Flow) -> None:
        self._owner, self._flow = owner, flow
        endpoint = owner.endpoint
        secure = invite.uri.lower().startswith("sips:")
        self._contact = f"<{endpoint.contact('welcomedly', flow, secure=secure)}>;+sip.srs"
        machine = usage.InviteUsage(invite, self._contact, new_tag(), ours=False, dice=secrets.SystemRandom().random)
        self.leg = Leg(endpoint, machine, flow, self.hear)
        self.session: MediaSession | None = None
        self.agreement = Agreement(Answerer(int(time.time()), owner.media.address(flow.host)))
        self._begun = self._held = False
        self._admitted: CallOffer | None = None
        self.transfers = Transfers(self, owner)
        self._closed = ""
        self._notice: tuple[Pcm16, bool] = (np.zeros(0, np.int16), False)
        self._beep_every_s = 0
        self._liveness = Liveness()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stepping = asyncio.Lock()

    @property
    def call_id(self) -> str:
        return self.session.offer.call_id if self.session else ""

    # ─── coming in ───────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Answers the INVITE: at once with a refusal, or in a task with the call."""
        invite = self.leg.usage.invite
        self.leg.run(self.leg.usage.ring(100))  # stops the peer's retransmissions while ports are opened
        if objection := self.leg.usage.timer.objection(invite):
            self.leg.run(self.leg.usage.refuse(invite, 422, *objection))
            return
        try:
            body = read_body(invite)
            self.agreement.open(body)
        except Unacceptable as error:
            self.leg.run(self.leg.usage.refuse(invite, error.status, *error.headers))
            return
        offer = call_offer(invite, body, self.agreement, str(self._flow))
        refusal = self._owner.intake.admit(offer)
        if refusal is not None:
            self._refuse(refusal)
            return
        self._admitted = offer
        self._spawn(self._answer(offer))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs the next step of the call once those before it are done: the peer may cancel one and ask for the next
        while ports open. A fault ends the call."""
        task = asyncio.get_running_loop().create_task(self._step(work))
        self._tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._stepped)

    async def _step(self, work: Coroutine[Any, Any, None]) -> None:
        async with self._stepping:
            await work

    def _stepped(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            report_fault(error, self.call_id)
            self.fail()

    def _refuse(self, refusal: Refusal) -> None:
        status = _REFUSALS[refusal.code]
        extra = (("Retry-After", str(refusal.retry_after_s or 5)),) if status == 503 else ()
        log.info("sip.refused", code=refusal.code, peer=str(self._flow))
        self.leg.run(self.leg.usage.refuse(self.leg.usage.invite, status, *extra))

    async def _answer(self, offer: CallOffer) -> None:
        machine, streams = self.leg.usage, self.agreement.streams
        notice = None if self.agreement.recording else self._owner.intake.notice(offer)
        if notice is not None and notice.announced:
            self._notice = await asyncio.to_thread(notice_sound, notice.files)
        self._beep_every_s = notice.beep_every_s if notice else 0
        self.agreement.answerer.speaks = notice is not None
        try:
            session = await self._owner.media.allocate(offer, streams)
        except Overloaded:
            self._refuse(Refusal("overloaded", 10))
            return
        if machine.state != "offered":  # cancelled meanwhile
            session.close(self._closed or "cancelled")
            return
        self.session = session
        self._held = not any(stream.flowing for stream in streams)
        answer = self.agreement.describe(session.local_ports())
        self.leg.run(machine.accept(machine.invite, self._owner.endpoint.clock(), ACCEPT, _SDP, body=answer))

    # ─── what signalling says ────────────────────────────────────────────────────────────────────────────────────────

    def hear(self, effect: effects.Effect) -> None:
        """What the call's leg says."""
        if isinstance(effect, effects.Established):
            self._established(effect)
        elif isinstance(effect, effects.Asked):
            self._spawn(self._change(effect.request))
        elif isinstance(effect, effects.AnswerCame):
            self._spawn(self._take_answer(effect.request))
        elif isinstance(effect, effects.Referred):
            self.transfers.refer(effect.request)
        elif isinstance(effect, effects.Answered | effects.Refreshed):
            self._liveness.answered(self._owner.endpoint.clock())
        elif isinstance(effect, effects.Unanswered):
            self._liveness.unanswered(self.leg, self._heard_at)
        elif isinstance(effect, effects.Ended):
            self._leg_over(effect.reason)

    def _established(self, effect: effects.Established) -> None:
        if self.session is None or self._begun:
            return
        self._begun = True
        self._owner.begun(self)
        heard, unheard = len(self.agreement.streams), self.agreement.unheard
        tell = log.warning if unheard else log.info
        tell("sip.answered", call=self.call_id, peer=str(self._flow), streams=heard, unheard=unheard)
        try:
            self._owner.intake.begin(self.session)
        except Exception as error:
            report_fault(error, self.call_id)
            self.fail()
            return
        if self.agreement.answerer.speaks:
            sound, words = self._notice
            self.session.announce(sound, words=words, beep_every_s=self._beep_every_s)
        if self._held:
            self.session.hold()
        if self.agreement.ours and effect.ack is not None:
            self._spawn(self._take_answer(effect.ack))
        elif self.agreement.lacks_metadata:
            self._ask_for_metadata()

    def _ask_for_metadata(self) -> None:
        """RFC 7866 §8.1: a snapshot, from a source that says it gives them."""
        if siprec.SNAPSHOT_TYPE in self.leg.usage.invite.headers.get("Accept").lower():
            headers = (("Content-Type", siprec.SNAPSHOT_TYPE), ("Content-Disposition", "recording-session"))
            self.leg.run(self.leg.usage.update(siprec.snapshot_request("metadata is missing"), *headers))

    async def _take_answer(self, ack: Request) -> None:
        """The ACK's answer to our offer (RFC 3261 §13.2.1, §14.2)."""
        agreement, session = self.agreement, self.session
        try:
            answer = read_body(ack).sdp
            if answer is None or session is None:
                raise Unacceptable(488)
            streams = agreement.streams_by(answer)
        except Unacceptable:
            self.leg.run(self.leg.usage.bye("error", reason_header(488, "no usable answer")))
            return
        held = agreement.holds(answer, streams, answers=True)
        if streams != agreement.streams:
            await session.update(streams)
        agreement.take_answer(answer, streams)
        self._hold(session, held)
        self._tell_participants()

    async def _change(self, request: Request) -> None:
        """A re-INVITE or UPDATE: new media, new metadata, a hold, or a refresh of the same. One that the peer has taken
        back changes nothing (RFC 3261 §9.2)."""
        machine = self.leg.usage
        if not machine.awaits_us(request):
            return
        try:
            body = read_body(request)
            if body.sdp is not None:
                await self._renegotiate(body.sdp, request)
        except Unacceptable as error:
            self.leg.run(machine.refuse(request, error.status, *error.headers))
            return
        except Overloaded:
            self.leg.run(machine.refuse(request, 503, ("Retry-After", "10")))
            return
        if not machine.awaits_us(request):  # taken back while ports opened
            return
        if body.metadata is not None:
            self.agreement.add_metadata(body.metadata)
        self._tell_participants()
        now = self._owner.endpoint.clock()
        if body.sdp is None and request.method == "UPDATE":
            self.leg.run(machine.accept(request, now))
        else:
            described = self.agreement.offer_again() if body.sdp is None else self.agreement.described
            self.leg.run(machine.accept(request, now, _SDP, body=described))

    async def _renegotiate(self, offer: Sdp, request: Request) -> None:
        agreement, session, machine = self.agreement, self.session, self.leg.usage
        streams = agreement.streams_of(offer)
        if session is None:
            return
        held = agreement.holds(offer, streams)
        if streams != agreement.streams:
            await session.update(streams)
        if not machine.awaits_us(request):
            if not self._closed:
                await session.update(agreement.streams)
            return
        agreement.take_offer(offer, streams, session.local_ports())
        self._hold(session, held)

    def _hold(self, session: MediaSession, held: bool) -> None:
        if held != self._held:
            self._held = held
            (session.hold if held else session.resume)()

    def _tell_participants(self) -> None:
        if self.session is not None and (found := self.agreement.newly_recorded()) is not None:
            self.session.participants_changed(found)

    # ─── another leg takes over ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def cannot_move(self) -> int:
        """The status that a transfer of this call gets; 0: it may be tried."""
        recorded = self.agreement.recording  # by a source that has no other party
        return 603 if recorded or self.session is None else 0

    def replace(self, invite: Request, flow: Flow) -> None:
        """An INVITE whose Replaces names this call (RFC 3891 §3)."""
        taken = self.transfers.take_over(invite, flow)
        if taken is not None:
            self._spawn(taken.answer())

    def own_offer(self) -> bytes:
        """Our description for another leg of the same sound."""
        return self.agreement.own_offer(self.session.local_ports() if self.session else {})

    def own_answer(self, theirs: Sdp, stream: StreamOffer) -> bytes:
        """Our description for another leg of the same sound, which has offered."""
        return self.agreement.own_answer(theirs, stream, self.session.local_ports() if self.session else {})

    def moved(self, takeover: Takeover) -> None:
        """The other leg is the call's own from now on."""
        self.leg, self._flow = takeover.leg, takeover.leg.flow
        self.agreement.move(takeover.streams, takeover.offer, takeover.described, takeover.party)
        held, self._held = self._held, False
        log.info("sip.transferred", call=self.call_id, peer=str(self._flow))
        self._spawn(self._hear_the_other(held))

    async def _hear_the_other(self, held: bool) -> None:
        if self.session is None:
            return
        await self.session.update(self.agreement.streams)
        if held:
            self.session.resume()
        self.session.participants_changed(self.agreement.participants)

    def unmoved(self) -> None:
        """The other leg has come to nothing."""
        if self._waits:
            self._end("bye")

    @property
    def _waits(self) -> bool:
        """A transfer is all that there is left of the call."""
        return self.leg.usage.state == "ended" and not self._closed

    # ─── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _leg_over(self, reason: str) -> None:
        """Who hangs up once a transfer has begun, as telephones do after a REFER, does not end that (RFC 5057)."""
        if reason == "bye" and self.session is not None and self.transfers.pending:
            self._hold(self.session, True)
        else:
            self._end(reason)

    def check_alive(self, now: float, silence_s: float, dead_s: float) -> None:
        """Probes a peer that sends nothing, and ends the call when it does not answer either."""
        state = self.leg.usage.state
        if self.session is not None and state == "up":
            self._liveness.check(self.leg, self._heard_at, now, silence_s, dead_s)
        elif state == "ended":
            self.transfers.check(now)

    @property
    def _heard_at(self) -> float:
        return self.session.last_packet_at() if self.session else 0.0

    def hang_up(self, reason: effects.EndReason, text: str) -> None:
        """Ends the call from our side with BYE, or with 503 when it is not answered yet."""
        if self._waits:
            self._end(reason)
        self.leg.run(self.leg.usage.bye(reason, reason_header(503, text)))

    def fail(self) -> None:
        """A fault of ours: 500 when the call is not answered yet, else BYE."""
        machine = self.leg.usage
        if machine.state == "offered":
            self.leg.run(machine.refuse(machine.invite, 500))
        else:
            self.hang_up("error", "internal error")

    def give_up(self, reason: str) -> None:
        """Ends the call without another word to the peer."""
        self._owner.endpoint.detach(self.leg)
        self._end(reason)

    def _end(self, reason: str) -> None:
        self._closed = reason
        if self._admitted is not None:
            self._owner.intake.withdraw(self._admitted)
        self.transfers.abandon()
        if self.session is not None:
            log.info("sip.ended", call=self.call_id, reason=reason)
            self.session.close(reason)
        self._owner.over(self)
