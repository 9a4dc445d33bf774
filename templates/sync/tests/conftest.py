"""Fixtures: a database with the schema of the migrations, and a session that is rolled back."""

from collections.abc import Iterator
{% if cookiecutter.web_framework == "fastapi" %}
from typing import Any
{% endif %}

import pytest
from alembic import command
from alembic.config import Config
{% if cookiecutter.web_framework == "fastapi" %}
from fastapi.testclient import TestClient
{% endif %}
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

{% if cookiecutter.web_framework == "fastapi" %}
from packages.api.app import app
from packages.api.sessions import open_read_session, open_session
{% endif %}
from packages.config import PROJECT_ROOT
from packages.database.config import SessionLocal, engine, read_engine
from tests.databases import create_database, drop_database
from tests.rows import Private


@pytest.fixture(scope="session")
def alembic_config() -> Config:
    """Return the configuration that the `alembic` command reads."""
    return Config(PROJECT_ROOT / "alembic.ini")


@pytest.fixture(scope="session")
def schema(alembic_config: Config) -> Iterator[Engine]:
    """Create the test database, with the schema that the migrations build; return its engine."""
    try:
        create_database(engine.url)
    except (SystemExit, DBAPIError) as error:
        reason = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
        pytest.exit(f"The tests have no database: {reason}.", pytest.ExitCode.USAGE_ERROR)
    command.upgrade(alembic_config, "head")
    yield engine
    engine.dispose()
    read_engine.dispose()
    drop_database(engine.url)


@pytest.fixture(scope="module")
def rows(schema: None) -> Iterator[None]:  # noqa: ARG001
    """Give the tests of a module the table of `tests.rows.Row`, and remove it afterwards."""
    Private.metadata.create_all(engine)
    yield
    Private.metadata.drop_all(engine)


@pytest.fixture
def connection(schema: Engine) -> Iterator[Connection]:
    """Give the test a connection; everything done on it is rolled back."""
    with schema.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def db(connection: Connection) -> Iterator[Session]:
    """Give the test a session; a commit only releases a savepoint, so it can be rolled back."""
    with SessionLocal(bind=connection, join_transaction_mode="create_savepoint") as db:
        yield db
{% if cookiecutter.web_framework == "fastapi" %}


@pytest.fixture
def client(connection: Connection) -> Iterator[TestClient]:
    """Give the test a client of the API; what its requests commit is rolled back afterwards."""

    def get_test_db() -> Iterator[Session]:
        with SessionLocal(bind=connection, join_transaction_mode="create_savepoint") as db:
            yield db

    app.dependency_overrides[open_session] = get_test_db
    app.dependency_overrides[open_read_session] = get_test_db
    yield client_of_the_api()
    app.dependency_overrides.clear()


def client_of_the_api() -> TestClient:
    """Return a client that calls the API in this process."""
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def user(client: TestClient) -> dict[str, Any]:
    """Return a stored user, as the API shows it."""
    new = {"email": "zoe@example.com", "name": "Zoë 🦆"}
    return dict(client.post("/users", json=new).json())


@pytest.fixture
def job(client: TestClient, user: dict[str, Any]) -> dict[str, Any]:
    """Return a stored job of the user, as the API shows it."""
    new = {"owner_id": user["id"], "title": "first", "payload": {"pages": [1, 2]}}
    return dict(client.post("/jobs", json=new).json())
{% endif %}
