"""SIP telephones for tests: they ring or are rung, and say and hear numbered packets."""

import asyncio
from typing import Self, TypeVar

from engine.errors import Overloaded
from media.bridge.description import Description, far_line, meeting
from media.bridge.party import Answered, Direction, HungUp, Invitation, PartyEvent, Refused
from media.bridge.rtp_line import RtpLines
from media.bridge.sip_callee import Destination, SipCallee
from media.bridge.sip_caller import SipCaller
from media.bridge.sip_party import SDP, SipParty
from media.ports import PortRange
from media.rtp import RtpPacket
from media.session import AudioCodec
from media.sip import effects
from media.sip.digest import Login
from media.sip.endpoint import Endpoint
from media.sip.layer import Flow
from media.sip.message import Request, Response
from media.sip.referral import Replaces, Target, refer_to
from media.sip.sdp import parse_sdp

E = TypeVar("E", bound=PartyEvent)
SECONDS = 15.0
"""Longest wait for what must happen on loopback."""


class Talk:
    """One call at a telephone: what its party tells and says."""

    def __init__(self, party: SipCaller | SipCallee) -> None:
        self.party = party
        self.heard: list[bytes] = []
        self.packets: list[RtpPacket] = []
        self._events: asyncio.Queue[PartyEvent] = asyncio.Queue()
        self._sound = asyncio.Event()
        self._said = 0
        party.hear = self._events.put_nowait
        party.voice = self._hear

    def _hear(self, packet: RtpPacket) -> None:
        self.heard.append(packet.payload)
        self.packets.append(packet)
        self._sound.set()

    async def told(self, kind: type[E], seconds: float = SECONDS) -> E:
        """The next event of that kind; those before it are passed over."""
        async with asyncio.timeout(seconds):
            while not isinstance(event := await self._events.get(), kind):
                pass
            return event

    async def outcome(self, seconds: float) -> Answered | Refused:
        """What comes of a call of ours."""
        async with asyncio.timeout(seconds):
            while not isinstance(event := await self._events.get(), Answered | Refused):
                pass
            return event

    async def rest(self) -> list[PartyEvent]:
        """All that is told from here to the end, which is the last."""
        events: list[PartyEvent] = []
        async with asyncio.timeout(3 * SECONDS):
            while not (events and isinstance(events[-1], HungUp)):
                events.append(await self._events.get())
        return events

    def say(self, *payloads: bytes, ssrc: int = 7) -> None:
        for payload in payloads:
            self._said += 1
            self.party.play(RtpPacket(0, self._said, 160 * self._said, ssrc, payload))

    async def hears(self, *payloads: bytes) -> None:
        """Waits until the last of these came, and holds that they came in that order and nothing between."""
        async with asyncio.timeout(SECONDS):
            while payloads[-1] not in self.heard:
                self._sound.clear()
                await self._sound.wait()
        at = self.heard.index(payloads[0])
        assert self.heard[at : at + len(payloads)] == list(payloads)

    async def hears_more(self, count: int) -> None:
        """Waits until so many more packets than now came."""
        wanted = len(self.heard) + count
        async with asyncio.timeout(SECONDS):
            while len(self.heard) < wanted:
                self._sound.clear()
                await self._sound.wait()


