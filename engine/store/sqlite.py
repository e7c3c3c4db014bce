"""What SQLite asks for beside what any database does: pragmas on each connection, and transactions that are ours."""

import sqlite3
from typing import Any

from sqlalchemy import Connection

BUSY_TIMEOUT_MS = 5_000
SCRUB_TIMEOUT_MS = 100
LOST = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY})
"""Primary result codes: the disk is full or does not take it, or somebody else holds the file."""
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


def is_lost(error: BaseException) -> bool:
    """Whether the same may succeed once the disk has room, or the file is let go of."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return code is not None and code & 0xFF in LOST


def begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
