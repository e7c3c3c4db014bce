"""Who is called, as far as the signalling tells: the time zones of an outbound call's far number."""

from functools import cache
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from engine.control.roles import member_of
from engine.ports.intake import CallOffer, Routing


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
