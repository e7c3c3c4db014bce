"""Creating and changing users, with everything that depends on it."""

import re
import time

import msgspec
import structlog
from uuid_utils import uuid7

from engine.control.addresses import addresses_of, aors_of, numbers_of_others
from engine.control.changes import changed
from engine.control.login import Passwords, strong
from engine.control.routing import CachedRouter, alike, normal
from engine.errors import Conflict, Forbidden, Invalid, NotFound
from engine.ports.desk import Person
from engine.store import Store
from engine.store.people import Role, User
from engine.telemetry import AUDIT

audit = structlog.get_logger(AUDIT)

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
_EXTENSION = re.compile(r"[a-z0-9*#+_.-]{1,32}")
_LONGEST_NAME = 120
_AOR = re.compile(r"[^\s@<>;]{1,64}@[^\s@<>;]{1,255}")


class UserForm(msgspec.Struct, frozen=True):
    """What may be set of a user."""

    login: str
    name: str
    role: Role
    aors: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    active: bool = True


class PeopleService:
    def __init__(self, store: Store, passwords: Passwords, router: CachedRouter) -> None:
        self._store = store
        self._passwords = passwords
        self._router = router

    async def all(self, by: Person) -> list[User]:
        return await self._store.people.all(by.organisation_id)

    async def get(self, by: Person, user_id: str) -> User:
        return await self._store.people.get(by.organisation_id, user_id)

    async def create(self, by: Person, form: UserForm, password: str) -> User:
        """Raises `Invalid`, `Forbidden` for who is no administrator any more, or `Conflict` when the login, an AOR or
        an extension is another's. Extensions may repeat between organisations, unless one is a campaign's number
        there."""
        user = _user(form, str(uuid7()), by.organisation_id)
        hashed = await self._passwords.hash(strong(password))
        async with self._router.claiming:
            await self._check_administrator(by)
            await _check_addresses(self._store, user)
            await self._store.people.add(user, hashed, time.time())
            audit.info("user.created", user_id=user.id, role=user.role, by=by.user_id)
            await self._router.refresh()
        return user

    async def change(self, by: Person, user_id: str, form: UserForm, password: str | None = None) -> User:
        """All of it. A disabled user, or one with a new password, is logged out everywhere; a role counts at once.
        Raises what `create` does, and `NotFound`."""
        before = await self.get(by, user_id)
        user = _user(form, user_id, by.organisation_id)
        if user_id == by.user_id and (user.role != before.role or not user.active):
            raise Conflict("nobody takes their own role or account away")
        hashed = await self._passwords.hash(strong(password)) if password is not None else None
        async with self._router.claiming:
            await self._check_administrator(by)
            await _check_addresses(self._store, user)
            await self._store.people.change(user, hashed)
            fields = changed(before, user) + (["password"] if hashed else [])
            audit.info("user.changed", user_id=user_id, role=user.role, fields=fields, by=by.user_id)
            await self._router.refresh()
        return user

    async def _check_administrator(self, by: Person) -> None:
        """With `claiming` held: of two who put each other out, one stays. Raises `Forbidden`."""
        asking = await self.get(by, by.user_id)
        if not asking.active or asking.role != "admin":
            raise Forbidden("you are no administrator any more")


async def found_organisation(store: Store, passwords: Passwords, name: str, login: str, password: str) -> User:
    """A new organisation's first administrator. Raises `Invalid`, or `Conflict` when the name or the login is taken."""
    name = name.strip()
    if not 0 < len(name) <= _LONGEST_NAME:
        raise Invalid(f"name: 1 to {_LONGEST_NAME} characters")
    user = _user(UserForm(login, login.strip(), "admin"), str(uuid7()), str(uuid7()))
    if await store.people.organisation_named(name) is not None:
        raise Conflict(f"there is an organisation called {name}")
    if any(one.login == user.login for one in await store.people.all()):  # a disabled account keeps its login
        raise Conflict(f"the login {user.login} is taken")
    await _check_addresses(store, user)
    hashed = await passwords.hash(strong(password))
    await store.people.found(name, user, hashed, time.time())
    return user


async def set_password(
    store: Store, passwords: Passwords, organisation_id: str, login: str, password: str, by: str
) -> tuple[User, set[str]]:
    """Where nobody can log in who might do it at `/admin`. The user is logged out everywhere. A disabled account is
    enabled if it is an administrator's and no other is left; where one of its addresses is another's by now, without
    them: they are returned, too. Raises `NotFound`, `Conflict`, `Invalid`."""
    login = login.strip().lower()
    users = await store.people.all(organisation_id)
    user = next((one for one in users if one.login == login), None)
    if user is None:
        raise NotFound(f"nobody of the organisation logs in as {login}")
    before = user
    if not user.active:
        if user.role != "admin" or any(one.active and one.role == "admin" for one in users):
            raise Conflict(f"the account {login} is disabled")
        user = msgspec.structs.replace(user, active=True)
        try:
            await _check_addresses(store, user)
        except Conflict:
            user = msgspec.structs.replace(user, aors=(), extensions=())
            await _check_addresses(store, user)
    await store.people.change(user, await passwords.hash(strong(password)))
    fields = [*changed(before, user), "password"]
    audit.info("user.changed", user_id=user.id, role=user.role, fields=fields, by=by)
    return user, addresses_of(before) - addresses_of(user)


async def _check_addresses(store: Store, user: User) -> None:
    """Raises `Conflict`; whose an address of another organisation is stays untold."""
    if not user.active:
        return
    mine = addresses_of(user)
    for other in await store.people.all():
        if other.id == user.id or not other.active:
            continue
        if other.login == user.login:
            raise Conflict(f"the login {user.login} is taken")
        if other.organisation_id == user.organisation_id:
            if taken := mine & addresses_of(other):
                raise Conflict(f"{min(taken)} belongs to {other.name}")
        elif taken := aors_of(user) & aors_of(other):
            raise Conflict(f"{min(taken)} belongs to somebody else")
    numbers = await numbers_of_others(store, user.organisation_id)
    for address in sorted(mine):
        if any(alike(normal(address), number) for number in numbers):
            raise Conflict(f"{address} routes to a campaign")


def _user(form: UserForm, user_id: str, organisation_id: str) -> User:
    login = form.login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise Invalid("login: 2 to 64 letters, digits and . _ @ + -")
    name = " ".join(form.name.split())
    if not name:
        raise Invalid("name: must not be empty")
    if not name.isprintable():
        raise Invalid("name: characters that can be shown")
    return User(
        id=user_id,
        organisation_id=organisation_id,
        login=login,
        name=name,
        role=form.role,
        aors=_addresses(form.aors, _AOR, "aors: user@host, without sip:"),
        extensions=_addresses(form.extensions, _EXTENSION, "extensions: up to 32 letters, digits and * # + _ . -"),
        active=form.active,
    )


def _addresses(given: tuple[str, ...], form: re.Pattern[str], complaint: str) -> tuple[str, ...]:
    clean = [one.strip().lower().removeprefix("sips:").removeprefix("sip:") for one in given]
    if not all(form.fullmatch(one) and one.isprintable() for one in clean):
        raise Invalid(complaint)
    return tuple(dict.fromkeys(clean))
