"""The schema: migrations make what the tables say, and every row has its organisation."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from engine.store.session import migrate
from engine.store.tables import Table


def test_migrations_make_the_tables() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        migrate(connection)
        differences = compare_metadata(MigrationContext.configure(connection), Table.metadata)
        migrate(connection)
    engine.dispose()
    assert differences == []


def test_every_row_has_its_organisation() -> None:
    without = {name for name, table in Table.metadata.tables.items() if "organisation_id" not in table.columns}
    assert without == {"organisations", "key_proofs"}
