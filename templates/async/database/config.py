{% macro create(url) %}
create_async_engine(
    {{ url }},
    connect_args={
        {{ db.connect_args | indent(8) }}
{% if db.server %}
        **tls_arguments({{ url if db.tls_takes_url else "" }}),
{% endif %}
    },
{% if db.server %}
    pool_pre_ping=True,
    pool_recycle=settings.DATABASE_POOL_RECYCLE_SECONDS,
{% endif %}
    pool_size=settings.DATABASE_POOL_SIZE,
    max_overflow=settings.DATABASE_MAX_OVERFLOW,
    pool_timeout=settings.DATABASE_POOL_TIMEOUT_SECONDS,
    hide_parameters=True,
)
{%- endmacro %}
"""The {{ db.name }} database of this service: its URL, engine, sessions and declarative base."""

from collections.abc import AsyncIterator

{% if cookiecutter.session_style == "async" %}
from sqlalchemy import {% if db.read_only %}URL, {% endif %}MetaData
{% if db.read_only %}
from sqlalchemy.ext.asyncio import (
    AsyncAttrs,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
{% else %}
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncSession, async_sessionmaker, create_async_engine
{% endif %}
from sqlalchemy.orm import DeclarativeBase
{% else %}
from sqlalchemy import {% if db.read_only %}URL, Engine, {% endif %}MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
{% endif %}

from packages.config.settings import settings
from packages.database.connections import prepare_connections
from packages.database.slow_queries import log_slow_queries
{% if db.server %}
from packages.database.tls import tls_arguments
{% endif %}

SQLALCHEMY_DATABASE_URL = settings.DATABASE_URL
{% if db.read_only %}


def engine_for(url: URL) -> AsyncEngine:
    """Return an engine for a URL: all engines of this service have the same limits."""
    engine = {{ create("url") | indent(4) }}
    prepare_connections(engine.sync_engine)
    log_slow_queries(engine.sync_engine, settings.DATABASE_SLOW_QUERY_SECONDS)
    return engine


engine = engine_for(SQLALCHEMY_DATABASE_URL)
{% else %}

engine = {{ create("SQLALCHEMY_DATABASE_URL") }}
prepare_connections(engine.sync_engine)
log_slow_queries(engine.sync_engine, settings.DATABASE_SLOW_QUERY_SECONDS)
{% endif %}

{% if cookiecutter.session_style == "async" %}
# Nothing is loaded behind the program's back, so what was loaded stays readable after a commit.
{% endif %}
# A closed session stays closed: used again, as by a response that is still being streamed, it would
# take a connection that nobody gives back.
{% if cookiecutter.session_style == "async" %}
SessionLocal = async_sessionmaker(
    autocommit=False,
    autoflush=False,
    close_resets_only=False,
    expire_on_commit=False,
    bind=engine,
)
{% else %}
SessionLocal = sessionmaker(autocommit=False, autoflush=False, close_resets_only=False, bind=engine)
{% endif %}


{% if cookiecutter.session_style == "async" %}
class Base(AsyncAttrs, DeclarativeBase):
    """The declarative base class of all models; `await model.awaitable_attrs.name` loads lazily."""
{% else %}
class Base(DeclarativeBase):
    """The declarative base class of all models."""
{% endif %}

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
{% if db.table_options %}
    __table_args__ = ({{ "{" }}{% for option, value in db.table_options.items() %}"{{ option }}": "{{ value }}"{% if not loop.last %}, {% endif %}{% endfor %}{{ "}" }},)
{% endif %}


async def get_db() -> AsyncIterator[AsyncSession]:
    """Yield a session and close it, whatever happens; work that was not committed is rolled back.

    It never commits: the caller owns the transaction. A FastAPI dependency as it is; elsewhere use
    `contextlib.asynccontextmanager(get_db)()` or `SessionLocal()` in an `async with` statement.
    """
    async with SessionLocal() as db:
        yield db
{% if db.read_only %}


read_engine = (
    engine_for(settings.DATABASE_READ_URL) if settings.DATABASE_READ_URL else engine
).execution_options({{ db.read_only }}=True)
ReadSessionLocal = async_sessionmaker(
{% if cookiecutter.session_style == "async" %}
    autocommit=False,
    autoflush=False,
    close_resets_only=False,
    expire_on_commit=False,
    bind=read_engine,
{% else %}
    autocommit=False, autoflush=False, close_resets_only=False, bind=read_engine
{% endif %}
)


async def get_read_db() -> AsyncIterator[AsyncSession]:
    """Yield a session in which the server refuses to write, and close it.

    It reads from `DATABASE_READ_URL`, such as a replica, which may be behind; where none is set, it
    reads what `get_db` writes.
    """
    async with ReadSessionLocal() as db:
        yield db
{% endif %}
