"""A unit of work is committed as a whole or not at all, and retried only where a retry helps."""

import pytest
{% if db.server %}
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError, InvalidRequestError, OperationalError
{% else %}
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, InvalidRequestError
{% endif %}
from sqlalchemy.orm import Session

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


def add_row(db: Session) -> str:
    """Store a row."""
    db.add(Row(name="row"))
    return "done"


def test_work_is_committed(db: Session) -> None:
    """The result of `work` is returned, and its rows are committed."""
    assert run_in_transaction(db, add_row) == "done"
    db.rollback()
    assert db.scalars(select(Row.name)).all() == ["row"]


def test_failed_work_leaves_nothing_and_is_not_repeated(db: Session) -> None:
    """An error of the program is not retried."""
    calls = []

    def work(db: Session) -> None:
        calls.append(add_row(db))
        db.flush()
        raise RuntimeError("failed")

    with pytest.raises(RuntimeError, match="failed"):
        run_in_transaction(db, work)
    assert len(calls) == 1
    assert db.scalars(select(Row)).all() == []


def test_broken_constraint_is_not_repeated(db: Session) -> None:
    """A retry would violate the constraint again."""
    calls = []

    def work(db: Session) -> None:
        calls.append(1)
        db.add_all([Row(name="taken"), Row(name="taken")])

    with pytest.raises(IntegrityError):
        run_in_transaction(db, work)
    assert len(calls) == 1


def test_session_in_a_transaction_is_refused(db: Session) -> None:
    """The error says what to do; the work has not run, and nothing was written."""
    calls = []

    def work(db: Session) -> None:
        calls.append(add_row(db))

    db.add(Row(name="before"))
    db.scalars(select(Row))
    with pytest.raises(InvalidRequestError, match="commit or roll back first"):
        run_in_transaction(db, work)
    assert (calls, len(db.new)) == ([], 1)
    db.rollback()
    run_in_transaction(db, work)
    assert len(calls) == 1


def test_lost_transaction_runs_again(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database asks for a retry, the work runs again; the first run leaves nothing."""
    calls = []

    def work(db: Session) -> str:
        calls.append(add_row(db))
        db.flush()
        if len(calls) == 1:
            raise TimeoutError
        return "done"

    monkeypatch.setattr(transaction, "is_retryable", lambda error: isinstance(error, TimeoutError))
    assert run_in_transaction(db, work) == "done"
    assert len(calls) == 2
    assert db.scalars(select(Row.name)).all() == ["row"]


def test_attempts_end_with_the_last_error(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conflict that does not end is raised as it is, for the API to answer 503."""
    calls = []

    def work(db: Session) -> None:
        calls.append(add_row(db))
        raise TimeoutError

    monkeypatch.setattr(transaction, "MAX_ATTEMPTS", 3)
    monkeypatch.setattr(transaction, "is_retryable", lambda error: isinstance(error, TimeoutError))
    with pytest.raises(TimeoutError):
        run_in_transaction(db, work)
    assert len(calls) == 3
{% if db.server %}


def lost_connection() -> OperationalError:
    """Return what SQLAlchemy raises when the server has gone away."""
    return OperationalError("SELECT 1", {}, Exception("gone"), connection_invalidated=True)


@pytest.mark.parametrize(("losses", "attempts"), [(1, 2), (5, transaction.MAX_LOST_ATTEMPTS)])
def test_work_runs_again_on_another_connection(
    db: Session, monkeypatch: pytest.MonkeyPatch, losses: int, attempts: int
) -> None:
    """A connection that is lost before the commit costs nothing, unless the work itself ends it."""
    calls = []
    flush = Session.flush

    def lose(db: Session) -> None:
        calls.append(1)
        if len(calls) <= losses:
            raise lost_connection()
        flush(db)

    monkeypatch.setattr(Session, "flush", lose)
    if losses < attempts:
        assert run_in_transaction(db, add_row) == "done"
        assert db.scalars(select(Row.name)).all() == ["row"]
    else:
        with pytest.raises(OperationalError):
            run_in_transaction(db, add_row)
    assert len(calls) == attempts


def test_lost_commit_is_in_doubt_and_not_repeated(db: Session) -> None:
    """The server may have stored the work, and a second run might store it twice."""
    calls = []

    def work(db: Session) -> None:
        calls.append(add_row(db))

    def lose(*_arguments: object) -> None:
        raise lost_connection()

    event.listen(engine, "release_savepoint", lose)
    try:
        with pytest.raises(CommitOutcomeUnknownError):
            run_in_transaction(db, work)
    finally:
        event.remove(engine, "release_savepoint", lose)
    assert len(calls) == 1
{% endif %}
