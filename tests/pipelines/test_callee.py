"""The called person's time zones, from what the signalling says."""

import datetime

import msgspec
import pytest

from engine.ports.intake import TAKEN_UP_S, CallOffer, Participant, Routing
from pipelines.callee import day_there, zones_of
from pipelines.calls import BELIEVED_S, context_of

ROUTING = Routing(
    organisation_id="o",
    campaign_id="c",
    campaign="collections",
    direction="outbound",
    language="es",
    country="CO",
    region="",
    rule_packs=(),
    knowledge="",
    members={"1001": "u1"},
    names={},
)


def offer(*addresses: str) -> CallOffer:
    return CallOffer(
        call_id="1",
        protocol="siprec",
        peer="127.0.0.1:5060/udp",
        from_aor="sbc@pbx.example",
        to_aor="+576015550000@recorder.example",
        participants=tuple(Participant(str(place), place, aor) for place, aor in enumerate(addresses)),
    )


@pytest.mark.parametrize(
    ("addresses", "zones"),
    [
        (("1001@pbx.example", "+573001234567@carrier.example"), ("America/Bogota",)),
        (("1001@pbx.example", "3001234567@carrier.example"), ()),
        (("1001@pbx.example", "+15550100@carrier.example"), ()),
        (("+576015550000@pbx.example", "+573001234567@carrier.example"), ("America/Bogota",)),
        (("+576017770000@pbx.example", "+573001234567@carrier.example"), ()),
        (("1001@pbx.example", "+80012345678@carrier.example"), ()),
        ((), ()),
    ],
)
def test_the_far_number_tells_where_it_is(addresses: tuple[str, ...], zones: tuple[str, ...]) -> None:
    assert zones_of(offer(*addresses), ROUTING) == zones


def test_who_calls_in_may_do_so_at_any_hour() -> None:
    inbound = msgspec.structs.replace(ROUTING, direction="inbound")
    assert zones_of(offer("1001@pbx.example", "+573001234567@carrier.example"), inbound) == ()


@pytest.mark.parametrize(
    ("zones", "country", "region", "day"),
    [
        (("Asia/Tokyo",), "CO", "", "2026-11-29"),
        ((), "CO", "", "2026-11-28"),
        ((), "es", "ES-MD", "2026-11-29"),
        ((), "US", "", "2026-11-28"),
        ((), "XX", "", "2026-11-29"),
    ],
)
def test_a_call_s_day_is_that_of_the_far_person(zones: tuple[str, ...], country: str, region: str, day: str) -> None:
    at = datetime.datetime.fromisoformat("2026-11-29T00:30:00+00:00")
    assert day_there(at, zones, country, region).isoformat() == day


def test_a_state_has_its_own_clock() -> None:
    at = datetime.datetime.fromisoformat("2026-11-29T05:30:00+00:00")
    days = [day_there(at, (), "US", region).day for region in ("US-NY", "TX", "us-ca", "HI", "")]
    assert days == [29, 28, 28, 28, 29]


def test_a_live_call_is_judged_by_the_far_person_s_day() -> None:
    at_s = datetime.datetime.fromisoformat("2026-11-29T00:30:00+00:00").timestamp()
    inbound = msgspec.structs.replace(ROUTING, direction="inbound")
    for routing in (ROUTING, inbound):
        context = context_of(offer("1001@pbx.example", "+573001234567@carrier.example"), routing, at_s)
        assert context.day == datetime.date(2026, 11, 28)
    spanish = context_of(offer("1001@pbx.example", "+34910000000@carrier.example"), ROUTING, at_s)
    assert spanish.day == datetime.date(2026, 11, 29)


@pytest.mark.parametrize(
    ("age_s", "segment"),
    [
        (-3_600.0, "opening"),
        (0.0, "opening"),
        (TAKEN_UP_S - 1, "opening"),
        (TAKEN_UP_S, "mid"),
        (720.0, "mid"),
        (BELIEVED_S, "opening"),
        (1_764_000_000.0, "opening"),
    ],
)
def test_a_call_that_began_before_it_was_answered_is_not_at_its_opening(age_s: float, segment: str) -> None:
    at_s = 1_764_000_000.0
    taken_up = msgspec.structs.replace(offer("1001@pbx.example"), age_s=age_s)
    assert context_of(taken_up, ROUTING, at_s).segment == segment
