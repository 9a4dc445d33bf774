"""The options of a connection to {{ db.name }}, as the database itself reports them."""

{# async #}
import asyncio
{# end #}
import os
{{- "" if db.server else "\nimport sqlite3\nfrom pathlib import Path" }}

import pytest
{# async #}
from sqlalchemy import AsyncAdaptedQueuePool{{ ", select" if db.server else ", event, insert, select\nfrom sqlalchemy.engine import ExceptionContext\nfrom sqlalchemy.exc import IntegrityError, OperationalError, PendingRollbackError, ProgrammingError" }}
from sqlalchemy.ext.asyncio import AsyncConnection{{ "" if db.server else ", create_async_engine" }}
{# sync
from sqlalchemy import Connection, QueuePool{{ ", select" if db.server else ", create_engine, event, insert, select\nfrom sqlalchemy.engine import ExceptionContext\nfrom sqlalchemy.exc import IntegrityError, OperationalError, PendingRollbackError, ProgrammingError" }}
#}

from packages.config.settings import settings
{% if db.server %}
from packages.database import liveness
{% endif %}
from packages.database.commands.doctor import POLICY
from packages.database.config import engine, read_engine
{% if not db.server %}
from packages.database.connections import prepare_connections
from tests.rows import Row
{% endif %}


@pytest.mark.parametrize(("_name", "query", "expected"), POLICY)
async def test_database_applies_the_policy(
    connection: AsyncConnection, _name: str, query: str, expected: str | int
) -> None:
    """Every option that the engine sets is in effect on the connection."""
    assert (await connection.exec_driver_sql(query)).scalar() == expected


def test_pools_have_the_sizes_of_the_settings() -> None:
    """The pools keep as many connections as the settings say."""
    assert isinstance(engine.pool, AsyncAdaptedQueuePool)
    assert isinstance(read_engine.pool, AsyncAdaptedQueuePool)
    assert engine.pool.size() == {{ "settings.DATABASE_POOL_SIZE" if db.server else "1" }}
    assert read_engine.pool.size() == settings.DATABASE_POOL_SIZE


{% if db.server %}
@pytest.mark.usefixtures("schema")
async def test_only_an_idle_connection_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was just used costs no round trip; an idle one is pinged first."""
    pings: list[object] = []
    for each in (engine, read_engine):
        monkeypatch.setattr(each.dialect, "do_ping", pings.append)

    async def use_both() -> None:
        for each in (engine, read_engine):
            async with each.connect() as connection:
                await connection.execute(select(1))

    await use_both()
    pings.clear()
    await use_both()
    assert pings == []
    monkeypatch.setattr(liveness, "PING_AFTER_IDLE_SECONDS", 0.0)
    await use_both()
    assert len(pings) == 2


@pytest.mark.usefixtures("schema")
async def test_dead_connection_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that does not answer the ping is closed, and a new one is used."""

    def fail(_connection: object) -> None:
        raise engine.dialect.loaded_dbapi.OperationalError("lost")

    async with engine.connect() as connection:
        lost = (await connection.get_raw_connection()).dbapi_connection
    monkeypatch.setattr(liveness, "PING_AFTER_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(engine.dialect, "do_ping", fail)
    async with engine.connect() as connection:
        assert (await connection.get_raw_connection()).dbapi_connection is not lost
        assert (await connection.execute(select(1))).scalar() == 1


{% endif %}
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.usefixtures("schema")
async def test_forked_process_opens_connections_of_its_own() -> None:
    """A process that forks after its first query shares no connection with its child."""
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    assert isinstance(engine.pool, AsyncAdaptedQueuePool)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SELECT 1")
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os._exit(engine.pool.checkedin())
{# async #}
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
{# sync
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
#}
    assert engine.pool.checkedin() > 0
{% if not db.server %}


@pytest.mark.usefixtures("schema")
async def test_autocommit_begins_no_transaction() -> None:
    """A statement that cannot run in a transaction can be executed, also after an error."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        with pytest.raises(ProgrammingError):
            await connection.exec_driver_sql("no SQL")
        await connection.exec_driver_sql("VACUUM")


@pytest.mark.usefixtures("rows")
async def test_rolled_back_transaction_cannot_go_on() -> None:
    """When SQLite has rolled a transaction back, as on a full disk, nothing of it is stored."""
    again = "INSERT OR ROLLBACK INTO test_rows (name) VALUES ('first')"
    async with engine.connect() as connection:
        await connection.execute(insert(Row), [{"name": "first"}])
        with pytest.raises(IntegrityError):
            await connection.exec_driver_sql(again)
        with pytest.raises(PendingRollbackError):
            await connection.execute(insert(Row), [{"name": "second"}])
    async with engine.connect() as connection:
        assert (await connection.execute(select(Row.name))).all() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows does not replace a file that is open")
async def test_file_that_was_replaced_is_left(tmp_path: Path) -> None:
    """A service does not go on with a file that was removed: what it writes there would be lost.

    A file that cannot be opened is a database that does not work.
    """
    database, other = tmp_path / "database.db", tmp_path / "other.db"
    for path in (database, other):
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE names AS SELECT ? AS name", [path.stem])
        connection.close()
{# async #}
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
    prepare_connections(engine.sync_engine)
{# sync
    engine = create_engine(f"sqlite:///{database}")
    prepare_connections(engine)
#}

    async def name() -> object:
        async with engine.connect() as connection:
            return (await connection.exec_driver_sql("SELECT name FROM names")).scalar()

    assert await name() == "database"
    other.replace(database)
    assert await name() == "other"
    database.unlink()
    database.mkdir()
    with pytest.raises(OperationalError, match="unable to open"):
        await name()
    await engine.dispose()


@pytest.mark.usefixtures("schema")
async def test_refused_write_reaches_every_listener() -> None:
    """A library for traces is told of a write on a connection that only reads."""
    seen: list[object] = []

    def note(context: ExceptionContext) -> None:
        seen.append(type(context.chained_exception))

    event.listen(read_engine.sync_engine, "handle_error", note)
    try:
        async with read_engine.connect() as connection:
            with pytest.raises(ProgrammingError):
                await connection.exec_driver_sql("CREATE TABLE refused (id INTEGER)")
            assert seen == [ProgrammingError]
    finally:
        event.remove(read_engine.sync_engine, "handle_error", note)
{% endif %}
