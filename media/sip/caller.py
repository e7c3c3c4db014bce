"""A small calling side (UAC): places plain and SIPREC calls over our own dialog machine, for the demo and for tests."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Self

from media import siprec_source
from media.session import AudioCodec
from media.sip import effects, usage
from media.sip.bodies import read_body
from media.sip.digest import Credentials, Login
from media.sip.endpoint import Endpoint, new_tag
from media.sip.hop import hop_of
from media.sip.layer import Flow
from media.sip.leg import Leg
from media.sip.message import Request, Response
from media.sip.negotiation import audio_offer
from media.sip.referral import Replaces, Target, refer_to
from media.sip.sdp import Direction, Sdp, parse_sdp
from media.sip.transport import Listeners
from media.siprec_source import RecordedParty

_SDP = ("Content-Type", "application/sdp")
Transport = Literal["UDP", "TCP", "TLS", "WS", "WSS"]


class CallRefused(Exception):
    """The INVITE got no 2xx. `status` is 0 when nothing was answered."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"the call was refused with {status}" if status else "the call was not answered")
        self.status, self.headers = status, headers


class Caller:
    """An endpoint that only calls: OPTIONS are answered, INVITEs get 403. Use as an async context manager."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.monotonic,
        listeners: Listeners | None = None,
    ) -> None:
        self.host = host
        self.endpoint = Endpoint(self, clock, listeners=listeners)

    async def __aenter__(self) -> Self:
        await self.endpoint.open(self.host, 0, *["the address to call from"] * 2)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.endpoint.drain(1.0)
        await self.endpoint.close()

    def allows(self, host: str) -> bool:
        return True

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        return None

    def busy(self, host: str) -> int:
        return 0

    def offered(self, request: Request, flow: Flow) -> None:
        self.endpoint.respond(request, request.respond(403, to_tag=new_tag()))


class PlacedCall:
    """An answered call of ours. `ended` resolves to the reason, whoever hangs up."""

    def __init__(self, caller: Caller, plan: "CallPlan", flow: Flow) -> None:
        self._plan, self._version = plan, 1
        endpoint = caller.endpoint
        host = endpoint.sent_by(flow)
        secure = plan.target.lower().startswith("sips:")
        contact = f"<{endpoint.contact('caller', flow, secure=secure)}>{';+sip.src' if plan.parties else ''}"
        tag = new_tag()
        invite = usage.new_invite(
            plan.target,
            f"{plan.from_value(host)};tag={tag}",
            f"<{plan.target}>",
            f"{secrets.token_hex(12)}@{host}",
            contact,
            *plan.headers(),
            body=plan.body(plan.offer(self._version)),
        )
        dice = secrets.SystemRandom().random
        machine = usage.InviteUsage(
            invite, contact, tag, ours=True, dice=dice, login=Login(plan.credentials), session_s=plan.session_s
        )
        self._leg = Leg(endpoint, machine, flow, self._hear)
        loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Sdp] = loop.create_future()
        self._asked: asyncio.Future[int] | None = None
        self.ended: asyncio.Future[str] = loop.create_future()
        self.sdp: Sdp | None = None
        self.progress: list[int] = []
        """Provisional statuses so far."""
        self.early: Sdp | None = None
        """The description of early media, where a provisional answer bore one."""
        self.transfer: asyncio.Future[int] = loop.create_future()
        """How the last transfer went: its final status."""
        self.on_bye: Callable[[str], None] | None = None
        """Called with the reason when the call ends from the other side."""

    @property
    def dialog_id(self) -> str:
        """The Call-ID."""
        return self._leg.usage.invite.call_id

    def remote_ports(self) -> list[tuple[str, int]]:
        """Where to send RTP, line by line; port 0: not wanted."""
        media = self.sdp.media if self.sdp else ()
        return [(self.sdp.address(line) if self.sdp else "", line.port) for line in media]

    async def wait_answered(self) -> None:
        """Raises `CallRefused`."""
        self._leg.run(self._leg.usage.start())
        self.sdp = await self._answer

    def cancel(self) -> None:
        """Takes the INVITE back; `wait_answered` then raises `CallRefused` with 487."""
        self._leg.run(self._leg.usage.cancel())

    def bye(self) -> None:
        """Hangs up; does nothing when the call is over."""
        self.on_bye = None
        self._leg.run(self._leg.usage.bye("bye"))

    async def reinvite(self, *, hold: bool = False, parties: Sequence[RecordedParty] | None = None) -> int:
        """Offers the lines anew, held or not; returns the final status."""
        direction: Direction = "inactive" if hold else self._plan.direction

        def body() -> bytes:
            self._version += 1
            offer = self._plan.offer(self._version, direction).to_bytes()
            if parties is None:
                return offer
            return siprec_source.multipart_body(offer, siprec_source.metadata_of(parties))

        header = _SDP if parties is None else siprec_source.MULTIPART
        return await self._ask(lambda: self._leg.usage.reinvite(body, header))

    async def update_metadata(
        self, parties: Sequence[RecordedParty], mode: Literal["complete", "partial"] = "complete"
    ) -> int:
        """An UPDATE of metadata alone, as Avaya's SBCE sends it; returns the final status."""
        body = siprec_source.metadata_of(parties, mode=mode)
        headers = (("Content-Type", siprec_source.METADATA_TYPE), siprec_source.DISPOSITION)
        return await self._ask(lambda: self._leg.usage.update(body, *headers))

    async def refer(self, uri: str, replaces: Replaces | None = None) -> int:
        """Asks the other side to call `uri` instead; returns the status of REFER, `transfer` what became of it."""
        self.transfer = asyncio.get_running_loop().create_future()
        return await self._ask(lambda: self._leg.usage.refer(refer_to(Target(uri, replaces))))

    async def probe(self) -> bool:
        """Whether the other side still knows the call."""
        return not self.ended.done() and 200 <= await self._ask(self._leg.usage.probe) < 300

    def as_replaced(self) -> Replaces:
        """What an INVITE to the other side must say to take this call's place (RFC 3891)."""
        dialog = self._leg.usage.dialog
        if dialog is None:
            raise ValueError("the call is not answered")
        return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)

    async def _ask(self, command: Callable[[], list[effects.Effect]]) -> int:
        self._asked = asyncio.get_running_loop().create_future()
        self._leg.run(command())
        return await self._asked

    def _hear(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Established) and effect.response is not None:
            self._established(effect.response)
        elif isinstance(effect, effects.Progress):
            self.progress.append(effect.response.status)
            if effect.response.content_type == "application/sdp":
                with contextlib.suppress(ValueError):
                    self.early = parse_sdp(effect.response.body)
        elif isinstance(effect, effects.Offered):
            body = self._plan.offer(self._version).to_bytes()
            now = self._leg.endpoint.clock()
            self._leg.run(self._leg.usage.answer(effect.request, effect.response, now, body))
        elif isinstance(effect, effects.Notified):
            if effect.final and not self.transfer.done():
                self.transfer.set_result(effect.status)
        elif isinstance(effect, effects.Answered):
            self._note_answered(effect)
        elif isinstance(effect, effects.Unanswered):
            self._settle(0)
        elif isinstance(effect, effects.Asked):
            self._refresh(effect.request)
        elif isinstance(effect, effects.Ended):
            self._note_ended(effect)

    def _established(self, response: Response) -> None:
        try:
            answer = parse_sdp(response.body) if response.body else self.early
        except ValueError:
            answer = None
        if answer is None:
            self._leg.run(self._leg.usage.bye("error"))
        elif not self._answer.done():
            self._answer.set_result(answer)

    def _note_answered(self, effect: effects.Answered) -> None:
        if effect.request.method == "INVITE" and effect.response.success and effect.response.body:
            self.sdp = parse_sdp(effect.response.body)
        self._settle(effect.response.status)

    def _settle(self, status: int) -> None:
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(status)

    def _refresh(self, request: Request) -> None:
        """A server that asks us for metadata or refreshes the session gets what stands."""
        machine, now = self._leg.usage, self._leg.endpoint.clock()
        wants_sdp = request.method == "INVITE" or read_body(request).sdp is not None
        body = self._plan.offer(self._version).to_bytes() if wants_sdp else b""
        headers = (_SDP,) if wants_sdp else ()
        self._leg.run(machine.accept(request, now, *headers, body=body))

    def _note_ended(self, effect: effects.Ended) -> None:
        if not self._answer.done():
            response = effect.response
            headers = dict(response.headers.items) if response else {}
            self._answer.set_exception(CallRefused(response.status if response else 0, headers))
        self._settle(481)
        if not self.ended.done():
            self.ended.set_result(effect.reason)
            if self.on_bye is not None:
                self.on_bye(effect.reason)


