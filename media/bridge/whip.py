"""WHIP (RFC 9725): whoever has a pass publishes a voice over HTTP, and the engine hears it as a call of that person.

`POST /whip/{number}` with an SDP offer begins it and names one of the person's campaigns by its number; `DELETE` at the
`Location` ends it. We are reachable ourselves (ICE-lite), so that a client's trickled candidates are welcome and not
needed, and a path that failed is followed by another POST. The voice goes on to the engine's SIP port as a SIPREC
session of one stream.
"""

import asyncio
import contextlib
import hmac
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog
from aiohttp import web
from uuid_utils import uuid7

from engine.control.phone_pass import PhonePass
from engine.control.routing import alike, normal
from engine.errors import Forbidden, Overloaded
from engine.settings import IceServer
from engine.web.problems import problem
from media.bridge.renumbering import Renumbering
from media.codecs import CODECS
from media.rtp import RtpPacket, build_packet
from media.session import AudioCodec
from media.sip.caller import Caller, CallPlan, CallRefused, PlacedCall, place_call
from media.sip.negotiation import NUMBERS
from media.sip.telemetry import Counts, Uncounted
from media.siprec_source import RecordedParty, correlation_headers
from media.webrtc.description import BrowserOffer, read_offer
from media.webrtc.leg import LegState, WebRtcLeg
from media.webrtc.ports import LegPorts

log = structlog.get_logger(__name__)

MAX_SESSIONS = 200
MAX_OF_PERSON = 2
"""Who reloads a page begins anew while the one before is still there."""
OFFER_BYTES = 32 * 1024
ANSWER_S = 5.0
"""How long the engine may take to answer."""
RETRY_S = 5
_SDP, _FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_BEST: Sequence[AudioCodec] = ("opus", "G722", "PCMU", "PCMA")
"""Recognisers hear more in wideband."""
_NUMBER = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-_.*")


class Engine(Protocol):
    """Where calls are heard (`media.bridge.recording_source.Recorders`)."""

    engine: str
    """A SIP URI without user."""
    host: str
    """Where we send from; perhaps all addresses."""
    caller: Caller

    @property
    def address(self) -> str:
        """Ours, as the engine reaches it."""

    @property
    def uri(self) -> str:
        """As which the engine knows us."""


