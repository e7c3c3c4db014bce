"""Guesses are counted, with time as an argument; passwords are argon2id."""

import pytest

from engine.control.login import Attempts, Login, Passwords, TooManyGuesses
from engine.errors import Forbidden
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
    await login.log_out(token)
    assert await login.who(token) is None
    for _ in range(5):
        with pytest.raises(Forbidden):
            await login.log_in("ana", "wrong", "192.0.2.1")
    with pytest.raises(TooManyGuesses):
        await login.log_in("ana", "the right one", "192.0.2.1")
    await login.log_in("ana", "the right one", "192.0.2.2")


async def test_sessions_end_by_time_and_with_the_password(store: Store, organisation: str) -> None:
    user = User("u", organisation, "ana", "Ana", "agent")
    await store.people.add(user, "hash", 1.0)
    token = await store.people.begin_session(user, now=100.0, lasts_s=60.0)
    assert await store.people.logged_in(token, 159.0) is not None
    assert await store.people.logged_in(token, 161.0) is None
    await store.people.change(user, "another hash")
    assert await store.people.logged_in(token, 159.0) is None
