"""Whom a dialled number rings: agents' phones, SIP telephones, somebody behind a trunk."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from engine.control.routes import PHONES, Route, dialled, routes_to
from media.bridge.party import Party, Phone, Phones

MAX_RUNG = 10
"""Phones that one call rings, one after another: nobody waits longer than that."""


class Lines(Protocol):
    """How SIP parties are made (`media.bridge.exchange`). None: no port is free, or the address is none."""

    def to_uri(self, route: Route, uri: str) -> Party | None: ...

    def to_trunk(self, route: Route, number: str) -> Party | None: ...


class DialPlan:
    """The routes, over the phones that are there now."""

    def __init__(self, routes: Sequence[Route], phones: Phones, lines: Lines) -> None:
        self._routes = tuple(routes) or (PHONES,)
        self._phones, self._lines = phones, lines

    def find(self, address: str, caller: str, organisation: str = "") -> "Reach | None":
        """What `caller` (a trunk's name, or `agents`) reaches at that address; None: nothing is there. In a call of an
        organisation it is that one's phones alone; empty: nobody knows whose call it is."""
        number = dialled(address)
        found: list[Callable[[], Party | None]] = []
        known, ring_s, ours = False, 0.0, ""
        for route in routes_to(number, caller, self._routes):
            makers = list(self._makers(route, number, organisation))
            known = known or bool(makers) or self._knows(route, number, organisation)
            ring_s, ours = ring_s or route.ring_s, ours or route.show
            found += makers
        return Reach(ours or number, found[:MAX_RUNG], ring_s) if known else None

    def _knows(self, route: Route, number: str, organisation: str) -> bool:
        """Whether the number is one of ours though nobody can be rung: 480, and not 404."""
        if route.phones and route.number == "*":
            return self._phones.named(route.rewritten(number), organisation) is not None
        return True

    def _makers(self, route: Route, number: str, organisation: str) -> Iterator[Callable[[], Party | None]]:
        target = route.rewritten(number)
        if route.phones:
            phone = self._phones.named(target, organisation)
            phones = [phone] if phone is not None else self._phones.for_number(target, organisation)
            yield from (phone.party for phone in phones if not phone.busy)
        elif route.trunk:
            yield lambda: self._lines.to_trunk(route, target)
        else:
            yield lambda: self._lines.to_uri(route, route.uri.replace("{number}", target))


class Reach:
    """What a number reaches: an iterator of parties, each made when it is to be rung."""

    def __init__(self, number: str, makers: Sequence[Callable[[], Party | None]], ring_s: float) -> None:
        """`number` is ours: the one that was dialled, or that we show where we call."""
        self.number, self.ring_s = number, ring_s
        self._makers = iter(makers)

    def __iter__(self) -> "Reach":
        return self

    def __next__(self) -> Party:
        while True:
            party = next(self._makers)()
            if party is not None:
                return party


class NoPhones:
    """A bridge without browsers."""

    def named(self, address: str, organisation: str = "") -> Phone | None:
        return None

    def for_number(self, number: str, organisation: str = "") -> list[Phone]:
        return []
