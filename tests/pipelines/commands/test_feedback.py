"""`welcomedly feedback export`: rows when the organisation allows it, one line of complaint when it does not."""

import json
from pathlib import Path

import msgspec
import pytest

from engine.errors import Conflict, NotFound
from engine.facts import CallEvent
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.vault import open_vault
from pipelines.commands.feedback import export
from tests.engine.ended_call import WHY, ended_call


async def judged_call(settings: Settings) -> None:
    vault = open_vault(settings.key_url, settings.data_dir, data_exist=False)
    store = await Store.open(settings, vault)
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord(
        call_id="call-1", organisation_id=organisation, campaign_id="c", campaign="collections",
        direction="outbound", language="es", country="CO",
    )  # fmt: skip
    await store.calls.open(record)
    judged = {"of": 4, "rule": "CO-2300-WHY", "version": "2", "verdict": "right", "by": "u", "role": "agent"}
    await store.calls.append(
        record, [*ended_call(), CallEvent(call_id="call-1", seq=9, name="alert.judged", data=judged)]
    )
    await store.calls.change(msgspec.structs.replace(record, ended_at=2.0))
    await store.close()


async def test_rows_are_printed_once_they_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "keys"))
    settings = Settings(data_dir=tmp_path / "data")
    await judged_call(settings)
    with pytest.raises(NotFound):
        await export(settings, "Nobody", allow=False)
    with pytest.raises(Conflict):
        await export(settings, "Acme", allow=False)
    assert capsys.readouterr().out == ""
    assert await export(settings, "Acme", allow=True) == 0
    (row,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert row["acts"] == ["asks_why_unpaid"]
    assert (row["es"], row["verdict"], row["role"]) == ([WHY], "right", "agent")
