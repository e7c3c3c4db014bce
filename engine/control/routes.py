"""The dial plan of calls that go through us: what a dialled number reaches, and who may dial it."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.control.peer_file import read_file
from engine.control.trunks import Trunk, lines_of, parse_trunks
from engine.errors import StartupError

AGENTS = "agents"
"""Stands for the agents' own phones among callers."""
ANYBODY = "*"


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[route]]` of the file. It names one of `phones`, `uri` and `trunk`."""

    number: str
    """Exactly that, or what begins like it when it ends with `*`; `*` alone is any number."""
    phones: bool = False
    """The agents' phones that take this number, longest idle first."""
    uri: str = ""
    """A SIP telephone or exchange; `{number}` stands for what was dialled, once `strip` and `prefix` are applied."""
    trunk: str = ""
    """Name of a trunk with a `uri`: the number is called there."""
    strip: int = 0
    """Characters that are taken off the front of the number."""
    prefix: str = ""
    """Put before what is left."""
    show: str = ""
    """Number that is shown as calling; empty: the caller's own."""
    callers: tuple[str, ...] = ()
    """Names of the trunks that may dial it, `agents` or `*`. Empty: anybody reaches phones and uris, and agents alone a
    trunk, since calls there may cost money."""
    ring_s: float = 20.0
    """How long each may ring."""
    srtp: bool = False
    """The sound is protected there, or there is no call."""

    def admits(self, caller: str) -> bool:
        """Whether that trunk, or `agents`, may dial it."""
        callers = self.callers or ((AGENTS,) if self.trunk else (ANYBODY,))
        return ANYBODY in callers or caller in callers

    def rewritten(self, number: str) -> str:
        return self.prefix + number[self.strip :]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    route: list[Route]


PHONES = Route("*", phones=True)
"""What holds without a file: agents are rung by the number of their campaign, by extension or by address."""


def load_plan(trunks: str, routes: str) -> tuple[tuple[Trunk, ...], tuple[Route, ...]]:
    """By the settings `BRIDGE_TRUNKS` and `BRIDGE_ROUTES`. Raises `StartupError`."""
    parsed = parse_trunks(trunks, "BRIDGE_TRUNKS")
    callable_trunks = [line.name for line in lines_of(parsed) if line.uri]
    return parsed, load_routes(Path(routes), callable_trunks) if routes else ()


def load_routes(path: Path, trunks: Sequence[str], setting: str = "BRIDGE_ROUTES") -> tuple[Route, ...]:
    """Reads the file; `trunks` are the names of those that can be called. Raises `StartupError`."""
    routes = tuple(read_file(path, _File, setting).route)
    for route in routes:
        where = f"{setting}: route {route.number!r}"
        if sum(map(bool, (route.phones, route.uri, route.trunk))) != 1:
            raise StartupError(f"{where}: names one of phones, uri and trunk")
        if route.trunk and route.trunk not in trunks:
            raise StartupError(f"{where}: no trunk of that name has a uri")
        if route.uri and not route.uri.startswith(("sip:", "sips:")):
            raise StartupError(f"{where}: uri begins with sip: or sips:")
        if not route.number or "*" in route.number[:-1] or route.strip < 0 or route.ring_s <= 0:
            raise StartupError(f"{where}: number may end with *, strip is not negative, ring_s is positive")
    return routes


def dialled(address: str) -> str:
    """The number or user that a SIP URI, tel URI, AOR or a person names: without scheme, host and separators."""
    user = re.sub(r"^(?:sips?|tel):", "", address.strip(), flags=re.IGNORECASE)
    user = user.partition(";")[0].partition("@")[0]
    bare = re.sub(r"[\s().\-/]", "", user)
    return bare if re.fullmatch(r"\+?[\d*#]+", bare) else user.lower()


def routes_to(number: str, caller: str, routes: Sequence[Route]) -> list[Route]:
    """Those that `caller` may take to a number, the one that names it most exactly first; those alike in the file's
    order: the next is tried when nobody takes the call there."""
    fitting = [route for route in routes if _fits(route.number, number) and route.admits(caller)]
    return sorted(fitting, key=lambda route: -_exactness(route.number))


def _fits(pattern: str, number: str) -> bool:
    return number.startswith(pattern[:-1]) if pattern.endswith("*") else number == pattern


def _exactness(pattern: str) -> int:
    return len(pattern) - 1 if pattern.endswith("*") else 1_000
