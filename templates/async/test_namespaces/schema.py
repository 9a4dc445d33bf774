"""Chooses, creates and drops the test schema: one for each worker of pytest-xdist."""

{# async #}
import asyncio
{# end #}
import os
from typing import NoReturn

import pytest
{# async #}
from sqlalchemy import URL, event, pool
from sqlalchemy.ext.asyncio import create_async_engine
{# sync
from sqlalchemy import URL, create_engine, event, pool
#}

from packages.config.database_url import parse_database_url
from packages.config.settings import settings
from packages.database.connections import connect_or_exit
from packages.database.tls import tls_arguments

# Before the tests point the settings at the test schema.
SERVICE_URL = settings.DATABASE_URL
NAME = "{{ cookiecutter.project_slug }}_test"
CREATE = [
{% for statement in db.create_database %}
    "{{ statement }}",
{% endfor %}
]


def choose_test_database() -> URL:
    """Return the URL of the service's test schema, on the server of `TEST_DATABASE_URL`.

    That URL names an account that may create users; without it, `DATABASE_URL` does. The schema is
    dropped and created again, so its name is made here and always says "test".
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return _administrator().set(username=f"{NAME}_{worker}" if worker else NAME)


def _administrator() -> URL:
    text = os.environ.get("TEST_DATABASE_URL")
    if not text:
        return SERVICE_URL
    try:
        return parse_database_url(text)
    except ValueError as error:
        _refuse(str(error))


def _refuse(sentence: str) -> NoReturn:
    pytest.exit(f"TEST_DATABASE_URL: {sentence}", returncode=pytest.ExitCode.USAGE_ERROR)


def create_database(url: URL) -> None:
    """Drop the schema and create it again."""
    drop_database(url)
    for statement in CREATE:
        asyncio.run(_execute(url, statement))


def drop_database(url: URL) -> None:
    """Drop the schema."""
    statement = "BEGIN EXECUTE IMMEDIATE 'DROP USER {name} CASCADE';"
    # ORA-01918: there is no such user.
    statement += " EXCEPTION WHEN OTHERS THEN IF SQLCODE != -1918 THEN RAISE; END IF; END;"
    asyncio.run(_execute(url, statement))


async def _execute(url: URL, statement: str) -> None:
    """Execute a statement as the administrator, outside the schema that it is about."""
    engine = create_async_engine(
        _administrator(),
        connect_args=tls_arguments(_administrator()),
        isolation_level="AUTOCOMMIT",
        poolclass=pool.NullPool,
    )
    event.listen(engine.sync_engine, "do_connect", connect_or_exit)
    quote = engine.dialect.identifier_preparer.quote_identifier
    name, password = quote(str(url.username).upper()), quote(str(url.password))
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement.format(name=name, password=password))
