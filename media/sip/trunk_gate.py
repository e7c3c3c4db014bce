"""Who may open something new at an endpoint: the trunks, by address, by what they can prove, and not too often."""

import secrets
from collections.abc import Sequence

from engine.control.trunks import Line, Trunk, lines_of, trunk_of
from media.sip.digest import Credentials, Gatekeeper, Login
from media.sip.endpoint import Endpoint, new_tag
from media.sip.layer import Flow
from media.sip.message import Request, Response
from media.sip.rate import Allowance
from media.sip.trunk_line import login_of


class TrunkGate:
    """The part of an endpoint's `Acceptor` that says no."""

    def __init__(self, trunks: Sequence[Trunk], endpoint: Endpoint) -> None:
        secret = secrets.token_bytes(32)
        named = [line for line in lines_of(trunks) if line.challenge]
        self._gatekeepers = {line.name: Gatekeeper("welcomedly", secret + line.name.encode()) for line in named}
        self._paces = {line.name: Allowance(line.calls_per_second) for line in lines_of(trunks)}
        self._trunks, self._endpoint = tuple(trunks), endpoint

    def allows(self, host: str) -> bool:
        return trunk_of(host, self._trunks) is not None

    def line_at(self, host: str) -> Line | None:
        """What the trunks' file says of that address."""
        trunk = trunk_of(host, self._trunks)
        return trunk.line if trunk else None

    def login_at(self, host: str) -> Login:
        """Our answers to the challenges of the trunk at that address."""
        return login_of(self.line_at(host))

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        """What a trunk's line demands: proof of its account, and no more calls a second than it may make."""
        line, now, metrics = self.line_at(flow.host), self._endpoint.clock(), self._endpoint.metrics
        if line is None:
            return None
        if line.challenge and line.account is not None:
            gatekeeper = self._gatekeepers[line.name]
            verdict = gatekeeper.judge(request, Credentials(line.account.user, line.account.password), now)
            metrics.count("sip_challenges_total", verdict=verdict)
            if verdict != "accepted":
                return gatekeeper.challenge(request, verdict, now, new_tag(), line.digests)
        if not self._paces[line.name].takes("", now):
            metrics.count("sip_dropped_total", reason="rate")
            return request.respond(503, ("Retry-After", "1"), to_tag=new_tag())
        return None
