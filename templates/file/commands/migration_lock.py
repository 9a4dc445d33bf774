"""The lock that lets one process migrate at a time.

It is SQLite's own lock on a file beside the database, which the system frees when its holder dies:
https://www.sqlite.org/lockingv3.html
"""

import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager

from sqlalchemy import Engine

from packages.database.commands.running import NotInTimeError

POLL_SECONDS = 0.25


@contextmanager
def migration_lock(engine: Engine, wait_seconds: float) -> Generator[None]:
    """Hold the lock while the block runs; the database itself can be read and written meanwhile.

    Raises:
        NotInTimeError: another process still holds it after `wait_seconds`.
    """
    deadline = time.monotonic() + wait_seconds
    path = f"{engine.url.database}-lock"
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        while not _try_lock(connection):
            if time.monotonic() >= deadline:
                raise NotInTimeError(
                    f"another process still migrates after {wait_seconds:g} s; look at its log,"
                    " or wait longer with --wait"
                )
            time.sleep(POLL_SECONDS)
        yield


def _try_lock(connection: sqlite3.Connection) -> bool:
    """Take the lock if it is free."""
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
