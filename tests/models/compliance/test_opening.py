"""What is known of a call as it opens, and from which day on it is held against it."""

from datetime import date, datetime, time, timedelta

import pytest

from models.compliance import Attempt, CallContext, Judge, JudgedTurn, Metadata, load_detectors, load_rules

DETECTORS = load_detectors()
RULES = load_rules()


def broken_by(state: str, metadata: Metadata) -> set[str]:
    assert metadata.at is not None
    context = CallContext("US", state, "sales", "outbound", "en", metadata.at.date(), metadata=metadata)
    said = Judge(RULES, context, DETECTORS).hear(JudgedTurn(0, "1", "customer", "Hello?", 1_000, 2_000))
    return {verdict.rule for verdict in said}


@pytest.mark.parametrize(
    ("state", "first", "rules"),
    [
        ("FL", date(2021, 7, 1), {"US-STATE-HOURS", "US-STATE-FREQ"}),
        ("OK", date(2022, 11, 1), {"US-STATE-HOURS", "US-STATE-FREQ"}),
        ("CT", date(2023, 10, 1), {"US-STATE-HOURS"}),
        ("MD", date(2024, 1, 1), {"US-STATE-HOURS", "US-STATE-FREQ"}),
    ],
)
def test_what_a_state_forbids_it_forbids_from_its_first_day(state: str, first: date, rules: set[str]) -> None:
    for day, broken in ((first - timedelta(days=1), set()), (first, rules)):
        at = datetime.combine(day, time(20, 30))
        earlier = tuple(Attempt(at - timedelta(hours=hours)) for hours in (1, 2, 3))
        assert broken_by(state, Metadata(at=at, attempts=earlier)) == broken
