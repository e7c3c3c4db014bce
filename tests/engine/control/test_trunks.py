"""Who may call: networks, the narrowest of which decides."""

import pytest

from engine.control.trunks import LOOPBACK, override_of, parse_trunks, trunk_of
from engine.errors import StartupError
from engine.ports.intake import CallOffer


def offer(peer: str, protocol: str = "siprec") -> CallOffer:
    return CallOffer("call", protocol, peer, "", "", ())  # type: ignore[arg-type]


def test_empty_means_loopback() -> None:
    assert parse_trunks("") == LOOPBACK == parse_trunks("127.0.0.0/8,::1/128")
    assert trunk_of("127.0.0.9", LOOPBACK) is not None
    assert trunk_of("::1", LOOPBACK) is not None
    assert trunk_of("192.0.2.1", LOOPBACK) is None


def test_the_narrowest_network_decides() -> None:
    trunks = parse_trunks("198.51.100.0/24=first_is_agent, 198.51.100.7=first_is_customer, 192.0.2.1")
    assert override_of(offer("198.51.100.9:5060/udp"), trunks) == "first_is_agent"
    assert override_of(offer("198.51.100.7:5060/tcp"), trunks) == "first_is_customer"
    assert override_of(offer("192.0.2.1:5060/udp"), trunks) is None
    assert trunk_of("::ffff:192.0.2.1", trunks) is not None
    assert trunk_of("203.0.113.1", trunks) is None
    assert trunk_of("not an address", trunks) is None


@pytest.mark.parametrize(
    ("protocol", "peer", "roles"),
    [
        ("sip", "192.0.2.80:5060/udp", "first_is_agent"),
        ("siprec", "192.0.2.80:5061/tls", "first_is_agent"),
        ("rtpengine", "192.0.2.80:2223/udp", None),
        ("ari", "192.0.2.80:8088/rtp", None),
        ("audiohook", "192.0.2.80:40000/ws", None),
    ],
)
def test_a_platform_at_a_trunks_address_does_not_take_its_order(protocol: str, peer: str, roles: str | None) -> None:
    assert override_of(offer(peer, protocol), parse_trunks("192.0.2.80=first_is_agent")) == roles


@pytest.mark.parametrize("text", ["nowhere", "192.0.2.1=agent", "192.0.2.0/33"])
def test_a_bad_entry_names_the_setting(text: str) -> None:
    with pytest.raises(StartupError, match="SIP_TRUNKS"):
        parse_trunks(text)
