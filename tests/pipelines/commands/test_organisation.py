"""`welcomedly organisation add`: whoever is printed can log in, and nothing is taken twice."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.control.login import Passwords
from engine.errors import Conflict, Invalid
from engine.settings import Settings
from engine.store import Store
from engine.vault import open_vault
from pipelines.commands.organisation import add


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "keys"))
    return Settings(data_dir=tmp_path / "data")


async def test_the_administrator_can_log_in(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with capture_logs() as logs:
        assert await add(settings, " Acme ", "Olga") == 0
    words = capsys.readouterr().out.split()
    login, password = words[words.index("login") + 1], words[words.index("password") + 1 :][-1]
    store = await Store.open(settings, open_vault(settings.key_url, settings.data_dir, data_exist=True))
    try:
        organisation = await store.people.organisation_named("Acme")
        found = await store.people.to_log_in(login)
        assert found is not None
        user, hashed = found
        assert (login, user.role, user.organisation_id) == ("olga", "admin", organisation)
        assert await Passwords().verify(hashed, password)
    finally:
        await store.close()
    (line,) = [log for log in logs if log["event"] == "organisation.created"]
    assert (line["organisation_id"], line["user_id"], line["by"]) == (organisation, user.id, "command")
    assert password not in str(logs)


async def test_nothing_is_taken_twice(settings: Settings) -> None:
    await add(settings, "Acme", "olga")
    with pytest.raises(Conflict, match="Acme"):
        await add(settings, "Acme", "pedro")
    with pytest.raises(Conflict, match="olga"):
        await add(settings, "Other", "olga")
    with pytest.raises(Invalid, match="name"):
        await add(settings, " ", "pedro")
    with pytest.raises(Invalid, match="login"):
        await add(settings, "Other", "?")
    await add(settings, "Other", "pedro")
