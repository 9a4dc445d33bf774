"""Fixtures: a database with the schema of the migrations, and a session that is rolled back."""

{# async #}
from collections.abc import AsyncIterator, Iterator
{# sync
from collections.abc import Iterator
#}
{% if cookiecutter.web_framework == "fastapi" %}
from typing import Any
{% endif %}

import pytest
from alembic import command
from alembic.config import Config
{% if cookiecutter.web_framework == "fastapi" %}
{# async #}
from httpx2 import ASGITransport, AsyncClient
{# sync
from fastapi.testclient import TestClient
#}
{% endif %}
{# async #}
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
{# sync
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
#}

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
{# async #}
def migrated(alembic_config: Config) -> Iterator[AsyncEngine]:
{# sync
def schema(alembic_config: Config) -> Iterator[Engine]:
#}
    """Create the test database, with the schema that the migrations build; return its engine."""
    try:
        create_database(engine.url)
    except (SystemExit, DBAPIError) as error:
        reason = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
        pytest.exit(f"The tests have no database: {reason}.", pytest.ExitCode.USAGE_ERROR)
    command.upgrade(alembic_config, "head")
    yield engine
{# sync
    engine.dispose()
    read_engine.dispose()
#}
    drop_database(engine.url)
{# async #}


@pytest.fixture(scope="session")
async def schema(migrated: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Close the connections in the event loop in which they were opened."""
    yield migrated
    await migrated.dispose()
    await read_engine.dispose()
{# end #}


@pytest.fixture(scope="module")
async def rows(schema: None) -> AsyncIterator[None]:  # noqa: ARG001
    """Give the tests of a module the table of `tests.rows.Row`, and remove it afterwards."""
{# async #}
    async with engine.begin() as connection:
        await connection.run_sync(Private.metadata.create_all)
    yield
    async with engine.begin() as connection:
        await connection.run_sync(Private.metadata.drop_all)
{# sync
    Private.metadata.create_all(engine)
    yield
    Private.metadata.drop_all(engine)
#}


@pytest.fixture
async def connection(schema: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give the test a connection; everything done on it is rolled back."""
    async with schema.connect() as connection:
        transaction = await connection.begin()
        yield connection
        await transaction.rollback()


@pytest.fixture
async def db(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """Give the test a session; a commit only releases a savepoint, so it can be rolled back."""
    async with SessionLocal(bind=connection, join_transaction_mode="create_savepoint") as db:
        yield db
{% if cookiecutter.web_framework == "fastapi" %}


@pytest.fixture
async def client(connection: AsyncConnection) -> AsyncIterator[AsyncClient]:
    """Give the test a client of the API; what its requests commit is rolled back afterwards."""

    async def get_test_db() -> AsyncIterator[AsyncSession]:
        async with SessionLocal(bind=connection, join_transaction_mode="create_savepoint") as db:
            yield db

    app.dependency_overrides[open_session] = get_test_db
    app.dependency_overrides[open_read_session] = get_test_db
{# async #}
    async with client_of_the_api() as client:
        yield client
{# sync
    yield client_of_the_api()
#}
    app.dependency_overrides.clear()


def client_of_the_api() -> AsyncClient:
{# async #}
    """Return a client that calls the API in this process and this event loop."""
    transport = ASGITransport(app, raise_app_exceptions=False)
    return AsyncClient(transport=transport, base_url="http://test")
{# sync
    """Return a client that calls the API in this process."""
    return TestClient(app, raise_server_exceptions=False)
#}


@pytest.fixture
async def user(client: AsyncClient) -> dict[str, Any]:
    """Return a stored user, as the API shows it."""
    new = {"email": "zoe@example.com", "name": "Zoë 🦆"}
    return dict((await client.post("/users", json=new)).json())


@pytest.fixture
async def job(client: AsyncClient, user: dict[str, Any]) -> dict[str, Any]:
    """Return a stored job of the user, as the API shows it."""
    new = {"owner_id": user["id"], "title": "first", "payload": {"pages": [1, 2]}}
    return dict((await client.post("/jobs", json=new)).json())
{% endif %}
