"""The schema: migrations make what the tables say, and every row has its organisation."""

import sqlite3
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from engine.errors import StartupError
from engine.settings import Settings
from engine.store import Store
from engine.store.session import migrate
from engine.store.sqlite import DATABASE
from engine.store.tables import Table
from engine.vault import Vault


def test_migrations_make_the_tables() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        migrate(connection)
        differences = compare_metadata(MigrationContext.configure(connection), Table.metadata)
        migrate(connection)
    engine.dispose()
    assert differences == []


@pytest.mark.parametrize(
    "url", ["nonsense", "postgresql+nodriver://user:secret@127.0.0.1/x", "sqlite+aiosqlite:////no/x"]
)
async def test_a_database_that_cannot_be_opened(url: str, settings: Settings, vault: Vault) -> None:
    with pytest.raises(StartupError, match="DATABASE_URL") as refused:
        await Store.open(settings.model_copy(update={"database_url": url}), vault)
    assert "secret" not in str(refused.value)


async def test_a_database_of_a_newer_version_is_left_alone(settings: Settings, vault: Vault) -> None:
    await (await Store.open(settings, vault)).close()
    with closing(sqlite3.connect(settings.data_dir / DATABASE)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartupError, match="DATABASE_URL"):
        await Store.open(settings, vault)


def test_every_row_has_its_organisation() -> None:
    without = {name for name, table in Table.metadata.tables.items() if "organisation_id" not in table.columns}
    assert without == {"organisations", "key_proofs"}
