"""The store on a real PostgreSQL server: schema, group commits, one writer, and a server that goes away."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from engine.erasures import Erasures
from engine.errors import Conflict, Invalid, NotFound, Overloaded, StartupError
from engine.facts import CallEvent, Insight, Transcript, decode
from engine.inputs import Inputs
from engine.ports.storage import CallRecord
from engine.recordings import Recordings
from engine.settings import Settings
from engine.store import Store, data_exist, postgres, session
from engine.store.campaigns import Campaign
from engine.store.knowledge import BaseState, StoredArticle, head_of
from engine.store.people import User
from engine.store.postgres import LOCK_START_S, NOTICED, driver_url
from engine.store.session import migrate, migrations
from engine.store.tables import Table
from engine.store.writer import PATIENCE_S
from engine.tokens import Token
from engine.vault import Vault
from pipelines.commands.demo import throwaway_settings
from server import Engine
from tests.engine.ended_call import ended_call
from tests.engine.store.filled_schema import REVISIONS, fill, lost
from tests.real.postgres_server import PASSWORD, Address, Cut, PostgresServer, programs

pytestmark = pytest.mark.real

KEY = Vault(bytes(range(32)), "the test")
_databases = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    server = PostgresServer(folder)
    server.start()
    yield server
    server.stop()
    server.remove()


@pytest.fixture
async def settings(server: PostgresServer, tmp_path: Path) -> Settings:
    """Those of an engine on a database of its own."""
    name = f"test_{next(_databases)}"
    await server.query(f"CREATE DATABASE {name}")
    return Settings(database_url=server.url(name), data_dir=tmp_path / "data")


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    store = await Store.open(settings, KEY)
    yield store
    await store.close()


@pytest.fixture
async def record(store: Store) -> CallRecord:
    organisation = await store.people.add_organisation("Acme", 1_732_000_000.123456)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US", started_at=1_732_000_000.123456)
    await store.calls.open(record)
    return record


def said(seq: int, call_id: str = "call-1") -> Transcript:
    return Transcript(call_id=call_id, seq=seq, turn=seq, text="quiero pagar", stream="1", end_ms=seq * 1000)


async def seqs(store: Store, record: CallRecord) -> list[int]:
    return [decode(body).seq for body in await store.calls.all_facts(record.organisation_id, record.call_id)]


async def test_judgements_and_scores_are_counted_as_on_sqlite(store: Store, record: CallRecord) -> None:
    judged = {"of": 4, "rule": "CO-2300-WHY", "version": "2", "by": "u", "role": "agent"}
    await store.calls.append(record, ended_call())
    for seq, verdict in ((9, "right"), (10, "wrong")):
        told = judged | {"verdict": verdict}
        await store.calls.append(record, [CallEvent(call_id="call-1", seq=seq, name="alert.judged", data=told)])
    (alert,) = await store.feedback.tallies(record.organisation_id, kind="alert")
    assert (alert.shown, alert.right, alert.wrong) == (1, 0, 1)
    assert [one.verdict async for one in store.feedback.judged(record.organisation_id)] == ["wrong"]
    (scored,) = await store.scores.find(record.organisation_id, passed=True, open=True, reviewed=False)
    assert (scored.score, scored.form) == (100.0, "collections")
    (average,) = await store.scores.averages(record.organisation_id, "campaign")
    assert (average.calls, average.passed, average.open, average.reviewed, average.score) == (1, 1, 1, 0, 100.0)
    for _ in range(2):
        stored = await store.forms.add(record.organisation_id, "own", "id: own", "u", 1.0)
    assert stored.version == 2
    await store.calls.change(msgspec.structs.replace(record, ended_at=1.0))
    await store.calls.erase(record.organisation_id, record.call_id, "u", 2.0)
    assert await store.feedback.tallies(record.organisation_id) == []
    assert await store.scores.find(record.organisation_id) == []


async def test_knowledge_and_tokens_are_kept_as_on_sqlite(store: Store, record: CallRecord) -> None:
    organisation = record.organisation_id
    asked = (("es", "¿Cuánto?"),)
    fees = StoredArticle("fees", "Fees", "en", "What we charge.", asked, ("complaint",), "care", "a.pdf", 1.0)
    moving = msgspec.structs.replace(fees, article="moving", questions=(), changed_at=2.0)
    await store.knowledge.put_file(organisation, "care", "a.pdf", [fees, moving])
    assert await store.knowledge.all(organisation, "care") == [fees, moving]
    assert await store.knowledge.heads(organisation) == [head_of(fees), head_of(moving)]
    assert await store.knowledge.states() == [BaseState(organisation, "care", 2, 2 * len(fees.body), 2.0)]
    changed = msgspec.structs.replace(moving, title="Moving house", changed_at=3.0)
    assert await store.knowledge.put_unless_changed(organisation, moving, changed)
    assert not await store.knowledge.put_unless_changed(organisation, moving, changed)
    await store.knowledge.delete(organisation, "care", "fees")
    assert await store.knowledge.all(organisation) == [changed]
    await store.knowledge.delete_file(organisation, "care", "a.pdf")
    with pytest.raises(NotFound):
        await store.knowledge.get(organisation, "care", "moving")
    phone = Insight(call_id=record.call_id, seq=7, turn=1, kind="entity", entity_type="PHONE")
    await store.calls.append(record, [phone], tokens=[Token(7, "3104567890")])
    assert await store.calls.token(organisation, record.call_id, 7) == "3104567890"


async def test_calls_are_erased_as_on_sqlite(store: Store, record: CallRecord, settings: Settings) -> None:
    campaign = Campaign("c", record.organisation_id, "Sales", "sales", "inbound", "en", "US", words_days=1)
    await store.campaigns.add(campaign, 1.0)
    for call_id in ("call-2", "call-3"):
        await store.calls.open(msgspec.structs.replace(record, call_id=call_id, ended_at=record.started_at + 60.0))
    live = msgspec.structs.replace(record, call_id="call-3", ended_at=1.0)
    await store.calls.append(live, ended_call("call-3"))
    erasures = Erasures(
        store,
        Recordings(store, settings.data_dir),
        Inputs(store, settings.data_dir, 0),
        wall_clock=lambda: record.started_at + 90_000.0,
    )
    await erasures.erase(record.organisation_id, "call-2", "u")
    assert await erasures.erase_due() == 1
    assert [call.call_id for call in await store.calls.find(record.organisation_id)] == ["call-1"]
    left = await store.erasures.find(record.organisation_id)
    assert [(one.call_id, one.erased_by) for one in left] == [("call-3", "retention"), ("call-2", "u")]
    for erasing in (
        erasures.erase(record.organisation_id, "call-1", "u"),
        store.calls.append(live, [said(9, "call-3")]),
    ):
        with pytest.raises((Conflict, NotFound)):
            await erasing
    assert await store.outbox.count() == 0


async def test_migrations_make_the_tables(store: Store, settings: Settings) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Table.metadata))

    engine = create_async_engine(driver_url(settings.database_url))
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_a_filled_database_of_any_version_is_migrated(settings: Settings) -> None:
    engine = create_async_engine(driver_url(settings.database_url))
    for revision in REVISIONS:
        async with engine.begin() as connection:
            tables = await connection.run_sync(fill, revision)
            await connection.run_sync(migrate)
            assert await connection.run_sync(lost, tables) == []
            await connection.run_sync(lambda sync: command.downgrade(migrations(sync), "base"))
    await engine.dispose()


async def test_a_migration_may_take_longer_than_a_write(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def migrate_for_long(connection: Connection) -> None:
        migrate(connection)
        connection.execute(text("SELECT pg_sleep(1)"))

    async def write_for_long(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_sleep(1)"))

    monkeypatch.setattr(session, "migrate", migrate_for_long)
    monkeypatch.setattr(postgres, "WRITE_S", 0.3)
    store = await Store.open(settings, KEY)
    with pytest.raises(Overloaded):
        await store._database.write(write_for_long, patient=False)
    assert await store.people.organisation_named("Acme") is None
    await store.close()


async def test_data_exist_from_the_first_start_on(settings: Settings) -> None:
    assert not await data_exist(settings)
    await (await Store.open(settings, KEY)).close()
    assert await data_exist(settings)


async def test_rows_come_back_as_they_went(store: Store, record: CallRecord) -> None:
    assert await store.calls.get(record.organisation_id, "call-1") == record
    user = User("u", record.organisation_id, "ana", "Ana Núñez", "agent", aors=("1001@pbx.example",), extensions=())
    await store.people.add(user, "hash", 1.0)
    assert await store.people.get(record.organisation_id, "u") == user
    assert await store.people.to_log_in("ANA") == (user, "hash")
    with pytest.raises(Conflict):
        await store.people.add(user, "hash", 1.0)
    with pytest.raises(Invalid):
        await store.people.add(User("v", record.organisation_id, "eva", "E\0va", "agent"), "hash", 1.0)


async def test_writes_share_commits_and_a_failure_stays_with_its_owner(settings: Settings) -> None:
    groups: list[int] = []
    store = await Store.open(settings, KEY, committed=lambda _seconds, writes: groups.append(writes))
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US")
    await store.calls.open(record)
    groups.clear()
    await asyncio.gather(*(store.calls.append(record, [said(seq)]) for seq in range(1, 101)))
    assert (sum(groups), len(groups) < 20) == (100, True)
    other = msgspec.structs.replace(said(5), end_ms=said(5).end_ms + 1)
    failures = await asyncio.gather(
        *(store.calls.append(record, [one]) for one in (said(101), other, said(102))), return_exceptions=True
    )
    assert [type(one) for one in failures] == [type(None), Conflict, type(None)]
    assert await seqs(store, record) == list(range(1, 103))
    letters = await store.outbox.waiting()
    assert [letter.seq for letter in letters] == list(range(1, 103))
    await store.outbox.sent(letters)
    assert await store.outbox.count() == 0
    await store.close()


async def test_a_call_left_live_is_ended_at_the_next_start(settings: Settings) -> None:
    first = await Store.open(settings, KEY)
    organisation = await first.people.add_organisation("Acme", 1.0)
    await first.calls.open(CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US", started_at=5.0))
    await first.close()
    second = await Store.open(settings, KEY)
    assert [call.end_reason for call in second.interrupted] == ["engine_restarted"]
    await second.close()


async def test_one_engine_a_database(store: Store, settings: Settings, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    times = itertools.count(0.0, LOCK_START_S)  # the first try is its last
    with pytest.raises(StartupError, match="DATABASE_URL: another engine"):
        await Store.open(elsewhere, KEY, clock=lambda: next(times))
    with pytest.raises(StartupError, match="DATA_DIR: another engine"):
        await Store.open(settings, KEY)


async def test_who_starts_waits_for_the_lock_of_an_engine_that_lost_its_machine(
    settings: Settings, tmp_path: Path
) -> None:
    lost = await Store.open(settings, KEY)

    async def sleep(_seconds: float) -> None:
        await lost.close()  # what the server does to its session, in half a minute

    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    await (await Store.open(elsewhere, KEY, sleep=sleep)).close()


async def test_the_server_soon_notices_that_the_writer_is_gone(store: Store) -> None:
    async def noticed(connection: AsyncConnection) -> dict[str, int]:
        return {name: int(await connection.scalar(text(f"SHOW {name}"))) for name in NOTICED}

    assert await store._database.write(noticed) == NOTICED


@pytest.mark.parametrize("wrong", ["password", "database", "port"])
async def test_a_server_that_does_not_let_us_in(server: PostgresServer, tmp_path: Path, wrong: str) -> None:
    urls = {
        "password": server.url("postgres", password="not it"),
        "database": server.url("nowhere"),
        "port": server.url("postgres", port=1),
    }
    settings = Settings(database_url=urls[wrong], data_dir=tmp_path)
    for opening in (Store.open(settings, KEY), data_exist(settings)):
        with pytest.raises(StartupError, match="DATABASE_URL") as refused:
            await opening
        assert "not it" not in str(refused.value)
        assert "secret" not in str(refused.value)


async def test_writes_wait_for_a_server_that_crashed_and_none_is_lost(
    store: Store, record: CallRecord, server: PostgresServer
) -> None:
    async def append(seq: int) -> None:
        await store.calls.append(record, [said(seq)])

    await append(1)
    await asyncio.to_thread(server.stop, signal.SIGQUIT)
    with pytest.raises(Overloaded):
        await store.calls.get(record.organisation_id, "call-1")
    waiting = [asyncio.create_task(append(seq)) for seq in range(2, 20)]
    await asyncio.to_thread(server.start)
    await asyncio.gather(*waiting)
    assert await seqs(store, record) == list(range(1, 20))


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(settings: Settings, server: PostgresServer) -> None:
    cut = Cut(server.port)
    database = settings.database_url.rpartition("/")[2]
    through = Settings(database_url=server.url(database, port=await cut.open()), data_dir=settings.data_dir)
    store = await Store.open(through, KEY)
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US")
    await store.calls.open(record)
    cut.armed = True
    await store.calls.append(record, [said(1)])
    await store.calls.append(record, [said(2)])
    assert cut.cuts == 1
    assert await seqs(store, record) == [1, 2]
    await store.close()
    await cut.close()


async def test_a_commit_whose_answer_was_lost_before_a_long_outage_is_found_when_it_is_asked_again(
    settings: Settings, server: PostgresServer
) -> None:
    cut, now = Cut(server.port), 0.0
    database = settings.database_url.rpartition("/")[2]
    through = Settings(database_url=server.url(database, port=await cut.open()), data_dir=settings.data_dir)

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        cut.away = True

    store = await Store.open(through, KEY, clock=lambda: now, sleep=sleep)
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US", started_at=1_732_000_000.123456)
    for write in (lambda: store.calls.open(record), lambda: store.calls.append(record, [said(1)])):
        cut.armed = True
        with pytest.raises(Overloaded):
            await write()
        cut.away = False
        await write()
    assert (cut.cuts, now > 2 * PATIENCE_S) == (2, True)
    assert await seqs(store, record) == [1]
    await store.close()
    again = await Store.open(settings, KEY)
    assert len(await seqs(again, record)) == 2, "the key is the stored one; the second fact says that it ended"
    await again.close()
    await cut.close()


async def test_it_goes_on_with_the_server_that_takes_over(settings: Settings, server: PostgresServer) -> None:
    address = Address(server)
    database = settings.database_url.rpartition("/")[2]
    through = settings.model_copy(update={"database_url": server.url(database, port=await address.open())})
    sleeps = itertools.count(1)

    async def sleep(_seconds: float) -> None:
        if next(sleeps) == 3:
            await standby.query("SELECT pg_promote()")

    store = await Store.open(through, KEY, sleep=sleep)
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US")
    await store.calls.open(record)
    await store.calls.append(record, [said(1)])
    assert await seqs(store, record) == [1]
    folder = programs()
    assert folder is not None
    standby = PostgresServer(folder, of=server)
    await asyncio.to_thread(standby.start)
    try:
        await server.query("ALTER SYSTEM SET default_transaction_read_only = on")
        await server.query("SELECT pg_reload_conf()")
        while (await server.query("SHOW default_transaction_read_only"))[0][0] != "on":
            pass
        address.leads_to = standby
        await store.calls.append(record, [said(2)])
        await store.calls.append(record, [said(3)])
        assert next(sleeps) > 3, "it was refused while it was a standby"
        assert await seqs(store, record) == [1, 2, 3]
        await store.close()
        await address.close()
    finally:
        await server.query("ALTER SYSTEM RESET default_transaction_read_only")
        await server.query("SELECT pg_reload_conf()")
        await asyncio.to_thread(standby.stop)
        standby.remove()


async def test_a_standby_is_no_database_to_start_with(settings: Settings, server: PostgresServer) -> None:
    await (await Store.open(settings, KEY)).close()
    folder = programs()
    assert folder is not None
    standby = PostgresServer(folder, of=server)
    await asyncio.to_thread(standby.start)
    try:
        elsewhere = settings.model_copy(update={"database_url": standby.url(settings.database_url.rpartition("/")[2])})
        with pytest.raises(StartupError, match="standby"):
            await Store.open(elsewhere, KEY)
    finally:
        await asyncio.to_thread(standby.stop)
        standby.remove()


async def test_writes_wait_for_a_server_that_has_no_connection_left(settings: Settings, server: PostgresServer) -> None:
    database = settings.database_url.rpartition("/")[2]
    await server.query(f"CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'")
    await server.query(f"ALTER DATABASE {database} OWNER TO plain")
    sleeps = itertools.count(1)

    async def sleep(_seconds: float) -> None:
        if next(sleeps) == 3:
            await server.query("ALTER ROLE plain CONNECTION LIMIT -1")

    theirs = settings.model_copy(update={"database_url": settings.database_url.replace("//welcomedly:", "//plain:")})
    store = await Store.open(theirs, KEY, sleep=sleep)
    await store.people.add_organisation("Acme", 1.0)
    await server.query("ALTER ROLE plain CONNECTION LIMIT 0")
    await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'plain'")
    with pytest.raises(Overloaded):
        await store.people.organisation_named("Acme")
    organisation = await store.people.add_organisation("Beta", 1.0)
    assert await store.people.organisation_named("Beta") == organisation
    await store.close()


async def test_an_engine_serves_from_it(settings: Settings, weights: Path, tmp_path: Path) -> None:
    values = throwaway_settings(tmp_path, max_calls=1).model_copy(update={"database_url": settings.database_url})
    async with Engine(values) as engine:
        await engine.start(seed=True)
        admin = next(one for one in engine.logins if one.role == "admin")
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(engine.url, cookie_jar=jar, headers={"Origin": engine.url}) as http:
            answer = await http.post("/api/login", json={"user": admin.login, "password": admin.password})
            assert answer.status == 200
            campaigns = await (await http.get("/api/campaigns")).json()
            assert {one["kind"] for one in campaigns} == {"collections", "sales", "care"}
