"""Recordings as files: found by their call, opened by its key, gone when their time is over."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.errors import NotFound
from engine.ports.storage import CallRecord
from engine.recordings import Recordings
from engine.settings import Settings
from engine.store import Store
from engine.store.campaigns import Campaign
from engine.store.recordings import Recording
from engine.vault import Vault

DAY_S = 86_400


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    store = await Store.open(settings, Vault(bytes(32), "the test"))
    yield store
    await store.close()


async def recorded(
    store: Store, recordings: Recordings, call_id: str, days: int, *, ended_at: float = 1_005.0
) -> CallRecord:
    organisation = await store.people.organisation_named("Acme") or await store.people.add_organisation("Acme", 1.0)
    record = CallRecord(call_id, organisation, "c", "care", "inbound", "es", "CO", started_at=1_000.0)
    await store.calls.open(record)
    sink = await recordings.begin(record, 2, days)
    sink.write(b"sound")
    sink.close()
    await recordings.finish(record, 5_000)
    record = msgspec.structs.replace(record, ended_at=ended_at)
    await store.calls.change(record)
    return record


async def test_a_recording_is_read_by_its_organisation_alone(store: Store, settings: Settings) -> None:
    recordings = Recordings(store, settings.data_dir, wall_clock=lambda: 1_000.0 + 89 * DAY_S)
    record = await recorded(store, recordings, "call-1", 90)
    with await recordings.open(record.organisation_id, "call-1") as reader:
        assert (b"".join(reader.read()), reader.whole) == (b"sound", True)
    row = await store.recordings.get(record.organisation_id, "call-1")
    assert (row.length_ms, row.retention_days, row.delete_at) == (5_000, 90, 1_000.0 + 90 * DAY_S)
    with pytest.raises(NotFound):
        await recordings.open("another organisation", "call-1")
    with pytest.raises(NotFound):
        await recordings.open(record.organisation_id, "another call")


async def test_an_erased_call_s_recording_stays_shut(store: Store, settings: Settings) -> None:
    recordings = Recordings(store, settings.data_dir)
    record = await recorded(store, recordings, "call-1", 0)
    await store.calls.erase(record.organisation_id, "call-1", "user-root", 3_000.0)
    with pytest.raises(NotFound):
        await recordings.open(record.organisation_id, "call-1")
    assert await recordings.delete_expired() == 1
    assert list(settings.data_dir.rglob("*.sealed")) == []


@pytest.mark.parametrize(("days", "heard"), [(30, False), (31, True), (0, True)])
async def test_what_is_past_its_retention_is_not_heard_although_it_is_there(
    store: Store, settings: Settings, days: int, heard: bool
) -> None:
    recordings = Recordings(store, settings.data_dir, wall_clock=lambda: 1_000.0 + 30 * DAY_S)
    record = await recorded(store, recordings, "call-1", days)
    if heard:
        (await recordings.open(record.organisation_id, "call-1")).close()
    else:
        with pytest.raises(NotFound):
            await recordings.open(record.organisation_id, "call-1")
    assert list(settings.data_dir.rglob("*.sealed"))


async def test_what_is_past_its_retention_is_deleted_and_nothing_else(store: Store, settings: Settings) -> None:
    recordings = Recordings(store, settings.data_dir, wall_clock=lambda: 1_000.0 + 30 * DAY_S)
    record = await recorded(store, recordings, "due", 30)
    await recorded(store, recordings, "later", 31)
    await recorded(store, recordings, "kept", 0)
    assert len(list(settings.data_dir.rglob("*.sealed"))) == 3
    assert await recordings.delete_expired() == 1
    assert sorted(path.stem for path in settings.data_dir.rglob("*.sealed")) == ["kept", "later"]
    with pytest.raises(NotFound):
        await store.recordings.get(record.organisation_id, "due")


async def test_a_hold_that_comes_within_a_round_keeps_what_was_due_when_it_began(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = Recordings(store, settings.data_dir, wall_clock=lambda: 1_000.0 + 30 * DAY_S)
    for call_id in ("held", "due"):
        record = await recorded(store, recordings, call_id, 30)
    due = store.recordings.due

    async def then_held(now: float) -> list[Recording]:
        found = await due(now)
        await store.erasures.hold(record.organisation_id, "held", "user-root", now)
        return found

    monkeypatch.setattr(store.recordings, "due", then_held)
    assert await recordings.delete_expired() == 1
    assert [path.stem for path in settings.data_dir.rglob("*.sealed")] == ["held"]
    with await recordings.open(record.organisation_id, "held") as reader:
        assert b"".join(reader.read()) == b"sound"


async def test_what_a_live_call_is_written_to_stays(store: Store, settings: Settings) -> None:
    """It began while the clock was in another year."""
    recordings = Recordings(store, settings.data_dir, wall_clock=lambda: 1_000.0 + 31 * DAY_S)
    record = await recorded(store, recordings, "live", 30, ended_at=0.0)
    assert await recordings.delete_expired() == 0
    assert [path.stem for path in settings.data_dir.rglob("*.sealed")] == ["live"]
    await store.calls.change(msgspec.structs.replace(record, ended_at=1_000.0 + 31 * DAY_S))
    assert await recordings.delete_expired() == 1


async def test_a_file_that_cannot_be_deleted_keeps_no_other(store: Store, settings: Settings) -> None:
    stuck: list[str] = []
    recordings = Recordings(
        store, settings.data_dir, wall_clock=lambda: 1_000.0 + 30 * DAY_S, stuck=lambda: stuck.append("recording")
    )
    record = await recorded(store, recordings, "stuck", 30)
    (file,) = settings.data_dir.rglob("*.sealed")
    file.unlink()
    file.mkdir()  # what is no file cannot be unlinked
    await recorded(store, recordings, "due", 30)
    with capture_logs() as logs:
        assert await recordings.delete_expired() == 1
    assert [path.stem for path in settings.data_dir.rglob("*.sealed")] == ["stuck"]
    assert [log["call_id"] for log in logs if log["event"] == "recording.not_deleted"] == ["stuck"]
    assert stuck == ["recording"]
    assert (await store.recordings.get(record.organisation_id, "stuck")).call_id == "stuck"
    file.rmdir()
    assert await recordings.delete_expired() == 1


async def test_a_campaign_keeps_what_it_says_of_recording(store: Store) -> None:
    organisation = await store.people.add_organisation("Other", 1.0)
    campaign = Campaign("c", organisation, "Care", "care", "inbound", "es", "CO")
    assert not campaign.recording
    await store.campaigns.add(campaign, 1.0)
    await store.campaigns.change(msgspec.structs.replace(campaign, recording=True, retention_days=30))
    kept = await store.campaigns.get(organisation, "c")
    assert (kept.recording, kept.retention_days) == (True, 30)
