"""`seed` adds the same sample rows each time, and none twice."""

import pytest
from click.testing import CliRunner
{# async #}
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
{# sync
from sqlalchemy import Connection, func, select
#}

from packages.config.settings import settings
from packages.database.commands.cli import main
from packages.database.commands.seed import add_samples, count_samples
from packages.database.job_data_model import Job, JobStatus
from packages.database.user_data_model import User


async def test_samples_are_continued_where_they_end(connection: AsyncConnection) -> None:
    """A second run continues after the last sample; each user has ten jobs, of all statuses."""
{# async #}
    assert await connection.run_sync(count_samples) == 0
    await connection.run_sync(add_samples, range(3))
    assert await connection.run_sync(count_samples) == 3
    await connection.run_sync(add_samples, range(3, 5))
{# sync
    assert count_samples(connection) == 0
    add_samples(connection, range(3))
    assert count_samples(connection) == 3
    add_samples(connection, range(3, 5))
#}
    query = select(User.email, func.count(Job.id)).join(Job, Job.owner_id == User.id)
    found = await connection.execute(query.group_by(User.email).order_by(User.email))
    rows = [(f"sample-{number:09}@example.com", 10) for number in range(5)]
    assert list(map(tuple, found)) == rows
    jobs = (await connection.execute(select(Job.status, Job.payload, Job.created_at))).all()
    assert {job.status for job in jobs} == set(JobStatus)
    assert {job.payload["pages"][0] for job in jobs} == set(range(50))
    assert len({job.created_at for job in jobs}) == 50


def test_production_gets_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that was meant for another machine adds nothing to the real rows."""
    monkeypatch.setattr(settings, "ENVIRONMENT", "production")
    result = CliRunner().invoke(main, ["seed"])
    assert result.exit_code == 1
    assert "ENVIRONMENT is production" in result.output
