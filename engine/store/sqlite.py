"""What SQLite asks for beside what any database does: a directory of its own, and pragmas on each connection."""

import fcntl
import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from engine.errors import StartupError

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


def hold(data_dir: Path) -> int:
    """Take the data directory for this process alone; a killed engine lets go by dying."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(data_dir / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartupError(f"DATA_DIR: cannot use {data_dir}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StartupError(f"DATA_DIR: another engine is using {data_dir}") from None
    return handle
