"""Log-in: argon2id passwords, a limit on guesses, a server-side session."""

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engine.errors import Forbidden, Invalid, Overloaded
from engine.ports.desk import Person
from engine.store.people import People, User
from engine.telemetry import AUDIT, Metrics

audit = structlog.get_logger(AUDIT)

T = TypeVar("T")

FAILURES = 5
WINDOW_S = 300.0
"""Wrong guesses of one account from one address in this time, before it must wait."""

ACCOUNT_FAILURES = 50
"""Of one account from all addresses together."""

ADDRESS_FAILURES = 30
"""Of all accounts together from one address: whoever tries names at random is not let at the hashes for ever."""

CHECKS = 8
"""Log-ins that are looked at or wait for it; more are told to come again, before a hash is spent on them."""
BUSY_S = 2.0

NOTED = 0.1
"""Of the time in which a session that nobody uses ends: uses that put its end off by less are not written down."""

ACCOUNTS_KEPT = 10_000
PASSWORD_CHARACTERS = (10, 200)


class Attempts:
    """Failures by key in a sliding window, with time as an argument. The longest silent key is forgotten first."""

    def __init__(self, failures: int, window_s: float, kept: int = ACCOUNTS_KEPT) -> None:
        self._failures = failures
        self._window_s = window_s
        self._kept = kept
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """How long until another try is allowed; 0 when it is allowed now."""
        times = self._times.get(key)
        if times is None or len(times) < self._failures:
            return 0.0
        return max(0.0, times[0] + self._window_s - now)

    def failed(self, key: str, now: float) -> None:
        times = self._times.setdefault(key, deque(maxlen=self._failures))
        times.append(now)
        self._times.move_to_end(key)
        while len(self._times) > self._kept:
            self._times.popitem(last=False)

    def taken_back(self, key: str, at: float) -> None:
        """The failure that was noted then was none."""
        times = self._times.get(key)
        if times and at in times:
            times.remove(at)
            if not times:
                del self._times[key]

    def succeeded(self, key: str) -> None:
        self._times.pop(key, None)


class Passwords:
    """argon2id, in threads and a few at a time: each hash takes 19 MiB and some ten milliseconds."""

    def __init__(self, rounds: int = 2, memory_kib: int = 19_456) -> None:
        """OWASP's smallest recommended cost: the machine that checks passwords carries live calls as well."""
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self._turn = asyncio.Semaphore(2)
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """With no hash (an unknown login) it takes as long and fails, so that logins cannot be found out."""
        async with self._turn:
            fits = await asyncio.to_thread(self._fits, password_hash or self._nobody, password)
        return fits and password_hash is not None

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def strong(password: str) -> str:
    """What was given, where a password may be chosen so. Raises `Invalid`."""
    least, most = PASSWORD_CHARACTERS
    if not least <= len(password) <= most:
        raise Invalid(f"password: {least} to {most} characters")
    return password


class TooManyGuesses(Overloaded):
    code = "too_many_guesses"

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many wrong guesses; wait and try again")
        self.wait_s = wait_s


class TooManyLogins(Overloaded):
    code = "too_many_logins"

    def __init__(self) -> None:
        super().__init__("many log in right now; try again")
        self.wait_s = BUSY_S


