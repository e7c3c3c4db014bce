"""Whom a dialled number rings: agents' phones, SIP telephones, somebody behind a trunk."""

from collections.abc import Iterator, Sequence
from itertools import islice
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
        routes = routes_to(number, caller, self._routes)
        if not any(self._knows(route, number, organisation) for route in routes):
            return None
        ours = next((route.show for route in routes if route.show), number)
        return Reach(ours, self._parties(routes, number, organisation), routes[0].ring_s)

    def _knows(self, route: Route, number: str, organisation: str) -> bool:
        """Whether the number is one of ours though nobody can be rung: 480, and not 404."""
        if route.phones and route.number == "*":
            return bool(self._agents(route.rewritten(number), organisation))
        return True

    def _parties(self, routes: Sequence[Route], number: str, organisation: str) -> Iterator[Party | None]:
        for route in routes:
            target = route.rewritten(number)
            if route.phones:
                yield from self._desks(target, organisation)
            elif route.trunk:
                yield self._lines.to_trunk(route, target)
            else:
                yield self._lines.to_uri(route, route.uri.replace("{number}", target))

    def _desks(self, target: str, organisation: str) -> Iterator[Party]:
        """Each is looked for when it is to be rung: while another rang, who was free may have taken a call or left, and
        somebody may have come. The call stays with the organisation that it has rung."""
        rung: set[str] = set()
        while True:
            free = (phone for phone in self._agents(target, organisation) if not phone.busy and phone.aor not in rung)
            phone = next(free, None)
            if phone is None:
                return
            rung.add(phone.aor)
            party = phone.party()
            organisation = organisation or party.organisation
            yield party

    def _agents(self, target: str, organisation: str) -> Sequence[Phone]:
        phone = self._phones.named(target, organisation)
        return [phone] if phone is not None else self._phones.for_number(target, organisation)


class Reach:
    """What a number reaches: an iterator of parties, each made when it is to be rung."""

    def __init__(self, number: str, parties: Iterator[Party | None], ring_s: float) -> None:
        """`number` is ours: the one that was dialled, or that we show where we call."""
        self.number, self.ring_s = number, ring_s
        self._parties = islice((party for party in parties if party is not None), MAX_RUNG)

    def __iter__(self) -> "Reach":
        return self

    def __next__(self) -> Party:
        return next(self._parties)


class NoPhones:
    """A bridge without browsers."""

    def named(self, address: str, organisation: str = "") -> Phone | None:
        return None

    def for_number(self, number: str, organisation: str = "") -> list[Phone]:
        return []
