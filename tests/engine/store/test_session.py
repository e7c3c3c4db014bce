"""The schema: migrations make what the tables say, and every row has its organisation."""

import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.exc import DBAPIError

from engine.errors import Invalid, Overloaded, StartupError
from engine.facts import Transcript
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store, check_key, session
from engine.store.postgres import driver_url, hold
from engine.store.session import UNUSABLE, migrate, migrations
from engine.store.sqlite import DATABASE, begin, connected
from engine.store.tables import Table
from engine.vault import Vault
from tests.engine.store.filled_schema import REVISIONS, fill, lost


def test_migrations_make_the_tables() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        migrate(connection)
        differences = compare_metadata(MigrationContext.configure(connection), Table.metadata)
        migrate(connection)
    engine.dispose()
    assert differences == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_filled_database_of_any_version_is_migrated_up_and_down(revision: str, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / DATABASE}")
    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)
    with engine.begin() as connection:
        tables = fill(connection, revision)
    with engine.begin() as connection:
        migrate(connection)
        assert lost(connection, tables) == []
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    with engine.begin() as connection:
        command.downgrade(migrations(connection), revision)
        assert lost(connection, tables) == []
    engine.dispose()


async def test_erasure_is_migrated_down_and_up_again_around_the_calls(settings: Settings, vault: Vault) -> None:
    store = await Store.open(settings, vault)
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US", started_at=5.0)
    await store.calls.open(record)
    await store.calls.append(record, [Transcript(call_id="call-1", seq=1, turn=1, text="hola")])
    await store.close()
    engine = create_engine(f"sqlite:///{settings.data_dir / DATABASE}")
    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)
    with engine.begin() as connection:
        command.downgrade(migrations(connection), "0005")
        assert "words_days" not in {column["name"] for column in inspect(connection).get_columns("campaigns")}
        assert "erased_at" not in {column["name"] for column in inspect(connection).get_columns("calls")}
    engine.dispose()
    again = await Store.open(settings, vault)
    assert len(await again.calls.all_facts(organisation, "call-1")) == 2  # the second says that it ended
    assert await again.erasures.find(organisation) == []
    assert [call.call_id for call in await again.calls.find(organisation)] == ["call-1"]
    await again.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "postgresql+nodriver://user:secret@127.0.0.1/x", "sqlite+aiosqlite:////no/x"]
)
async def test_a_database_that_cannot_be_opened(url: str, settings: Settings, vault: Vault) -> None:
    with pytest.raises(StartupError, match="DATABASE_URL") as refused:
        await Store.open(settings.model_copy(update={"database_url": url}), vault)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
        ("postgresql://u:p@h/d?x=1&sslmode=disable", "postgresql+asyncpg://u:p@h/d?x=1&ssl=disable"),
        ("postgresql+asyncpg://u:p@h/d?ssl=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
    ],
)
def test_an_address_of_postgresql_is_understood_as_it_is_usually_written(url: str, ours: str) -> None:
    assert driver_url(url) == ours


async def test_a_database_of_a_newer_version_is_left_alone(settings: Settings, vault: Vault) -> None:
    await (await Store.open(settings, vault)).close()
    with closing(sqlite3.connect(settings.data_dir / DATABASE)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    for opening in (Store.open(settings, vault), check_key(settings, vault)):
        with pytest.raises(StartupError, match=r"^DATABASE_URL: .*a newer version has migrated it \(to 9999\)"):
            await opening
    with pytest.raises(StartupError, match="another version's"):
        await Store.open(settings, vault, as_it_is=True)


async def test_who_only_looks_refuses_data_of_another_version_and_changes_none(
    settings: Settings, vault: Vault
) -> None:
    with pytest.raises(StartupError, match="DATA_DIR: there are no data"):
        await Store.open(settings, vault, as_it_is=True)
    assert not settings.data_dir.exists()
    store = await Store.open(settings, vault)
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US", started_at=5.0)
    await store.calls.open(record)
    await store.close()
    looking = await Store.open(settings, vault, as_it_is=True)
    assert await looking.calls.get(organisation, "call-1") == record
    await looking.close()
    engine = create_engine(f"sqlite:///{settings.data_dir / DATABASE}")
    with engine.begin() as connection:
        command.downgrade(migrations(connection), "-1")
        before = MigrationContext.configure(connection).get_current_revision()
    with pytest.raises(StartupError, match="another version's"):
        await Store.open(settings, vault, as_it_is=True)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == before
    engine.dispose()


class Unwilling:
    """A pool of connections that PostgreSQL answers with an error."""

    def __init__(self, sqlstate: str) -> None:
        self.reason = OSError()
        self.reason.sqlstate = sqlstate  # type: ignore[attr-defined]

    def connect(self) -> "Unwilling":
        raise DBAPIError("SELECT", {}, self.reason)

    async def dispose(self) -> None: ...


@pytest.mark.parametrize(
    ("sqlstate", "refusal"), [("22021", Invalid), ("22P02", Invalid), ("57P01", Overloaded), ("", Overloaded)]
)
async def test_a_value_that_postgresql_refuses_is_the_asker_s_fault(
    sqlstate: str, refusal: type[Exception], settings: Settings, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.open(settings, vault)
    monkeypatch.setattr(store.people._database, "_reading", Unwilling(sqlstate))
    with pytest.raises(refusal):
        await store.people.organisation_named("\0")
    monkeypatch.undo()
    await store.close()


async def test_a_reader_that_finds_no_connection_is_told_to_come_again(
    settings: Settings, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "READER_WAIT_S", 0.0)
    store = await Store.open(settings, vault)
    async with AsyncExitStack() as taken:
        for _ in range(session.READERS):
            await taken.enter_async_context(store.people._database._reading.connect())
        with pytest.raises(Overloaded):
            await store.people.organisation_named("Acme")
    assert await store.people.organisation_named("Acme") is None
    await store.close()


def test_every_row_has_its_organisation() -> None:
    without = {name for name, table in Table.metadata.tables.items() if "organisation_id" not in table.columns}
    assert without == {"organisations", "key_proofs"}


class Old:
    """A connection to a server of a major version that is long out of support."""

    def cursor(self) -> "Old":
        return self

    def execute(self, statement: str) -> None:
        self.asked = statement

    def fetchone(self) -> tuple[str]:
        assert self.asked == "SHOW server_version_num"
        return ("120022",)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


def test_a_server_that_is_too_old_is_said_to_be() -> None:
    with pytest.raises(TypeError, match="is PostgreSQL 12, and 13 or newer is needed") as refused:
        hold(Old(), None)
    assert isinstance(refused.value, UNUSABLE)
