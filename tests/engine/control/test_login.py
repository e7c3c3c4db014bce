"""Guesses are counted, with time as an argument; passwords are argon2id."""

import asyncio
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.control.login import (
    ACCOUNT_FAILURES,
    ADDRESS_FAILURES,
    CHECKS,
    FAILURES,
    Attempts,
    Login,
    Passwords,
    TooManyGuesses,
    TooManyLogins,
)
from engine.errors import Forbidden, Invalid, Overloaded
from engine.store import Store
from engine.store.people import User
from engine.telemetry import Metrics


def test_failures_slide_out_of_the_window() -> None:
    attempts = Attempts(3, 60.0)
    for now in (0.0, 10.0, 20.0):
        assert attempts.wait_s("ana", now) == 0
        attempts.failed("ana", now)
    assert attempts.wait_s("ana", 25.0) == 35.0
    assert attempts.wait_s("ben", 25.0) == 0
    assert attempts.wait_s("ana", 60.0) == 0
    attempts.succeeded("ana")
    assert attempts.wait_s("ana", 25.0) == 0


def test_accounts_kept_are_bounded() -> None:
    attempts = Attempts(1, 60.0, kept=2)
    for key in ("a", "b", "c"):
        attempts.failed(key, 0.0)
    assert attempts.wait_s("a", 1.0) == 0
    assert attempts.wait_s("c", 1.0) > 0


async def test_log_in(store: Store, organisation: str) -> None:
    passwords = Passwords(rounds=1, memory_kib=8)
    user = User("u", organisation, "ana", "Ana", "agent")
    hashed = await passwords.hash("the right one")
    assert hashed.startswith("$argon2id$")
    await store.people.add(user, hashed, 1.0)
    login = Login(store.people, passwords, session_s=60, metrics=Metrics())
    token, person = await login.log_in(" ANA ", "the right one", "192.0.2.1")
    assert person.user_id == "u"
    assert await login.who(token) == person
    assert await login.who("another") is None
    await login.log_out(token, person)
    assert await login.who(token) is None
    for _ in range(5):
        with pytest.raises(Forbidden):
            await login.log_in("ana", "wrong", "192.0.2.1")
    with pytest.raises(TooManyGuesses):
        await login.log_in("ana", "the right one", "192.0.2.1")
    await login.log_in("ana", "the right one", "192.0.2.2")


def test_a_failure_that_was_none_is_taken_back() -> None:
    attempts = Attempts(2, 60.0)
    for now in (0.0, 10.0):
        attempts.failed("ana", now)
    attempts.taken_back("ana", 0.0)
    assert attempts.wait_s("ana", 20.0) == 0
    attempts.failed("ana", 20.0)
    assert attempts.wait_s("ana", 20.0) == 50.0
    for now in (10.0, 20.0, 20.0):
        attempts.taken_back("ana", now)
    assert attempts._times == {}


async def registered(store: Store, organisation: str, **lasting: Any) -> Login:
    """Ana may log in."""
    passwords = Passwords(rounds=1, memory_kib=8)
    user = User("u", organisation, "ana", "Ana", "agent")
    await store.people.add(user, await passwords.hash("the right one"), 1.0)
    return Login(store.people, passwords, metrics=Metrics(), **({"session_s": 60} | lasting))


async def test_who_logs_in_is_in_the_log_and_what_was_typed_is_not(store: Store, organisation: str) -> None:
    login = await registered(store, organisation)
    with capture_logs() as logs:
        token, ana = await login.log_in("ana", "the right one", "192.0.2.1")
        with pytest.raises(Forbidden):
            await login.log_in("my password", "in the wrong place", "192.0.2.2")
        with pytest.raises(Forbidden):
            await login.log_in("ana", "a wrong one", "192.0.2.2")
        await login.log_out(token, ana)
    accepted = {"by": "u", "organisation_id": organisation, "address": "192.0.2.1"}
    assert logs == [
        {"event": "login.accepted", "log_level": "info"} | accepted,
        {"event": "login.refused", "log_level": "info", "address": "192.0.2.2"},
        {"event": "login.refused", "log_level": "info", "address": "192.0.2.2", "user_id": "u"},
        {"event": "login.ended", "log_level": "info", "by": "u"},
    ]


