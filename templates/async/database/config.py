"""The {{ db.name }} database of this service: its URL, engine, sessions and declarative base."""

from collections.abc import AsyncGenerator
{{- imports("typing", Any=db.server) }}

{# async #}
from sqlalchemy import {{ "URL, " if db.arguments_take_url }}MetaData{{ ", Table, event" if db.table_options }}
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
{# sync
from sqlalchemy import {{ "URL, " if db.arguments_take_url }}MetaData, {{ "Table, " if db.table_options }}create_engine{{ ", event" if db.table_options }}
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
#}

from packages.config.settings import settings
{{- imports("packages.database.connections", ReadSession=not db.refuse_writes, prepare_connections=true, prepare_read_connections=true) }}
from packages.database.slow_queries import log_slow_queries
{{- imports("packages.database.tls", tls_arguments=db.server) }}
from packages.database.types import PLAIN_TYPES

SQLALCHEMY_DATABASE_URL = settings.DATABASE_URL
{% if db.server %}


def connect_args({{ "url: URL" if db.arguments_take_url }}) -> dict[str, Any]:
    """Return the driver's arguments for the connections of both engines."""
    return {
        {{ db.connect_args | indent(8) }}
        **tls_arguments({{ "url" if db.tls_takes_url }}),
    }

{% endif %}

engine = create_async_engine(
    SQLALCHEMY_DATABASE_URL,
{% include db.kind ~ '/engine/arguments.py' %}
    pool_timeout=settings.DATABASE_POOL_TIMEOUT_SECONDS,
    {{- lines("pool_reset_on_return=None,  # `prepare_connections` rolls back what is open" if db.on_reset) | indent }}
    pool_logging_name="write",  # in logs and metrics
    hide_parameters=True,
)
prepare_connections(engine.sync_engine)
log_slow_queries(engine.sync_engine, settings.DATABASE_SLOW_QUERY_SECONDS)

{# async #}
# With `expire_on_commit=False`, attributes stay readable after a commit, without another query.
{# end #}
# A closed session stays closed. If a task that still runs used it again, it would take a connection
# and never return it.
{# async #}
SessionLocal = async_sessionmaker(
    autocommit=False,
    autoflush=False,
    close_resets_only=False,
    expire_on_commit=False,
    bind=engine,
)
{# sync
SessionLocal = sessionmaker(autocommit=False, autoflush=False, close_resets_only=False, bind=engine)
#}


{# async #}
class Base(AsyncAttrs, DeclarativeBase):
    """The declarative base class of all models; `await model.awaitable_attrs.name` loads lazily."""
{# sync
class Base(DeclarativeBase):
    """The declarative base class of all models."""
#}

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
{% if db.table_options %}


@event.listens_for(Table, "after_parent_attach")
def set_table_options(table: Table, metadata: MetaData) -> None:
    """Give every table its character set and engine, whatever the model's `__table_args__` say."""
    if metadata is Base.metadata:
        {{- lines(db.table_setup) | indent(8) }}
{% for option, value in db.table_options.items() %}
        table.dialect_kwargs.setdefault("{{ option }}", "{{ value }}")
{% endfor %}
{% endif %}


async def get_db() -> AsyncGenerator[AsyncSession]:
    """Yield a session and close it, whatever happens; work that was not committed is rolled back.

    It never commits: the caller owns the transaction. A web framework may take it as a dependency;
    elsewhere use `contextlib.asynccontextmanager(get_db)()` or `async with SessionLocal() as db`.
    """
    async with SessionLocal() as db:
        yield db


{{ "READ_URL = settings.DATABASE_READ_URL or SQLALCHEMY_DATABASE_URL\n\n" if db.server and db.arguments_take_url -}}
# Each statement runs alone: no BEGIN, no ROLLBACK{{ ", one round trip" if db.server }}.
read_engine = create_async_engine(
{% include db.kind ~ '/engine/read_arguments.py' %}
    pool_size=settings.DATABASE_POOL_SIZE,
    max_overflow=settings.DATABASE_MAX_OVERFLOW,
    pool_timeout=settings.DATABASE_POOL_TIMEOUT_SECONDS,
    pool_logging_name="read",
    hide_parameters=True,
)
prepare_read_connections(read_engine.sync_engine)
log_slow_queries(read_engine.sync_engine, settings.DATABASE_SLOW_QUERY_SECONDS)

ReadSessionLocal = async_sessionmaker(
{# async #}
{{ "    sync_session_class=ReadSession,\n" if not db.refuse_writes }}    autocommit=False,
    autoflush=False,
    close_resets_only=False,
    expire_on_commit=False,
    bind=read_engine,
{# sync
{% if db.refuse_writes %}
    autocommit=False, autoflush=False, close_resets_only=False, bind=read_engine
{% else %}
    class_=ReadSession,
    autocommit=False,
    autoflush=False,
    close_resets_only=False,
    bind=read_engine,
{% endif %}
#}
)


async def get_read_db() -> AsyncGenerator[AsyncSession]:
    """Yield a session that refuses to write, and close it.

{% if db.server %}
    It reads from `DATABASE_READ_URL`, such as a replica, which may be behind; if it is unset,
    from the same server as `get_db`. Each statement sees what is committed when it begins.
{% else %}
    It does not wait for a writer. Each statement sees what is committed when it begins.
{% endif %}
    """
{# async #}
    db = ReadSessionLocal()
    try:
        yield db
    finally:
        # An `async with` would close it in a new task, a tenth of the time of a small read.
        await db.close()
{# sync
    with ReadSessionLocal() as db:
        yield db
#}
