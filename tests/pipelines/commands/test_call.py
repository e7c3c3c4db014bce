"""`welcomedly call`: what is there is erased, held or let go, and what is not is said."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.command_line import parser
from engine.erasures import Erasures
from engine.errors import NotFound, StartupError
from engine.inputs import Inputs
from engine.ports.storage import CallRecord
from engine.recordings import Recordings
from engine.settings import Settings
from engine.store import Store
from engine.store.campaigns import Campaign
from engine.vault import open_vault
from pipelines.commands.call import act


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
        await act(settings, "erase", "Acme", ["call-1"])
    await store.close()
    with pytest.raises(NotFound, match="Nobody"):
        await act(settings, "erase", "Nobody", ["call-1"])
    assert await act(settings, "erase", "Acme", ["call-1", "call-9", "call-2"]) == 1
    told = capsys.readouterr()
    assert [line for line in told.out.splitlines() if line.endswith(": erased")] == ["call-1: erased", "call-2: erased"]
    assert told.err.splitlines()[-1] == "call-9: no such call"
    assert await act(settings, "erase", "Acme", ["call-3"]) == 0
    assert list(settings.data_dir.rglob("*.sealed")) == []
    store = await opened(settings)
    assert {one.erased_by for one in await store.erasures.find(organisation)} == {"command"}
    assert await store.calls.find(organisation) == []
    await store.close()


async def test_a_hold_is_put_on_a_call_whose_days_are_over_before_any_engine_deletes_it(settings: Settings) -> None:
    """As on a restored backup, which knows nothing of holds that were put on since."""
    store = await opened(settings, data_exist=False)
    organisation = await store.people.add_organisation("Acme", 1.0)
    await store.campaigns.add(Campaign("c", organisation, "Care", "care", "inbound", "es", "CO", words_days=1), 1.0)
    for call_id in ("held", "not held"):
        record = CallRecord(call_id, organisation, "c", "care", "inbound", "es", "CO", started_at=1.0, ended_at=2.0)
        await store.calls.open(record)
        (await Recordings(store, settings.data_dir).begin(record, 2, 1)).close()
    await store.close()
    with capture_logs() as logs:
        assert await act(settings, "hold", "Acme", ["held", "call-9"]) == 1
        store = await opened(settings)
        recordings = Recordings(store, settings.data_dir)
        assert await recordings.delete_expired() == 1
        assert await Erasures(store, recordings, Inputs(store, settings.data_dir, 0)).erase_due() == 1
        assert [call.call_id for call in await store.calls.find(organisation)] == ["held"]
        assert [path.stem for path in settings.data_dir.rglob("*.sealed")] == ["held"]
        assert [(one.call_id, one.held_by) for one in await store.erasures.holds(organisation)] == [("held", "command")]
        await store.close()
        assert [await act(settings, one, "Acme", ["held"]) for one in ("erase", "lift", "erase")] == [1, 0, 0]
    told = [(log["event"], log["by"]) for log in logs if log.get("call_id") == "held" and "by" in log]
    assert told == [("hold.begun", "command"), ("hold.lifted", "command"), ("call.erased", "command")]
    assert list(settings.data_dir.rglob("*.sealed")) == []


@pytest.mark.parametrize("action", ["erase", "hold", "lift"])
def test_what_is_asked_for_is_understood(action: str) -> None:
    asked = parser().parse_args(["call", action, "call-1", "call-2", "--organisation", "Acme"])
    assert (asked.action, asked.call_ids, asked.organisation) == (action, ["call-1", "call-2"], "Acme")
