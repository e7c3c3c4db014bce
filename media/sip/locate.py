"""Where a URI's requests go (RFC 3263): NAPTR names the transport, SRV the hosts by priority and weight (RFC 2782).

What DNS says is kept for its TTL. Addresses come from the system's resolver, which reads the hosts file, too.
"""

import asyncio
import dataclasses
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import structlog
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from media.sip.hop import Hop

log = structlog.get_logger()

LOOKUP_S = 3.0
"""Longest wait for one answer of DNS, all its servers tried."""
MAX_TARGETS = 8
"""Of one name, tried one after another."""
MAX_NAMES = 256
"""Answers kept; the oldest goes first."""
LEAST_TTL_S, MOST_TTL_S = 5.0, 3_600.0
NOTHING_TTL_S = 30.0
"""How long a name is taken to have no such record."""
AVOID_S = 60.0
"""A target that failed comes after all others for so long (RFC 3263 §4.3 leaves the time to us)."""
_SERVICES = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
_NAPTR = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}


@dataclasses.dataclass(frozen=True)
class Service:
    """One SRV record."""

    priority: int
    weight: int
    port: int
    host: str
    """Without the last dot; empty: the service is decidedly not offered."""


@dataclasses.dataclass(frozen=True)
class Pointer:
    """One NAPTR record of flag `s`."""

    order: int
    preference: int
    service: str
    name: str
    """Of the SRV records."""


@dataclasses.dataclass(frozen=True)
class Target:
    """One place to try."""

    transport: str
    host: str
    """An address."""
    port: int
    name: str
    """The URI's own host: whose certificate is expected over TLS (RFC 5922 §7.2)."""


class Records(Protocol):
    """DNS. Each answer comes with its TTL in seconds; what is not there or cannot be had is an empty one."""

    async def services(self, name: str) -> tuple[Sequence[Service], float]: ...

    async def pointers(self, name: str) -> tuple[Sequence[Pointer], float]: ...


_Record = TypeVar("_Record", SRV, NAPTR)


class Dns:
    """`Records` by way of the servers of `/etc/resolv.conf`, or of a resolver that is given."""

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None, *, lookup_s: float = LOOKUP_S) -> None:
        self._resolver, self._lookup_s = resolver, lookup_s

    async def services(self, name: str) -> tuple[Sequence[Service], float]:
        records, ttl = await self._ask(name, SRV)
        return [Service(one.priority, one.weight, one.port, _name(one.target)) for one in records], ttl

    async def pointers(self, name: str) -> tuple[Sequence[Pointer], float]:
        records, ttl = await self._ask(name, NAPTR)
        return [
            Pointer(one.order, one.preference, one.service.decode("ascii", "replace").upper(), _name(one.replacement))
            for one in records
            if one.flags.lower() == b"s"
        ], ttl

    async def _ask(self, name: str, kind: type[_Record]) -> tuple[list[_Record], float]:
        try:
            self._resolver = self._resolver or dns.asyncresolver.Resolver()
            answer = await self._resolver.resolve(
                name,
                dns.rdatatype.from_text(kind.__name__),
                raise_on_no_answer=False,
                lifetime=self._lookup_s,
                search=False,
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoResolverConfiguration):
            return [], NOTHING_TTL_S
        except (dns.exception.DNSException, OSError) as error:
            log.warning("sip.dns", name=name, error=type(error).__name__)
            return [], LEAST_TTL_S
        if answer.rrset is None:
            return [], NOTHING_TTL_S
        return [record for record in answer.rrset if isinstance(record, kind)], float(answer.rrset.ttl)