class Login:
    def __init__(
        self,
        people: People,
        passwords: Passwords,
        *,
        session_s: float,
        idle_s: float = math.inf,
        metrics: Metrics,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """A session lasts `session_s`, and `idle_s` without being used."""
        self._people = people
        self._passwords = passwords
        self._session_s = session_s
        self._idle_s = idle_s
        self._wall_clock = wall_clock
        self._metrics = metrics
        self._near = Attempts(FAILURES, WINDOW_S)
        self._of_account = Attempts(ACCOUNT_FAILURES, WINDOW_S)
        self._of_address = Attempts(ADDRESS_FAILURES, WINDOW_S)
        self._checks = 0
        self._noting: dict[str, asyncio.Task[None]] = {}
        """By the token of a session that has been used."""

    async def log_in(self, login: str, password: str, address: str) -> tuple[str, Person]:
        """The cookie's token and who it is; `address` is whose guesses count together. Raises `Forbidden`, or before
        looking at the password `TooManyGuesses` and `TooManyLogins`. What the store raises is no wrong guess."""

        async def begin(user: User, password_hash: str) -> str | None:
            lasts_s = min(self._session_s, self._idle_s)
            return await self._people.begin_session(user, password_hash, self._wall_clock(), lasts_s)

        user, token = await self._proven(login.strip().lower(), password, address, begin)
        self._metrics.count("logins_total", outcome="accepted")
        # whose organisation every other line of this person is of
        audit.info("login.accepted", by=user.id, organisation_id=user.organisation_id, address=address)
        return token, Person(user.id, user.organisation_id, user.name, user.role)

    async def change_password(self, by: Person, token: str, old: str, new: str, address: str) -> None:
        """Of one's own; sessions of theirs other than `token`'s end. Raises `Invalid`, or what `log_in` does: whoever
        sits down before somebody's open session guesses no more than before the log-in."""
        if strong(new) == old:
            raise Invalid("password: another than the old one")

        async def change(user: User, password_hash: str) -> bool:
            return await self._people.change_password(user, password_hash, await self._passwords.hash(new), token)

        login = (await self._people.get(by.organisation_id, by.user_id)).login
        user, _ = await self._proven(login, old, address, change)
        audit.info("user.changed", user_id=user.id, role=user.role, fields=["password"], by=by.user_id)

    async def _proven(
        self, login: str, password: str, address: str, then: Callable[[User, str], Awaitable[T | None]]
    ) -> tuple[User, T]:
        """Whose login it is, and what came of `then` with them and their password's hash: nothing where they were
        disabled, or given another password, since that was looked at."""
        near, now = f"{login}\0{address}", time.monotonic()
        counts = ((self._near, near), (self._of_account, login), (self._of_address, address))
        if wait_s := max(attempts.wait_s(key, now) for attempts, key in counts):
            self._metrics.count("logins_total", outcome="limited")
            raise TooManyGuesses(wait_s)
        if self._checks >= CHECKS:
            self._metrics.count("logins_total", outcome="busy")
            raise TooManyLogins
        # Counted before the slow check and taken back after it: guesses made at once count as well.
        for attempts, key in counts:
            attempts.failed(key, now)
        try:
            user, done = await self._checked(login, password, then)
        except Exception:  # the store does not answer: nobody has been found wrong
            _take_back(counts, now)
            raise
        if user is None or not done:
            self._metrics.count("logins_total", outcome="refused")
            # not what was typed: people type passwords there
            audit.info("login.refused", address=address, **({"user_id": user.id} if user else {}))
            raise Forbidden("wrong user or password")
        _take_back(counts, now)
        self._near.succeeded(near)
        return user, done

    async def _checked(
        self, login: str, password: str, then: Callable[[User, str], Awaitable[T | None]]
    ) -> tuple[User | None, T | None]:
        self._checks += 1
        try:
            found = await self._people.to_log_in(login)
            fits = await self._passwords.verify(found[1] if found else None, password)
        finally:
            self._checks -= 1
        if found is None:
            return None, None
        user, password_hash = found
        return user, await then(user, password_hash) if fits else None

    async def who(self, token: str, *, held: bool = False) -> Person | None:
        """Whose session it is, while it lasts. To ask is to use it, which puts off the end of one that nobody uses (PCI
        DSS 4.0.1 §8.2.8). `held`: by a socket that has been open since it asked before; to it that end does not come,
        whatever the store was able to keep."""
        session = await self._people.session(token) if token else None
        now = self._wall_clock()
        if session is None or now >= session.begun_at + self._session_s or (now >= session.ends_at and not held):
            return None
        ends_at = min(session.begun_at + self._session_s, now + self._idle_s)
        if ends_at - session.ends_at >= self._idle_s * NOTED and token not in self._noting:
            # Beside the answer: whoever only reads does not wait for a disk that is full.
            self._noting[token] = asyncio.create_task(self._note(token, ends_at))
        return session.person

    async def _note(self, token: str, ends_at: float) -> None:
        try:
            with suppress(Overloaded):  # the next use notes it
                await self._people.prolong_session(token, ends_at)
        finally:
            del self._noting[token]

    async def log_out(self, token: str, by: Person) -> None:
        await self._people.end_session(token)
        audit.info("login.ended", by=by.user_id)


def _take_back(counts: Iterable[tuple[Attempts, str]], at: float) -> None:
    for attempts, key in counts:
        attempts.taken_back(key, at)
