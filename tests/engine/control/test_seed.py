"""The demo organisation: the same log-ins at a second start, others once the file is lost."""

from pathlib import Path

import msgspec
import pytest

from engine.control.login import Passwords
from engine.control.routing import CachedRouter
from engine.control.seed import ORGANISATION, logins_file, seed_demo, seed_knowledge
from engine.errors import NotFound
from engine.ports.intake import CallOffer
from engine.ports.knowledge import Article
from engine.settings import Settings
from engine.store import Store


async def test_log_ins_are_kept_beside_the_key_and_made_anew_when_lost(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    passwords = Passwords(rounds=1, memory_kib=8)
    first = await seed_demo(store, passwords, settings.data_dir)
    assert [(one.login, one.role, one.extension) for one in first] == [
        ("andrea", "agent", "1001"),
        ("daniel", "agent", "1002"),
        ("marina", "agent", "1003"),
        ("sofia", "supervisor", ""),
        ("admin", "admin", ""),
    ]
    file = logins_file(settings.data_dir)
    assert file.stat().st_mode & 0o777 == 0o600
    assert settings.data_dir not in file.parents
    assert await seed_demo(store, passwords, settings.data_dir) == first
    file.unlink()
    second = await seed_demo(store, passwords, settings.data_dir)
    assert {one.password for one in second}.isdisjoint(one.password for one in first)
    found = await store.people.to_log_in("andrea")
    assert found is not None
    assert await passwords.verify(found[1], second[0].password)
    assert len(await store.campaigns.all()) == 3


async def test_articles_are_the_demo_organisation_s(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    bases = {
        "care": [Article("a", "A", "pt", "…", (("pt", "a?"),), ("complaint",))],
        "sales": [Article("b", "B", "en", "…", (("en", "b?"),))],
    }
    with pytest.raises(NotFound):
        await seed_knowledge(store, bases)
    await seed_demo(store, Passwords(rounds=1, memory_kib=8), settings.data_dir)
    await seed_knowledge(store, bases)
    organisation = await store.people.organisation_named(ORGANISATION)
    assert organisation is not None
    seeded = await store.knowledge.all(organisation)
    assert [(one.base, one.article, one.questions, one.intents) for one in seeded] == [
        ("care", "a", (("pt", "a?"),), ("complaint",)),
        ("sales", "b", (("en", "b?"),), ()),
    ]
    mine = msgspec.structs.replace(seeded[0], title="Mine")
    await store.knowledge.put(organisation, mine)
    await seed_knowledge(store, bases)
    assert await store.knowledge.all(organisation) == [mine, seeded[1]]  # what somebody changed stays


async def test_the_demo_s_calls_are_routed(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    await seed_demo(store, Passwords(rounds=1, memory_kib=8), settings.data_dir)
    router = await CachedRouter.load(store)
    kinds = {}
    for number in ("collections", "+18005550199", "551155550142"):
        routing = router.route(CallOffer("c", "siprec", "127.0.0.1:1/udp", "", f"{number}@127.0.0.1", ()))
        assert routing is not None
        kinds[routing.campaign] = (routing.direction, routing.language, routing.country, list(routing.members))
    assert kinds == {
        "collections": ("outbound", "es", "CO", ["1001", "andrea@desk"]),
        "sales": ("outbound", "en", "US", ["1002", "daniel@desk"]),
        "care": ("inbound", "pt", "BR", ["1003", "marina@desk"]),
    }
