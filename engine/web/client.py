"""From where a request comes, and which host it asks."""

import ipaddress
import re
from collections.abc import Sequence

from aiohttp import hdrs, web

from engine.settings import Network, read_networks
from engine.web.keys import SETTINGS

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])(?::(?P<port>[0-9]{0,5}))?")
_HOP = re.compile(r"(?:(?P<ipv4>[0-9.]+)|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])(?::[0-9]+)?")
"""Of X-Forwarded-For, as proxies write it that name the port as well."""
_OWN_BITS = 64
"""Of an IPv6 address; what is behind them one machine may choose as it likes."""


def client_of(request: web.Request) -> str:
    """Whose requests count together: an address, or a network of IPv6 that one client has to itself. Behind a proxy of
    `TRUSTED_PROXIES` it is the last hop of X-Forwarded-For that is no such proxy: what stands before it is the
    client's own word."""
    proxies = read_networks(request.app[SETTINGS].trusted_proxies)
    hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    found = _address(request.remote or "")
    while found is not None and hops and _within(found, proxies):
        before = _hop(hops.pop().strip())
        if before is None:
            break
        found = before
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found.packed[: _OWN_BITS // 8] + bytes(8), _OWN_BITS)))
    return str(found or request.remote)


def host_of(request: web.Request) -> str | None:
    """The name or address that the request asks, without its port and brackets: empty when it says none, None for what
    cannot be a host."""
    said = request.headers.get(hdrs.HOST, request.host)
    if not said:
        return ""
    match = _HOST.fullmatch(said)
    if match is None or int(match["port"] or 0) > 65_535 or (match["ipv6"] and _address(match["ipv6"]) is None):
        return None
    return match["name"] or match["ipv6"]


def _hop(text: str) -> Address | None:
    match = _HOP.fullmatch(text)
    return _address((match["ipv4"] or match["ipv6"]) if match else text)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
