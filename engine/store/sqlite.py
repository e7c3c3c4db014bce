"""What SQLite asks for beside what any database does: pragmas on each connection, and transactions that are ours."""

from typing import Any

from sqlalchemy import Connection

BUSY_TIMEOUT_MS = 5_000
DATABASE = "welcomedly.db"


def connected(connection: Any, _record: Any) -> None:
    # The driver's own transactions would begin at the first change only; ours begin with BEGIN.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        # Commits survive a loss of power, not only a killed process; the group pays the sync once.
        "synchronous = FULL",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "foreign_keys = ON",
        # What is deleted is overwritten: an erased call's key must not linger in free pages.
        "secure_delete = ON",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
