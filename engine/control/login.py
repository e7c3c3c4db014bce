"""Log-in: argon2id passwords, a limit on guesses, a server-side session."""

import asyncio
import time
from collections import OrderedDict, deque

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engine.errors import Forbidden, Overloaded
from engine.ports.desk import Person
from engine.store.people import People
from engine.telemetry import Metrics

FAILURES = 5
WINDOW_S = 300.0
"""Wrong guesses of one account from one address in this time, before it must wait."""

ACCOUNT_FAILURES = 50
"""Of one account from all addresses together."""

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


class TooManyGuesses(Overloaded):
    code = "too_many_guesses"

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many wrong guesses; wait and try again")
        self.wait_s = wait_s


class Login:
    def __init__(self, people: People, passwords: Passwords, *, session_s: float, metrics: Metrics) -> None:
        self._people = people
        self._passwords = passwords
        self._session_s = session_s
        self._metrics = metrics
        self._near = Attempts(FAILURES, WINDOW_S)
        self._all = Attempts(ACCOUNT_FAILURES, WINDOW_S)

    async def log_in(self, login: str, password: str, address: str) -> tuple[str, Person]:
        """The cookie's token and who it is. Raises `Forbidden`, or `TooManyGuesses` before looking at the password."""
        login = login.strip().lower()
        near, now = f"{login}\0{address}", time.monotonic()
        wait_s = max(self._near.wait_s(near, now), self._all.wait_s(login, now))
        if wait_s:
            self._metrics.count("logins_total", outcome="limited")
            raise TooManyGuesses(wait_s)
        # Counted before the slow check and taken back after it: guesses made at once count as well.
        self._near.failed(near, now)
        self._all.failed(login, now)
        found = await self._people.to_log_in(login)
        if not await self._passwords.verify(found[1] if found else None, password) or found is None:
            self._metrics.count("logins_total", outcome="refused")
            raise Forbidden("wrong user or password")
        self._near.succeeded(near)
        self._metrics.count("logins_total", outcome="accepted")
        user = found[0]
        token = await self._people.begin_session(user, time.time(), self._session_s)
        return token, Person(user.id, user.organisation_id, user.name, user.role)

    async def who(self, token: str) -> Person | None:
        """Whose session it is, while it lasts."""
        return await self._people.logged_in(token, time.time()) if token else None

    async def log_out(self, token: str) -> None:
        await self._people.end_session(token)
