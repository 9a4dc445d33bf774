"""The CockroachDB database of this service: its URL, engine, sessions and declarative base."""

from collections.abc import AsyncGenerator
from typing import Any

from sqlalchemy import URL, MetaData
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from packages.config.settings import settings
from packages.database.connections import prepare_connections, prepare_read_connections
from packages.database.slow_queries import log_slow_queries
from packages.database.tls import tls_arguments
from packages.database.types import PLAIN_TYPES

SQLALCHEMY_DATABASE_URL = settings.DATABASE_URL


def connect_args(url: URL) -> dict[str, Any]:
    """Return the driver's arguments for the connections of both engines."""
    return {
        "connect_timeout": settings.DATABASE_CONNECT_TIMEOUT_SECONDS,
        "application_name": settings.DATABASE_APPLICATION_NAME,
        "read_timeout": settings.read_timeout_seconds,
        "tcp_user_timeout": settings.DATABASE_STATEMENT_TIMEOUT_SECONDS * 1000,
        "options": (
            f"{url.query.get('options', '')} -c timezone=UTC"
            f" -c statement_timeout={settings.DATABASE_STATEMENT_TIMEOUT_SECONDS}s"
            f" -c lock_timeout={settings.DATABASE_LOCK_TIMEOUT_SECONDS}s"
            " -c idle_in_transaction_session_timeout="
            f"{settings.DATABASE_IDLE_TRANSACTION_TIMEOUT_SECONDS}s"
        ),
        **tls_arguments(),
    }


engine = create_async_engine(
    SQLALCHEMY_DATABASE_URL,
    connect_args=connect_args(SQLALCHEMY_DATABASE_URL),
    pool_recycle=settings.DATABASE_POOL_RECYCLE_SECONDS,
    pool_size=settings.DATABASE_POOL_SIZE,
    max_overflow=settings.DATABASE_MAX_OVERFLOW,
    pool_timeout=settings.DATABASE_POOL_TIMEOUT_SECONDS,
    pool_logging_name="write",  # in logs and metrics
    hide_parameters=True,
)
prepare_connections(engine.sync_engine)
log_slow_queries(engine.sync_engine, settings.DATABASE_SLOW_QUERY_SECONDS)

# With `expire_on_commit=False`, attributes stay readable after a commit, without another query.
# A closed session stays closed. If a task that still runs used it again, it would take a connection
# and never return it.
SessionLocal = async_sessionmaker(
    autocommit=False,
    autoflush=False,
    close_resets_only=False,
    expire_on_commit=False,
    bind=engine,
)


class Base(AsyncAttrs, DeclarativeBase):
    """The declarative base class of all models; `await model.awaitable_attrs.name` loads lazily."""

    # Every constraint gets a name, so that a later migration can drop it:
    # https://alembic.sqlalchemy.org/en/latest/naming.html
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = PLAIN_TYPES


async def get_db() -> AsyncGenerator[AsyncSession]:
    """Yield a session and close it, whatever happens; work that was not committed is rolled back.

    It never commits: the caller owns the transaction. A web framework may take it as a dependency;
    elsewhere use `contextlib.asynccontextmanager(get_db)()` or `async with SessionLocal() as db`.
    """
    async with SessionLocal() as db:
        yield db


READ_URL = settings.DATABASE_READ_URL or SQLALCHEMY_DATABASE_URL

# Each statement runs alone: no BEGIN, no ROLLBACK, one round trip.
read_engine = create_async_engine(
    READ_URL,
    connect_args=connect_args(READ_URL),
    isolation_level="AUTOCOMMIT",
    skip_autocommit_rollback=True,
    pool_recycle=settings.DATABASE_POOL_RECYCLE_SECONDS,
    pool_size=settings.DATABASE_POOL_SIZE,
    max_overflow=settings.DATABASE_MAX_OVERFLOW,
    pool_timeout=settings.DATABASE_POOL_TIMEOUT_SECONDS,
    pool_logging_name="read",
    hide_parameters=True,
)
prepare_read_connections(read_engine.sync_engine)
log_slow_queries(read_engine.sync_engine, settings.DATABASE_SLOW_QUERY_SECONDS)

ReadSessionLocal = async_sessionmaker(
    autocommit=False,
    autoflush=False,
    close_resets_only=False,
    expire_on_commit=False,
    bind=read_engine,
)


async def get_read_db() -> AsyncGenerator[AsyncSession]:
    """Yield a session that refuses to write, and close it.

    It reads from `DATABASE_READ_URL`, such as a replica, which may be behind; if it is unset,
    from the same server as `get_db`. Each statement sees what is committed when it begins.
    """
    db = ReadSessionLocal()
    try:
        yield db
    finally:
        # An `async with` would close it in a new task, a tenth of the time of a small read.
        await db.close()
