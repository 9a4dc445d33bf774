"""What every connection to {{ db.name }} needs beyond its arguments."""

{% if cookiecutter.session_style == "async" %}
import asyncio
{% endif %}
import os
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError, ProgrammingError
{% if cookiecutter.session_style == "async" %}
from sqlalchemy.util import await_only
{% endif %}
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from packages.config.settings import settings

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection


def prepare_connections(engine: Engine) -> None:
    """Configure the engine's connections: foreign keys, isolation, durability."""
    _prepare(engine)
    event.listen(engine, "begin", begin)
    event.listen(engine, "handle_error", _end_rolled_back_transaction)


def prepare_read_connections(engine: Engine) -> None:
    """Do the same for connections that only read, and have {{ db.name }} refuse what they write."""
    _prepare(engine)
    event.listen(engine, "connect", _refuse_writes)
    event.listen(engine, "begin", _begin_snapshot)
    # A write that is refused is a fault of the program.
    _correct_class(engine, {ProgrammingError: {{ "{" }}{{ db.write_refused }}{{ "}" }}})


def _prepare(engine: Engine) -> None:
    event.listen(engine, "connect", _configure)
    _follow_file(engine, str(engine.url.database))
    _correct_class(engine, MISREPORTED)
{% if cookiecutter.session_style == "async" %}
    event.listen(engine, "invalidate", _release_locks)
{% endif %}
    # SQLite's locks do not survive a fork: https://www.sqlite.org/howtocorrupt.html
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))


def begin(connection: Connection) -> None:
    """Begin the transaction for writing, so that writers queue up instead of losing updates.

    Python's driver would begin only before the first write; rows that were read before it may be
    outdated then: https://docs.sqlalchemy.org/en/latest/dialects/sqlite.html#pysqlite-serializable
    """
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _end_rolled_back_transaction(context: "ExceptionContext") -> None:
    """Drop the connection when SQLite has rolled its transaction back, as it may on a full disk.

    Each statement that follows would be committed alone, without what came before.
    """
    connection = context.connection
    if connection is None or not connection.in_transaction():
        return
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return
    driver_connection = connection.connection.driver_connection
    if driver_connection is not None and not driver_connection.in_transaction:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False  # the other connections are sound


def _begin_snapshot(connection: Connection) -> None:
    """Begin a transaction only where the program asked for an isolation level."""
    if connection.get_execution_options().get("isolation_level", "AUTOCOMMIT") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN")


{% if cookiecutter.session_style == "async" %}
def _release_locks(
    connection: "sqlite3.Connection", _record: "ConnectionPoolEntry", _error: BaseException | None
) -> None:
    # The connection of a cancelled task is closed, but keeps its lock until garbage collection.
    connection.rollback()


{% endif %}
def _configure(connection: "sqlite3.Connection", _record: "ConnectionPoolEntry") -> None:
    connection.isolation_level = None  # transactions begin in `begin`, not in the driver
    cursor = connection.cursor()
    _turn_on_wal(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")  # safe with WAL, and faster
    cursor.execute("PRAGMA foreign_keys = ON")  # off by default
    cursor.close()


def _follow_file(engine: Engine, path: str) -> None:
    """Leave a file that was removed or replaced: what is written to it is lost."""

    def note(_connection: "sqlite3.Connection", record: "ConnectionPoolEntry") -> None:
        record.info["file"] = _identify(path)

    def compare(
        _connection: "sqlite3.Connection",
        record: "ConnectionPoolEntry",
        _proxy: "PoolProxiedConnection",
    ) -> None:
        if record.info["file"] != _identify(path):
            raise InvalidatePoolError

    event.listen(engine, "connect", note)
    event.listen(engine, "checkout", compare)


def _identify(path: str) -> tuple[int, int] | None:
    """Return what the system knows a file by; None when there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - at each checkout
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _turn_on_wal(cursor: "sqlite3.Cursor") -> None:
    """Turn on WAL, so that readers and the writer do not block each other; the file keeps the mode.

    Retry while it is locked: here SQLite itself does not wait for another process.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_busy),
        stop=stop_after_delay(settings.DATABASE_BUSY_TIMEOUT_SECONDS),
        wait=wait_random(0.01, 0.1),
        reraise=True,
{% if cookiecutter.session_style == "async" %}
        sleep=lambda seconds: await_only(asyncio.sleep(seconds)),
{% endif %}
    )
    retrying(cursor.execute, "PRAGMA journal_mode = WAL")


def _is_busy(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorname", None) == "SQLITE_BUSY"


def _refuse_writes(connection: "sqlite3.Connection", _record: "ConnectionPoolEntry") -> None:
    cursor = connection.cursor()
    cursor.execute("{{ db.refuse_writes }}")
    cursor.close()
