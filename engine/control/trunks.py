"""Who may send calls, by address; how each orders its streams, and how we keep in touch with it."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

from engine.control.peer_file import read_file, read_secret
from engine.errors import StartupError
from engine.ports.intake import CallOffer

RoleOverride = Literal["first_is_agent", "first_is_customer"]
Digest = Literal["SHA-256", "MD5"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Account(msgspec.Struct, frozen=True):
    """A digest user and password, ours at the trunk and the trunk's here."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Account(user={self.user!r})"  # reprs reach logs


class Line(msgspec.Struct, frozen=True):
    """What a trunk's file says beyond its addresses."""

    name: str
    uri: str = ""
    """Where it is called, registered at and pinged: `sip:sbc.example;transport=tls`. Empty: it only calls us."""
    account: Account | None = None
    register: bool = False
    expires_s: int = 3_600
    ping_s: int = 30
    """Pause between OPTIONS; 0 sends none."""
    challenge: bool = False
    """Its INVITEs must prove the account (401)."""
    digests: tuple[Digest, ...] = ("SHA-256", "MD5")
    """Algorithms to ask for, best first; peers that know one only, and read one challenge only, need `["MD5"]`."""
    calls_per_second: float = 0.0
    """New calls beyond it get 503; 0 is no limit."""
    tell_load: bool = True
    """Its OPTIONS get 503 while no call would be taken. Off for peers that give up an only target for long; where
    we drain or stop, they are told as well."""


class Trunk(msgspec.Struct, frozen=True):
    """A peer, or a network of them, that may send calls."""

    network: Network
    roles: RoleOverride | None = None
    """What its first m-line is, whatever the metadata says; None leaves it to the algorithm."""
    line: Line | None = None
    """Shared by the networks of one trunk; None where only the address is known."""


LOOPBACK = (Trunk(ipaddress.IPv4Network("127.0.0.0/8")), Trunk(ipaddress.IPv6Network("::1/128")))
"""What is allowed where no trunk is set."""


def parse_trunks(text: str, setting: str = "SIP_TRUNKS") -> tuple[Trunk, ...]:
    """`192.0.2.7, 198.51.100.0/24=first_is_agent`, or the path of a `.toml` file; empty means loopback alone. Raises
    `StartupError`."""
    if text.strip().endswith(".toml"):
        return load_trunks(Path(text.strip()), setting)
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


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[trunk]]` of the file."""

    name: str
    addresses: list[str]
    roles: RoleOverride | None = None
    uri: str = ""
    user: str = ""
    password: str = ""
    """`env:NAME` or `file:PATH`, else the password itself."""
    register: bool = False
    expires_s: int = 3_600
    ping_s: int = 30
    challenge: bool = False
    digests: tuple[Digest, ...] = ("SHA-256", "MD5")
    calls_per_second: float = 0.0
    tell_load: bool = True


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trunk: list[_Entry]


def load_trunks(path: Path, setting: str = "SIP_TRUNKS") -> tuple[Trunk, ...]:
    """Reads the file of `[[trunk]]` entries. Raises `StartupError`, which never quotes a password."""
    entries = read_file(path, _File, setting).trunk
    if len({entry.name for entry in entries}) < len(entries):
        raise StartupError(f"{setting}: {path}: two trunks have one name")
    return tuple(trunk for entry in entries for trunk in _trunks(entry, f"{setting}: trunk {entry.name!r}"))


def _trunks(entry: _Entry, where: str) -> list[Trunk]:
    if not entry.addresses:
        raise StartupError(f"{where}: addresses is empty")
    if (entry.register or entry.challenge) and not entry.user:
        raise StartupError(f"{where}: register and challenge need user and password")
    if entry.register and not entry.uri:
        raise StartupError(f"{where}: register needs uri")
    if not entry.digests:
        raise StartupError(f"{where}: digests is empty")
    if entry.expires_s < 60 or entry.ping_s < 0 or entry.calls_per_second < 0:
        raise StartupError(f"{where}: expires_s is at least 60, ping_s and calls_per_second are not negative")
    account = Account(entry.user, read_secret(entry.password, where)) if entry.user else None
    line = Line(
        name=entry.name,
        uri=entry.uri,
        account=account,
        register=entry.register,
        expires_s=entry.expires_s,
        ping_s=entry.ping_s,
        challenge=entry.challenge,
        digests=entry.digests,
        calls_per_second=entry.calls_per_second,
        tell_load=entry.tell_load,
    )
    try:
        networks = [ipaddress.ip_network(address, strict=False) for address in entry.addresses]
    except ValueError:
        raise StartupError(f"{where}: an address is no network") from None
    return [Trunk(network, entry.roles, line) for network in networks]


def lines_of(trunks: Sequence[Trunk]) -> tuple[Line, ...]:
    """Each trunk's line once, in order."""
    return tuple({trunk.line.name: trunk.line for trunk in trunks if trunk.line is not None}.values())


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


def override_of(offer: CallOffer, trunks: Sequence[Trunk]) -> RoleOverride | None:
    """What its trunk says of a call's first stream. A platform's `roles` are its own (`SOCKETS`), though it may well be
    at a trunk's address."""
    trunk = trunk_of(offer.peer.rpartition(":")[0], trunks) if offer.protocol in ("sip", "siprec") else None
    return trunk.roles if trunk else None