async def test_one_address_may_not_go_through_names(store: Store, organisation: str) -> None:
    login = await registered(store, organisation)
    for number in range(ADDRESS_FAILURES):
        with pytest.raises(Forbidden):
            await login.log_in(f"nobody-{number}", "wrong", "192.0.2.1")
    with pytest.raises(TooManyGuesses):
        await login.log_in("ana", "the right one", "192.0.2.1")
    await login.log_in("ana", "the right one", "192.0.2.2")


async def test_who_logs_in_rightly_uses_up_nothing(store: Store, organisation: str) -> None:
    login = await registered(store, organisation)
    for _ in range(ADDRESS_FAILURES + 1):
        await login.log_in("ana", "the right one", "192.0.2.1")
    for number in range(ACCOUNT_FAILURES):
        await login.log_in("ana", "the right one", f"192.0.2.{number}")


async def test_while_the_store_does_not_answer_nobody_guesses_wrong(
    store: Store, organisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = await registered(store, organisation)

    async def to_log_in(login: str) -> None:
        raise Overloaded("the store cannot read")

    monkeypatch.setattr(store.people, "to_log_in", to_log_in)
    for _ in range(ADDRESS_FAILURES):
        with pytest.raises(Overloaded, match="the store cannot read"):
            await login.log_in("ana", "the right one", "192.0.2.1")
    monkeypatch.undo()
    await login.log_in("ana", "the right one", "192.0.2.1")


async def test_few_wait_for_a_hash_and_who_is_sent_away_has_not_guessed(
    store: Store, organisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = await registered(store, organisation)
    go, full, verified = asyncio.Event(), asyncio.Event(), 0

    async def verify(password_hash: str | None, password: str) -> bool:
        nonlocal verified
        verified += 1
        if verified == CHECKS:
            full.set()
        await go.wait()
        return False

    monkeypatch.setattr(login._passwords, "verify", verify)
    guesses = [asyncio.create_task(login.log_in(f"n{number}", "wrong", f"{number}")) for number in range(CHECKS)]
    await full.wait()
    for _ in range(10):
        with pytest.raises(TooManyLogins):
            await login.log_in("ana", "the right one", "192.0.2.1")
    assert verified == CHECKS
    go.set()
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert {type(one) for one in outcomes} == {Forbidden}
    monkeypatch.undo()
    await login.log_in("ana", "the right one", "192.0.2.1")


async def test_sessions_end_by_time_and_with_the_password(store: Store, organisation: str) -> None:
    now = 100.0
    login = await registered(store, organisation, wall_clock=lambda: now)
    token, ana = await login.log_in("ana", "the right one", "192.0.2.1")
    now = 159.0
    assert await login.who(token) == ana
    now = 160.0
    assert await login.who(token) is None
    assert await login.who(token, held=True) is None
    now = 159.0
    await store.people.change(await store.people.get(organisation, "u"), "another hash")
    assert await login.who(token) is None


@pytest.mark.parametrize(
    ("uses", "ends_s"),
    [((), 900), ((600,), 1_500), ((80,), 900), ((899, 1_700), 2_600), ((800, 1_600, 2_400, 3_200), 3_600)],
)
async def test_a_session_ends_when_nobody_uses_it(
    store: Store, organisation: str, uses: tuple[int, ...], ends_s: int
) -> None:
    now = 1_000.0
    login = await registered(store, organisation, session_s=3_600, idle_s=900, wall_clock=lambda: now)
    token, ana = await login.log_in("ana", "the right one", "192.0.2.1")
    for use in uses:
        now = 1_000.0 + use
        assert await login.who(token) == ana
        await asyncio.gather(*login._noting.values())
    session = await store.people.session(token)
    assert session is not None
    assert session.ends_at == 1_000.0 + ends_s
    now = session.ends_at
    assert await login.who(token) is None


async def test_what_an_open_socket_holds_ends_for_no_want_of_use(
    store: Store, organisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0

    async def prolong_session(token: str, ends_at: float) -> None:
        raise Overloaded("the store cannot write")

    login = await registered(store, organisation, session_s=3_600, idle_s=900, wall_clock=lambda: now)
    token, ana = await login.log_in("ana", "the right one", "192.0.2.1")
    monkeypatch.setattr(store.people, "prolong_session", prolong_session)
    for now in (1_800.0, 1_900.0, 4_599.0):
        assert await login.who(token, held=True) == ana
        await asyncio.gather(*login._noting.values())
        assert (await login.who(token) is None) == (now >= 1_900.0)
    monkeypatch.undo()
    now = 4_500.0
    assert await login.who(token, held=True) == ana
    await asyncio.gather(*login._noting.values())
    assert await login.who(token) == ana
    now = 4_600.0
    assert await login.who(token, held=True) is None


@pytest.mark.parametrize(("active", "after"), [(False, None), (True, "another one")])
async def test_who_is_shut_out_while_a_log_in_is_under_way_is_not_let_in_by_it(
    store: Store, organisation: str, active: bool, after: str | None
) -> None:
    user = User("u", organisation, "ana", "Ana", "agent")

    class Slow(Passwords):
        """An administrator changes the user while the password is verified."""

        async def verify(self, password_hash: str | None, password: str) -> bool:
            fits = await super().verify(password_hash, password)
            hashed = await self.hash(after) if after else None
            await store.people.change(msgspec.structs.replace(user, active=active), hashed)
            return fits

    passwords = Slow(rounds=1, memory_kib=8)
    await store.people.add(user, await passwords.hash("the right one"), 1.0)
    login = Login(store.people, passwords, session_s=60, metrics=Metrics())
    with pytest.raises(Forbidden):
        await login.log_in("ana", "the right one", "192.0.2.1")


async def test_whoever_changes_their_password_stays_logged_in_here_and_nowhere_else(
    store: Store, organisation: str
) -> None:
    login = await registered(store, organisation)
    token, ana = await login.log_in("ana", "the right one", "192.0.2.1")
    other, _ = await login.log_in("ana", "the right one", "192.0.2.2")
    with capture_logs() as logs:
        await login.change_password(ana, token, "the right one", "a better one", "192.0.2.1")
    told = {"user_id": "u", "role": "agent", "fields": ["password"], "by": "u"}
    assert logs == [{"event": "user.changed", "log_level": "info"} | told]
    assert await login.who(token) == ana
    assert await login.who(other) is None
    with pytest.raises(Forbidden):
        await login.log_in("ana", "the right one", "192.0.2.1")
    await login.log_in("ana", "a better one", "192.0.2.1")


@pytest.mark.parametrize("new", ["too short", "x" * 201, "the right one"])
async def test_a_password_that_nobody_may_have_changes_nothing(store: Store, organisation: str, new: str) -> None:
    login = await registered(store, organisation)
    token, ana = await login.log_in("ana", "the right one", "192.0.2.1")
    with pytest.raises(Invalid, match="password"):
        await login.change_password(ana, token, "the right one", new, "192.0.2.1")
    await login.log_in("ana", "the right one", "192.0.2.1")


async def test_an_old_password_is_guessed_no_more_often_than_at_the_log_in(store: Store, organisation: str) -> None:
    login = await registered(store, organisation)
    token, ana = await login.log_in("ana", "the right one", "192.0.2.1")
    with capture_logs() as logs:
        for _ in range(FAILURES):
            with pytest.raises(Forbidden):
                await login.change_password(ana, token, "a wrong one", "a better one", "192.0.2.1")
    assert logs == FAILURES * [{"event": "login.refused", "log_level": "info", "address": "192.0.2.1", "user_id": "u"}]
    for guess in (
        login.change_password(ana, token, "the right one", "a better one", "192.0.2.1"),
        login.log_in("ana", "the right one", "192.0.2.1"),
    ):
        with pytest.raises(TooManyGuesses):
            await guess
    assert await login.who(token) == ana


@pytest.mark.parametrize(("active", "hashed"), [(False, None), (True, "another hash")])
async def test_whoever_was_shut_out_meanwhile_changes_no_password(
    store: Store, organisation: str, active: bool, hashed: str | None
) -> None:
    user = User("u", organisation, "ana", "Ana", "agent")
    await store.people.add(user, "hash", 1.0)
    await store.people.change(msgspec.structs.replace(user, active=active), hashed)
    assert not await store.people.change_password(user, "hash", "my hash", "token")
    await store.people.change(user)
    found = await store.people.to_log_in("ana")
    assert found == (user, hashed or "hash")
