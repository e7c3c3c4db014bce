"""A SIP peer that answers no INVITE by itself."""

import asyncio

from media.sip.endpoint import Endpoint
from media.sip.layer import Flow
from media.sip.message import Request, Response


class MutePeer:
    """`begun`: it says 100 and then no more, as one does that is killed while it takes a call. Who makes it opens and
    closes its `endpoint`."""

    def __init__(self, *, begun: bool = False) -> None:
        self.endpoint = Endpoint(self)
        self.asked: asyncio.Queue[Request] = asyncio.Queue()
        self._begun = begun

    def allows(self, host: str) -> bool:
        return True

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        return None

    def busy(self, host: str) -> int:
        return 0

    def offered(self, request: Request, flow: Flow) -> None:
        if self._begun:
            self.endpoint.respond(request, request.respond(100))
        self.asked.put_nowait(request)
