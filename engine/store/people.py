"""Organisations, users and their log-ins."""

import hashlib
import secrets
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from engine.errors import NotFound
from engine.ports.desk import Person
from engine.store.session import Database
from engine.store.tables import OrganisationRow, SessionRow, UserRow

Role = Literal["agent", "supervisor", "admin"]


class User(msgspec.Struct, frozen=True):
    """A person who may log in. The password's hash never leaves this module's callers in `control.login`."""

    id: str
    organisation_id: str
    login: str
    name: str
    role: Role
    aors: tuple[str, ...] = ()
    """Addresses of record without scheme, lower case."""
    extensions: tuple[str, ...] = ()
    active: bool = True


class Session(NamedTuple):
    person: Person
    begun_at: float
    ends_at: float
    """Unless it is used before."""


class People:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_organisation(self, name: str, now: float) -> str:
        """Returns its id."""
        organisation_id = str(uuid7())
        row = _organisation(organisation_id, name, now)
        await self._database.write(lambda connection: connection.execute(insert(OrganisationRow).values(row)))
        return organisation_id

    async def found(self, name: str, administrator: User, password_hash: str, now: float) -> None:
        """An organisation and its first user, who has its id: both or neither. Raises `Conflict` when the login is
        taken."""
        organisation = _organisation(administrator.organisation_id, name, now)
        row = msgspec.to_builtins(administrator) | {"password_hash": password_hash, "created_at": now}

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(insert(OrganisationRow).values(organisation))
            await connection.execute(insert(UserRow).values(row))

        await self._database.write(write)

    async def organisation_named(self, name: str) -> str | None:
        query = select(OrganisationRow.id).where(OrganisationRow.name == name)
        rows = await self._database.fetch(query)
        return rows[0].id if rows else None

    async def add(self, user: User, password_hash: str, now: float) -> None:
        """Raises `Conflict` when the login is taken."""
        row = msgspec.to_builtins(user) | {"password_hash": password_hash, "created_at": now}
        await self._database.write(lambda connection: connection.execute(insert(UserRow).values(row)))

    async def change(self, user: User, password_hash: str | None = None) -> None:
        """The whole row. A user made inactive, or given a new password, is logged out everywhere in the same commit."""
        values = msgspec.to_builtins(user)
        if password_hash is not None:
            values["password_hash"] = password_hash

        async def write(connection: AsyncConnection) -> None:
            mine = UserRow.id == user.id, UserRow.organisation_id == user.organisation_id
            await connection.execute(update(UserRow).where(*mine).values(values))
            if password_hash is not None or not user.active:
                await connection.execute(delete(SessionRow).where(SessionRow.user_id == user.id))

        await self._database.write(write)

    async def change_password(self, user: User, before: str, after: str, token: str) -> bool:
        """Hashes, of which `before` was looked at; `token` is of the session that stays, and all others of the user
        end in the same commit. False where the user has been disabled, or given another password, since."""
        may = UserRow.id == user.id, UserRow.active, UserRow.password_hash == before
        others = SessionRow.user_id == user.id, SessionRow.id != _session_id(token)

        async def write(connection: AsyncConnection) -> bool:
            if (await connection.execute(select(UserRow.id).where(*may))).first() is None:
                return False
            await connection.execute(update(UserRow).where(UserRow.id == user.id).values(password_hash=after))
            await connection.execute(delete(SessionRow).where(*others))
            return True

        return await self._database.write(write)

    async def get(self, organisation_id: str, user_id: str) -> User:
        query = select(UserRow).where(UserRow.id == user_id, UserRow.organisation_id == organisation_id)
        rows = await self._database.fetch(query)
        if not rows:
            raise NotFound("no such user")
        return _user(rows[0])

    async def all(self, organisation_id: str | None = None) -> list[User]:
        """By name; of every organisation when none is given (for routing only)."""
        query = select(UserRow).order_by(UserRow.name, UserRow.id)
        if organisation_id is not None:
            query = query.where(UserRow.organisation_id == organisation_id)
        return [_user(row) for row in await self._database.fetch(query)]

    async def to_log_in(self, login: str) -> tuple[User, str] | None:
        """The active user of that login, and the hash of the password."""
        query = select(UserRow).where(UserRow.login == login.strip().lower(), UserRow.active)
        rows = await self._database.fetch(query)
        return (_user(rows[0]), str(rows[0].password_hash)) if rows else None

    async def begin_session(self, user: User, password_hash: str, now: float, lasts_s: float) -> str | None:
        """Returns the cookie's token, which is stored nowhere; None where the user has been disabled, or given another
        password, since this one was looked at. Sessions that are over are cleared away."""
        token = secrets.token_urlsafe(32)
        row = {
            "id": _session_id(token),
            "organisation_id": user.organisation_id,
            "user_id": user.id,
            "created_at": now,
            "expires_at": now + lasts_s,
        }
        may = UserRow.id == user.id, UserRow.active, UserRow.password_hash == password_hash

        async def write(connection: AsyncConnection) -> bool:
            await connection.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
            if (await connection.execute(select(UserRow.id).where(*may))).first() is None:
                return False
            await connection.execute(insert(SessionRow).values(row))
            return True

        return token if await self._database.write(write) else None

    async def session(self, token: str) -> Session | None:
        """Also one that is over: it is there until somebody else logs in."""
        query = (
            select(UserRow.id, UserRow.organisation_id, UserRow.name, UserRow.role)
            .add_columns(SessionRow.created_at, SessionRow.expires_at)
            .join(SessionRow, SessionRow.user_id == UserRow.id)
            .where(SessionRow.id == _session_id(token), UserRow.active)
        )
        rows = await self._database.fetch(query)
        if not rows:
            return None
        *who, begun_at, ends_at = rows[0]
        return Session(Person(*who), begun_at, ends_at)

    async def prolong_session(self, token: str, ends_at: float) -> None:
        statement = update(SessionRow).where(SessionRow.id == _session_id(token)).values(expires_at=ends_at)
        await self._database.write(lambda connection: connection.execute(statement))

    async def end_session(self, token: str) -> None:
        statement = delete(SessionRow).where(SessionRow.id == _session_id(token))
        await self._database.write(lambda connection: connection.execute(statement))


def _session_id(token: str) -> str:
    # A cookie may hold bytes that are no text.
    return hashlib.sha256(token.encode(errors="backslashreplace")).hexdigest()


def _organisation(organisation_id: str, name: str, now: float) -> dict[str, object]:
    return {"id": organisation_id, "name": name, "created_at": now, "training": False}


def _user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        organisation_id=row.organisation_id,
        login=row.login,
        name=row.name,
        role=row.role,
        aors=tuple(row.aors),
        extensions=tuple(row.extensions),
        active=row.active,
    )
