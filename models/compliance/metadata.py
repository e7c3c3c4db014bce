"""What is known of a call beside its words, and the small pure checks that need no word: clocks, counts, lists, bases.

What is not known (`None`, empty) is never judged: a rule stays silent rather than guess. A check answers with what
speaks against the call, or with nothing.
"""

import datetime
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import msgspec

from models.compliance.grounds import (
    ConsentsUnknown,
    KeptTooShort,
    NoConsent,
    OutsideHours,
    Suppressed,
    TooOften,
    TooSoon,
    WrongCaller,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEARS = range(1900, 9999)
"""In any other there is no call, and perhaps no local time in some zone."""


class Attempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An earlier try to reach the same person (about the same debt, where there is one)."""

    at: datetime.datetime
    spoke: bool = False
    """Whether there was a conversation."""
    connected: bool = True
    """False for one that never reached the number (busy, out of service): it is not counted."""

    def __post_init__(self) -> None:
        check_year(self.at)


class Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the dialer, the campaign or the CRM says of one call."""

    at: datetime.datetime | None = None
    """When it was answered; without an offset it is the called party's local time."""
    zones: tuple[str, ...] = ()
    """IANA time zones where the called party may be; every one of them has to allow the call."""
    attempts: tuple[Attempt, ...] | None = None
    """Earlier ones of the last 30 days."""
    lists: tuple[str, ...] | None = None
    """Suppression lists that the number stands on (`us-dnc`, `repep`, `company`…); empty: looked up, on none."""
    consents: dict[str, datetime.date] | None = None
    """Day of each consent or basis on file (`marketing`, `customer`, `callback`, `biometrics`, `artificial_voice`)."""
    caller: str = ""
    """The number that the called party sees, as dialled in the country."""
    voice: Literal["", "human", "synthetic"] = ""
    """Who speaks for the firm."""
    retention_days: int | None = None
    """How long the recording is kept; 0 is for ever, None: not recorded, or not known."""
    emotion_of_agent: bool | None = None
    """Whether some system reads the agent's emotions from the voice."""

    def __post_init__(self) -> None:
        if self.at:
            check_year(self.at)
        for zone in self.zones:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f"no time zone {zone!r}") from error


def check_year(moment: datetime.datetime) -> None:
    """Raises `ValueError` for a moment that is no call's."""
    if moment.year not in YEARS:
        raise ValueError(f"no call is of the year {moment.year}")


def closed(open_hours: Mapping[str, str], calendar: str, meta: Metadata) -> OutsideHours | None:
    """Where the call's local time lies outside the hours (`{"mon-fri": "08:00-21:00"}`), for the first zone that says
    so. `calendar` is a country whose public holidays are closed."""
    if meta.at is None or (not meta.zones and meta.at.tzinfo is not None):
        return None
    times = [meta.at.astimezone(ZoneInfo(zone)) for zone in meta.zones] if meta.at.tzinfo else [meta.at]
    for local in times:
        holiday = bool(calendar) and local.date() in public_holidays(calendar, local.year)
        hours = "" if holiday else hours_on(open_hours, local.weekday())
        if not hours or not _within(local.time(), hours):
            return OutsideHours(local, hours, holiday)
    return None


def hours_on(open_hours: Mapping[str, str], weekday: int) -> str:
    """`HH:MM-HH:MM` of a weekday (Monday is 0); empty when closed. Raises `ValueError` for a day that is none."""
    for days, hours in open_hours.items():
        first, _, last = days.partition("-")
        if DAYS.index(first) <= weekday <= DAYS.index(last or first):
            return hours
    return ""


def _within(time: datetime.time, hours: str) -> bool:
    first, last = (datetime.time.fromisoformat(end) for end in hours.split("-"))
    return first <= time <= last


@lru_cache(maxsize=64)
def public_holidays(country: str, year: int) -> frozenset[datetime.date]:
    """Raises `NotImplementedError` for a country without a calendar."""
    return frozenset(holidays.country_holidays(country, years=year))


def too_often(most: int, days: int, after_talk_days: int, meta: Metadata) -> TooOften | TooSoon | None:
    """More than `most` calls in `days` with this one, or one within `after_talk_days` of a conversation. Days are the
    calendar's where the called party is, that of the first call or of the conversation being the first of them; of
    several zones the first that speaks against the call."""
    if meta.attempts is None or meta.at is None:
        return None
    for zone in meta.zones or ("",):
        now = _local(meta.at, meta.at, zone)
        before = [(_local(one.at, meta.at, zone), one.spoke) for one in meta.attempts if one.connected]
        since = [((now.date() - then.date()).days, spoke) for then, spoke in before if then <= now]
        recent = [ago for ago, _ in since if ago < days]
        if most and len(recent) + 1 > most:
            return TooOften(len(recent) + 1, days, most)
        if talks := [ago for ago, spoke in since if spoke and ago < after_talk_days]:
            return TooSoon(min(talks), after_talk_days)
    return None


def _local(moment: datetime.datetime, call: datetime.datetime, zone: str) -> datetime.datetime:
    """Local time; where no zone is known, by the offset that the call's own time has."""
    if moment.tzinfo and (zone or call.tzinfo):
        moment = moment.astimezone(ZoneInfo(zone) if zone else call.tzinfo)
    return moment.replace(tzinfo=None)


def suppressed(lists: Sequence[str], meta: Metadata) -> Suppressed | None:
    """The first of the lists that the number stands on."""
    return next((Suppressed(name) for name in lists if name in (meta.lists or ())), None)


def consent_missing(
    purposes: Mapping[str, int], day: datetime.date, meta: Metadata
) -> NoConsent | ConsentsUnknown | None:
    """Nothing when one of the purposes (days for which it holds; 0: until revoked) is on file. What was given after the
    call's day does not excuse it: each law asks for a prior one."""
    if meta.consents is None:
        return ConsentsUnknown()
    given = {purpose: since for purpose, since in meta.consents.items() if purpose in purposes and since <= day}
    ages = {purpose: (day - since).days for purpose, since in given.items()}
    if any(not purposes[purpose] or age <= purposes[purpose] for purpose, age in ages.items()):
        return None
    return NoConsent(tuple(purposes), tuple(sorted(ages.items())))


def wrong_caller(prefixes: Sequence[str], meta: Metadata) -> WrongCaller | None:
    number = "".join(c for c in meta.caller if c.isdigit())
    return WrongCaller(number[:4], tuple(prefixes)) if number and not number.startswith(tuple(prefixes)) else None


def kept_too_short(least_days: int, meta: Metadata) -> KeptTooShort | None:
    """A recording that is deleted before the floor."""
    days = meta.retention_days
    return KeptTooShort(days, least_days) if days and days < least_days else None
