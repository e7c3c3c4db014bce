"""The demo organisation: made for `serve --demo` and `demo`, through the same store as any other."""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from uuid_utils import uuid7

from engine.control.login import Passwords
from engine.errors import NotFound
from engine.ports.knowledge import Article
from engine.store import Store
from engine.store.campaigns import Campaign
from engine.store.knowledge import StoredArticle
from engine.store.people import Role, User
from engine.vault import default_key_file

ORGANISATION = "Welcomedly Demo"
LOGINS = "demo-logins.json"


class DemoLogin(msgspec.Struct, frozen=True):
    login: str
    password: str
    name: str
    role: Role
    extension: str = ""


_PEOPLE: tuple[tuple[str, str, Role, str], ...] = (
    ("andrea", "Andrea", "agent", "1001"),
    ("daniel", "Daniel Brooks", "agent", "1002"),
    ("marina", "Marina", "agent", "1003"),
    ("sofia", "Sofía", "supervisor", ""),
    ("admin", "Admin", "admin", ""),
)

_CAMPAIGNS: tuple[dict[str, object], ...] = (
    {
        "name": "Cobranza Colombia",
        "kind": "collections",
        "direction": "outbound",
        "language": "es",
        "country": "CO",
        "knowledge": "collections",
        "vocabulary": ({"text": "Banco Horizonte"}, {"text": "Andrea Rojas"}, {"text": "Julián Peña"}),
        "numbers": ("+576015550134", "collections"),
        "agents": ("andrea",),
    },
    {
        "name": "Solar Sales California",
        "kind": "sales",
        "direction": "outbound",
        "language": "en",
        "country": "US",
        "region": "CA",
        "knowledge": "sales",
        "vocabulary": ({"text": "Bright Path Energy"}, {"text": "Daniel Brooks"}, {"text": "Carter"}),
        "numbers": ("+18005550199", "sales"),
        "agents": ("daniel",),
    },
    {
        "name": "SAC Brasil",
        "kind": "care",
        "direction": "inbound",
        "language": "pt",
        "country": "BR",
        "knowledge": "care",
        "vocabulary": ({"text": "Conecta Fibra"}, {"text": "Marina"}),
        "numbers": ("+551155550142", "care"),
        "agents": ("marina",),
    },
)


async def seed_knowledge(store: Store, bases: Mapping[str, Sequence[Article]]) -> None:
    """Gives the demo organisation the bases that it does not have yet; call it after `seed_demo`."""
    organisation_id = await store.people.organisation_named(ORGANISATION)
    if organisation_id is None:
        raise NotFound("no demo organisation")
    now = time.time()
    for base, articles in bases.items():
        there = await store.knowledge.all(organisation_id, base)
        if any(one.questions for one in there):  # an older engine kept none
            continue
        rows = [StoredArticle(**msgspec.structs.asdict(one), base=base, changed_at=now) for one in articles]
        await store.knowledge.replace(organisation_id, base, rows)


def logins_file(data_dir: Path) -> Path:
    """Beside the key, outside the data directory."""
    return default_key_file(data_dir).with_suffix(f".{LOGINS}")


async def seed_demo(store: Store, passwords: Passwords, data_dir: Path) -> list[DemoLogin]:
    """Make what is not there yet, and return log-ins that work.

    Passwords are random per data directory and kept in a 0600 file outside it; when that is lost they are made anew.
    Call it before `CachedRouter.load`, or refresh the router after it.
    """
    organisation_id = await store.people.organisation_named(ORGANISATION)
    if organisation_id is None:
        organisation_id = await store.people.add_organisation(ORGANISATION, time.time())
    users = {user.login: user for user in await store.people.all(organisation_id)}
    kept = _read(logins_file(data_dir))
    if set(kept) != {row[0] for row in _PEOPLE} or not await _fit(store, passwords, kept):
        kept = {row[0]: _login(*row) for row in _PEOPLE}
        for login in kept.values():
            users[login.login] = await _set(store, passwords, organisation_id, users.get(login.login), login)
        _write(logins_file(data_dir), list(kept.values()))
    await _campaigns(store, organisation_id, users)
    return list(kept.values())


def _login(login: str, name: str, role: Role, extension: str) -> DemoLogin:
    return DemoLogin(login, secrets.token_urlsafe(9), name, role, extension)


async def _fit(store: Store, passwords: Passwords, logins: dict[str, DemoLogin]) -> bool:
    for login in logins.values():
        found = await store.people.to_log_in(login.login)
        if found is None or not await passwords.verify(found[1], login.password):
            return False
    return True


async def _set(store: Store, passwords: Passwords, organisation_id: str, before: User | None, login: DemoLogin) -> User:
    user = User(
        id=before.id if before else str(uuid7()),
        organisation_id=organisation_id,
        login=login.login,
        name=login.name,
        role=login.role,
        aors=before.aors if before else (),
        extensions=before.extensions if before else tuple(filter(None, (login.extension,))),
    )
    password_hash = await passwords.hash(login.password)
    if before is None:
        await store.people.add(user, password_hash, time.time())
    else:
        await store.people.change(user, password_hash)
    return user


async def _campaigns(store: Store, organisation_id: str, users: dict[str, User]) -> None:
    if await store.campaigns.all(organisation_id):
        return
    for row in _CAMPAIGNS:
        values = dict(row)
        agents = values.pop("agents")
        assert isinstance(agents, tuple)
        members = [users[login].id for login in agents]
        campaign = msgspec.convert(
            values | {"id": str(uuid7()), "organisation_id": organisation_id, "members": members, "recording": True},
            Campaign,
        )
        await store.campaigns.add(campaign, time.time())


def _read(file: Path) -> dict[str, DemoLogin]:
    try:
        logins = msgspec.json.decode(file.read_bytes(), type=list[DemoLogin])
    except (OSError, msgspec.MsgspecError):
        return {}
    return {login.login: login for login in logins}


def _write(file: Path, logins: list[DemoLogin]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(msgspec.json.format(msgspec.json.encode(logins), indent=1))
    aside.replace(file)
