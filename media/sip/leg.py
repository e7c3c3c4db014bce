"""One call's signalling on its endpoint."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.sip import effects, usage
from media.sip.hop import hop_of
from media.sip.layer import Flow
from media.sip.message import Request, Response

if TYPE_CHECKING:
    from media.sip.endpoint import Endpoint


Mark = tuple[str, str, int]


def mark_of(invite: Request) -> Mark:
    """What copies of one INVITE have in common (RFC 3261 §8.2.2.2)."""
    return (invite.call_id, invite.from_tag, invite.cseq)


class Leg:
    """Performs what its `InviteUsage` decides, tells `hear` the rest.

    `run` takes the effects of any command: `leg.run(leg.usage.accept(...))`."""

    def __init__(
        self, endpoint: "Endpoint", machine: usage.InviteUsage, flow: Flow, hear: Callable[[effects.Effect], None]
    ) -> None:
        self.endpoint, self.usage, self.flow = endpoint, machine, flow
        self.hear = hear
        came_in = machine.state == "offered"
        self._translated = came_in and machine.invite.via.host.strip("[]") != flow.host
        self.mark = mark_of(machine.invite)
        endpoint.attach(self)

    @property
    def key(self) -> tuple[str, str]:
        return (self.usage.invite.call_id, self.usage.local_tag)

    def run(self, wanted: list[effects.Effect]) -> None:
        for effect in wanted:
            if isinstance(effect, effects.Reply):
                self.endpoint.respond(effect.request, effect.response)
            elif isinstance(effect, effects.Send):
                self.endpoint.send(effect.request, self._flow(), self)
            elif isinstance(effect, effects.SendAck):
                self.endpoint.send_ack(effect.request, self._flow(), self)
            elif isinstance(effect, effects.CancelInvite):
                self.endpoint.cancel(effect.invite)
            elif isinstance(effect, effects.HoldBack):
                self.endpoint.destinations.forget(effect.invite)
            else:
                if isinstance(effect, effects.Ended):
                    self.endpoint.detach(self)
                self.hear(effect)

    def _flow(self) -> Flow:
        """Where in-dialog requests go: to the next hop where its address is plain, else back where the call is from; so
        also for a peer whose own idea of its address is not where it sends from (NAT)."""
        if self.flow.reliable or self.usage.dialog is None or self._translated:
            return self.flow
        try:
            hop = hop_of(self.usage.dialog.next_hop(), self.flow.transport)
        except ValueError:
            return self.flow
        return Flow(hop.transport, hop.host, hop.port) if hop.numeric else self.flow

    # ─── what the endpoint tells the owner of a request ──────────────────────────────────────────────────────────────

    @property
    def next_hop(self) -> str:
        """URI to connect to when the flow is gone; empty: only the flow's own address is known."""
        if self.usage.dialog is None:
            return self.usage.invite.uri if self.usage.state == "inviting" else ""
        return self.usage.dialog.next_hop()

    def moved(self, request: Request, flow: Flow) -> None:
        """The connection was made anew, or leads to another of the name's targets."""
        self.flow = flow
        self.usage.moved(request)

    def answered(self, request: Request, response: Response, now: float) -> None:
        self.run(self.usage.receive_response(request, response, now))

    def expired(self, request: Request) -> None:
        self.run(self.usage.timed_out(request))
