"""`welcomedly feedback export`: rows when the organisation allows it, one line of complaint when it does not."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.errors import Conflict, NotFound, StartupError
from engine.facts import CallEvent, Fact, Insight, Outcome
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.vault import open_vault
from pipelines.commands.feedback import export
from tests.engine.ended_call import REASON, WHY, ended_call


def alert(seq: int, turn: int, rule: str, outcome: Outcome) -> Insight:
    return Insight(call_id="call-1", seq=seq, turn=turn, kind="compliance", rule=rule, outcome=outcome)


def judged(seq: int, of: int, rule: str, verdict: str) -> CallEvent:
    data = {"of": of, "rule": rule, "version": "2", "verdict": verdict, "by": "u", "role": "agent"}
    return CallEvent(call_id="call-1", seq=seq, name="alert.judged", data=data)


async def judged_call(settings: Settings, *more: Fact) -> None:
    """One whose alert 4 is right; `more` begin with fact 10."""
    vault = open_vault(settings.key_url, settings.data_dir, data_exist=False)
    store = await Store.open(settings, vault)
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord(
        call_id="call-1", organisation_id=organisation, campaign_id="c", campaign="collections",
        direction="outbound", language="es", country="CO",
    )  # fmt: skip
    await store.calls.open(record)
    await store.calls.append(record, [*ended_call(), judged(9, 4, "CO-2300-WHY", "right"), *more])
    await store.calls.change(msgspec.structs.replace(record, ended_at=2.0))
    await store.close()


async def exported(settings: Settings, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Rows that were printed; what is logged beside them goes to stderr, where anybody sets up logs."""
    with capture_logs():
        assert await export(settings, "Acme", allow=True) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


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
    (row,) = await exported(settings, capsys)
    assert row["acts"] == ["asks_why_unpaid"]
    assert (row["es"], row["verdict"], row["role"]) == ([WHY], "right", "agent")


@pytest.mark.parametrize("verdict", ["right", "wrong"])
async def test_what_was_not_said_is_no_act_of_the_turn(
    verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "keys"))
    settings = Settings(data_dir=tmp_path / "data")
    missed = [alert(10, 1, "CO-1581", "violation"), alert(11, 1, "US-FDCPA-HOURS", "violation")]
    objected = [alert(12, 2, "CO-REC-NOTICE", "event"), alert(13, 2, "BR-SAC-PROTOCOL", "satisfied")]
    judgements = [judged(14 + number, one.seq, one.rule, verdict) for number, one in enumerate([*missed, objected[0]])]
    await judged_call(settings, *missed, *objected, *judgements)
    rows = await exported(settings, capsys)
    objection = ["recording_objection"] if verdict == "right" else []
    assert [(row["rule"], row["acts"], row["es"]) for row in rows] == [
        ("CO-2300-WHY", ["asks_why_unpaid"], [WHY]),
        ("CO-REC-NOTICE", ["protocol_given", *objection], [REASON]),
    ]


async def test_where_there_are_no_data_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "keys"))
    with pytest.raises(StartupError, match="no data"):
        await export(Settings(data_dir=tmp_path / "data"), "Acme", allow=True)
    assert os.listdir(tmp_path) == []
