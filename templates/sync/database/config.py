{% macro create(url) %}
create_engine(
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

from collections.abc import Iterator

from sqlalchemy import {% if db.read_only %}URL, Engine, {% endif %}MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from packages.config.settings import settings
from packages.database.connections import prepare_connections
from packages.database.slow_queries import log_slow_queries
{% if db.server %}
from packages.database.tls import tls_arguments
{% endif %}

SQLALCHEMY_DATABASE_URL = settings.DATABASE_URL
{% if db.read_only %}


def engine_for(url: URL) -> Engine:
    """Return an engine for a URL: all engines of this service have the same limits."""
    engine = {{ create("url") | indent(4) }}
    prepare_connections(engine)
    log_slow_queries(engine, settings.DATABASE_SLOW_QUERY_SECONDS)
    return engine


engine = engine_for(SQLALCHEMY_DATABASE_URL)
{% else %}

engine = {{ create("SQLALCHEMY_DATABASE_URL") }}
prepare_connections(engine)
log_slow_queries(engine, settings.DATABASE_SLOW_QUERY_SECONDS)
{% endif %}

# A closed session stays closed: used again, as by a response that is still being streamed, it would
# take a connection that nobody gives back.
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
{% if db.table_options %}
    __table_args__ = ({{ "{" }}{% for option, value in db.table_options.items() %}"{{ option }}": "{{ value }}"{% if not loop.last %}, {% endif %}{% endfor %}{{ "}" }},)
{% endif %}


def get_db() -> Iterator[Session]:
    """Yield a session and close it, whatever happens; work that was not committed is rolled back.

    It never commits: the caller owns the transaction. A FastAPI dependency as it is; elsewhere use
    `contextlib.contextmanager(get_db)()` or `SessionLocal()` in a `with` statement.
    """
    with SessionLocal() as db:
        yield db
{% if db.read_only %}


read_engine = (
    engine_for(settings.DATABASE_READ_URL) if settings.DATABASE_READ_URL else engine
).execution_options({{ db.read_only }}=True)
ReadSessionLocal = sessionmaker(
    autocommit=False, autoflush=False, close_resets_only=False, bind=read_engine
)


def get_read_db() -> Iterator[Session]:
    """Yield a session in which the server refuses to write, and close it.

    It reads from `DATABASE_READ_URL`, such as a replica, which may be behind; where none is set, it
    reads what `get_db` writes.
    """
    with ReadSessionLocal() as db:
        yield db
{% endif %}
