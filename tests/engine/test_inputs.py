"""What reached a call is a sealed file that goes with its call, or when its days are over."""

import os
from collections.abc import Collection
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.erasures import Erasures
from engine.errors import NotFound
from engine.inputs import Inputs
from engine.ports.storage import CallRecord
from engine.recordings import DAY_S, Recordings
from engine.sealed_file import SealedReader
from engine.settings import Settings
from engine.store import Store
from engine.store.erasures import Kept
from engine.vault import CallKey, SealError

WORDS = b"four five three nine"


async def kept(store: Store, settings: Settings, organisation: str, call_id: str, ended_at: float = 2.0) -> Path:
    """The file of a call that has ended, or with 0 goes on."""
    record = CallRecord(call_id, organisation, "c", "care", "inbound", "es", "CO", started_at=1.0, ended_at=ended_at)
    await store.calls.open(record)
    sink = await Inputs(store, settings.data_dir, 30).begin(record)
    sink.write(WORDS)
    sink.close()
    return settings.data_dir / "inputs" / organisation / f"{call_id}.sealed"


async def test_it_is_read_with_the_call_s_key_alone(store: Store, settings: Settings, organisation: str) -> None:
    path = await kept(store, settings, organisation, "call-1")
    inputs = Inputs(store, settings.data_dir, 30)
    with await inputs.open(organisation, "call-1") as reader:
        assert (b"".join(reader.read()), reader.whole) == (WORDS, True)
    assert WORDS not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with SealedReader(path, CallKey(organisation, "call-1", bytes(32))) as reader, pytest.raises(SealError):
        list(reader.read())
    for place in ((organisation, "call-2"), ("another", "call-1")):
        with pytest.raises(NotFound):
            await inputs.open(*place)
    path.unlink()
    with pytest.raises(NotFound, match="KEEP_INPUTS_DAYS"):
        await inputs.open(organisation, "call-1")


async def test_an_erased_call_takes_it_along(store: Store, settings: Settings, organisation: str) -> None:
    path, other = [await kept(store, settings, organisation, call_id) for call_id in ("call-1", "call-2")]
    inputs = Inputs(store, settings.data_dir, 30)
    erasures = Erasures(store, Recordings(store, settings.data_dir), inputs)
    await erasures.erase(organisation, "call-1", "user-root")
    assert (path.exists(), other.exists()) == (False, True)
    with pytest.raises(NotFound):
        await inputs.open(organisation, "call-1")


async def test_a_file_that_the_disk_does_not_let_go_is_tried_again(
    store: Store, settings: Settings, organisation: str
) -> None:
    path, other = [await kept(store, settings, organisation, call_id) for call_id in ("call-1", "call-2")]
    path.unlink()
    path.mkdir()  # what is no file cannot be unlinked
    stuck: list[str] = []
    inputs = Inputs(store, settings.data_dir, 30, stuck=lambda: stuck.append("inputs"))
    erasures = Erasures(store, Recordings(store, settings.data_dir), inputs)
    with capture_logs() as logs:
        await erasures.erase(organisation, "call-1", "user-root")
        await erasures.erase(organisation, "call-2", "user-root")
        assert await inputs.delete_expired() == 0
    told = [(log["event"], log["call_id"]) for log in logs if "inputs" in log["event"]]
    assert told == [("inputs.not_deleted", "call-1")] * 2
    assert stuck == ["inputs"]
    assert not other.exists()
    path.rmdir()
    path.write_bytes(b"noise")
    assert await inputs.delete_expired() == 1
    assert not path.exists()


NOW = 1_800_000_000.0


@pytest.mark.parametrize(("days", "left"), [(30, {"new", "live"}), (90, {"new", "old", "live"}), (0, {"live"})])
async def test_it_is_kept_for_so_many_days_after_the_call_s_end_whatever_date_its_file_has(
    days: int, left: set[str], store: Store, settings: Settings, organisation: str
) -> None:
    for call_id, ended_at in (("new", NOW - DAY_S), ("old", NOW - 31 * DAY_S), ("live", 0.0)):
        path = await kept(store, settings, organisation, call_id, ended_at)
        os.utime(path, (NOW,) * 2 if call_id == "old" else (1.0, 1.0))  # restored copies are of that day
    assert await Inputs(store, settings.data_dir, days, lambda: NOW).delete_expired() == 3 - len(left)
    assert {path.stem for path in settings.data_dir.rglob("*.sealed")} == left
    assert {call.call_id for call in await store.calls.find(organisation)} == {"new", "old", "live"}


async def test_a_file_whose_call_nobody_knows_goes_by_its_own_date(
    store: Store, settings: Settings, organisation: str
) -> None:
    folder = settings.data_dir / "inputs" / organisation
    folder.mkdir(parents=True)
    for name, age in (("new", 1), ("old", 31)):
        (folder / f"{name}.sealed").write_bytes(b"noise")
        os.utime(folder / f"{name}.sealed", (NOW - age * DAY_S,) * 2)
    assert await Inputs(store, settings.data_dir, 30, lambda: NOW).delete_expired() == 1
    assert [path.stem for path in folder.iterdir()] == ["new"]


async def test_a_hold_that_comes_within_a_round_keeps_what_was_due_when_it_began(
    store: Store, settings: Settings, organisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call_id in ("held", "due"):
        await kept(store, settings, organisation, call_id, NOW - 31 * DAY_S)
    among = store.erasures.among

    async def then_held(call_ids: Collection[str]) -> dict[str, Kept]:
        found = await among(call_ids)
        await store.erasures.hold(organisation, "held", "user-root", NOW)
        return found

    monkeypatch.setattr(store.erasures, "among", then_held)
    assert await Inputs(store, settings.data_dir, 30, lambda: NOW).delete_expired() == 1
    assert [path.stem for path in settings.data_dir.rglob("*.sealed")] == ["held"]
