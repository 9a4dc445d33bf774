"""`packages.database.config` keeps the promises that models, the API and programs rely on."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest
{{- imports("sqlalchemy", Column=true, Integer=true, String=true, Table=db.table_options, inspect=not is_async, select=true, text=true) }}
{{- imports("sqlalchemy.exc", DataError=db.misreported_examples, DBAPIError=true, IntegrityError=true, InvalidRequestError=true, OperationalError=true, ProgrammingError=db.misreported_examples) }}
from sqlalchemy.ext.asyncio import AsyncSession

from packages.config.settings import settings
from packages.database import config
from packages.database.config import (
    SQLALCHEMY_DATABASE_URL,
    Base,
    ReadSessionLocal,
    SessionLocal,
    engine,
    get_db,
    get_read_db,
    read_engine,
)
from tests.rows import Row

pytestmark = pytest.mark.usefixtures("rows")

{% if db.refuse_writes %}
# A part of each server's message.
READ_ONLY = r"(?i)read.?only"
{% else %}
READ_ONLY = "only reads"
{% endif %}


def test_engine_uses_the_url_of_the_settings() -> None:
    """Only the settings decide where the database is."""
    assert settings.DATABASE_URL == SQLALCHEMY_DATABASE_URL == engine.url == read_engine.url


async def test_get_db_closes_the_session_and_never_commits() -> None:
    """Work that the caller did not commit is rolled back, even when nothing failed."""
    async with asynccontextmanager(get_db)() as db:
        assert isinstance(db, AsyncSession)
        db.add(Row(name="not committed"))
        await db.flush()
    assert not db.in_transaction()
    async with SessionLocal() as other:
        assert (await other.scalars(select(Row))).all() == []


async def test_closed_session_stays_closed() -> None:
    """A closed session takes no connection again, as a stream might otherwise do."""
    async with SessionLocal() as db:
        pass
    with pytest.raises(InvalidRequestError, match="closed"):
        await db.scalars(select(Row))


async def test_get_db_rolls_back_and_closes_when_the_caller_fails() -> None:
    """The caller gets the error unchanged; no row and no connection stays."""
    before = engine.pool.status()

    async def fail() -> None:
        async with asynccontextmanager(get_db)() as db:
            db.add(Row(name="failed"))
            await db.flush()
            raise RuntimeError("failed")

    with pytest.raises(RuntimeError, match="failed"):
        await fail()
    async with SessionLocal() as other:
        assert (await other.scalars(select(Row))).all() == []
    assert engine.pool.status() == before


async def test_get_read_db_reads_and_cannot_write() -> None:
    """A session for reading refuses what the ORM would write, and others write as before."""
    async with asynccontextmanager(get_read_db)() as db:
        assert isinstance(db, AsyncSession)
        assert (await db.scalars(select(Row))).all() == []
        db.add(Row(name="refused"))
        with pytest.raises({{ "DBAPIError" if db.refuse_writes else "InvalidRequestError" }}, match=READ_ONLY):
            await db.flush()
    assert not db.in_transaction()
    async with SessionLocal() as other:
        other.add(Row(name="taken"))
        await other.flush()


{% if db.refuse_writes %}
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO test_rows (name) VALUES ('refused')",
        "UPDATE test_rows SET name = 'refused'",
        "DELETE FROM test_rows",
        "CREATE TABLE refused (id INTEGER)",
    ],
)
async def test_database_refuses_plain_sql_that_writes(statement: str) -> None:
    """The database itself refuses what a session for reading writes, also in plain SQL."""
{# async #}
    async with ReadSessionLocal() as db:
        with pytest.raises(DBAPIError, match=READ_ONLY) as refusal:
            await db.execute(text(statement))
{# sync
    with ReadSessionLocal() as db, pytest.raises(DBAPIError, match=READ_ONLY) as refusal:
        db.execute(text(statement))
#}
    # The program is at fault: an `OperationalError` would say that the database does not work.
    assert not isinstance(refusal.value, OperationalError)
    assert not refusal.value.connection_invalidated


{% endif %}
{% if db.server and db.refuse_writes %}
async def test_reading_locks_no_row() -> None:
    """`FOR UPDATE` belongs to a session that writes."""
{# async #}
    async with ReadSessionLocal() as db:
        with pytest.raises(DBAPIError, match=READ_ONLY):
            await db.scalars(select(Row).with_for_update())
{# sync
    with ReadSessionLocal() as db, pytest.raises(DBAPIError, match=READ_ONLY):
        db.scalars(select(Row).with_for_update())
#}


{% endif %}
@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT no_such_column FROM test_rows WHERE name = :name", DBAPIError),
        ("INSERT INTO test_rows (id) VALUES (1000)", IntegrityError),
{% for statement, kind in db.misreported_examples %}
        ("{{ statement }}", {{ kind }}),
{% endfor %}
    ],
)
async def test_only_a_database_that_does_not_work_is_an_operational_error(
    statement: str, kind: type[DBAPIError]
) -> None:
    """Wrong SQL and a row that is refused are no reason to try again later; no value is shown."""
{# async #}
    async with SessionLocal() as db:
        with pytest.raises(kind) as error:
            await db.execute(text(statement), {"name": "s3cret"})
{# sync
    with SessionLocal() as db, pytest.raises(kind) as error:
        db.execute(text(statement), {"name": "s3cret"})
#}
    assert "s3cret" not in str(error.value)
    assert not isinstance(error.value, OperationalError)
    assert not error.value.connection_invalidated


async def test_reading_waits_for_no_writer() -> None:
    """While a transaction that has written is open, others read what was committed before it."""
    async with SessionLocal() as writer, ReadSessionLocal() as reader:
        writer.add(Row(name="not committed"))
        await writer.flush()
        assert (await reader.scalars(select(Row.name))).all() == []


async def test_statements_of_a_snapshot_see_the_same_rows() -> None:
    """A unit of work that reads twice asks for an isolation level; the next has none."""
    names = select(Row.name)
    snapshot = {"isolation_level": "{{ db.snapshot_isolation }}"}
    async with SessionLocal() as writer:
        row = Row(name="committed")
        writer.add(row)
        async with ReadSessionLocal() as reader:
            await reader.connection(execution_options=snapshot)
            assert (await reader.scalars(names)).all() == []
            await writer.commit()
            assert (await reader.scalars(names)).all() == []
        async with ReadSessionLocal() as reader:
            assert (await reader.scalars(names)).all() == ["committed"]
        await writer.delete(row)
        await writer.commit()


{% if db.table_options %}
def test_options_of_a_table_come_beside_those_of_all() -> None:
    """A model with `__table_args__` of its own has the character set and engine of every table."""
    table = Table("with_options", Base.metadata, comment="An option.")
    Base.metadata.remove(table)
{% for option, value in db.table_options.items() %}
    assert table.dialect_kwargs["{{ option }}"] == "{{ value }}"
{% endfor %}


{% endif %}
async def test_plain_annotations_are_enough(db: AsyncSession) -> None:
    """`Mapped[datetime]` alone stores a time with a zone, and returns it in UTC.

    `Mapped[dict[str, Any]]` is a document, and a key that is set in it is saved.
    """
    moment = datetime(2026, 2, 28, 23, 59, 59, 678901, tzinfo=timezone(timedelta(hours=5.5)))
    row = Row(name="plain", moment=moment, document={})
    db.add(row)
    await db.commit()
    assert row.document is not None
    row.document["key"] = ["value"]
    await db.commit()
    stored = (await db.execute(select(Row.moment, Row.document))).one()
    assert stored == (moment, {"key": ["value"]})
    assert stored.moment.tzinfo is UTC


async def test_models_of_the_1x_style_work() -> None:
    """A model written with plain `Column` attributes lives on the same `Base`."""

    class Item(Base):
        __tablename__ = "items_of_the_1x_style"

        id = Column(Integer, primary_key=True, index=True)
        name = Column(String(50))

    table = Base.metadata.tables[str(Item.__table__)]
    try:
{# async #}
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
{# sync
        Base.metadata.create_all(bind=engine)
        assert inspect(engine).has_table(table.name, table.schema)
#}
        async with SessionLocal() as db:
            db.add(Item(name="first"))
            await db.commit()
            assert (await db.scalars(select(Item.name))).all() == ["first"]
    finally:
{# async #}
        async with engine.begin() as connection:
            await connection.run_sync(table.drop)
{# sync
        table.drop(engine)
#}
        Base.metadata.remove(table)
{# async #}


async def test_attributes_stay_readable_after_a_commit(db: AsyncSession) -> None:
    """Reading an attribute of a committed model sends no statement."""
    row = Row(name="readable")
    db.add(row)
    await db.commit()
    assert row.name == "readable"
    assert row.id > 0
{# end #}


def test_every_constraint_has_a_name() -> None:
    """A later migration can drop each constraint, on every database."""
    tables = Base.metadata.tables.values()
    assert all(constraint.name for table in tables for constraint in table.constraints)


def test_names_stay_as_documented() -> None:
    """The module has the names that every service of this template shares."""
    names = ["SQLALCHEMY_DATABASE_URL", "engine", "SessionLocal", "Base", "get_db"]
    names += ["read_engine", "ReadSessionLocal", "get_read_db"]
    assert all(hasattr(config, name) for name in names)
