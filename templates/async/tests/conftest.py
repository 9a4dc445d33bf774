"""Fixtures: a database with the schema of the migrations, and sessions that are rolled back."""

{# async #}
{{ "from asyncio import AbstractEventLoop\n" if db.selector_loop -}}
from collections.abc import AsyncIterator, {{ "Callable, " if db.selector_loop }}Iterator
{# sync
from collections.abc import Iterator
#}
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
{% if cookiecutter.web_framework == "fastapi" %}
from fastapi import FastAPI
{# async #}
from httpx2 import ASGITransport, AsyncClient
{# sync
from fastapi.testclient import TestClient
#}
{% endif %}
{# async #}
from sqlalchemy import Result, event
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
{# sync
from sqlalchemy import Connection, Engine, Result, event
from sqlalchemy.exc import DBAPIError, InvalidRequestError
#}
from sqlalchemy.orm import ORMExecuteState, Session

{% if cookiecutter.web_framework == "fastapi" %}
from packages.api.app import app
{% endif %}
from packages.config import PROJECT_ROOT
from packages.database.config import ReadSessionLocal, SessionLocal, engine, read_engine
{{- imports("packages.database.event_loop", new_event_loop=db.selector_loop) }}
from tests.databases import create_database, drop_database
from tests.rows import Private

# In `Session.info` of a session for reading.
READS = "reads"
{# async #}
{% if db.selector_loop %}


# A fixture of pytest-asyncio. With its hook, `pytest_asyncio_loop_factories`, a test that is no
# coroutine would end the fixtures of the session.
@pytest.fixture(scope="session", name="_asyncio_loop_factory")
def loop_factory() -> Callable[[], AbstractEventLoop]:
    """Run the tests in the event loop that psycopg can use."""
    return new_event_loop
{% endif %}
{# end #}


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
    try:
        command.upgrade(alembic_config, "head")
    except CommandError as error:
        # Such as two newest revisions: each test would show a traceback.
        reason = f"The tests cannot migrate their database: {error}."
        pytest.exit(reason, pytest.ExitCode.USAGE_ERROR)
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
    """Give the test a connection, also to every session of the service; all of it is rolled back.

    A commit only releases a savepoint. A session for reading has none: closed last, it would roll
    back what another one has committed since.
    """
    {{- lines("# A result that is streamed would keep the connection from all other statements.\nschema.dialect.supports_server_side_cursors = False" if db.streams_alone) | indent }}
    async with schema.connect() as connection:
        transaction = await connection.begin()
        SessionLocal.configure(bind=connection, join_transaction_mode="create_savepoint")
        ReadSessionLocal.configure(
            bind=connection, join_transaction_mode="rollback_only", info={READS: True}
        )
        yield connection
        SessionLocal.configure(bind=engine)
        ReadSessionLocal.configure(bind=read_engine, info={})
        await transaction.rollback()


@event.listens_for(Session, "before_flush")
def refuse_to_write(db: Session, *_arguments: object) -> None:
    """Refuse what a session for reading writes: on the connection of a test, nothing else does.

    Raises:
        InvalidRequestError: a session for reading has something to write.
    """
    if READS in db.info:
        raise InvalidRequestError("a session for reading cannot write; use one that writes")


@event.listens_for(Session, "do_orm_execute")
def execute_alone(state: ORMExecuteState) -> Result[Any] | None:
    """Run a statement of a session for reading as if it had no transaction: it fails alone."""
    if READS not in state.session.info:
        return None
    if state.is_insert or state.is_update or state.is_delete:
        refuse_to_write(state.session)
{% if db.server and db.refuse_writes %}
    if getattr(state.statement, "_for_update_arg", None) is not None:
        raise InvalidRequestError("a session for reading cannot lock rows; use one that writes")
{% endif %}
    with state.session.connection().begin_nested():
        return state.invoke_statement()


@pytest.fixture
async def db(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:  # noqa: ARG001
    """Give the test a session; the sessions of the service see what it commits."""
    async with SessionLocal() as db:
        yield db
{% if cookiecutter.web_framework == "fastapi" %}


@pytest.fixture
async def client(connection: AsyncConnection) -> AsyncIterator[AsyncClient]:  # noqa: ARG001
    """Give the test a client of the API; what its requests commit is rolled back afterwards.

    A fault of the service, which a client sees as a 500, fails the test with its traceback.
    """
{# async #}
    async with client_of_the_api() as client:
        yield client
{# sync
    yield client_of_the_api()
#}
    app.dependency_overrides.clear()


def client_of_the_api(*, raises: bool = True) -> AsyncClient:
{# async #}
    """Return a client that calls the API in this process and this event loop.

    Args:
        raises: raise a fault of the service; without it, the response is a 500.
    """
    transport = ASGITransport(app, raise_app_exceptions=raises)
    return AsyncClient(transport=transport, base_url="http://test")
{# sync
    """Return a client that calls the API in this process.

    Args:
        raises: raise a fault of the service; without it, the response is a 500.
    """
    return TestClient(app, raise_server_exceptions=raises)
#}


@pytest.fixture
def api() -> Iterator[FastAPI]:
    """Give a test the API; the routes that the test adds are removed after it."""
    before = list(app.router.routes)
    yield app
    app.router.routes[:] = before


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
