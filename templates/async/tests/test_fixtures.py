"""The sessions of the service work on the connection of a test, and behave as on their own."""

import pytest
from sqlalchemy import insert, select, text
{# async #}
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession
{# sync
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import Session
#}

from packages.database.config import ReadSessionLocal, SessionLocal
from tests.rows import Row

pytestmark = pytest.mark.usefixtures("rows")

NAMES = select(Row.name).order_by(Row.name)


async def test_each_session_sees_what_a_test_has_committed(db: AsyncSession) -> None:
    """A background task or a WebSocket opens a session of its own, and finds the rows of a test."""
    db.add(Row(name="a"))
    await db.commit()
    async with SessionLocal.begin() as other:
        other.add(Row(name="b"))
    async with ReadSessionLocal() as reader:
        assert (await reader.scalars(NAMES)).all() == ["a", "b"]
    assert (await db.scalars(NAMES)).all() == ["a", "b"]


async def test_session_for_reading_takes_nothing_back(db: AsyncSession) -> None:
    """A caller may read with one session, and write with another before the first is closed."""
    async with ReadSessionLocal() as reader:
        assert (await reader.scalars(NAMES)).all() == []
        async with SessionLocal.begin() as writer:
            writer.add(Row(name="kept"))
        assert (await reader.scalars(NAMES)).all() == ["kept"]
    assert (await db.scalars(NAMES)).all() == ["kept"]


{% if db.proof == "server" %}
async def test_rows_are_streamed(db: AsyncSession) -> None:
    """An export streams its rows in a session of its own, while other sessions work."""
    db.add_all([Row(name=name) for name in "abc"])
    await db.commit()
    found = []
    async with ReadSessionLocal() as reader:
{# async #}
        rows = await reader.stream_scalars(NAMES, execution_options={"yield_per": 1})
        async for name in rows:
{# sync
        for name in reader.scalars(NAMES, execution_options={"yield_per": 1}):
#}
            found += [name, (await db.scalars(NAMES)).first()]
    assert found == ["a", "a", "b", "a", "c", "a"]


{% endif %}
@pytest.mark.usefixtures("connection")
async def test_session_for_reading_refuses_to_write() -> None:
    """What would be refused in production is refused in a test, except for plain SQL."""
    async with ReadSessionLocal() as reader:
        with pytest.raises(InvalidRequestError):
            await reader.execute(insert(Row).values(name="refused"))
{% if db.server and db.refuse_writes %}
        with pytest.raises(InvalidRequestError):
            await reader.scalars(NAMES.with_for_update())
{% endif %}
        reader.add(Row(name="refused"))
        with pytest.raises(InvalidRequestError):
            await reader.flush()


async def test_statement_for_reading_fails_alone(db: AsyncSession) -> None:
    """As without a transaction, the statements that follow one that failed are executed."""
    async with ReadSessionLocal() as reader:
        with pytest.raises(DBAPIError):
            await reader.execute(text("SELECT no_such_column FROM test_rows"))
        assert (await reader.scalars(NAMES)).all() == []
    assert (await db.scalars(NAMES)).all() == []
