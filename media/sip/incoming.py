"""One call that came in: ties its signalling (`Leg`), its sound (`MediaSession`) and the intake together."""

import asyncio
import secrets
import time
from collections.abc import Coroutine
from typing import Any, Protocol

import numpy as np
import structlog
import uuid_utils

from engine.errors import Overloaded
from engine.facts import Pcm16
from engine.ports.intake import CallIntake, CallOffer, Participant, Refusal
from media import siprec
from media.session import MediaAllocator, MediaSession, StreamOffer
from media.sip import effects, negotiation, usage
from media.sip.address import aor_of, parse_address
from media.sip.bodies import Body, Unacceptable, read_body
from media.sip.digest import Login
from media.sip.endpoint import ACCEPT, Endpoint, new_tag
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Request
from media.sip.negotiation import Answerer
from media.sip.sdp import MAX_MEDIA, Sdp
from media.sip.takeover import Takeover
from media.sip.telemetry import report_fault
from media.sip.transfers import Transfers
from media.siprec_metadata import Metadata, merge
from media.speaker import notice_sound

log = structlog.get_logger()

_REFUSALS = {"overloaded": 503, "shutting_down": 503, "forbidden": 403, "unknown_number": 404}
_SDP = ("Content-Type", "application/sdp")
_WHAT_WE_HEAR = "G.711, G.722, Opus, G.729 or L16 over RTP, or SRTP by SDES or DTLS,"


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
        self.answerer = Answerer(int(time.time()), owner.media.address(flow.host))
        self._offer_sdp: Sdp | None = None
        self._answer_sdp: bytes = b""
        self._streams: tuple[StreamOffer, ...] = ()
        self.names: dict[int, str] = {}
        self._metadata: Metadata | None = None
        self._participants: tuple[Participant, ...] = ()
        self._recording = self._begun = self._held = self._own_offer = self._two_way = False
        self.transfers = Transfers(self, owner)
        self._closed = ""
        self._notice: tuple[Pcm16, bool] = (np.zeros(0, np.int16), False)
        self._beep_every_s = 0
        self._probed_at = self._alive_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

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
            streams = self._first_streams(body)
        except Unacceptable as error:
            self.leg.run(self.leg.usage.refuse(invite, error.status, *error.headers))
            return
        offer = self._call_offer(invite, body, streams)
        refusal = self._owner.intake.admit(offer)
        if refusal is not None:
            self._refuse(refusal)
            return
        self._spawn(self._answer(offer, streams))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs the next step of the call, one at a time by the rules of offer and answer; a fault ends the call."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._stepped)

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

    def _first_streams(self, body: Body) -> tuple[StreamOffer, ...]:
        """What will be heard; for an INVITE without an offer the one line that we will propose."""
        self._offer_sdp, self._metadata = body.sdp, body.metadata
        if body.sdp is None:
            self._own_offer = True
            return (StreamOffer(stream="0", position=0, codec="PCMU", payload_type=0, event_payload_type=101),)
        audio = [line for line in body.sdp.media if line.kind == "audio" and line.port]
        # Cisco's network-based recording sends two legs without any metadata or tag
        self._recording = body.recording or len(audio) > 1
        streams = negotiation.negotiate(body.sdp, lines=MAX_MEDIA if self._recording else 1)
        if not streams:
            raise Unacceptable(488, ("Warning", f'304 welcomedly "{_WHAT_WE_HEAR} is needed"'))
        first = body.sdp.media[streams[0].position]
        self._two_way = not self._recording and body.sdp.direction(first) == "sendrecv"
        return streams

    def _call_offer(self, invite: Request, body: Body, streams: tuple[StreamOffer, ...]) -> CallOffer:
        from_aor, name = siprec.asserted_identity(invite.headers)
        dialled = aor_of(invite.uri)
        if "@" not in dialled and not invite.uri.lower().startswith("tel:"):  # a Request-URI of a host alone
            dialled = aor_of(parse_address(invite.headers.get("To")).uri)
        self.names = {stream.position: stream.stream for stream in streams}
        self._streams = streams
        if self._recording:
            self._participants = self._recorded()
        else:
            self._participants = (Participant(streams[0].stream, streams[0].position, from_aor, name),)
        return CallOffer(
            call_id=str(uuid_utils.uuid7()),
            protocol="siprec" if self._recording else "sip",
            peer=str(self._flow),
            from_aor=from_aor,
            to_aor=dialled,
            participants=self._participants,
            correlation=siprec.correlation(invite.headers, body.metadata),
            answered_at=time.time(),
        )

    def _recorded(self) -> tuple[Participant, ...]:
        media = self._offer_sdp.media if self._offer_sdp else ()
        lines = [(stream.position, media[stream.position].label, stream.stream) for stream in self._streams]
        alone = sum(1 for line in media if line.kind == "audio") == 1
        return siprec.participants(self._metadata, lines, alone=alone)

    async def _answer(self, offer: CallOffer, streams: tuple[StreamOffer, ...]) -> None:
        machine = self.leg.usage
        notice = None if self._recording else self._owner.intake.notice(offer)
        if notice is not None and notice.announced:
            self._notice = await asyncio.to_thread(notice_sound, notice.files)
        self._beep_every_s = notice.beep_every_s if notice else 0
        self.answerer.speaks = notice is not None
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
        answer = self._describe()
        self.leg.run(machine.accept(machine.invite, self._owner.endpoint.clock(), ACCEPT, _SDP, body=answer))

    def _describe(self) -> bytes:
        """Our SDP for the lines as they are."""
        ports = self.session.local_ports() if self.session else {}
        if self._offer_sdp is None:
            described = self.answerer.offer(ports[0])
        else:
            described = self.answerer.answer(self._offer_sdp, self._streams, ports)
        self._answer_sdp = described.to_bytes()
        return self._answer_sdp

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
            self._probed_at, self._alive_at = 0.0, self._owner.endpoint.clock()
        elif isinstance(effect, effects.Unanswered):
            self._judge_silence()
        elif isinstance(effect, effects.Ended):
            self._end(effect.reason)

    def _established(self, effect: effects.Established) -> None:
        if self.session is None or self._begun:
            return
        self._begun = True
        self._owner.begun(self)
        log.info("sip.answered", call=self.call_id, peer=str(self._flow), streams=len(self._streams))
        try:
            self._owner.intake.begin(self.session)
        except Exception as error:
            report_fault(error, self.call_id)
            self.fail()
            return
        if self.answerer.speaks:
            sound, words = self._notice
            self.session.announce(sound, words=words, beep_every_s=self._beep_every_s)
        if self._held:
            self.session.hold()
        if self._own_offer and effect.ack is not None:
            self._spawn(self._take_answer(effect.ack))
        elif self._recording and (self._metadata is None or not self._metadata.complete):
            self._ask_for_metadata()

    def _ask_for_metadata(self) -> None:
        """RFC 7866 §8.1: a snapshot, from a source that says it gives them."""
        if siprec.SNAPSHOT_TYPE in self.leg.usage.invite.headers.get("Accept").lower():
            headers = (("Content-Type", siprec.SNAPSHOT_TYPE), ("Content-Disposition", "recording-session"))
            self.leg.run(self.leg.usage.update(siprec.snapshot_request("metadata is missing"), *headers))

    async def _take_answer(self, ack: Request) -> None:
        """The ACK's answer to our offer (RFC 3261 §13.2.1)."""
        try:
            answer = read_body(ack).sdp
        except Unacceptable:
            answer = None
        streams = negotiation.negotiate(answer, self.names, lines=1) if answer else ()
        if not streams or self.session is None:
            self.leg.run(self.leg.usage.bye("error", _reason(488, "no usable answer")))
            return
        self._streams = streams
        await self.session.update(streams)

    async def _change(self, request: Request) -> None:
        """A re-INVITE or UPDATE: new media, new metadata, a hold, or a refresh of the same."""
        machine = self.leg.usage
        try:
            body = read_body(request)
            if body.sdp is not None:
                await self._renegotiate(body.sdp)
        except Unacceptable as error:
            self.leg.run(machine.refuse(request, error.status, *error.headers))
            return
        except Overloaded:
            self.leg.run(machine.refuse(request, 503, ("Retry-After", "10")))
            return
        if body.metadata is not None:
            self._recording = True
            self._metadata = merge(self._metadata, body.metadata)
        self._tell_participants()
        now = self._owner.endpoint.clock()
        if body.sdp is None and request.method == "UPDATE":
            self.leg.run(machine.accept(request, now))
        else:  # to a re-INVITE without an offer our present description is the offer (§14.2)
            self.leg.run(machine.accept(request, now, _SDP, body=self._answer_sdp))

    async def _renegotiate(self, offer: Sdp) -> None:
        streams = negotiation.negotiate(offer, self.names, lines=MAX_MEDIA if self._recording else 1)
        if not streams and any(line.port for line in offer.media):
            raise Unacceptable(488)
        if self.session is None:
            return
        held = not any(stream.flowing for stream in streams) or self._music_on_hold(offer)
        if streams != self._streams:
            await self.session.update(streams)
        self._streams, self._offer_sdp = streams, offer
        self.names |= {stream.position: stream.stream for stream in streams}
        self._describe()
        if held != self._held:
            self._held = held
            (self.session.hold if held else self.session.resume)()

    def _music_on_hold(self, offer: Sdp) -> bool:
        """A plain call that was sendrecv and turns sendonly is held with music (RFC 3264 §8.4)."""
        if self._recording:
            return False
        line = next((line for line in offer.media if line.kind == "audio"), None)
        return self._two_way and line is not None and offer.direction(line) == "sendonly"

    def _tell_participants(self) -> None:
        if not self._recording or self.session is None:
            return
        found = self._recorded()
        if found != self._participants:
            self._participants = found
            self.session.participants_changed(found)

    # ─── another leg takes over ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def cannot_move(self) -> int:
        """The status that a transfer of this call gets; 0: it may be tried."""
        return 603 if self._recording or self.session is None else 0  # a recording has a source and no other party

    def replace(self, invite: Request, flow: Flow) -> None:
        """An INVITE whose Replaces names this call (RFC 3891 §3)."""
        taken = self.transfers.take_over(invite, flow)
        if taken is not None:
            self._spawn(taken.answer())

    def own_offer(self) -> bytes:
        """Our description for another leg of the same sound."""
        ports = self.session.local_ports() if self.session else {}
        return self.answerer.offer(ports[self._streams[0].position]).to_bytes()

    def moved(self, takeover: Takeover) -> None:
        """The other leg is the call's own from now on."""
        self.leg, self._flow = takeover.leg, takeover.leg.flow
        self._streams, self._offer_sdp, self._answer_sdp = takeover.streams, takeover.offer, takeover.described
        held, self._held, self._two_way = self._held, False, False
        self._participants = (takeover.party,)
        log.info("sip.transferred", call=self.call_id, peer=str(self._flow))
        self._spawn(self._hear_the_other(held))

    async def _hear_the_other(self, held: bool) -> None:
        if self.session is None:
            return
        await self.session.update(self._streams)
        if held:
            self.session.resume()
        self.session.participants_changed(self._participants)

    # ─── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def check_alive(self, now: float, silence_s: float, dead_s: float) -> None:
        """Probes a peer that sends nothing, and ends the call when it does not answer either."""
        if self.session is None or self.leg.usage.state != "up":
            return
        if self._probed_at and now - self._probed_at > dead_s:
            self._judge_silence()
        elif not self._probed_at and now - max(self.session.last_packet_at(), self._alive_at) > silence_s:
            self._probed_at = now
            self.leg.run(self.leg.usage.probe())

    def _judge_silence(self) -> None:
        """No answer to a probe: the peer has vanished unless it has sent sound since."""
        if self.session is not None and self.session.last_packet_at() > self._probed_at:
            self._probed_at = 0.0
        else:
            self.leg.run(self.leg.usage.bye("peer_vanished", _reason(408, "peer does not answer")))

    def hang_up(self, reason: effects.EndReason, text: str) -> None:
        """Ends the call from our side with BYE, or with 503 when it is not answered yet."""
        self.leg.run(self.leg.usage.bye(reason, _reason(503, text)))

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
        self.transfers.abandon()
        if self.session is not None:
            log.info("sip.ended", call=self.call_id, reason=reason)
            self.session.close(reason)
        self._owner.over(self)


def _reason(cause: int, text: str) -> tuple[str, str]:
    """RFC 3326."""
    return ("Reason", f'SIP;cause={cause};text="{text}"')
