"""The Oracle database of this service: its URL, engine, sessions and declarative base."""

from collections.abc import Generator
from typing import Any

from sqlalchemy import URL, MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from packages.config.settings import settings
from packages.database.connections import (
    ReadSession,
    prepare_connections,
    prepare_read_connections,
)
from packages.database.slow_queries import log_slow_queries
from packages.database.tls import tls_arguments
from packages.database.types import PLAIN_TYPES

SQLALCHEMY_DATABASE_URL = settings.DATABASE_URL


def connect_args(url: URL) -> dict[str, Any]:
    """Return the driver's arguments for the connections of both engines."""
    return {
        "tcp_connect_timeout": settings.DATABASE_CONNECT_TIMEOUT_SECONDS,
        "expire_time": 2,
        "program": settings.DATABASE_APPLICATION_NAME,
        **tls_arguments(url),
    }


engine = create_engine(
    SQLALCHEMY_DATABASE_URL,
    connect_args=connect_args(SQLALCHEMY_DATABASE_URL),
    pool_recycle=settings.DATABASE_POOL_RECYCLE_SECONDS,
    pool_size=settings.DATABASE_POOL_SIZE,
    max_overflow=settings.DATABASE_MAX_OVERFLOW,
    pool_timeout=settings.DATABASE_POOL_TIMEOUT_SECONDS,
    pool_logging_name="write",  # in logs and metrics
    hide_parameters=True,
)
prepare_connections(engine)
log_slow_queries(engine, settings.DATABASE_SLOW_QUERY_SECONDS)

# A closed session stays closed. If a task that still runs used it again, it would take a connection
# and never return it.
SessionLocal = sessionmaker(autocommit=False, autoflush=False, close_resets_only=False, bind=engine)


class Base(DeclarativeBase):
    """The declarative base class of all models."""

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


def get_db() -> Generator[Session]:
    """Yield a session and close it, whatever happens; work that was not committed is rolled back.

    It never commits: the caller owns the transaction. A web framework may take it as a dependency;
    elsewhere use `contextlib.contextmanager(get_db)()` or `with SessionLocal() as db`.
    """
    with SessionLocal() as db:
        yield db


READ_URL = settings.DATABASE_READ_URL or SQLALCHEMY_DATABASE_URL

# Each statement runs alone: no BEGIN, no ROLLBACK, one round trip.
read_engine = create_engine(
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
prepare_read_connections(read_engine)
log_slow_queries(read_engine, settings.DATABASE_SLOW_QUERY_SECONDS)

ReadSessionLocal = sessionmaker(
    class_=ReadSession,
    autocommit=False,
    autoflush=False,
    close_resets_only=False,
    bind=read_engine,
)


def get_read_db() -> Generator[Session]:
    """Yield a session that refuses to write, and close it.

    It reads from `DATABASE_READ_URL`, such as a replica, which may be behind; if it is unset,
    from the same server as `get_db`. Each statement sees what is committed when it begins.
    """
    with ReadSessionLocal() as db:
        yield db