class Telephone:
    """An endpoint on a free port. An async context manager."""

    def __init__(self, ports: PortRange) -> None:
        self.endpoint = Endpoint(self)
        self.rtp = RtpLines("127.0.0.1", ports)
        self.hops = 70
        """Max-Forwards of its calls."""
        self._rung: asyncio.Queue[Talk] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        await self.endpoint.open("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.endpoint.drain(0.5)
        self.rtp.close()
        await self.endpoint.close()

    @property
    def uri(self) -> str:
        return f"sip:desk@127.0.0.1:{self.endpoint.transports.port}"

    def call(
        self, uri: str, port: int, *codecs: AudioCodec, user: str = "+34600000001", protected: bool = False
    ) -> Talk:
        """Dials at the bridge on that port."""
        flow = Flow("UDP", "127.0.0.1", port)
        to = Destination(uri, flow, "bridge", Login(None), protected=protected)
        party = SipCallee(self, self.rtp.open(), to)
        talk = Talk(party)
        party.ring(Invitation("", user, "Ana", "", codecs or ("PCMU",), hops=self.hops))
        return talk

    async def rung(self) -> Talk:
        async with asyncio.timeout(SECONDS):
            return await self.next_rung()

    async def next_rung(self) -> Talk:
        """However long it takes."""
        return await self._rung.get()

    # ─── as an endpoint's acceptor ───────────────────────────────────────────────────────────────────────────────────

    def allows(self, host: str) -> bool:
        return True

    def busy(self, host: str) -> int:
        return 0

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        return None

    def offered(self, request: Request, flow: Flow) -> None:
        try:
            line = self.rtp.open()
        except Overloaded:
            self.endpoint.respond(request, request.respond(503, to_tag="full"))
            return
        party = SipCaller(self, line, request, flow, "bridge", "")
        party.codecs()
        self._rung.put_nowait(Talk(party))

    # ─── as a party's switchboard ────────────────────────────────────────────────────────────────────────────────────

    def rtp_address(self, peer_host: str) -> str:
        return "127.0.0.1"

    def call_of(self, replaces: Replaces) -> str:
        return ""

    def stands(self, party: SipParty) -> None: ...

    def gone(self, party: SipParty) -> None: ...


def refer(talk: Talk, uri: str, replaces: Replaces | None = None) -> None:
    """The telephone asks for a transfer."""
    leg = talk.party.leg
    assert leg is not None
    leg.run(leg.usage.refer(refer_to(Target(uri, replaces))))


def replacing(talk: Talk) -> Replaces:
    """What names that call to the bridge, in an attended transfer by its telephone."""
    leg = talk.party.leg
    assert leg is not None
    assert leg.usage.dialog is not None
    dialog = leg.usage.dialog
    return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)


def refuse_next(talk: Talk, status: int, *headers: tuple[str, str]) -> None:
    """The telephone refuses the next offer within the call."""
    leg = talk.party.leg
    assert leg is not None
    heard = leg.hear

    def hear(effect: effects.Effect) -> None:
        if isinstance(effect, effects.Asked):
            leg.hear = heard
            leg.run(leg.usage.refuse(effect.request, status, *headers))
        else:
            heard(effect)

    leg.hear = hear


def describe(talk: Talk, status: int, *codecs: AudioCodec) -> None:
    """The telephone answers so, with a description of those codecs: another one at each answer, as of forks."""
    leg = talk.party.leg
    assert leg is not None
    machine, body = leg.usage, Description("127.0.0.1", 9).offer(codecs)
    if status < 200:
        leg.run(machine.ring(status, SDP, body=body))
    else:
        leg.run(machine.accept(machine.invite, leg.endpoint.clock(), SDP, body=body))


async def turn_late(talk: Talk, direction: Direction) -> None:
    """The telephone turns by a re-INVITE without an offer: its ACK answers the bridge's."""
    party, leg = talk.party, talk.party.leg
    assert leg is not None
    heard, asked, done = leg.hear, False, asyncio.Event()

    def ask() -> None:
        nonlocal asked
        if not asked and not leg.usage._is_busy():  # else once its offer before is answered
            asked = True
            leg.run(leg.usage.reinvite())

    def hear(effect: effects.Effect) -> None:
        if not isinstance(effect, effects.Offered):
            heard(effect)
            ask()
            return
        party._wanted = party._told = direction
        far = far_line(parse_sdp(effect.response.body))
        assert far is not None
        body = party._description.again(meeting(far.direction, direction))
        leg.run(leg.usage.answer(effect.request, effect.response, leg.endpoint.clock(), body))
        leg.hear = heard
        done.set()

    leg.hear = hear
    ask()
    async with asyncio.timeout(SECONDS):
        await done.wait()
