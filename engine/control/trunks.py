"""Who may send calls: the trunks, by address, and how each orders its streams."""

import ipaddress
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from engine.errors import StartupError

RoleOverride = Literal["first_is_agent", "first_is_customer"]


class Trunk(msgspec.Struct, frozen=True):
    """A peer, or a network of them, that may send calls."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    roles: RoleOverride | None = None
    """What its first m-line is, whatever the metadata says; None leaves it to the algorithm."""


LOOPBACK = (Trunk(ipaddress.IPv4Network("127.0.0.0/8")), Trunk(ipaddress.IPv6Network("::1/128")))
"""What is allowed where no trunk is set."""


def parse_trunks(text: str, setting: str = "SIP_TRUNKS") -> tuple[Trunk, ...]:
    """`192.0.2.7, 198.51.100.0/24=first_is_agent`; empty means loopback alone. Raises `StartupError`."""
    trunks = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        address, _, roles = item.partition("=")
        try:
            network = ipaddress.ip_network(address.strip(), strict=False)
            if roles and roles not in get_args(RoleOverride):
                raise ValueError
        except ValueError:
            raise StartupError(f"{setting}: {item!r} is no network with an optional =first_is_agent") from None
        trunks.append(Trunk(network, roles or None))  # type: ignore[arg-type]
    return tuple(trunks) or LOOPBACK


def trunk_of(host: str, trunks: Sequence[Trunk]) -> Trunk | None:
    """The narrowest trunk that holds the address; None: not allowed."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    fitting = [trunk for trunk in trunks if address.version == trunk.network.version and address in trunk.network]
    return max(fitting, key=lambda trunk: trunk.network.prefixlen, default=None)


def override_of(peer: str, trunks: Sequence[Trunk]) -> RoleOverride | None:
    """The role override for `CallOffer.peer` (`host:port/transport`)."""
    trunk = trunk_of(peer.rpartition(":")[0], trunks)
    return trunk.roles if trunk else None
