"""Who may open media sockets, over which protocol, and how each proves it: the file that `SOCKETS` names."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

from engine.control.peer_file import read_file, read_secret
from engine.control.trunks import Network, RoleOverride
from engine.errors import StartupError

PeerProtocol = Literal[
    "twilio",
    "telnyx",
    "plivo",
    "exotel",
    "vonage",
    "audiohook",
    "audiosocket",
    "chan_websocket",
    "audio_fork",
    "audio_stream",
    "jambonz",
    "rtpengine",
    "ari",
]
_CONNECTED: tuple[PeerProtocol, ...] = ("rtpengine", "ari")
"""Those that we call, at `url`."""
LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


class Peer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One `[[peer]]`. Its repr holds no secret, since reprs reach logs."""

    name: str
    protocol: PeerProtocol
    path: str = ""
    """Of its WebSocket; `/NAME` unless set. Not for TCP or for those that we call."""
    port: int = 0
    """AudioSocket's own TCP port."""
    url: str = ""
    """Twilio, Plivo: the public address that was signed, when a proxy changed it. Asterisk's ARI: `http://host:8088`;
    rtpengine: `host:port` of NG."""
    secret: str = ""
    """Signing secret, bearer token or Basic password; empty needs none, and then `networks` are the only fence."""
    key: str = ""
    """AudioHook's API key, Basic's user, ARI's user; AudioSocket: what the UUID must begin with."""
    number: str = ""
    """The campaign's number, for calls whose wire names none."""
    networks: tuple[Network, ...] = ()
    """Addresses that may connect; empty is any with a secret, else loopback alone."""
    roles: RoleOverride | None = None
    """`first_is_agent`: the first channel (inbound, caller) is the agent's, as on click-to-call legs."""
    mixed: bool = False
    """Its single channel carries every speaker."""
    pair: bool = False
    """AudioSocket: UUIDs that differ in their last digit alone are legs of one call; even is the customer."""
    codec: str = ""
    """What a wire carries that does not say so: `ulaw`, `alaw` or `slin` (AudioSocket), of `rate` and `channels`."""
    rate: int = 8000
    channels: int = 1
    transcripts: bool | None = None
    """Tell the peer what is understood of its call: finals (FreeSWITCH, jambonz), finals and cards (AudioHook). Unsaid,
    AudioHook alone is told, whose protocol has a place for it."""
    app: str = "welcomedly"
    """ARI's Stasis application."""

    def __repr__(self) -> str:
        return f"Peer({self.name!r}, {self.protocol!r})"

    def allows(self, host: str) -> bool:
        """Whether this address may connect."""
        if not self.networks and self.secret:
            return True
        try:
            address = ipaddress.ip_address(host.partition("%")[0].strip("[]"))
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        networks = self.networks or LOOPBACK
        return any(address.version == network.version and address in network for network in networks)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    protocol: PeerProtocol
    path: str = ""
    port: int = 0
    url: str = ""
    secret: str = ""
    key: str = ""
    number: str = ""
    addresses: list[str] = []
    roles: RoleOverride | None = None
    mixed: bool = False
    pair: bool = False
    codec: Literal["", "ulaw", "alaw", "slin"] = ""
    rate: Literal[8000, 12000, 16000, 24000, 32000, 44100, 48000] = 8000
    channels: Literal[1, 2] = 1
    transcripts: bool | None = None
    app: str = "welcomedly"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    peer: list[_Entry]


def load_peers(path: Path, setting: str = "SOCKETS") -> tuple[Peer, ...]:
    """Reads the file of `[[peer]]` entries. Raises `StartupError`, which never quotes a secret."""
    entries = read_file(path, _File, setting).peer
    peers = tuple(_peer(entry, f"{setting}: peer {entry.name!r}") for entry in entries)
    for what, values in (("name", [p.name for p in peers]), ("path", [p.path for p in peers if p.path])):
        if len(set(values)) < len(values):
            raise StartupError(f"{setting}: {path}: two peers have one {what}")
    return peers


def _peer(entry: _Entry, where: str) -> Peer:
    if entry.protocol == "audiosocket" and not 0 < entry.port <= 65_535:
        raise StartupError(f"{where}: audiosocket needs a port")
    if entry.protocol == "audiosocket" and entry.secret:
        raise StartupError(f"{where}: audiosocket carries no secret: fence it by addresses and key")
    if entry.protocol in _CONNECTED and not entry.url:
        raise StartupError(f"{where}: {entry.protocol} needs url")
    if entry.protocol in ("audiohook", "ari") and entry.secret and not entry.key:
        raise StartupError(f"{where}: {entry.protocol} needs key beside secret")
    try:
        networks = tuple(ipaddress.ip_network(address, strict=False) for address in entry.addresses)
    except ValueError:
        raise StartupError(f"{where}: an address is no network") from None
    path = "" if entry.protocol in (*_CONNECTED, "audiosocket") else entry.path or f"/{entry.name}"
    if path and not path.startswith("/"):
        raise StartupError(f"{where}: path begins with /")
    fields = {name: getattr(entry, name) for name in _Entry.__struct_fields__ if name not in ("addresses", "secret")}
    return Peer(**fields | {"path": path, "networks": networks, "secret": read_secret(entry.secret, where)})


def role_names(peer: Peer) -> Sequence[Literal["customer", "agent"]]:
    """Who the first and the second channel are."""
    return ("agent", "customer") if peer.roles == "first_is_agent" else ("customer", "agent")


PROTOCOLS: tuple[PeerProtocol, ...] = get_args(PeerProtocol)
