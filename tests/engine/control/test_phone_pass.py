"""Passes for the bridge: what they say, and that nobody else can make one."""

import base64
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.control.phone_pass import PhonePass, bridge_key, issue, phone_aor, sign, verify
from engine.errors import Conflict, Forbidden, StartupError
from engine.store.campaigns import Campaign
from engine.store.people import User

KEY, OTHER = b"k" * 32, b"o" * 32
ANDREA = User("u1", "org", "andrea", "Andrea", "agent", ("andrea@pbx.example",), ("1001",))
CAMPAIGNS = (
    Campaign("c1", "org", "A", "sales", "inbound", "es", "CO", numbers=("+571", "sales"), members=("u1",)),
    Campaign("c2", "org", "B", "sales", "inbound", "es", "CO", numbers=("+572",), members=("u2",)),
    Campaign("c3", "org", "C", "sales", "inbound", "es", "CO", numbers=("+573",), members=("u1",), active=False),
)


def test_a_pass_says_who_is_rung_for_which_numbers() -> None:
    claims = issue(ANDREA, CAMPAIGNS, 1_000.0)
    assert (claims.aor, claims.extension, claims.numbers, claims.campaign) == (
        "andrea@pbx.example",
        "1001",
        ("+571", "sales"),
        "c1",
    )
    assert verify(sign(claims, KEY), KEY, 1_001.0) == claims


def test_an_agent_without_an_address_is_known_by_the_login() -> None:
    assert phone_aor(User("u9", "org", "marta", "Marta", "agent")) == "marta@desk"


def test_a_pass_that_is_over_or_of_another_key_is_refused() -> None:
    text = sign(issue(ANDREA, CAMPAIGNS, 1_000.0), KEY)
    with pytest.raises(Forbidden, match="over"):
        verify(text, KEY, 1_600.0)
    with pytest.raises(Forbidden, match="not valid"):
        verify(text, OTHER, 1_001.0)


@example("=", 400)
@given(st.text(max_size=80), st.integers(0, 400))
def test_no_altered_pass_is_taken(noise: str, at: int) -> None:
    text = sign(issue(ANDREA, CAMPAIGNS, 1_000.0), KEY)
    altered = text[:at] + noise + text[at + len(noise) :]
    if altered != text:
        with pytest.raises(Forbidden):
            verify(altered, KEY, 1_001.0)


def with_numbers(count: int) -> PhonePass:
    numbers = tuple(f"+57601{number:07}" for number in range(count))
    return issue(ANDREA, [msgspec.structs.replace(CAMPAIGNS[0], numbers=numbers)], 1_000.0)


@pytest.mark.parametrize("count", [1, 700, *range(740, 780)])
def test_whatever_is_signed_is_taken(count: int) -> None:
    claims = with_numbers(count)
    try:
        text = sign(claims, KEY)
    except Conflict:
        assert count > 740
    else:
        assert verify(text, KEY, 1_001.0) == claims


def test_a_pass_that_would_be_too_long_says_why() -> None:
    with pytest.raises(Conflict, match="too many numbers"):
        sign(with_numbers(780), KEY)


def test_the_key_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    key = bridge_key("", tmp_path)
    assert len(key) == 32
    assert bridge_key("", tmp_path) == key
    assert (tmp_path / "bridge.key").stat().st_mode & 0o777 == 0o600
    os.chmod(tmp_path / "bridge.key", 0o644)
    with pytest.raises(StartupError, match=r"^BRIDGE_KEY: "):
        bridge_key("", tmp_path)


def test_the_key_may_come_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHONES", base64.b64encode(KEY).decode())
    assert bridge_key("env:PHONES", tmp_path) == KEY
    for wrong in ("env:NOBODY", "file:/nowhere/key", "plain"):
        with pytest.raises(StartupError, match=r"^BRIDGE_KEY: "):
            bridge_key(wrong, tmp_path)
