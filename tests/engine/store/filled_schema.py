"""Databases as older versions left them, with a row in every table."""

from pathlib import Path

from alembic import command
from sqlalchemy import Connection, MetaData, func, insert, select

from engine.store import session
from engine.store.session import migrations

REVISIONS = sorted(path.name[:4] for path in (Path(session.__file__).parent / "migrations" / "versions").glob("0*.py"))

_VALUES = {str: "one", int: 1, float: 1.0, bool: True, bytes: b"one", object: []}
"""By a column's type, of which JSON has no better: each reference leads to the one row there is."""


def fill(connection: Connection, revision: str) -> list[str]:
    """Bring an empty database to that version and put a row into each of its tables, whose names are returned."""
    command.upgrade(migrations(connection), revision)
    schema = MetaData()
    schema.reflect(connection)
    tables = [table for table in schema.sorted_tables if table.name != "alembic_version"]
    for table in tables:
        row = {column.name: _VALUES[column.type.python_type] for column in table.columns}
        connection.execute(insert(table).values(row))
    return [table.name for table in tables]


def lost(connection: Connection, tables: list[str]) -> list[str]:
    """Those of the tables that have not their one row any more."""
    schema = MetaData()
    schema.reflect(connection)
    counts = {name: connection.scalar(select(func.count()).select_from(schema.tables[name])) for name in tables}
    return [name for name, count in counts.items() if count != 1]
