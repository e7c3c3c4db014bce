"""Whoever makes and changes users is an administrator when it is done, not only when it was asked for; and no
organisation is without one."""

import asyncio

import pytest

from engine.control.login import Passwords
from engine.control.people import PeopleService, UserForm, found_organisation
from engine.control.routing import CachedRouter
from engine.errors import Conflict, Forbidden
from engine.ports.desk import Person
from engine.store import Store
from engine.store.people import Role, User


@pytest.mark.parametrize(("role", "active"), [("agent", True), ("admin", False)])
async def test_of_two_administrators_who_put_each_other_out_one_stays(
    store: Store, organisation: str, role: Role, active: bool
) -> None:
    people = PeopleService(store, Passwords(rounds=1, memory_kib=8), await CachedRouter.load(store))
    ada, eva = (Person(login, organisation, login, "admin") for login in ("ada", "eva"))
    for one in (ada, eva):
        await store.people.add(User(one.user_id, organisation, one.user_id, one.name, "admin"), "hash", 1.0)
    results = await asyncio.gather(
        *(
            people.change(by, other.user_id, UserForm(other.user_id, other.name, role, active=active))
            for by, other in ((ada, eva), (eva, ada))
        ),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in results) == ["Forbidden", "User"]
    (left,) = [one.id for one in await store.people.all(organisation) if one.active and one.role == "admin"]
    gone = eva if left == "ada" else ada
    with pytest.raises(Forbidden):
        await people.create(gone, UserForm("mallory", "Mallory", "admin"), "a good long password")


async def test_an_organisation_is_not_there_without_its_administrator(store: Store, organisation: str) -> None:
    passwords, password = Passwords(rounds=1, memory_kib=8), "a good long password"
    gone = User("gone", organisation, "olga", "Olga", "admin", active=False)
    await store.people.add(gone, "hash", 1.0)
    with pytest.raises(Conflict, match="the login olga is taken"):
        await found_organisation(store, passwords, "Other", "olga", password)
    with pytest.raises(Conflict):  # taken between the look and the writing
        await store.people.found("Other", User("new", "other", "olga", "olga", "admin"), "hash", 1.0)
    assert await store.people.organisation_named("Other") is None
    founder = await found_organisation(store, passwords, "Other", "pedro", password)
    assert await store.people.organisation_named("Other") == founder.organisation_id
    assert await store.people.all(founder.organisation_id) == [founder]
