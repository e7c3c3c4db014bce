"""`/phone`: a desk's socket, from its pass to its close. What is said on it stands in `phone_messages`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web
from yarl import URL

from engine.control.phone_pass import PhonePass, verify
from engine.errors import Forbidden, Overloaded
from engine.settings import IceServer
from media.bridge import phone_messages as say
from media.bridge.browser_party import BrowserParty
from media.bridge.party import Exchange
from media.bridge.phones import MAX_PHONES, BrowserPhone, BrowserPhones
from media.sip.rate import Allowance

log = structlog.get_logger(__name__)

HEARTBEAT_S = 20.0
"""Browsers answer these by themselves; their pages never see them."""
BEAT_S = 10.0
"""How often a phone hears that its socket stands. One that hears nothing for 2.5 of these takes it for dead
(console/src/lib/phone.svelte.ts)."""
REGISTER_S = 10.0
SEND_S = 10.0
CLOSE_S = 2.0
MAX_SOCKETS = MAX_PHONES + 500
"""With those that have not shown their pass yet."""
OUTBOX = 128
RATE, BURST = 20.0, 60.0
"""Messages a second of one socket: keys are the fastest that a person sends."""
OVER_CHECK_S = 5.0
"""Between two looks at whether a pass is over."""


class PhoneSockets:
    """Serves the route. `origin` is the console's public address, empty for none."""

    def __init__(
        self,
        phones: BrowserPhones,
        exchange: Exchange,
        key: bytes,
        *,
        origin: str = "",
        ice_servers: Sequence[IceServer] = (),
        max_sockets: int = MAX_SOCKETS,
        over_check_s: float = OVER_CHECK_S,
        beat_s: float = BEAT_S,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.phones, self.exchange = phones, exchange
        self.ice_servers = tuple(ice_servers)
        self.over_check_s, self.beat_s = over_check_s, beat_s
        self._key, self._max_sockets, self._wall_clock = key, max_sockets, wall_clock
        self._origin = str(URL(origin).origin()) if origin else ""
        self._open: dict[_Conversation, asyncio.Task[None]] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The handler of the upgrade."""
        if not self._is_ours(request):
            raise web.HTTPForbidden(reason="Wrong origin")
        if len(self._open) >= self._max_sockets:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"})
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=say.MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        conversation = _Conversation(self, socket)
        task = self._open[conversation] = asyncio.ensure_future(conversation.run())
        try:
            await task
        finally:
            del self._open[conversation]
        return socket

    async def close(self) -> None:
        """Browsers hear what was told them, see 1001 and come back."""
        for conversation in self._open:
            conversation.close(WSCloseCode.GOING_AWAY, "the bridge stops")
        if self._open:
            await asyncio.wait(list(self._open.values()), timeout=CLOSE_S)

    def check(self, token: str) -> PhonePass:
        """Raises `Forbidden`."""
        return verify(token, self._key, self._wall_clock())

    def now(self) -> float:
        return self._wall_clock()

    def _is_ours(self, request: web.Request) -> bool:
        """The console's pages: those of this host, whatever their port, or of the public address. What is no browser
        says no origin; nobody comes in without a pass."""
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        try:
            return origin == self._origin or URL(origin).host == URL(f"http://{request.host}").host
        except ValueError:
            return False


class _Conversation:
    """One socket; also the `Window` of its phone."""

    def __init__(self, owner: PhoneSockets, socket: web.WebSocketResponse) -> None:
        self._owner, self._socket = owner, socket
        self._outbox: asyncio.Queue[say.ToBrowser] = asyncio.Queue(OUTBOX)
        self._closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._phone: BrowserPhone | None = None
        self._allowance = Allowance(RATE, BURST)

    # ─── what the phone asks (Window) ────────────────────────────────────────────────────────────────────────────────

    def tell(self, message: say.ToBrowser) -> None:
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            self.close(WSCloseCode.TRY_AGAIN_LATER, "too slow; come again")

    def close(self, code: int, reason: str) -> None:
        if not self._closing.done():
            self._closing.set_result((code, reason))

    # ─── its life ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        tasks = [asyncio.ensure_future(task()) for task in (self._read, self._write, self._beat, self._watch_pass)]
        try:
            waiting: list[asyncio.Future[Any]] = [*tasks, self._closing]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            if self._phone is not None:
                self._phone.detach(self)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, ClientConnectionResetError | TimeoutError):
                log.error("phone socket failed", exc_info=outcome)
                self.close(WSCloseCode.INTERNAL_ERROR, "the bridge made a mistake")
        if self._closing.done():
            code, reason = self._closing.result()
            await self._say_last()
            await self._socket.close(code=code, message=reason.encode())

    async def _say_last(self) -> None:
        """What was told before the close, without waiting for a browser that does not read."""
        try:
            async with asyncio.timeout(1.0):
                while not self._outbox.empty() and not self._socket.closed:
                    await self._socket.send_str(say.write(self._outbox.get_nowait()))
        except (TimeoutError, ClientConnectionResetError):
            pass

    async def _write(self) -> None:
        while True:
            message = await self._outbox.get()
            async with asyncio.timeout(SEND_S):
                await self._socket.send_str(say.write(message))

    async def _read(self) -> None:
        """Until the browser closes, or says what cannot be understood."""
        try:
            async with asyncio.timeout(REGISTER_S):
                first = await self._socket.receive()
        except TimeoutError:
            return self.close(WSCloseCode.PROTOCOL_ERROR, "register did not come")
        if not self._take(first.type, first.data):
            return None
        async for message in self._socket:
            if not self._take(message.type, message.data):
                return None
        return None

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._owner.beat_s)
            if self._phone is not None:
                self.tell(say.Beat())

    async def _watch_pass(self) -> None:
        while True:
            await asyncio.sleep(self._owner.over_check_s)
            if self._phone is not None and not self._phone.calls and self._pass_is_over():
                return self.close(say.PASS_OVER, "the pass is over")

    def _pass_is_over(self) -> bool:
        """Calls that stand go on, and may be connected with each other; none begins."""
        return self._phone is not None and self._phone.claims.expires_at <= self._owner.now()

    def _take(self, kind: WSMsgType, data: str | bytes) -> bool:
        """False: the socket ends."""
        if kind in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            return False
        if kind is not WSMsgType.TEXT:
            self.close(WSCloseCode.UNSUPPORTED_DATA, "text only")
        elif not self._allowance.takes("", time.monotonic()):
            self.close(WSCloseCode.POLICY_VIOLATION, "too many messages")
        else:
            try:
                said = say.read(data)
            except ValueError:
                self.close(WSCloseCode.INVALID_TEXT, "not a message of the phone")
            else:
                self._hear(said)
        return not self._closing.done()

    def _hear(self, said: say.FromBrowser) -> None:
        if isinstance(said, say.Register) == (self._phone is not None):
            return self.close(WSCloseCode.PROTOCOL_ERROR, "register comes first, and once")
        try:
            match said:
                case say.Register():
                    self._register(said)
                case say.Renew():
                    self._renew(said)
                case say.Dial() if self._pass_is_over():
                    self.tell(say.Error("not_dialled", "the pass is over", ref=said.ref))
                case say.Transfer(consult="") if self._pass_is_over():
                    self.tell(say.Error("refused", "the pass is over", said.call))
                case _:
                    assert self._phone is not None
                    _obey(said, self._phone, self._owner.exchange, self.tell)
        except Forbidden as error:
            self.close(say.PASS_OVER, str(error))
        return None

    def _register(self, said: say.Register) -> None:
        claims = self._owner.check(said.token)
        try:
            self._phone = self._owner.phones.register(claims, said.window, away=said.away)
        except Overloaded as error:
            return self.close(WSCloseCode.TRY_AGAIN_LATER, str(error))
        self._phone.attach(self)
        return self.tell(say.Registered(claims.aor, self._owner.ice_servers, self._phone.standing()))

    def _renew(self, said: say.Renew) -> None:
        claims = self._owner.check(said.token)
        assert self._phone is not None
        if claims.user_id != self._phone.claims.user_id:
            raise Forbidden("the pass is another person's")
        self._phone.claims = claims


def _obey(
    said: say.FromBrowser, phone: BrowserPhone, exchange: Exchange, tell: Callable[[say.ToBrowser], None]
) -> None:
    if isinstance(said, say.Presence):
        phone.away = said.away
    elif isinstance(said, say.Dial):
        _dial(said, phone, exchange, tell)
    elif not isinstance(said, say.Register | say.Renew):
        party = phone.calls.get(said.call)
        if party is None:
            tell(say.Error("no_such_call", "there is no such call", said.call))
        else:
            _obey_in_call(said, party, phone, exchange, tell)


def _dialable(typed: str) -> str:
    """Without blanks round it; empty: nothing that can be dialled."""
    to = typed.strip()
    return "" if any(ord(character) < 33 for character in to.replace(" ", "")) else to


def _dial(said: say.Dial, phone: BrowserPhone, exchange: Exchange, tell: Callable[[say.ToBrowser], None]) -> None:
    to = _dialable(said.to)
    if not to:
        tell(say.Error("not_dialled", "there is nothing to dial", ref=said.ref))
        return
    try:
        phone.dial(exchange, to, said.ref)
    except ValueError as error:
        tell(say.Error("not_dialled", str(error), ref=said.ref))
    except Overloaded as error:
        tell(say.Error("too_many_calls", str(error), ref=said.ref))


def _obey_in_call(
    said: say.Offer | say.Accept | say.Decline | say.Hold | say.Press | say.Transfer | say.HangUp,
    party: BrowserParty,
    phone: BrowserPhone,
    exchange: Exchange,
    tell: Callable[[say.ToBrowser], None],
) -> None:
    match said:
        case say.Offer():
            try:
                party.offered(said.sdp)
            except ValueError as error:
                tell(say.Error("bad_offer", str(error), said.call))
            except Overloaded as error:
                tell(say.Error("overloaded", str(error), said.call))
        case say.Accept():
            party.taken()
        case say.Decline():
            party.declined()
        case say.Hold():
            party.turned(said.on)
        case say.Press():
            party.pressed(said.key, said.duration_ms)
        case say.Transfer():
            _transfer(said, party, phone, exchange, tell)
        case say.HangUp():
            party.hung_up()


def _transfer(
    said: say.Transfer,
    party: BrowserParty,
    phone: BrowserPhone,
    exchange: Exchange,
    tell: Callable[[say.ToBrowser], None],
) -> None:
    consult = phone.calls.get(said.consult)
    if consult is not None and consult is not party and exchange.consult(said.consult):
        party.transfer(consult.other, said.consult)
    elif (to := _dialable(said.to)) and not said.consult:
        party.transfer(to)
    else:
        tell(say.Error("refused", "there is nobody to transfer to", said.call))
