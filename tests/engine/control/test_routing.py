"""Which campaign takes a call."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control.renewal import LOOK_S
from engine.control.routing import CachedRouter, Picture, alike, normal
from engine.errors import Overloaded
from engine.ports.intake import CallOffer, Participant
from engine.store import Store
from engine.store.campaigns import Campaign
from engine.store.people import User
from tests.virtual_time import VirtualTime

USERS = (
    User("u1", "org", "andrea", "Andrea", "agent", ("andrea@pbx.example",), ("1001",)),
    User("u2", "org", "daniel", "Daniel", "agent", (), ("1002",)),
    User("u3", "org", "gone", "Gone", "agent", (), ("1003",), active=False),
)
CAMPAIGNS = (
    Campaign(
        "c1", "org", "Cobranza", "collections", "outbound", "es", "CO", numbers=("+57 (601) 555-0134",), members=("u1",)
    ),
    Campaign("c2", "org", "Sales", "sales", "outbound", "en", "US", numbers=("sales",), members=("u2", "u3")),
    Campaign("c3", "org", "Old", "care", "inbound", "pt", "BR", numbers=("+551155550142",), active=False),
)
PICTURE = Picture(CAMPAIGNS, USERS)


def offer(to: str = "", sender: str = "", *participants: str, otherwise: str = "") -> CallOffer:
    people = tuple(Participant(str(index), index, aor) for index, aor in enumerate(participants))
    return CallOffer("call", "siprec", "127.0.0.1:5060/udp", sender, to, people, else_aor=otherwise)


@pytest.mark.parametrize(
    ("call", "campaign"),
    [
        (offer("+576015550134@srs.example"), "c1"),
        (offer("sip:576015550134@srs.example;user=phone"), "c1"),
        (offer("00576015550134"), "c1"),
        (offer("6015550134@srs.example"), "c1"),
        (offer("Sales@srs.example"), "c2"),
        (offer("srs@127.0.0.1", "", "1001@pbx.example", "+573001234567@carrier.example"), "c1"),
        (offer("srs@127.0.0.1", "", "ANDREA@pbx.example"), "c1"),
        (offer("srs@127.0.0.1", "sales@pbx.example"), "c2"),
        (offer("srs@127.0.0.1", "1002@pbx.example"), "c2"),
        (offer("srs@127.0.0.1", "", "1001@pbx.example", "1002@pbx.example"), None),
        (offer("srs@127.0.0.1", "", "1003@pbx.example"), None),
        (offer("+551155550142"), None),
        (offer("0134"), None),
        (offer("+576019999999", otherwise="sales"), "c2"),
        (offer("+576015550134", otherwise="sales"), "c1"),
        (offer("+576019999999", "", "ANDREA@pbx.example", otherwise="sales"), "c1"),
        (offer("+576019999999", otherwise="+576018888888"), None),
        (offer(), None),
    ],
)
def test_routes(call: CallOffer, campaign: str | None) -> None:
    routing = PICTURE.route(call)
    assert (routing.campaign_id if routing else None) == campaign


def test_what_a_route_carries() -> None:
    routing = PICTURE.route(offer("sales"))
    assert routing is not None
    assert dict(routing.members) == {"1002": "u2", "daniel@desk": "u2"}
    assert dict(routing.names) == {"u2": "Daniel"}
    assert (routing.campaign, routing.direction, routing.language, routing.country) == ("sales", "outbound", "en", "US")


def test_a_number_that_stands_for_such_calls_takes_none_of_another_organisation() -> None:
    olga = User("u4", "other", "olga", "Olga", "agent", ("olga@other.example",), ())
    ben = User("u5", "other", "ben", "Ben", "agent", (), ("1001",))
    picture = Picture(CAMPAIGNS, (*USERS, olga, ben))
    assert picture.route(offer("+576019999999", "", "olga@other.example", otherwise="sales")) is None
    shared = picture.route(offer("+576019999999", "", "1001@pbx.example", otherwise="sales"))
    assert shared is not None
    assert shared.campaign_id == "c2"


def test_an_extension_that_two_organisations_have_is_told_by_the_whole_address() -> None:
    users = (
        User("a", "acme", "ana", "Ana", "agent", ("7001@acme.example",), ("7001",)),
        User("b", "beta", "bea", "Bea", "agent", ("bea@beta.example",), ("7001",)),
    )
    campaigns = (
        Campaign("ca", "acme", "A", "care", "inbound", "es", "CO", members=("a",)),
        Campaign("cb", "beta", "B", "care", "inbound", "es", "CO", members=("b",)),
    )
    picture = Picture(campaigns, users)

    def campaign(*participants: str) -> str | None:
        routing = picture.route(offer("srs@127.0.0.1", "", *participants))
        return routing.campaign_id if routing else None

    assert campaign("sip:7001@ACME.example;transport=tcp", "+573001234567@carrier.example") == "ca"
    assert campaign("bea@beta.example") == "cb"
    assert campaign("7001@sbc.example") is None
    assert campaign("7001@acme.example", "bea@beta.example") is None


@pytest.mark.parametrize(
    ("participants", "campaign"),
    [
        (("7001@acme.example", "+573001234567@carrier.example"), "ca"),
        (("7002@sbc.example",), "ca"),
        (("7001@beta.example",), None),
        (("7001@sbc.example",), None),
        (("tel:7001",), None),
        (("7001@acme.example", "7001@beta.example"), None),
        (("7002@sbc.example", "bea@desk"), None),
        (("7002@sbc.example", "sip:BEA@desk;ob", "7001@acme.example"), None),
    ],
)
def test_who_is_in_no_campaign_has_an_address_all_the_same(participants: tuple[str, ...], campaign: str | None) -> None:
    users = (
        User("a", "acme", "ana", "Ana", "agent", ("7001@acme.example",), ("7001", "7002", "7003")),
        User("b", "beta", "bea", "Bea", "agent", ("7001@beta.example",), ("7001",)),
        User("g", "beta", "gus", "Gus", "agent", (), ("7002",), active=False),
    )
    picture = Picture((Campaign("ca", "acme", "A", "care", "inbound", "es", "CO", members=("a",)),), users)
    routing = picture.route(offer("srs@127.0.0.1", "", *participants))
    assert (routing.campaign_id if routing else None) == campaign


def test_a_colleague_in_no_campaign_takes_no_call_away() -> None:
    users = (*USERS, User("u4", "org", "olga", "Olga", "agent", ("1001@other.example",), ("1004",)))
    for participants in (("1001@other.example",), ("olga@desk", "1001@pbx.example"), ("1001", "1004@pbx.example")):
        routing = Picture(CAMPAIGNS, users).route(offer("srs@127.0.0.1", "", *participants))
        assert routing is not None
        assert routing.campaign_id == "c1"


def test_a_number_that_could_be_two_is_neither() -> None:
    two = (
        Campaign("a", "org", "A", "sales", "inbound", "en", "US", numbers=("+1 601 555 0134",)),
        Campaign("b", "org", "B", "sales", "inbound", "es", "CO", numbers=("+57 601 555 0134",)),
    )
    assert Picture(two, ()).route(offer("6015550134")) is None
    exact = Picture(two, ()).route(offer("+576015550134"))
    assert exact is not None
    assert exact.campaign_id == "b"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+57 601 555 0134", "6015550134", True),
        ("0057 601 555 0134", "+57 (601) 555-0134", True),
        ("55550134", "5550134", False),
        ("1001", "1001", True),
        ("sales", "SALES@pbx.example", True),
        ("sales", "presales", False),
        ("+1 601 555 0134", "+57 601 555 0134", False),
    ],
)
def test_numbers_are_alike_but_for_a_country_code(one: str, other: str, same: bool) -> None:
    assert alike(normal(one), normal(other)) == alike(normal(other), normal(one)) == same


@given(st.text())
def test_any_address_is_taken(text: str) -> None:
    assert normal(normal(text)) == normal(text) or text
    PICTURE.route(offer(text, text, text))


async def test_what_could_not_be_read_after_a_change_is_read_later(
    store: Store, organisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise Overloaded("the store cannot read")

    time = VirtualTime()
    router = CachedRouter(store, time.sleep)
    campaign = Campaign("c", organisation, "Care", "care", "inbound", "es", "CO", numbers=("+576015550134",))
    await store.campaigns.add(campaign, 1.0)
    monkeypatch.setattr(store.campaigns, "all", fail)
    await router.refresh()
    assert router.route(offer("6015550134")) is None
    monkeypatch.undo()
    keeping = asyncio.create_task(router.keep_up())
    time.goes.set()
    await time.until(2 * LOOK_S)
    keeping.cancel()
    routing = router.route(offer("6015550134"))
    assert routing is not None
    assert routing.campaign_id == "c"
