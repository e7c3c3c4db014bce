"""Two organisations in one installation: what brings one its calls, the other cannot set."""

import asyncio
from collections.abc import Awaitable

import pytest

from engine.control.campaigns import CampaignForm, CampaignService
from engine.control.login import Passwords
from engine.control.people import PeopleService, UserForm, found_organisation
from engine.control.routing import CachedRouter
from engine.errors import Conflict
from engine.ports.desk import Person
from engine.store import Store
from engine.store.people import User

PASSWORD = "a good long password"


class Installation:
    """Acme has a campaign, and Ana in it; Other would like to have more than it has."""

    def __init__(self, store: Store, router: CachedRouter, acme: str, other: str) -> None:
        self.store, self.passwords = store, Passwords(rounds=1, memory_kib=8)
        self.campaigns, self.people = CampaignService(store, router), PeopleService(store, self.passwords, router)
        self.acme, self.other = Person("a", acme, "A", "admin"), Person("o", other, "O", "admin")

    async def campaign(self, by: Person, *numbers: str, active: bool = True) -> str:
        form = CampaignForm("Secret Care", "care", "inbound", "CO", numbers=numbers, active=active)
        return (await self.campaigns.create(by, form)).id

    async def user(self, by: Person, login: str, *aors: str, extensions: tuple[str, ...] = ()) -> str:
        form = UserForm(login, f"Secret {login}", "agent", aors, extensions)
        return (await self.people.create(by, form, PASSWORD)).id


@pytest.fixture
async def here(store: Store, organisation: str) -> Installation:
    other = await store.people.add_organisation("Other", 1.0)
    for id, home in (("a", organisation), ("o", other)):
        await store.people.add(User(id, home, f"root-{id}", "Secret Root", "admin"), "hash", 1.0)
    here = Installation(store, await CachedRouter.load(store), organisation, other)
    await here.campaign(here.acme, "+57 (601) 555-0134", "sales")
    await here.user(here.acme, "ana", "ana@pbx.example", extensions=("1001",))
    return here


async def refused(attempt: Awaitable[str]) -> str:
    with pytest.raises(Conflict) as conflict:
        await attempt
    said = str(conflict.value)
    assert "Secret" not in said
    assert "Acme" not in said
    return said


@pytest.mark.parametrize(
    "number",
    ["+576015550134", "6015550134", "15550134", "0057 601 555 0134", "99576015550134", "SALES", "1001", "ana", "Ana@x"],
)
async def test_a_campaign_s_number_is_not_like_another_organisation_s(here: Installation, number: str) -> None:
    assert number in await refused(here.campaign(here.other, "+34910000000", number))
    sleeping = await here.campaign(here.other, number, active=False)
    form = CampaignForm("Secret Care", "care", "inbound", "CO", numbers=(number,))
    with pytest.raises(Conflict):
        await here.campaigns.change(here.other, sleeping, form)


async def test_numbers_that_are_not_alike_are_anybody_s(here: Installation) -> None:
    await here.campaign(here.other, "+34 910 000 000", "5550134", "care", "1002")
    await here.campaign(here.acme, "6015550134")  # its own, without the country


@pytest.mark.parametrize(
    ("login", "aors", "extensions", "taken"),
    [
        ("eve", ("ana@pbx.example",), (), "ana@pbx.example"),
        ("eve", ("Ana@desk",), (), "ana@desk"),
        ("eve", ("6015550134@pbx.example",), (), "6015550134@pbx.example"),
        ("eve", (), ("+576015550134",), "+576015550134"),
        ("eve", (), ("sales",), "sales"),
        ("sales", (), (), "sales@desk"),
        ("ana", (), (), "ana"),
    ],
)
async def test_an_address_is_not_another_organisation_s(
    here: Installation, login: str, aors: tuple[str, ...], extensions: tuple[str, ...], taken: str
) -> None:
    assert taken in await refused(here.user(here.other, login, *aors, extensions=extensions))
    eve = await here.user(here.other, "eve")
    if login == "eve":
        form = UserForm("eve", "Eve", "agent", aors, extensions)
        with pytest.raises(Conflict):
            await here.people.change(here.other, eve, form)


async def test_an_address_that_a_login_stands_for_is_nobody_else_s(here: Installation) -> None:
    await here.user(here.other, "eve", "marta@desk")
    assert "marta@desk" in await refused(here.user(here.acme, "marta"))
    with pytest.raises(Conflict):
        await found_organisation(here.store, here.passwords, "Third", "marta", PASSWORD)
    with pytest.raises(Conflict, match="belongs to Secret ana"):
        await here.user(here.acme, "ben", "ana@desk")


async def test_extensions_may_repeat_between_organisations(here: Installation) -> None:
    await here.user(here.other, "eve", "1001@other.example", extensions=("1001",))
    with pytest.raises(Conflict, match="1001 belongs to Secret ana"):
        await here.user(here.acme, "ben", extensions=("1001",))


async def test_of_two_who_want_one_address_at_once_one_gets_it(here: Installation) -> None:
    wanted = [
        here.user(here.acme, "carla", "desk7@pbx.example"),
        here.user(here.other, "cesar", "desk7@pbx.example"),
        here.campaign(here.acme, "+34911111111"),
        here.campaign(here.other, "+34911111111"),
    ]
    found = await asyncio.gather(*wanted, return_exceptions=True)
    for pair in (found[:2], found[2:]):
        assert sorted(type(one).__name__ for one in pair) == ["Conflict", "str"]
