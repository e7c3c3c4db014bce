"""Where requests go by their URI."""

import pytest

from media.sip.hop import Hop, hop_of


@pytest.mark.parametrize(
    ("uri", "otherwise", "hop"),
    [
        ("sip:x@192.0.2.1", "UDP", Hop("UDP", "192.0.2.1", 5060, False, False)),
        ("sip:x@192.0.2.1", "TCP", Hop("TCP", "192.0.2.1", 5060, False, False)),
        ("sip:sbc.example;transport=TLS", "UDP", Hop("TLS", "sbc.example", 5061, False)),
        ("sips:sbc.example", "UDP", Hop("TLS", "sbc.example", 5061, False)),
        ("sips:sbc.example:7000;transport=tcp", "UDP", Hop("TLS", "sbc.example", 7000)),
        ("sips:sbc.example;transport=ws", "UDP", Hop("WSS", "sbc.example", 443, False)),
        ("sip:[2001:db8::1]:5070;transport=ws", "UDP", Hop("WS", "2001:db8::1", 5070)),
        ("sip:x@192.0.2.1;transport=sctp", "UDP", Hop("UDP", "192.0.2.1", 5060, False, False)),
    ],
)
def test_transport_host_and_port(uri: str, otherwise: str, hop: Hop) -> None:
    assert hop_of(uri, otherwise) == hop
    assert hop.numeric == (not hop.host.endswith("example"))


def test_no_uri() -> None:
    with pytest.raises(ValueError, match="not valid"):
        hop_of("nowhere")
