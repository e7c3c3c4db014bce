"""Who is on a channel, by what the wire calls it."""

from collections.abc import Mapping

from engine.control.peers import Peer, role_names
from engine.ports.intake import Participant

_PLACES = {"customer": 0, "in": 0, "inbound": 0, "caller": 0, "0": 0, "agent": 1, "out": 1, "outbound": 1, "callee": 1}
_PLACES |= {"1": 1, "external": 0, "internal": 1}
FROM = ("from", "From", "caller", "Caller", "ani")
TO = ("to", "To", "called", "Called", "dnis")
AGENT = ("agent", "Agent")


def first(source: Mapping[str, object], names: tuple[str, ...]) -> str:
    """The first of the named values that is text."""
    return next((str(source[name])[:256] for name in names if isinstance(source.get(name), str)), "")


def place_of(name: str) -> int | None:
    """0: the customer's side of a call, 1: the agent's; None for a name that says neither."""
    return _PLACES.get(name.strip().lower())


def party(peer: Peer, stream: str, place: int, *, aor: str = "", name: str = "", alone: bool = False) -> Participant:
    """The participant of the channel at `place`, whose role the protocol itself tells. `alone`: it is the only one."""
    if alone and peer.mixed:
        return Participant(stream, place, aor, name, mixed=True)
    return Participant(stream, place, aor, name, role=role_names(peer)[min(place, 1)])


def addresses(peer: Peer, agent: str, caller: str, called: str) -> tuple[str, str]:
    """Of the first and the second channel. On the first is who calls: the customer, or, as `roles` say, the agent, who
    calls the customer."""
    if role_names(peer)[0] == "agent":
        return agent or caller, called
    return caller, agent
