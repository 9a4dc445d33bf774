"""Chooses, creates and drops the test database: one for each worker of pytest-xdist."""

import os
from typing import NoReturn

import pytest
from sqlalchemy import URL, create_engine, event, pool

from packages.config.database_url import parse_database_url
from packages.config.settings import settings
from packages.database.connections import connect_or_exit
{{- imports("packages.database.event_loop", run_async=db.selector_loop) }}
from packages.database.tls import tls_arguments


def choose_test_database() -> URL:
    """Return the URL in `TEST_DATABASE_URL`; without one, that of the service with `_test` added.

    The tests drop it, so they refuse a name without `test_` in front or `_test` at the end.
    """
    text = os.environ.get("TEST_DATABASE_URL")
    if text:
        try:
            url = parse_database_url(text)
        except ValueError as error:
            _refuse(str(error))
        if url.password is None:
            url = url.set(password=settings.DATABASE_URL.password)
    else:
        url = settings.DATABASE_URL.set(database=f"{settings.DATABASE_URL.database}_test")
    name = str(url.database)
    if not name.startswith("test_") and not name.endswith("_test"):
        _refuse(f"the tests would drop the database {name!r}; expected a name such as {name}_test")
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return url.set(database=f"{name}_{worker}") if worker else url


def _refuse(sentence: str) -> NoReturn:
    pytest.exit(f"TEST_DATABASE_URL: {sentence}", returncode=pytest.ExitCode.USAGE_ERROR)


def create_database(url: URL) -> None:
    """Drop the database and create it again."""
{% for statement in db.create_database %}
    _execute(url, "{{ statement }}")
{% endfor %}


def drop_database(url: URL) -> None:
    """Drop the database."""
    _execute(url, "{{ db.create_database[0] }}")


def _execute(url: URL, statement: str) -> None:
    """Execute a statement on the server, outside the database that it is about."""
    engine = create_engine(
        url.set(database="{{ db.maintenance_database }}"),
        connect_args=tls_arguments(),
        isolation_level="AUTOCOMMIT",
        poolclass=pool.NullPool,
    )
    event.listen(engine, "do_connect", connect_or_exit)
    name = engine.dialect.identifier_preparer.quote(str(url.database))
    with engine.connect() as connection:
        connection.exec_driver_sql(statement.format(name=name))
