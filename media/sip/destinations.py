"""Which of a name's targets a request goes to, and which are left when nothing comes of it (RFC 3263 §4.3)."""

import dataclasses
from collections.abc import Awaitable, Callable

from media.sip.hop import Hop, hop_of
from media.sip.layer import Answer, Expired, Flow
from media.sip.locate import Locator, Target
from media.sip.message import Request


class Destinations:
    """An endpoint's. `connect` gives a flow to a target, or raises `OSError`."""

    def __init__(self, locator: Locator, connect: Callable[[Target], Awaitable[Flow]]) -> None:
        self.locator = locator
        self._connect = connect
        self._left: dict[int, tuple[Request, list[Target]]] = {}
        """By the identity of a request on its way: the targets that have not been tried."""

    async def of(self, next_hop: str, flow: Flow, transport: str = "") -> list[Target]:
        """Those of a URI, else of the flow itself; none when it leads nowhere. `transport` is insisted on."""
        try:
            if not next_hop:
                return [Target(transport or flow.transport, flow.host, flow.port, flow.host)]
            hop = hop_of(next_hop, transport or flow.transport)
            if transport or flow.connection >= 0:  # it was chosen: NAPTR has no say
                hop = dataclasses.replace(hop, transport=transport or flow.transport, transport_said=True)
            return await self.locator.targets(hop)
        except (OSError, ValueError):
            return []

    async def first(self, request: Request, targets: list[Target]) -> Flow | None:
        """To the first that takes a connection; the others are kept for the request. None: nobody does."""
        while targets:
            target, *targets = targets
            try:
                flow = await self._connect(target)
            except OSError:
                self.locator.avoid(target.transport, target.host, target.port)
                continue
            if targets:
                self._left[id(request)] = (request, targets)
            return flow
        return None

    async def reach(self, hop: Hop) -> Flow:
        """The same for no request in particular. Raises `OSError`."""
        failures: list[OSError] = []
        for target in await self.locator.targets(hop):
            try:
                return await self._connect(target)
            except OSError as error:
                failures.append(error)
                self.locator.avoid(target.transport, target.host, target.port)
        raise failures[-1]

    def after(self, event: Answer | Expired) -> list[Target]:
        """What to try next: after a time-out or a 503 the name's other targets. A peer that has begun to work on a
        request is not left for another."""
        if isinstance(event, Answer) and event.response.status == 100:
            return []
        _, targets = self._left.pop(id(event.request), (None, []))
        if isinstance(event, Answer) and event.response.status != 503:
            return []
        self.locator.avoid(event.flow.transport, event.flow.host, event.flow.port)
        return targets

    def forget(self, request: Request) -> None:
        """It is taken back: nobody else gets it."""
        self._left.pop(id(request), None)
