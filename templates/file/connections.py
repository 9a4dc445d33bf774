"""What every connection to {{ db.name }} needs beyond its arguments."""

import os
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, event

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy.pool import ConnectionPoolEntry


def prepare_connections(engine: Engine) -> None:
    """Make the engine's connections keep what they promise: constraints, isolation, durability."""
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", begin)
{% if cookiecutter.session_style == "async" %}
    event.listen(engine, "invalidate", _release_locks)
{% endif %}
    # SQLite's locks do not survive a fork: https://www.sqlite.org/howtocorrupt.html
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))


def begin(connection: Connection) -> None:
    """Begin the transaction for writing, so that writers queue up instead of losing updates.

    A transaction that only reads says so with the execution option `sqlite_read_only=True`, and
    then waits for no writer. Python's driver would begin only before the first write, when what was
    read until then may be outdated:
    https://docs.sqlalchemy.org/en/latest/dialects/sqlite.html#pysqlite-serializable
    """
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT":
        read_only = options.get("sqlite_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


{% if cookiecutter.session_style == "async" %}
def _release_locks(
    connection: "sqlite3.Connection", _record: "ConnectionPoolEntry", _error: BaseException | None
) -> None:
    # The connection of a cancelled task is closed, but holds its lock until that is collected.
    connection.rollback()


{% endif %}
def _configure(connection: "sqlite3.Connection", _record: "ConnectionPoolEntry") -> None:
    connection.isolation_level = None  # transactions begin in `begin`, not in the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not block each other
    cursor.execute("PRAGMA synchronous = NORMAL")  # safe with WAL, and faster
    cursor.execute("PRAGMA foreign_keys = ON")  # off by default
    cursor.close()
