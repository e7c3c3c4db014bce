"""Checks that need no word: clocks, counts, lists, consents."""

import datetime

import msgspec
import pytest

from models.compliance import Attempt, Metadata
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
    ("meta", "because"),
    [
        (at("2026-11-27T07:00:00"), ""),
        (at("2026-11-27T19:01:00"), "fri 2026-11-27 19:01; 07:00-19:00"),
        (at("2026-11-29T10:00:00"), "sun 2026-11-29 10:00; closed"),
        (at("2026-11-02T10:00:00"), "mon 2026-11-02 10:00; holiday"),
        (at("2026-11-28T20:01:00Z", "America/Bogota"), "sat 2026-11-28 15:01 America/Bogota; 08:00-15:00"),
        (
            at("2026-11-27T12:30:00Z", "America/Bogota", "America/Los_Angeles"),
            "fri 2026-11-27 04:30 America/Los_Angeles; 07:00-19:00",
        ),
        (at("2026-11-27T03:00:00Z"), ""),
        (Metadata(), ""),
    ],
)
def test_local_time_is_judged_where_it_is_known(meta: Metadata, because: str) -> None:
    assert closed(WEEK, "CO", meta) == because


def test_calls_of_a_week_are_counted_with_this_one() -> None:
    now = datetime.datetime.fromisoformat("2026-11-27T12:00")
    seven = tuple(Attempt(now - datetime.timedelta(hours=20 * n)) for n in range(1, 8))
    assert too_often(7, 7, 7, Metadata(at=now, attempts=seven)) == "call 8 in 7 days; 7 allowed"
    assert too_often(7, 7, 7, Metadata(at=now, attempts=seven[:6])) == ""
    talked = (Attempt(now - datetime.timedelta(days=2), spoke=True),)
    assert too_often(7, 7, 7, Metadata(at=now, attempts=talked)) == "2 days after a conversation; 7 required"
    assert too_often(7, 7, 7, Metadata(at=now)) == ""


def test_lists_consents_numbers_and_terms() -> None:
    assert suppressed(["repep", "company"], Metadata(lists=("company",))) == "on company"
    assert suppressed(["repep"], Metadata(lists=())) == suppressed(["repep"], Metadata()) == ""
    assert consent_missing({"marketing": 730}, DAY, Metadata()) is None
    assert consent_missing({"marketing": 730}, DAY, Metadata(consents={"marketing": datetime.date(2025, 1, 1)})) == ""
    old = Metadata(consents={"marketing": datetime.date(2024, 1, 1)})
    assert consent_missing({"marketing": 730}, DAY, old) == "on file: marketing of 1061 days ago"
    assert wrong_caller(["0303"], Metadata(caller="+55 11 4002-8922")) == "shows 5511…; 0303 required"
    assert wrong_caller(["0303"], Metadata(caller="0303 123 4567")) == wrong_caller(["0303"], Metadata()) == ""
    assert kept_too_short(90, Metadata(retention_days=30)) == "kept 30 days; 90 required"
    assert kept_too_short(90, Metadata(retention_days=0)) == kept_too_short(90, Metadata()) == ""


def test_a_zone_that_is_none_is_told_at_the_edge() -> None:
    with pytest.raises(msgspec.ValidationError, match="no time zone 'Bogota'"):
        msgspec.convert({"zones": ["Bogota"]}, Metadata)
