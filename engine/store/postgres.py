"""What PostgreSQL asks for beside what any database does: one writer for one database, and connections that break."""

import re
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

CONNECT_S = 10
WRITE_S, READ_S = 60.0, 20.0
"""For one statement. Who reads waits for it, and so may everybody behind: readers are few."""
MIGRATE_S = 900.0
"""For one of a migration, which may have every row to go through. The unit's `TimeoutStartSec` is as long: with less, a
large database would be given up and begun anew for ever."""

OLDEST = 13
"""Major version that knows `pg_current_xact_id`."""

LOCK = int.from_bytes(b"welcomed")
"""Advisory lock that the one writer of a database holds for as long as its connection lasts."""
LOCK_WAIT_MS = 2_000
"""A killed engine's session ends when the server notices; until then its lock stands."""
LOCK_START_S, LOCK_PAUSE_S = 45.0, 1.0
"""For how long an engine that starts tries to get it, and the pause between two tries."""

NOTICED = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""Settings of the writer's session, by which the server notices within half a minute that its machine or the way to it
is gone: by default the lock would stand for two hours. No firewall forgets what is probed so often."""

LOCKED = "55P03"  # lock_not_available
LOST = ("08", "57P0", "25006", "53300", "53100")
"""SQLSTATEs and their classes: the connection broke, the server goes down or comes up, became another's standby, has no
connection left or no disk."""
REFUSED_VALUE = "22"
"""Class of SQLSTATE: a value that the database cannot hold, such as a zero byte in a text."""


def connect_args(statement_s: float) -> dict[str, Any]:
    """The driver's."""
    named = {"application_name": "welcomedly"}
    return {"server_settings": named, "timeout": CONNECT_S, "command_timeout": statement_s}


def driver_url(url: str) -> str:
    """With our driver where the URL names none, and its name for libpq's `sslmode`: `postgres://` and `postgresql://`
    are what everybody writes."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgres", "postgresql"):
        return url
    return f"postgresql+asyncpg://{re.sub(r'(?<=[?&])sslmode=', 'ssl=', rest)}"


def hold(connection: Any, _record: Any) -> None:
    """For the writer's "connect": its connection alone may write, also after a reconnect. A second engine would end the
    first one's live calls as interrupted. Raises `TypeError` for a server that does not know what we ask of it, and
    `ConnectionError` for a standby: while another takes over, the address may still lead to it."""
    cursor = connection.cursor()
    try:
        cursor.execute("SHOW server_version_num")
        if (version := int(cursor.fetchone()[0]) // 10_000) < OLDEST:
            raise TypeError(f"the server is PostgreSQL {version}, and {OLDEST} or newer is needed")
        for name, value in NOTICED.items():  # no arguments of the connection: a pooler refuses those it does not know
            cursor.execute(f"SET {name} = {value}")
        connection.commit()  # the rollback below would take them back
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone()[0]:
            raise ConnectionError("the server is a standby")
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
        cursor.execute(f"SELECT pg_advisory_lock({LOCK})")
    finally:
        cursor.close()
        connection.rollback()  # the lock is the session's, not the transaction's


def sqlstate(error: BaseException) -> str:
    """Empty when the error has none."""
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def is_lost(error: BaseException) -> bool:
    """Whether the same may succeed on a new connection: once ours broke, its session's lock may stand for a while."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OSError) or sqlstate(error).startswith((*LOST, LOCKED))


async def transaction_id(connection: AsyncConnection) -> str:
    """Of the transaction that is open, by which a later connection can ask what became of it."""
    return str(await connection.scalar(text("SELECT pg_current_xact_id()::text")))


async def was_committed(connection: AsyncConnection, transaction: str) -> bool:
    """What became of a transaction whose commit was asked for and not answered. The writer's lock is ours again by now,
    so the session that ran it is gone, and with it the doubt. A server that took over may never have seen it."""
    seen = "CAST(CAST(:transaction AS text) AS xid8) < pg_snapshot_xmax(pg_current_snapshot())"
    status = "pg_xact_status(CAST(CAST(:transaction AS text) AS xid8))"
    query = text(f"SELECT CASE WHEN {seen} THEN {status} END")
    return bool(await connection.scalar(query, {"transaction": transaction}) == "committed")
