"""Two SIP sides on a virtual network under virtual time: transaction layers and INVITE usages without asyncio."""

import heapq
from collections.abc import Callable
from itertools import count

from media.sip import effects, layer, usage
from media.sip.layer import Flow, TransactionLayer
from media.sip.message import Message, Request, Response
from media.sip.wire import parse_message

Lose = Callable[[str, int], bool]
"""(`INVITE`, `200 INVITE`…, how many of its kind went before) → whether it is lost."""


def never(kind: str, number: int) -> bool:
    return False


class Side:
    """A layer with one usage on it, or with the usages that INVITEs make."""

    def __init__(self, net: "Net", name: str) -> None:
        self.net, self.name = net, name
        self.layer = TransactionLayer()
        self.usage: usage.InviteUsage | None = None
        self.heard: list[effects.Effect] = []
        self.on_invite: Callable[[Request], None] = lambda request: None

    def run(self, wanted: list[effects.Effect]) -> None:
        for effect in wanted:
            now = self.net.now
            if isinstance(effect, effects.Reply):
                self.perform(self.layer.respond(effect.request, effect.response, now))
            elif isinstance(effect, effects.Send):
                self.perform(self.layer.send(effect.request, self.net.flow, self.name, now, self))
            elif isinstance(effect, effects.SendAck):
                self.net.carry(self, layer.with_via(effect.request, self.net.flow, self.name))
            elif isinstance(effect, effects.CancelInvite):
                self.perform(self.layer.cancel(effect.invite, now))
            elif not isinstance(effect, effects.HoldBack):  # nobody here has another target
                self.heard.append(effect)

    def perform(self, events: list[layer.Event]) -> None:
        for event in events:
            if isinstance(event, layer.Outgoing):
                self.net.carry(self, event.message)
            elif isinstance(event, layer.Incoming):
                self._incoming(event.request)
            elif isinstance(event, layer.Cancelled):
                if self.usage is not None:
                    self.run(self.usage.cancelled(event.invite))
            elif event.owner is not None and self.usage is not None:
                if isinstance(event, layer.Answer):
                    self.run(self.usage.receive_response(event.request, event.response, self.net.now))
                else:
                    self.run(self.usage.timed_out(event.request))

    def _incoming(self, request: Request) -> None:
        if self.usage is not None and (request.to_tag or request.method == "ACK"):
            self.run(self.usage.receive_request(request, self.net.now))
        elif request.method == "INVITE":
            self.on_invite(request)

    @property
    def deadline(self) -> float:
        own = self.usage.deadline if self.usage else float("inf")
        return min(self.layer.deadline, own)

    def tick(self) -> None:
        self.perform(self.layer.tick(self.net.now))
        if self.usage is not None and self.usage.deadline <= self.net.now:
            self.run(self.usage.tick(self.net.now))

    def count(self, kind: type[effects.Effect]) -> int:
        return sum(isinstance(effect, kind) for effect in self.heard)


class Net:
    """Carries messages in `delay` seconds and what `late` adds, unless `lose` says otherwise; every message passes the
    real wire format."""

    def __init__(
        self,
        lose: Lose = never,
        *,
        delay: float = 0.01,
        transport: str = "UDP",
        late: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.now, self.delay, self.lose, self._late = 0.0, delay, lose, late
        self.flow = Flow(transport, "127.0.0.1", 5_060)
        self.caller, self.server = Side(self, "caller.example:5060"), Side(self, "server.example:5060")
        self.carried: list[tuple[float, str]] = []
        """When each message was sent, lost ones too, and its kind."""
        self._kinds: dict[str, int] = {}
        self._flying: list[tuple[float, int, Side, bytes]] = []
        self._order = count()

    def carry(self, sender: Side, message: Message) -> None:
        kind = f"{message.status} {message.cseq_method}" if isinstance(message, Response) else message.method
        number = self._kinds.get(kind, 0)
        self._kinds[kind] = number + 1
        self.carried.append((self.now, kind))
        if not self.lose(kind, number):
            receiver = self.server if sender is self.caller else self.caller
            heapq.heappush(
                self._flying, (self.now + self.delay + self._late(), next(self._order), receiver, message.to_bytes())
            )

    def run(self, until: float) -> None:
        """Lets time pass, event by event."""
        while True:
            arrival = self._flying[0][0] if self._flying else float("inf")
            at = min(arrival, self.caller.deadline, self.server.deadline)
            if at > until:
                self.now = until
                return
            self.now = max(self.now, at)
            if arrival <= self.now:
                _, _, receiver, data = heapq.heappop(self._flying)
                receiver.perform(receiver.layer.receive(parse_message(data), self.flow, self.now))
            for side in (self.caller, self.server):
                if side.deadline <= self.now:
                    side.tick()

    def sent(self, kind: str) -> list[float]:
        return [round(at, 2) for at, what in self.carried if what == kind]