def _name(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else str(name.to_text(omit_final_dot=True))


Addresses = Callable[[str, int], Awaitable[Sequence[str]]]


async def addresses_of(host: str, port: int) -> Sequence[str]:
    """A and AAAA, in the system's order of preference. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Locator:
    """Finds the targets of a hop, best first, in the same order as long as the records' TTL says. One event loop;
    `clock` gives monotonic seconds, `dice` 0…1; `max_names` bounds what is kept."""

    def __init__(
        self,
        records: Records | None = None,
        addresses: Addresses = addresses_of,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
        max_names: int = MAX_NAMES,
    ) -> None:
        self._records = records or Dns()
        self._addresses = addresses
        self._clock = clock
        self._dice = dice
        self._max_names = max_names
        self._services: dict[str, tuple[float, Sequence[Service]]] = {}
        self._pointers: dict[str, tuple[float, Sequence[Pointer]]] = {}
        self._avoided: dict[tuple[str, str, int], float] = {}

    async def targets(self, hop: Hop) -> list[Target]:
        """At least one, at most `MAX_TARGETS`. Raises `OSError` when the name leads nowhere."""
        if hop.numeric:
            return [Target(hop.transport, hop.host, hop.port, hop.host)]
        services = [] if hop.port_said else await self._offered(hop)
        places = services or [(hop.transport, Service(0, 0, hop.port, hop.host))]
        found: list[Target] = []
        for transport, service in places[:MAX_TARGETS]:
            try:
                addresses = await self._addresses(service.host, service.port)
            except OSError:
                continue
            found += [Target(transport, address, service.port, hop.host) for address in addresses]
        if not found:
            raise OSError(f"{hop.host} has no address")
        now = self._clock()
        found.sort(key=lambda target: self._avoided.get((target.transport, target.host, target.port), 0.0) > now)
        return found[:MAX_TARGETS]

    def avoid(self, transport: str, host: str, port: int) -> None:
        """Nothing came back from there."""
        now = self._clock()
        self._avoided = {place: until for place, until in self._avoided.items() if until > now}
        self._avoided[transport, host, port] = now + AVOID_S
        while len(self._avoided) > self._max_names:
            del self._avoided[next(iter(self._avoided))]

    async def _offered(self, hop: Hop) -> list[tuple[str, Service]]:
        """By NAPTR where the URI leaves the transport open (§4.1), else by the transport's own SRV name (§4.2)."""
        names = [(hop.transport, f"{_SERVICES[hop.transport]}.{hop.host}")] if hop.transport in _SERVICES else []
        if not hop.transport_said:
            names = await self._pointed(hop.host) or [
                (transport, f"{_SERVICES[transport]}.{hop.host}") for transport in ("UDP", "TCP", "TLS")
            ]
        found: list[tuple[str, Service]] = []
        for transport, name in names:
            services = await self._kept(self._services, name, self._drawn)
            found += [(transport, one) for one in services if one.host]
        return found

    async def _drawn(self, name: str) -> tuple[Sequence[Service], float]:
        """Once a TTL: the answer to a challenge must come to whoever made it."""
        services, ttl = await self._records.services(name)
        return in_order(services, self._dice), ttl

    async def _pointed(self, host: str) -> list[tuple[str, str]]:
        pointers = await self._kept(self._pointers, host, self._records.pointers)
        known = [one for one in pointers if one.service in _NAPTR and one.name]
        known.sort(key=lambda one: (one.order, one.preference))
        return [(_NAPTR[one.service], one.name) for one in known]

    async def _kept(
        self,
        kept: dict[str, tuple[float, Sequence["_Kept"]]],
        name: str,
        ask: Callable[[str], Awaitable[tuple[Sequence["_Kept"], float]]],
    ) -> Sequence["_Kept"]:
        until, records = kept.get(name, (0.0, ()))
        if until <= self._clock():
            records, ttl = await ask(name)
            kept.pop(name, None)
            kept[name] = (self._clock() + min(MOST_TTL_S, max(LEAST_TTL_S, ttl)), records)
            while len(kept) > self._max_names:
                del kept[next(iter(kept))]
        return records


_Kept = TypeVar("_Kept", Service, Pointer)


def in_order(services: Sequence[Service], dice: Callable[[], float]) -> list[Service]:
    """RFC 2782: lowest priority first; within one, drawn by weight, those of weight 0 with hardly a chance."""
    ordered: list[Service] = []
    for priority in sorted({one.priority for one in services}):
        left = sorted((one for one in services if one.priority == priority), key=lambda one: one.weight)
        while left:
            mark = dice() * sum(one.weight for one in left)
            chosen = left[-1]
            for one in left:
                mark -= one.weight
                if mark <= 0:
                    chosen = one
                    break
            left.remove(chosen)
            ordered.append(chosen)
    return ordered
