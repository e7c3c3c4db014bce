"""A real DNS server on loopback, with the records of one test."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers from `records`, each as in a zone file: `_sip._udp.sbc.example. 60 IN SRV 1 0 5060 localhost.`"""

    def __init__(self, records: Sequence[str]) -> None:
        self.asked: list[str] = []
        """Questions, as `name type`."""
        by_name: dict[tuple[str, str], list[str]] = {}
        ttls: dict[tuple[str, str], int] = {}
        for record in records:
            name, ttl, _, form, data = record.split(maxsplit=4)
            by_name.setdefault((name, form), []).append(data)
            ttls[name, form] = int(ttl)
        self._sets = {
            key: dns.rrset.from_text_list(key[0], ttls[key], "IN", key[1], data) for key, data in by_name.items()
        }
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        key = (question.name.to_text(), question.rdtype.name)
        self.asked.append(" ".join(key))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        if key in self._sets:
            answer.answer.append(self._sets[key])
        elif not any(name == key[0] for name, _ in self._sets):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def name_server(*records: str) -> AsyncIterator[tuple[NameServer, dns.asyncresolver.Resolver]]:
    """One, and a resolver that asks it alone."""
    made = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(records), local_addr=("127.0.0.1", 0)
    )
    transport, server = made
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    try:
        yield server, resolver
    finally:
        transport.close()
