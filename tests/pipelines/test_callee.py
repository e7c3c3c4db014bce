"""The called person's time zones, from what the signalling says."""

import msgspec
import pytest

from engine.ports.intake import CallOffer, Participant, Routing
from pipelines.callee import zones_of

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
