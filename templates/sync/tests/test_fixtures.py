"""The sessions of the service work on the connection of a test, and behave as on their own."""

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import Session

from packages.database.config import ReadSessionLocal, SessionLocal
from tests.rows import Row

pytestmark = pytest.mark.usefixtures("rows")

NAMES = select(Row.name).order_by(Row.name)


def test_each_session_sees_what_a_test_has_committed(db: Session) -> None:
    """A background task or a WebSocket opens a session of its own, and finds the rows of a test."""
    db.add(Row(name="a"))
    db.commit()
    with SessionLocal.begin() as other:
        other.add(Row(name="b"))
    with ReadSessionLocal() as reader:
        assert reader.scalars(NAMES).all() == ["a", "b"]
    assert db.scalars(NAMES).all() == ["a", "b"]


def test_session_for_reading_takes_nothing_back(db: Session) -> None:
    """A caller may read with one session, and write with another before the first is closed."""
    with ReadSessionLocal() as reader:
        assert reader.scalars(NAMES).all() == []
        with SessionLocal.begin() as writer:
            writer.add(Row(name="kept"))
        assert reader.scalars(NAMES).all() == ["kept"]
    assert db.scalars(NAMES).all() == ["kept"]


{% if db.proof == "server" %}
def test_rows_are_streamed(db: Session) -> None:
    """An export streams its rows in a session of its own, while other sessions work."""
    db.add_all([Row(name=name) for name in "abc"])
    db.commit()
    found = []
    with ReadSessionLocal() as reader:
        for name in reader.scalars(NAMES, execution_options={"yield_per": 1}):
            found += [name, db.scalars(NAMES).first()]
    assert found == ["a", "a", "b", "a", "c", "a"]


{% endif %}
@pytest.mark.usefixtures("connection")
def test_session_for_reading_refuses_to_write() -> None:
    """What would be refused in production is refused in a test, except for plain SQL."""
    with ReadSessionLocal() as reader:
        with pytest.raises(InvalidRequestError):
            reader.execute(insert(Row).values(name="refused"))
{% if db.server and db.refuse_writes %}
        with pytest.raises(InvalidRequestError):
            reader.scalars(NAMES.with_for_update())
{% endif %}
        reader.add(Row(name="refused"))
        with pytest.raises(InvalidRequestError):
            reader.flush()


def test_statement_for_reading_fails_alone(db: Session) -> None:
    """As without a transaction, the statements that follow one that failed are executed."""
    with ReadSessionLocal() as reader:
        with pytest.raises(DBAPIError):
            reader.execute(text("SELECT no_such_column FROM test_rows"))
        assert reader.scalars(NAMES).all() == []
    assert db.scalars(NAMES).all() == []
