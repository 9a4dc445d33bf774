"""Fixtures: a database with the schema of the migrations, and a session that is rolled back."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from packages.config import PROJECT_ROOT
from packages.database.config import SessionLocal, engine, read_engine
from tests.databases import create_database, drop_database


@pytest.fixture(scope="session")
def alembic_config() -> Config:
    """Return the configuration that the `alembic` command reads."""
    return Config(PROJECT_ROOT / "alembic.ini")


@pytest.fixture(scope="session")
def schema(alembic_config: Config) -> Iterator[Engine]:
    """Create the test database, with the schema that the migrations build; return its engine."""
    create_database(engine.url)
    command.upgrade(alembic_config, "head")
    yield engine
    engine.dispose()
    read_engine.dispose()
    drop_database(engine.url)


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
