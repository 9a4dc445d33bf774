"""A unit of work is committed as a whole or not at all, and retried only where a retry helps."""

import pytest
{% if db.server %}
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError, InvalidRequestError, OperationalError
{% else %}
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, InvalidRequestError
{% endif %}
from sqlalchemy.ext.asyncio import AsyncSession

from packages.database import transaction
{% if db.server %}
from packages.database.config import engine
{% endif %}
{% if db.server %}
from packages.database.transaction import CommitOutcomeUnknownError, run_in_transaction
{% else %}
from packages.database.transaction import run_in_transaction
{% endif %}
from tests.rows import Row

pytestmark = pytest.mark.usefixtures("rows")


async def add_row(db: AsyncSession) -> str:
    """Store a row."""
    db.add(Row(name="row"))
    return "done"


async def test_work_is_committed(db: AsyncSession) -> None:
    """The result of `work` is returned, and its rows are committed."""
    assert await run_in_transaction(db, add_row) == "done"
    await db.rollback()
    assert (await db.scalars(select(Row.name))).all() == ["row"]


async def test_failed_work_leaves_nothing_and_is_not_repeated(db: AsyncSession) -> None:
    """An error of the program is not retried."""
    calls = []

    async def work(db: AsyncSession) -> None:
        calls.append(await add_row(db))
        await db.flush()
        raise RuntimeError("failed")

    with pytest.raises(RuntimeError, match="failed"):
        await run_in_transaction(db, work)
    assert len(calls) == 1
    assert (await db.scalars(select(Row))).all() == []


async def test_broken_constraint_is_not_repeated(db: AsyncSession) -> None:
    """A retry would violate the constraint again."""
    calls = []

    async def work(db: AsyncSession) -> None:
        calls.append(1)
        db.add_all([Row(name="taken"), Row(name="taken")])

    with pytest.raises(IntegrityError):
        await run_in_transaction(db, work)
    assert len(calls) == 1


async def test_session_in_a_transaction_is_refused(db: AsyncSession) -> None:
    """The error says what to do; the work has not run, and nothing was written."""
    calls = []

    async def work(db: AsyncSession) -> None:
        calls.append(await add_row(db))

    db.add(Row(name="before"))
    await db.scalars(select(Row))
    with pytest.raises(InvalidRequestError, match="commit or roll back first"):
        await run_in_transaction(db, work)
    assert (calls, len(db.new)) == ([], 1)
    await db.rollback()
    await run_in_transaction(db, work)
    assert len(calls) == 1


async def test_lost_transaction_runs_again(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the database asks for a retry, the work runs again; the first run leaves nothing."""
    calls = []

    async def work(db: AsyncSession) -> str:
        calls.append(await add_row(db))
        await db.flush()
        if len(calls) == 1:
            raise TimeoutError
        return "done"

    monkeypatch.setattr(transaction, "is_retryable", lambda error: isinstance(error, TimeoutError))
    assert await run_in_transaction(db, work) == "done"
    assert len(calls) == 2
    assert (await db.scalars(select(Row.name))).all() == ["row"]


async def test_attempts_end_with_the_last_error(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conflict that does not end is raised as it is, for the API to answer 503."""
    calls = []

    async def work(db: AsyncSession) -> None:
        calls.append(await add_row(db))
        raise TimeoutError

    monkeypatch.setattr(transaction, "MAX_ATTEMPTS", 3)
    monkeypatch.setattr(transaction, "is_retryable", lambda error: isinstance(error, TimeoutError))
    with pytest.raises(TimeoutError):
        await run_in_transaction(db, work)
    assert len(calls) == 3
{% if db.server %}


def lost_connection() -> OperationalError:
    """Return what SQLAlchemy raises when the server has gone away."""
    return OperationalError("SELECT 1", {}, Exception("gone"), connection_invalidated=True)


@pytest.mark.parametrize(("losses", "attempts"), [(1, 2), (5, transaction.MAX_LOST_ATTEMPTS)])
async def test_work_runs_again_on_another_connection(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch, losses: int, attempts: int
) -> None:
    """A connection that is lost before the commit costs nothing, unless the work itself ends it."""
    calls = []
    flush = AsyncSession.flush

    async def lose(db: AsyncSession) -> None:
        calls.append(1)
        if len(calls) <= losses:
            raise lost_connection()
        await flush(db)

    monkeypatch.setattr(AsyncSession, "flush", lose)
    if losses < attempts:
        assert await run_in_transaction(db, add_row) == "done"
        assert (await db.scalars(select(Row.name))).all() == ["row"]
    else:
        with pytest.raises(OperationalError):
            await run_in_transaction(db, add_row)
    assert len(calls) == attempts


async def test_lost_commit_is_in_doubt_and_not_repeated(db: AsyncSession) -> None:
    """The server may have stored the work, and a second run might store it twice."""
    calls = []

    async def work(db: AsyncSession) -> None:
        calls.append(await add_row(db))

    def lose(*_arguments: object) -> None:
        raise lost_connection()

    event.listen(engine.sync_engine, "release_savepoint", lose)
    try:
        with pytest.raises(CommitOutcomeUnknownError):
            await run_in_transaction(db, work)
    finally:
        event.remove(engine.sync_engine, "release_savepoint", lose)
    assert len(calls) == 1
{% endif %}
