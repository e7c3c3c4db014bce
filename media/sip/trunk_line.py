"""One trunk that we keep in touch with: registers at it, pings it, and says how it stands."""

import secrets

import structlog

from engine.control.trunks import Line
from media.sip.address import parse_uri
from media.sip.digest import Credentials, Login
from media.sip.endpoint import Endpoint, new_tag
from media.sip.hop import hop_of
from media.sip.layer import Flow
from media.sip.message import Request, Response
from media.sip.registration import Ping, Registration

log = structlog.get_logger()


def login_of(line: Line | None) -> Login:
    """Our answers to that trunk's challenges."""
    account = line.account if line else None
    return Login(Credentials(account.user, account.password) if account else None)


class TrunkLine:
    """The shell of a trunk's `Registration` and `Ping`; `tick` it about once a second. A `Sender` of its endpoint."""

    def __init__(self, line: Line, endpoint: Endpoint) -> None:
        """Raises `ValueError` when the trunk's URI is not valid. The endpoint is open."""
        self.line = line
        self._endpoint = endpoint
        uri, hop = parse_uri(line.uri), hop_of(line.uri)
        self._flow = Flow(hop.transport, hop.host, hop.port, 0 if hop.transport != "UDP" or hop.numeric else -1)
        self._unresolved = self._flow
        user = line.account.user if line.account else "welcomedly"
        host = f"[{uri.host.strip('[]')}]" if ":" in uri.host else uri.host
        aor = f"{uri.scheme}:{uri.user or user}@{host}"
        contact = f"<{endpoint.contact(user, self._flow, secure=uri.scheme == 'sips')}>"
        call_id = secrets.token_hex(12)
        self.login = login_of(line)
        self._registration: Registration | None = None
        if line.register:
            self._registration = Registration(
                *(_without_user(line.uri), aor, contact, self.login),
                expires_s=line.expires_s,
                tag=new_tag(),
                call_id=f"r{call_id}",
                dice=secrets.SystemRandom().random,
            )
        self._ping: Ping | None = None
        if line.ping_s:
            local = f"<{aor}>;tag={new_tag()}"
            self._ping = Ping(line.uri, local, contact, f"p{call_id}", every_s=line.ping_s)
        self._was_registered = False

    @property
    def up(self) -> bool | None:
        """Whether it answers pings; None: not known."""
        return self._ping.up if self._ping else None

    @property
    def registered(self) -> bool:
        return self._registration is not None and self._registration.registered(self._endpoint.clock())

    def tick(self, now: float) -> None:
        broken = self._flow.connection > 0 and not self._endpoint.transports.alive(self._flow)
        if broken and self._registration is not None:
            self._registration.broken(now)
        for machine in (self._registration, self._ping):
            request = machine.tick(now) if machine else None
            if request is not None:
                self._send(request)
        self._tell(now)

    def leave(self) -> None:
        """Takes the registration back; the endpoint's `drain` waits for the answer."""
        request = self._registration.leave(self._endpoint.clock()) if self._registration else None
        if request is not None:
            self._send(request)

    def _send(self, request: Request) -> None:
        self._endpoint.send(request, self._flow, self)

    def _tell(self, now: float) -> None:
        if self._registration is None:
            return
        registered = self._registration.registered(now)
        self._endpoint.metrics.set("sip_trunk_registered", float(registered), trunk=self.line.name)
        if registered is not self._was_registered:
            self._was_registered = registered
            log.info("sip.trunk", trunk=self.line.name, registered=registered)

    # ─── the endpoint's Sender ───────────────────────────────────────────────────────────────────────────────────────

    @property
    def next_hop(self) -> str:
        return self.line.uri

    def moved(self, request: Request, flow: Flow) -> None:
        # a name is looked up anew for each datagram, so that a trunk may move
        self._flow = self._unresolved if flow.transport == "UDP" else flow

    def answered(self, request: Request, response: Response, now: float) -> None:
        if not response.final:
            return
        if request.method == "REGISTER" and self._registration is not None:
            again = self._registration.answered(request, response, now)
            if again is not None:
                self._send(again)
            elif not response.success:
                log.warning("sip.trunk", trunk=self.line.name, register=response.status)
            self._tell(now)
        else:
            self._pinged(request, response.status, now)

    def expired(self, request: Request) -> None:
        now = self._endpoint.clock()
        if request.method == "REGISTER" and self._registration is not None:
            self._registration.unanswered(request, now)
            self._tell(now)
        else:
            self._pinged(request, 0, now)

    def _pinged(self, request: Request, status: int, now: float) -> None:
        if self._ping is not None and self._ping.outcome(request, status, now):
            self._endpoint.metrics.set("sip_trunk_up", float(bool(self._ping.up)), trunk=self.line.name)
            log.info("sip.trunk", trunk=self.line.name, up=self._ping.up, status=status)


def _without_user(uri: str) -> str:
    scheme, _, rest = uri.partition(":")
    return f"{scheme}:{rest.rpartition('@')[2]}"
