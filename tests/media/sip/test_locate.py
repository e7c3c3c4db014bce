"""RFC 3263: from a name to the places that are tried, over real DNS on loopback and to real peers."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from engine.control.trunks import Line
from media.sip.caller import Caller, CallPlan, CallRefused, place_call, prepare_call
from media.sip.hop import hop_of
from media.sip.locate import AVOID_S, MAX_NAMES, Dns, Locator, Pointer, Service, in_order
from media.sip.server import SipServer
from media.sip.trunk_line import TrunkLine
from tests.media.sip.mute_peer import MutePeer
from tests.media.sip.name_server import name_server
from tests.media.sip.sip_fakes import FakeCounts, FakeIntake, FakeMedia, HandClock
from tests.media.sip.test_sipp import free_port


class Zone:
    """Records that are given, and a count of the questions."""

    def __init__(
        self, services: Mapping[str, Sequence[Service]], pointers: Mapping[str, Sequence[Pointer]] | None = None
    ) -> None:
        self.by_name, self.pointing = services, pointers or {}
        self.asked: Counter[str] = Counter()

    async def services(self, name: str) -> tuple[Sequence[Service], float]:
        self.asked[name] += 1
        return self.by_name.get(name, ()), 60.0

    async def pointers(self, name: str) -> tuple[Sequence[Pointer], float]:
        self.asked[name] += 1
        return self.pointing.get(name, ()), 60.0


async def same(host: str, port: int) -> Sequence[str]:
    if host.startswith("gone"):
        raise OSError("no such host")
    return [host]


def locator(zone: Zone, clock: HandClock | None = None, *, max_names: int = MAX_NAMES) -> Locator:
    return Locator(zone, same, clock or HandClock(), dice=lambda: 0.0, max_names=max_names)


async def places(found: Locator, uri: str) -> list[tuple[str, str, int]]:
    return [(one.transport, one.host, one.port) for one in await found.targets(hop_of(uri))]


async def test_addresses_and_ports_need_no_records() -> None:
    zone = Zone({"_sip._tcp.sbc.example": [Service(1, 0, 5090, "one.example")]})
    it = locator(zone)
    assert await places(it, "sip:192.0.2.1") == [("UDP", "192.0.2.1", 5060)]
    assert await places(it, "sip:sbc.example:5070") == [("UDP", "sbc.example", 5070)]
    assert zone.asked.total() == 0


async def test_srv_by_priority_and_the_name_itself_where_there_is_none() -> None:
    zone = Zone({"_sip._tcp.sbc.example": [Service(2, 0, 5091, "two.example"), Service(1, 0, 5090, "one.example")]})
    it = locator(zone)
    want = [("TCP", "one.example", 5090), ("TCP", "two.example", 5091)]
    assert await places(it, "sip:sbc.example;transport=tcp") == want
    assert await places(it, "sip:other.example;transport=tcp") == [("TCP", "other.example", 5060)]
    assert await places(it, "sip:sbc.example;transport=ws") == [("WS", "sbc.example", 80)]
    assert (await it.targets(hop_of("sip:sbc.example;transport=tcp")))[0].name == "sbc.example"  # whose certificate


async def test_naptr_chooses_the_transport_where_the_uri_does_not() -> None:
    pointers = [
        Pointer(20, 0, "SIP+D2U", "_sip._udp.sbc.example"),
        Pointer(10, 5, "SIP+D2T", "_sip._tcp.sbc.example"),
        Pointer(10, 1, "SIPS+D2T", "_sips._tcp.sbc.example"),
        Pointer(1, 0, "SIP+D2S", "_sip._sctp.sbc.example"),
    ]
    services = {
        f"{name}.sbc.example": [Service(1, 0, port, "one.example")]
        for name, port in (("_sip._udp", 1), ("_sip._tcp", 2), ("_sips._tcp", 3))
    }
    it = locator(Zone(services, {"sbc.example": pointers}))
    assert [transport for transport, _, _ in await places(it, "sip:sbc.example")] == ["TLS", "TCP", "UDP"]
    assert await places(it, "sips:sbc.example") == [("TLS", "one.example", 3)]
    without = locator(Zone(services))
    assert [transport for transport, _, _ in await places(without, "sip:sbc.example")] == ["UDP", "TCP", "TLS"]


async def test_hosts_without_address_and_services_that_are_not_offered_are_left_out() -> None:
    services = [Service(1, 0, 1, "gone.example"), Service(2, 0, 2, ""), Service(3, 0, 3, "here.example")]
    it = locator(Zone({"_sip._udp.sbc.example": services}))
    assert await places(it, "sip:sbc.example;transport=udp") == [("UDP", "here.example", 3)]
    with pytest.raises(OSError, match="no address"):
        await it.targets(hop_of("sip:gone.example"))


async def test_answers_are_kept_for_their_ttl_and_never_too_many() -> None:
    zone, clock = Zone({}), HandClock()
    it = locator(zone, clock, max_names=3)
    for now, asked in ((0, 1), (59, 1), (61, 2)):
        clock.now = 1_000.0 + now
        await places(it, "sip:a.example;transport=udp")
        assert zone.asked["_sip._udp.a.example"] == asked
    for name in "bcd":
        await places(it, f"sip:{name}.example;transport=udp")
    await places(it, "sip:a.example;transport=udp")
    assert zone.asked["_sip._udp.a.example"] == 3


async def test_what_failed_comes_last_for_a_while() -> None:
    services = [Service(1, 0, 1, "one.example"), Service(2, 0, 2, "two.example")]
    clock = HandClock()
    it = locator(Zone({"_sip._udp.sbc.example": services}), clock)
    it.avoid("UDP", "one.example", 1)
    uri = "sip:sbc.example;transport=udp"
    assert [port for _, _, port in await places(it, uri)] == [2, 1]
    clock.now += AVOID_S + 1
    assert [port for _, _, port in await places(it, uri)] == [1, 2]


def test_weights_are_shares_of_the_draws() -> None:
    services = [Service(1, 10, 1, "a"), Service(1, 30, 2, "b"), Service(1, 0, 3, "c"), Service(0, 0, 4, "first")]
    seen: Counter[int] = Counter()
    for step in range(100):
        ordered = in_order(services, lambda step=step: (step + 0.5) / 100)  # type: ignore[misc]
        assert ordered[0].host == "first"
        assert {one.port for one in ordered} == {1, 2, 3, 4}
        seen[ordered[1].port] += 1
    assert seen == {1: 25, 2: 75}


# ─── real DNS ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_records_come_over_the_wire() -> None:
    records = (
        "_sip._udp.sbc.example. 77 IN SRV 10 5 5062 a.sbc.example.",
        "_sip._udp.sbc.example. 77 IN SRV 20 5 5063 b.sbc.example.",
        "_sip._tcp.sbc.example. 60 IN SRV 0 0 0 .",
        'sbc.example. 90 IN NAPTR 10 20 "s" "SIP+D2U" "" _sip._udp.sbc.example.',
        'sbc.example. 90 IN NAPTR 10 30 "u" "E2U+sip" "!^.*$!sip:x@sbc.example!" .',
    )
    async with asyncio.timeout(10), name_server(*records) as (server, resolver):
        it = Dns(resolver)
        services, ttl = await it.services("_sip._udp.sbc.example")
        assert (sorted(one.host for one in services), ttl) == (["a.sbc.example", "b.sbc.example"], 77.0)
        assert (await it.services("_sip._tcp.sbc.example"))[0] == [Service(0, 0, 0, "")]
        assert (await it.pointers("sbc.example"))[0] == [Pointer(10, 20, "SIP+D2U", "_sip._udp.sbc.example")]
        assert (await it.services("sbc.example"))[0] == []  # the name is there, the record is not
        assert (await it.services("nowhere.example"))[0] == []
        assert "_sip._udp.sbc.example. SRV" in server.asked


async def test_a_dead_name_server_costs_its_time_and_no_more() -> None:
    async with name_server() as (_, resolver):
        pass
    assert (await Dns(resolver, lookup_s=0.05).services("_sip._udp.sbc.example"))[0] == []


def srv(transport: str, *ports: int) -> list[str]:
    return [
        f"_sip._{transport}.site.example. 60 IN SRV {place} 0 {port} localhost." for place, port in enumerate(ports)
    ]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_goes_on_to_the_next_target_of_its_name(transport: str) -> None:
    """The first target is closed (TCP) or answers 503 (UDP); the call, and its BYE, go to the second."""
    full, free = FakeIntake(), FakeIntake()
    refusing, taking = (SipServer("127.0.0.1", 0, intake, FakeMedia()) for intake in (full, free))
    await refusing.open()
    await taking.open()
    await refusing.close(0)
    first = free_port() if transport == "tcp" else await reopened(refusing)
    try:
        records = srv(transport, first, taking.port)
        async with asyncio.timeout(10), name_server(*records) as (_, resolver), Caller() as caller:
            caller.endpoint.destinations.locator = Locator(Dns(resolver))
            plan = CallPlan(f"sip:5000@site.example;transport={transport}", "127.0.0.1", [40_000])
            call = await place_call(caller, plan)
            await free.begun()
            assert (len(full.offers), len(free.offers)) == (0, 1)
            call.bye()
            assert await call.ended == "bye"
    finally:
        await taking.close(0)
        await refusing.close(0)


async def test_a_call_that_was_given_up_goes_on_to_nobody() -> None:
    slow, free = MutePeer(), FakeIntake()
    taking = SipServer("127.0.0.1", 0, free, FakeMedia())
    await slow.endpoint.open("127.0.0.1", 0)
    await taking.open()
    try:
        records = srv("udp", slow.endpoint.transports.port, taking.port)
        async with asyncio.timeout(10), name_server(*records) as (_, resolver), Caller() as caller:
            caller.endpoint.destinations.locator = Locator(Dns(resolver))
            call = await prepare_call(caller, CallPlan("sip:5000@site.example;transport=udp", "127.0.0.1", [40_000]))
            answer = asyncio.ensure_future(call.wait_answered())
            invite = await slow.asked.get()
            call.bye()
            slow.endpoint.respond(invite, invite.respond(503, to_tag="slow"))
            with pytest.raises(CallRefused) as caught:
                await answer
            assert (caught.value.status, free.offers) == (503, [])
    finally:
        await taking.close(0)
        await slow.endpoint.close()


async def test_a_call_that_was_given_up_between_two_targets_is_cancelled_at_the_second() -> None:
    first, second, ours, theirs = MutePeer(begun=True), MutePeer(begun=True), FakeCounts(), FakeCounts()
    for peer in (first, second):
        await peer.endpoint.open("127.0.0.1", 0)
    second.endpoint.metrics = theirs
    try:
        records = srv("udp", *(peer.endpoint.transports.port for peer in (first, second)))
        async with asyncio.timeout(10), name_server(*records) as (_, resolver), Caller() as caller:
            caller.endpoint.destinations.locator, caller.endpoint.metrics = Locator(Dns(resolver)), ours
            call = await prepare_call(caller, CallPlan("sip:5000@site.example;transport=udp", "127.0.0.1", [40_000]))
            answer = asyncio.ensure_future(call.wait_answered())
            invite = await first.asked.get()
            first.endpoint.respond(invite, invite.respond(503, to_tag="first"))
            await ours.until("sip_messages_total in 5xx")
            call.bye()
            invite = await second.asked.get()
            await theirs.until("sip_messages_total in CANCEL")
            second.endpoint.respond(invite, invite.respond(487, to_tag="second"))
            with pytest.raises(CallRefused, match="487"):
                await answer
    finally:
        for peer in (first, second):
            await peer.endpoint.close()


async def reopened(server: SipServer) -> int:
    """The port of one that refuses everybody, since it is closing."""
    await server.endpoint.open("127.0.0.1", 0)
    return server.port


async def test_a_trunk_by_name_is_pinged_where_srv_points_and_then_where_it_answers() -> None:
    server, counts = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia()), FakeCounts()
    await server.open()
    records = [
        *srv("tcp", free_port(), server.port),
        'site.example. 60 IN NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.site.example.',
    ]
    async with asyncio.timeout(10), name_server(*records) as (_, resolver), Caller() as caller:
        caller.endpoint.destinations.locator, caller.endpoint.metrics = Locator(Dns(resolver)), counts
        line = TrunkLine(Line("site", "sip:site.example", ping_s=1), caller.endpoint)
        line.tick(caller.endpoint.clock())
        await counts.until("sip_trunk_up site")
        assert line.up
    await server.close(0)
