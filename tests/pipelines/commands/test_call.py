"""`welcomedly call erase`: what is there goes, and what is not is said."""

from pathlib import Path

import pytest

from engine.errors import NotFound, StartupError
from engine.inputs import Inputs
from engine.ports.storage import CallRecord
from engine.recordings import Recordings
from engine.settings import Settings
from engine.store import Store
from engine.vault import open_vault
from pipelines.commands.call import erase


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "keys"))
    return Settings(data_dir=tmp_path / "data")


async def opened(settings: Settings, *, data_exist: bool = True) -> Store:
    return await Store.open(settings, open_vault(settings.key_url, settings.data_dir, data_exist=data_exist))


async def test_calls_are_erased_with_their_recordings(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    store = await opened(settings, data_exist=False)
    organisation = await store.people.add_organisation("Acme", 1.0)
    for call_id in ("call-1", "call-2", "call-3"):
        record = CallRecord(call_id, organisation, "c", "care", "inbound", "es", "CO", ended_at=1.0)
        await store.calls.open(record)
        (await Recordings(store, settings.data_dir).begin(record, 2, 0)).close()
        (await Inputs(store, settings.data_dir, 30).begin(record)).close()
    with pytest.raises(StartupError):
        await erase(settings, "Acme", ["call-1"])
    await store.close()
    with pytest.raises(NotFound, match="Nobody"):
        await erase(settings, "Nobody", ["call-1"])
    assert await erase(settings, "Acme", ["call-1", "call-9", "call-2"]) == 1
    told = capsys.readouterr()
    assert [line for line in told.out.splitlines() if line.endswith(": erased")] == ["call-1: erased", "call-2: erased"]
    assert told.err.splitlines()[-1] == "call-9: no such call"
    assert await erase(settings, "Acme", ["call-3"]) == 0
    assert list(settings.data_dir.rglob("*.sealed")) == []
    store = await opened(settings)
    assert {one.erased_by for one in await store.erasures.find(organisation)} == {"command"}
    assert await store.calls.find(organisation) == []
    await store.close()