class CallPlan:
    """What an INVITE of ours says. With `parties` it is a SIPREC call, one labelled line a party, in order; without
    it is a plain one-leg call."""

    def __init__(
        self,
        target: str,
        rtp_host: str,
        rtp_ports: Sequence[int],
        *,
        parties: Sequence[RecordedParty] = (),
        metadata: bytes | None = None,
        codec: AudioCodec = "PCMU",
        from_uri: str = "",
        from_name: str = "",
        extra: Sequence[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        session_s: int = 0,
        offerless: bool = False,
    ) -> None:
        """`target` is the Request-URI; `rtp_ports` are where we send from, a line each; `metadata` replaces what is
        made of the parties. `credentials` answer challenges, `session_s` asks for a session timer (RFC 4028),
        `offerless` leaves the offer to the other side."""
        self.credentials, self.session_s = credentials, session_s
        self._offerless = offerless
        self.target = target
        self.parties = tuple(parties)
        self.direction: Direction = "sendonly" if parties else "sendrecv"
        self._host, self._ports, self._codec = rtp_host, tuple(rtp_ports), codec
        self._metadata, self._extra = metadata, tuple(extra)
        self._from_uri, self._from_name = from_uri, from_name
        self._session_id = secrets.randbelow(2**31)

    def from_value(self, host: str) -> str:
        uri = self._from_uri or f"sip:caller@{host}"
        return f'"{self._from_name}" <{uri}>' if self._from_name else f"<{uri}>"

    def headers(self) -> list[tuple[str, str]]:
        if not self.parties:
            return [*self._extra] if self._offerless else [_SDP, *self._extra]
        return [("Require", "siprec"), siprec_source.MULTIPART, *self._extra]

    def offer(self, version: int, direction: Direction | None = None) -> Sdp:
        return audio_offer(
            self._host,
            self._ports,
            labels=[party.label for party in self.parties],
            codec=self._codec,
            direction=direction or self.direction,
            session_id=self._session_id,
            version=version,
        )

    def body(self, offer: Sdp) -> bytes:
        if not self.parties:
            return b"" if self._offerless else offer.to_bytes()
        metadata = self._metadata if self._metadata is not None else siprec_source.metadata_of(self.parties)
        return siprec_source.multipart_body(offer.to_bytes(), metadata)


async def place_call(
    caller: Caller, plan: CallPlan, transport: Transport = "UDP", *, answer_s: float | None = None
) -> PlacedCall:
    """Calls and waits for the answer. Raises `CallRefused`, `OSError` when nobody listens (all but UDP), `TimeoutError`
    after `answer_s`, and then the call is taken back."""
    call = await prepare_call(caller, plan, transport)
    try:
        async with asyncio.timeout(answer_s):
            await call.wait_answered()
    except TimeoutError:
        call.bye()  # it may have been answered just now
        raise
    return call


async def prepare_call(caller: Caller, plan: CallPlan, transport: Transport = "UDP") -> PlacedCall:
    """A call that has not been sent yet: `wait_answered` sends it, `cancel` may take it back meanwhile."""
    hop = hop_of(plan.target, transport)
    if hop.transport == "UDP" and not hop.numeric:  # the endpoint finds the name's targets, and goes on to the next
        return PlacedCall(caller, plan, Flow("UDP", hop.host, hop.port, -1))
    return PlacedCall(caller, plan, await caller.endpoint.destinations.reach(hop))