class Whip:
    """The endpoint; `routes` puts it onto an application, `close` ends its sessions."""

    def __init__(
        self,
        check: Callable[[str], PhonePass],
        ports: LegPorts,
        engine: Engine,
        *,
        ice_servers: Sequence[IceServer] = (),
        metrics: Counts | None = None,
    ) -> None:
        """`check` reads a pass and raises `Forbidden`."""
        self._check, self._ports, self._engine = check, ports, engine
        self._metrics = metrics or Uncounted()
        self._links = [link for server in ice_servers for link in _links(server)]
        self._sessions: dict[str, _Session] = {}
        self._beginning: list[str] = []
        """Users of sessions that the engine has not taken yet."""
        self._draining = False

    @property
    def count(self) -> int:
        """Sessions, with those that are beginning."""
        return len(self._sessions) + len(self._beginning)

    def drain(self) -> None:
        """New sessions are refused from now on; those that there are go on."""
        self._draining = True

    def routes(self, app: web.Application) -> None:
        """What the table does not name is 405, as RFC 9725 §4.2 reserves it."""
        app.router.add_route("POST", "/whip/{number}", self._publish)
        app.router.add_route("OPTIONS", "/whip/{number}", self._options)
        app.router.add_route("PATCH", "/whip/{number}/{session}", self._patch)
        app.router.add_route("DELETE", "/whip/{number}/{session}", self._end)

    def close(self) -> None:
        for session in list(self._sessions.values()):
            session.close("shutdown")

    async def _options(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers={"Accept-Post": _SDP, "Allow": "POST, OPTIONS"})

    async def _publish(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        try:
            claims = self._bearer(request)
            offer = await _read(request)
        except _Refused as refused:
            return refused.answer()
        if not number or len(number) > 64 or not _NUMBER.issuperset(number):
            return problem(404, "not_found", "the path names no number")
        mine = _mine(number, claims)
        if not mine:
            return problem(404, "not_found", "no campaign of yours has that number")
        full = self._full(claims.user_id)
        if full is not None:
            return full
        self._beginning.append(claims.user_id)
        try:
            session = await _Session.begin(claims, offer, mine, self._ports, self._engine, self._gone)
        except Overloaded as error:
            self._metrics.count("calls_refused_total", code="overloaded")
            return problem(503, "overloaded", str(error), {"Retry-After": str(RETRY_S)})
        except (CallRefused, OSError, TimeoutError, ValueError) as error:
            return _unheard(error)
        finally:
            self._beginning.remove(claims.user_id)
        session.token = _token(request).encode()
        self._sessions[session.id] = session
        headers = [
            ("Location", f"/whip/{number}/{session.id}"),
            ("ETag", session.etag),
            *(("Link", link) for link in self._links),
        ]
        return web.Response(status=201, body=session.leg.answer, content_type=_SDP, headers=headers)

    async def _patch(self, request: web.Request) -> web.Response:
        """Trickled candidates (RFC 8840), which are taken and change nothing; no restart of ICE."""
        try:
            session = self._find(request)
        except _Refused as refused:
            return refused.answer()
        if request.content_type != _FRAGMENT:
            return problem(415, "wrong_type", f"{_FRAGMENT} is what may come", {"Accept-Patch": _FRAGMENT})
        match = request.headers.get("If-Match", "")
        if not match:
            return problem(428, "no_etag", "If-Match is needed")
        if match == "*":
            return problem(422, "no_restart", "ICE is not restarted; publish anew")
        if match != session.etag:
            return problem(412, "wrong_etag", "that is not the session's ETag")
        return web.Response(status=204)

    async def _end(self, request: web.Request) -> web.Response:
        try:
            session = self._find(request)
        except _Refused as refused:
            return refused.answer()
        session.close("bye")
        return web.Response(status=200)

    def _full(self, user_id: str) -> web.Response | None:
        """The refusal, when that person may not begin another session now."""
        users = [*(session.user_id for session in self._sessions.values()), *self._beginning]
        if self._draining or len(users) >= MAX_SESSIONS:
            return problem(503, "overloaded", "no new session now", {"Retry-After": str(RETRY_S)})
        if users.count(user_id) >= MAX_OF_PERSON:
            detail = f"a person has {MAX_OF_PERSON} sessions at most"
            return problem(429, "too_many_sessions", detail, {"Retry-After": str(RETRY_S)})
        return None

    def _bearer(self, request: web.Request) -> PhonePass:
        try:
            return self._check(_token(request))
        except Forbidden as error:
            raise _Refused(401, "wrong_pass", str(error), _CHALLENGE) from None

    def _find(self, request: web.Request) -> "_Session":
        """Whoever began it may change it, also when the pass that it was begun with is over: clients have but one."""
        token, session = _token(request).encode(errors="replace"), self._sessions.get(request.match_info["session"])
        if session is not None and hmac.compare_digest(token, session.token):
            return session
        claims = self._bearer(request)
        if session is None or session.user_id != claims.user_id:
            raise _Refused(404, "not_found", "there is no such session")
        return session

    def _gone(self, session_id: str) -> None:
        self._sessions.pop(session_id, None)


class _Refused(Exception):
    """A request that gets a problem for an answer."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self._given = (status, code, detail, headers)

    def answer(self) -> web.Response:
        return problem(*self._given)


def _mine(number: str, claims: PhonePass) -> str:
    """Which number of that person's campaigns is meant, as `normal` has it; empty: none. The engine is told that one:
    what is only like it might be another's."""
    wanted = normal(number)
    mine = [normal(own) for own in claims.numbers]
    return wanted if wanted in mine else next((own for own in mine if alike(own, wanted)), "")


def _token(request: web.Request) -> str:
    """Raises `_Refused`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise _Refused(401, "no_pass", "a bearer token is needed", _CHALLENGE)
    return token.strip()


async def _read(request: web.Request) -> BrowserOffer:
    """Raises `_Refused`."""
    if request.content_type != _SDP:
        raise _Refused(415, "wrong_type", f"{_SDP} is what may come", {"Accept-Post": _SDP})
    try:
        body = await request.content.readexactly(OFFER_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        body = whole.partial
    if len(body) > OFFER_BYTES:
        raise _Refused(413, "too_long", "the offer is too long")
    try:
        offer = read_offer(body)
    except ValueError as error:
        raise _Refused(400, "bad_offer", str(error)) from None
    if offer.direction not in ("sendonly", "sendrecv"):
        raise _Refused(400, "bad_offer", "the offer sends nothing")
    return offer


def _unheard(error: Exception) -> web.Response:
    status = error.status if isinstance(error, CallRefused) else 0
    log.warning("whip.unheard", status=status)
    if status in (403, 404):
        return problem(404, "not_found", "no campaign has that number")
    return problem(503, "unheard", "the engine does not take it now", {"Retry-After": str(RETRY_S)})


def _links(server: IceServer) -> list[str]:
    """RFC 9725 §4.6."""
    urls = (server.urls,) if isinstance(server.urls, str) else server.urls
    quoted = {name: msgspec.json.encode(value).decode() for name, value in msgspec.structs.asdict(server).items()}
    login = f"; username={quoted['username']}; credential={quoted['credential']}" if server.username else ""
    kind = '; credential-type="password"' if server.username else ""
    return [f'<{url}>; rel="ice-server"{login}{kind}' for url in urls]


class _Session:
    """One published voice: a leg in, a SIPREC session out. Ends as a whole."""

    def __init__(
        self, claims: PhonePass, sock: socket.socket, codec: AudioCodec, placed: PlacedCall, over: Callable[[str], None]
    ) -> None:
        self.id, self.etag = secrets.token_urlsafe(16), f'"{secrets.token_hex(8)}"'
        self.user_id = claims.user_id
        self.token: bytes
        """The pass that it was begun with."""
        self.leg: WebRtcLeg
        self._socket, self._placed, self._over = sock, placed, over
        self._numbers = Renumbering(CODECS[codec].clock_hz)
        self._payload_type = int(NUMBERS[codec])
        self._remote = placed.remote_ports()[0]
        self._closed = False
        placed.on_bye = lambda reason: self.close("unheard")

    @classmethod
    async def begin(
        cls,
        claims: PhonePass,
        offer: BrowserOffer,
        number: str,
        ports: LegPorts,
        engine: Engine,
        over: Callable[[str], None],
    ) -> "_Session":
        """Once the engine hears it. Raises `CallRefused`, `OSError`, `TimeoutError` when it does not, `Overloaded`."""
        codec = next(codec for codec in _BEST if codec in offer.payloads)
        sock = socket.socket(socket.AF_INET6 if ":" in engine.host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.bind((engine.host, 0))
            scheme, _, host = engine.engine.partition(":")
            plan = CallPlan(
                f"{scheme}:{number}@{host}",
                engine.address,
                [int(sock.getsockname()[1])],
                parties=[RecordedParty("1", claims.aor, claims.name)],
                codec=codec,
                from_uri=engine.uri,
                extra=correlation_headers({}, str(uuid7())),
            )
            placed = await place_call(engine.caller, plan, answer_s=ANSWER_S)
            try:
                session = cls(claims, sock, codec, placed, over)
                session.leg = WebRtcLeg(ports, offer, codec, heard=session._heard, told=session._told)
            except BaseException:
                placed.bye()
                raise
        except BaseException:
            sock.close()
            raise
        log.info("whip.begun", user=claims.user_id, codec=codec)
        return session

    def close(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        log.info("whip.ended", user=self.user_id, reason=reason)
        self._placed.bye()
        self.leg.close()
        self._socket.close()
        self._over(self.id)

    def _told(self, state: LegState) -> None:
        if state != "open":
            self.close(state)

    def _heard(self, packet: RtpPacket) -> None:
        sequence, timestamp, marker = self._numbers.place(packet, time.monotonic())
        copy = RtpPacket(self._payload_type, sequence, timestamp, self._numbers.ssrc, packet.payload, marker)
        with contextlib.suppress(OSError):  # a full buffer loses a packet, as networks do
            self._socket.sendto(build_packet(copy), self._remote)
