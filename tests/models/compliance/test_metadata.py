"""Checks that need no word: clocks, counts, lists, consents."""

import datetime

import msgspec
import pytest

from models.compliance import Attempt, Metadata
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
from models.compliance.metadata import (
    closed,
    consent_missing,
    kept_too_short,
    suppressed,
    too_often,
    wrong_caller,
)

WEEK = {"mon-fri": "07:00-19:00", "sat": "08:00-15:00"}
DAY = datetime.date(2026, 11, 27)


def at(text: str, *zones: str) -> Metadata:
    return Metadata(at=datetime.datetime.fromisoformat(text), zones=zones)


@pytest.mark.parametrize(
    ("meta", "local", "hours", "holiday"),
    [
        (at("2026-11-27T19:01:00"), "2026-11-27T19:01:00", "07:00-19:00", False),
        (at("2026-11-29T10:00:00"), "2026-11-29T10:00:00", "", False),
        (at("2026-11-02T10:00:00"), "2026-11-02T10:00:00", "", True),
        (at("2026-11-28T20:01:00Z", "America/Bogota"), "2026-11-28T15:01:00-05:00", "08:00-15:00", False),
        (
            at("2026-11-27T12:30:00Z", "America/Bogota", "America/Los_Angeles"),
            "2026-11-27T04:30:00-08:00",
            "07:00-19:00",
            False,
        ),
    ],
)
def test_local_time_is_judged_where_it_is_known(meta: Metadata, local: str, hours: str, holiday: bool) -> None:
    found = closed(WEEK, "CO", meta)
    assert found == OutsideHours(datetime.datetime.fromisoformat(local), hours, holiday)
    assert found.local.isoformat() == local


@pytest.mark.parametrize("meta", [at("2026-11-27T07:00:00"), at("2026-11-27T03:00:00Z"), Metadata()])
def test_hours_that_are_open_or_of_no_known_place_are_no_matter(meta: Metadata) -> None:
    assert closed(WEEK, "CO", meta) is None


def test_calls_of_a_week_are_counted_with_this_one() -> None:
    now = datetime.datetime.fromisoformat("2026-11-27T12:00")
    seven = tuple(Attempt(now - datetime.timedelta(hours=20 * n)) for n in range(1, 8))
    assert too_often(7, 7, 7, Metadata(at=now, attempts=seven)) == TooOften(calls=8, days=7, most=7)
    assert too_often(7, 7, 7, Metadata(at=now, attempts=seven[:6])) is None
    talked = (Attempt(now - datetime.timedelta(days=2), spoke=True),)
    assert too_often(7, 7, 7, Metadata(at=now, attempts=talked)) == TooSoon(days=2, least=7)
    assert too_often(7, 7, 7, Metadata(at=now)) is None
    busy = tuple(msgspec.structs.replace(one, connected=False) for one in seven[:1])
    assert too_often(7, 7, 7, Metadata(at=now, attempts=busy + seven[1:])) is None


def attempts(*times: str, spoke: bool = False) -> tuple[Attempt, ...]:
    return tuple(Attempt(datetime.datetime.fromisoformat(time), spoke) for time in times)


def test_days_are_those_of_the_calendar() -> None:
    now = datetime.datetime.fromisoformat("2026-11-27T09:00")
    talked = Metadata(at=now, attempts=attempts("2026-11-26T17:00", spoke=True))
    assert too_often(0, 1, 1, talked) is None
    assert too_often(0, 1, 1, msgspec.structs.replace(talked, at=now.replace(day=26, hour=19))) == TooSoon(0, 1)
    assert too_often(7, 7, 7, Metadata(at=now, attempts=attempts("2026-11-20T18:00", spoke=True))) is None
    week = attempts(*(f"2026-11-20T{hour}:00" for hour in range(11, 18)))
    assert too_often(7, 7, 7, Metadata(at=now, attempts=week)) is None
    assert too_often(7, 7, 7, Metadata(at=now.replace(day=26), attempts=week)) == TooOften(8, 7, 7)
    assert too_often(7, 7, 7, Metadata(at=now, attempts=attempts("2026-11-27T10:00", spoke=True))) is None


def test_days_are_those_of_the_called_party() -> None:
    now, talked = "2026-11-28T01:00:00+00:00", attempts("2026-11-27T13:00:00+00:00", spoke=True)
    assert too_often(0, 1, 1, msgspec.structs.replace(at(now), attempts=talked)) is None
    assert too_often(0, 1, 1, msgspec.structs.replace(at(now, "America/Bogota"), attempts=talked)) == TooSoon(0, 1)
    assert too_often(0, 1, 1, msgspec.structs.replace(at("2026-11-27T20:00"), attempts=talked)) == TooSoon(0, 1)


def test_lists_consents_numbers_and_terms() -> None:
    assert suppressed(["repep", "company"], Metadata(lists=("company",))) == Suppressed("company")
    assert suppressed(["repep"], Metadata(lists=())) is suppressed(["repep"], Metadata()) is None
    assert consent_missing({"marketing": 730}, DAY, Metadata()) == ConsentsUnknown()
    assert consent_missing({"marketing": 730}, DAY, Metadata(consents={"marketing": datetime.date(2025, 1, 1)})) is None
    old = Metadata(consents={"marketing": datetime.date(2024, 1, 1)})
    assert consent_missing({"marketing": 730}, DAY, old) == NoConsent(("marketing",), (("marketing", 1061),))
    assert consent_missing({"marketing": 730}, DAY, Metadata(consents={})) == NoConsent(("marketing",))
    later = Metadata(consents={"marketing": DAY + datetime.timedelta(days=1)})
    assert [consent_missing({"marketing": days}, DAY, later) for days in (730, 0)] == [NoConsent(("marketing",))] * 2
    assert consent_missing({"marketing": 0}, DAY, Metadata(consents={"marketing": DAY})) is None
    assert wrong_caller(["0303"], Metadata(caller="+55 11 4002-8922")) == WrongCaller("5511", ("0303",))
    assert wrong_caller(["0303"], Metadata(caller="0303 123 4567")) is wrong_caller(["0303"], Metadata()) is None
    assert kept_too_short(90, Metadata(retention_days=30)) == KeptTooShort(30, 90)
    assert kept_too_short(90, Metadata(retention_days=0)) is kept_too_short(90, Metadata()) is None


def test_a_zone_that_is_none_is_told_at_the_edge() -> None:
    with pytest.raises(msgspec.ValidationError, match="no time zone 'Bogota'"):
        msgspec.convert({"zones": ["Bogota"]}, Metadata)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:00:00Z", "1899-12-31T00:00:00"])
def test_a_moment_that_is_no_call_s_is_told_at_the_edge(moment: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"no call is of the year \d+"):
        msgspec.convert({"at": moment, "zones": ["America/Bogota"]}, Metadata)
    with pytest.raises(msgspec.ValidationError, match=r"no call is of the year \d+ - at `\$\.attempts"):
        msgspec.convert({"attempts": [{"at": moment}]}, Metadata)


@pytest.mark.parametrize("moment", ["1900-01-01T00:00:00Z", "9998-12-31T23:59:59Z"])
def test_the_first_and_the_last_moment_are_judged_in_any_zone(moment: str) -> None:
    known = {"at": moment, "zones": ["Pacific/Kiritimati", "Pacific/Pago_Pago"], "attempts": [{"at": moment}]}
    meta = msgspec.convert(known, Metadata)
    assert closed({"mon-sun": "00:00-23:59:59"}, "CO", meta) is None
    assert too_often(1, 7, 7, meta) == TooOften(2, 7, 1)
