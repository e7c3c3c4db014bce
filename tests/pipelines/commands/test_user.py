"""`welcomedly user password`: whoever is locked out is let in again, and the old password and sessions are not."""

from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.control.login import Passwords
from engine.errors import Conflict, NotFound
from engine.settings import Settings
from engine.store import Store
from engine.store.people import User
from engine.vault import open_vault
from pipelines.commands.organisation import add
from pipelines.commands.user import give_password


@pytest.fixture
async def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of Acme, whose administrator is olga, and Other."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "keys"))
    settings = Settings(data_dir=tmp_path / "data")
    await add(settings, "Acme", "olga")
    await add(settings, "Other", "pedro")
    return settings


async def opened(settings: Settings) -> Store:
    return await Store.open(settings, open_vault(settings.key_url, settings.data_dir, data_exist=True))


async def test_who_lost_the_password_logs_in_with_what_is_printed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    store = await opened(settings)
    before = await store.people.to_log_in("olga")
    assert before is not None
    token = await store.people.begin_session(*before, now=100.0, lasts_s=60.0)
    assert token is not None
    await store.close()
    capsys.readouterr()
    with capture_logs() as logs:
        assert await give_password(settings, " Olga", "Acme") == 0
    words = capsys.readouterr().out.split()
    password = words[words.index("password") + 1]
    store = await opened(settings)
    try:
        after = await store.people.to_log_in("olga")
        assert after is not None
        assert after[0] == before[0]
        assert await Passwords().verify(after[1], password)
        assert not await Passwords().verify(before[1], password)
        assert await store.people.session(token) is None
    finally:
        await store.close()
    (line,) = [log for log in logs if log["event"] == "user.changed"]
    assert (line["user_id"], line["fields"], line["by"]) == (before[0].id, ["password"], "command")
    assert password not in str(logs)


async def test_nobody_else_is_meant(settings: Settings) -> None:
    store = await opened(settings)
    organisation = await store.people.organisation_named("Acme")
    assert organisation is not None
    await store.people.add(User("u", organisation, "gone", "Gone", "agent", active=False), "hash", 1.0)
    await store.close()
    with pytest.raises(NotFound, match="Nobody"):
        await give_password(settings, "olga", "Nobody")
    with pytest.raises(NotFound, match="pedro"):
        await give_password(settings, "pedro", "Acme")
    with pytest.raises(Conflict, match="disabled"):
        await give_password(settings, "gone", "Acme")


async def test_an_administrator_is_let_in_again_where_none_is_left(settings: Settings) -> None:
    store = await opened(settings)
    found = await store.people.to_log_in("olga")
    assert found is not None
    olga = msgspec.structs.replace(found[0], active=False)
    hugo = msgspec.structs.replace(olga, id="u", login="hugo", active=True)
    await store.people.change(olga)
    await store.people.add(hugo, "hash", 1.0)
    await store.close()
    with pytest.raises(Conflict, match="disabled"):
        await give_password(settings, "olga", "Acme")
    store = await opened(settings)
    await store.people.change(msgspec.structs.replace(hugo, active=False))
    await store.close()
    assert await give_password(settings, "olga", "Acme") == 0
    store = await opened(settings)
    try:
        assert await store.people.to_log_in("olga") is not None
        assert await store.people.to_log_in("hugo") is None
    finally:
        await store.close()


async def test_the_last_administrator_is_let_in_without_addresses_that_are_another_s_by_now(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    store = await opened(settings)
    found = await store.people.to_log_in("olga")
    assert found is not None
    olga = msgspec.structs.replace(found[0], active=False, aors=("olga@pbx",), extensions=("1001",))
    await store.people.change(olga)
    await store.people.add(User("u", olga.organisation_id, "ana", "Ana", "agent", extensions=("1001",)), "hash", 1.0)
    await store.close()
    assert await give_password(settings, "olga", "Acme") == 0
    assert "without 1001, olga@pbx:" in capsys.readouterr().out
    store = await opened(settings)
    try:
        found = await store.people.to_log_in("olga")
        assert found is not None
        assert (found[0].aors, found[0].extensions) == ((), ())
    finally:
        await store.close()
