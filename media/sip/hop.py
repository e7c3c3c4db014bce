"""Where a request goes first, as far as its URI says: transport, host and port. Names: see `locate` (RFC 3263)."""

import dataclasses

from media.sip.address import parse_uri
from media.sip.transport import DEFAULT_PORTS, is_numeric

_NAMES = {"udp": "UDP", "tcp": "TCP", "tls": "TLS", "ws": "WS", "wss": "WSS"}


@dataclasses.dataclass(frozen=True)
class Hop:
    transport: str
    host: str
    """Without brackets."""
    port: int
    port_said: bool = True
    """False: `port` is the transport's default, and SRV records may name another."""
    transport_said: bool = True
    """False: NAPTR and SRV records may choose another."""

    @property
    def numeric(self) -> bool:
        return is_numeric(self.host)


def hop_of(uri: str, otherwise: str = "UDP") -> Hop:
    """By the URI's `transport` and scheme; `sips` is TLS at each hop (RFC 3261 §26.2.2). `otherwise` is for a URI that
    does not say. Raises `ValueError`."""
    parsed = parse_uri(uri)
    named = (parsed.parameters.get("transport") or "").lower()
    transport = _NAMES.get(named, otherwise)
    if parsed.scheme == "sips":
        transport = {"WS": "WSS", "WSS": "WSS"}.get(transport, "TLS")
    said = named in _NAMES or parsed.scheme == "sips"
    port = parsed.port or DEFAULT_PORTS[transport]
    return Hop(transport, parsed.host.strip("[]"), port, bool(parsed.port), said)
