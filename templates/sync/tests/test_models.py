"""Stored values come back unchanged."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from packages.database.job_data_model import Job, JobStatus
from packages.database.models import MyModel
from packages.database.user_data_model import User

TEXT = "Zoë 日本語 ẞ 🦆"


@pytest.fixture
def user(db: Session) -> User:
    """Return a stored user."""
    user = User(email="zoe@example.com", name=TEXT)
    db.add(user)
    db.commit()
    return user


def test_text_in_any_script_comes_back(db: Session) -> None:
    """Any Unicode text is stored and read unchanged."""
    db.add(MyModel(name=TEXT))
    db.commit()
    assert db.scalars(select(MyModel.name)).all() == [TEXT]


def test_times_keep_microseconds_and_come_back_in_utc(db: Session, user: User) -> None:
    """A time with any offset comes back as the same instant, in UTC, to the microsecond."""
    moment = datetime(2026, 2, 28, 23, 59, 59, 678901, tzinfo=timezone(timedelta(hours=5.5)))
    user.created_at = moment
    db.commit()
    db.expire_all()
    assert user.created_at == moment
    assert user.created_at.tzinfo is UTC


def test_time_without_a_zone_is_refused(db: Session, user: User) -> None:
    """A time without a time zone is ambiguous, and is not stored."""
    user.created_at = datetime(2026, 2, 28)  # noqa: DTZ001
    with pytest.raises(StatementError, match="has no time zone"):
        db.flush()


def test_update_sets_the_time_of_the_last_change(db: Session, user: User) -> None:
    """A change sets `updated_at`, not `created_at`."""
    created, updated = user.created_at, user.updated_at
    user.name = "Zoë the Second"
    db.commit()
    assert user.created_at == created
    assert user.updated_at > updated


def test_email_address_is_unique(db: Session, user: User) -> None:
    """Two users cannot share an address."""
    db.add(User(email=user.email, name="another"))
    with pytest.raises(IntegrityError):
        db.flush()


def test_job_keeps_its_payload_and_status(db: Session, user: User) -> None:
    """A nested document and a status survive the round trip."""
    payload = {"text": TEXT, "list": [1, 2.5, None, True], "nested": {"empty": {}}}
    job = Job(owner=user, title="first", payload=payload, status=JobStatus.RUNNING)
    db.add(job)
    db.commit()
    db.expire_all()
    assert job.payload == payload
    assert job.status is JobStatus.RUNNING
    assert job.owner is user


def test_job_without_an_owner_is_refused(db: Session) -> None:
    """The database refuses a job whose owner does not exist."""
    db.add(Job(owner_id=2_000_000_000, title="orphan"))
    with pytest.raises(IntegrityError):
        db.flush()


def test_unknown_status_is_refused(db: Session, user: User) -> None:
    """The database has a constraint for what the enumeration says."""
    db.add(Job(owner=user, title="first"))
    db.commit()
    with pytest.raises(IntegrityError):
        db.execute(text("UPDATE jobs SET status = 'none'"))


def test_owner_of_a_job_cannot_be_deleted(db: Session, user: User) -> None:
    """The database refuses to delete a user who owns jobs."""
    db.add(Job(owner=user, title="first"))
    db.commit()
    db.delete(user)
    with pytest.raises(IntegrityError):
        db.flush()
