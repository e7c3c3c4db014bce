"""Where the far person is, as far as it is known: the zones of an outbound call's far number, and the call's day."""

import datetime
from collections.abc import Sequence
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from engine.control.roles import member_of
from engine.ports.intake import CallOffer, Routing

_CLOCKS: Final = {
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "AZ CO ID MT NM UT WY",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
}
"""Where most of a state of the US lives; in all others by New York's clock."""


def day_there(at: datetime.datetime, zones: Sequence[str], country: str, region: str) -> datetime.date:
    """The day of a moment (with its offset) where the far person is: by the first of the zones that are known of the
    person, else by where most of the region or country lives, else UTC's."""
    zone = zones[0] if zones else _home(country.upper(), region.upper().removeprefix(f"{country.upper()}-"))
    return at.astimezone(ZoneInfo(zone) if zone else datetime.UTC).date()


@cache
def _home(country: str, region: str) -> str:
    if country == "US":
        return next((zone for zone, states in _CLOCKS.items() if region in states.split()), "America/New_York")
    example = phonenumbers.example_number(country)
    zones = time_zones_for_number(example) if example else ()
    return next((zone for zone in zones if zone in _known()), "")


def zones_of(offer: CallOffer, routing: Routing) -> tuple[str, ...]:
    """IANA zones of the called person's number: all that its numbering area has. Nothing for inbound calls, for numbers
    without a country code, and where it is not clear which party is called."""
    if routing.direction != "outbound":
        return ()
    ours = _user(offer.to_aor) if offer.protocol == "siprec" else ""
    addresses = [one.aor for one in offer.participants if not member_of(one.aor, routing.members)]
    numbers = {user for address in addresses if (user := _user(address)).startswith("+") and user != ours}
    return _zones(numbers.pop()) if len(numbers) == 1 else ()


def _user(address: str) -> str:
    return address.partition("@")[0].removeprefix("sip:").removeprefix("tel:")


def _zones(number: str) -> tuple[str, ...]:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    if not phonenumbers.is_valid_number(parsed):
        return ()
    return tuple(zone for zone in time_zones_for_number(parsed) if zone in _known())


@cache
def _known() -> set[str]:
    """Zones of this machine; the number plan also says `Etc/Unknown`."""
    return available_timezones()
