"""`seed`: adds sample users and jobs. It belongs to the samples: remove it with them."""

import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sqlalchemy import Connection, Engine, func, select

from packages.config.settings import settings
from packages.database.bulk import insert_rows
from packages.database.commands.output import json_option, report
from packages.database.commands.running import run
from packages.database.job_data_model import Job, JobStatus
from packages.database.user_data_model import User

JOBS_EACH = 10
USERS_AT_ONCE = 500
STATUSES = list(JobStatus)
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@click.command()
@click.option(
    "--count",
    type=click.IntRange(1, 1_000_000_000),
    default=1000,
    show_default=True,
    help="Jobs to have in the end, rounded up to tens: each user has ten.",
)
@json_option
def seed(*, count: int, as_json: bool) -> None:
    """Add sample users and jobs, until there are as many as asked for.

    They are the same rows each time, and none is added twice. A second run continues one that was
    interrupted. The users have addresses such as sample-000000001@example.com. With
    ENVIRONMENT=production, nothing is added.
    """
    if settings.ENVIRONMENT == "production":
        raise click.ClickException("ENVIRONMENT is production; sample rows are not added there")
    logging.getLogger("packages.database.slow_queries").setLevel(logging.ERROR)
    users = -(-count // JOBS_EACH)
    added = run(lambda engine: fill(engine, users))
    sentence = f"{added} users and {added * JOBS_EACH} jobs are added."
    report(sentence, as_json=as_json, users=added, jobs=added * JOBS_EACH)


def fill(engine: Engine, users: int) -> int:
    """Add the missing sample users, with their jobs; return how many were missing."""
    with engine.begin() as connection:
        present = count_samples(connection)
    missing = range(present, users)
    jobs = len(missing) * JOBS_EACH
    with click.progressbar(length=jobs, label="Adding jobs", file=sys.stderr) as bar:
        for start in range(0, len(missing), USERS_AT_ONCE):
            numbers = missing[start : start + USERS_AT_ONCE]
            with engine.begin() as connection:
                add_samples(connection, numbers)
            bar.update(len(numbers) * JOBS_EACH)
    return len(missing)


def count_samples(connection: Connection) -> int:
    """Return how many sample users there are; they are numbered from 0."""
    query = select(func.max(User.email)).where(User.email.between(_email(0), _email(999_999_999)))
    last = connection.scalar(query)
    return 0 if last is None else int(last.removeprefix("sample-").partition("@")[0]) + 1


def add_samples(connection: Connection, numbers: range) -> None:
    """Add the sample users of these numbers, and the jobs of each."""
    insert_rows(connection, User, [_user(number) for number in numbers])
    added = User.email.between(_email(numbers[0]), _email(numbers[-1]))
    owners = connection.scalars(select(User.id).where(added).order_by(User.email))
    jobs = [
        _job(owner, number)
        for owner, user in zip(owners, numbers, strict=True)
        for number in range(user * JOBS_EACH, (user + 1) * JOBS_EACH)
    ]
    insert_rows(connection, Job, jobs)


def _email(number: int) -> str:
    return f"sample-{number:09}@example.com"


def _user(number: int) -> dict[str, Any]:
    moment = BEGINNING + timedelta(minutes=number)
    return {
        "email": _email(number),
        "name": f"Sample {number}",
        "created_at": moment,
        "updated_at": moment,
    }


def _job(owner: int, number: int) -> dict[str, Any]:
    moment = BEGINNING + timedelta(seconds=number)
    return {
        "owner_id": owner,
        "title": f"Sample job {number}",
        "status": STATUSES[number % len(STATUSES)],
        "payload": {"pages": [number % 100]},
        "created_at": moment,
        "updated_at": moment,
    }
