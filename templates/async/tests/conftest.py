"""Fixtures: a database with the schema of the migrations, and a session that is rolled back."""

{% if cookiecutter.session_style == "async" %}
from collections.abc import AsyncIterator, Iterator
{% else %}
from collections.abc import Iterator
{% endif %}

import pytest
from alembic import command
from alembic.config import Config
{% if cookiecutter.session_style == "async" %}
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
{% else %}
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session
{% endif %}

from packages.config import PROJECT_ROOT
from packages.database.config import SessionLocal, engine, read_engine
from tests.databases import create_database, drop_database


@pytest.fixture(scope="session")
def alembic_config() -> Config:
    """Return the configuration that the `alembic` command reads."""
    return Config(PROJECT_ROOT / "alembic.ini")


@pytest.fixture(scope="session")
{% if cookiecutter.session_style == "async" %}
def migrated(alembic_config: Config) -> Iterator[AsyncEngine]:
{% else %}
def schema(alembic_config: Config) -> Iterator[Engine]:
{% endif %}
    """Create the test database, with the schema that the migrations build; return its engine."""
    create_database(engine.url)
    command.upgrade(alembic_config, "head")
    yield engine
{% if cookiecutter.session_style == "async" %}
{% else %}
    engine.dispose()
    read_engine.dispose()
{% endif %}
    drop_database(engine.url)
{% if cookiecutter.session_style == "async" %}


@pytest.fixture(scope="session")
async def schema(migrated: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Close the connections in the event loop in which they were opened."""
    yield migrated
    await migrated.dispose()
    await read_engine.dispose()
{% endif %}


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
