"""Runs Alembic's migrations on the database that the settings name."""

{# async #}
{{ "import asyncio\n" if not db.selector_loop -}}
{# end #}
import logging
{{- imports("collections.abc", Mapping=db.partitions) }}
{{- imports("functools", cache=db.partitions) }}
{{- imports("typing", TYPE_CHECKING=db.statement_locked, Any=db.statement_locked or db.partitions) }}

from alembic import context
{# async #}
from sqlalchemy import Connection, event, pool
from sqlalchemy.ext.asyncio import create_async_engine
{# sync
from sqlalchemy import Connection, create_engine, event, pool
#}
{{ "from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential\n" if db.statement_locked }}
from packages.config.logging import configure_logging
from packages.config.settings import settings
from packages.database.autogenerate import correct_operations, render_item
{{- imports("packages.database.batch", keep_triggers_and_indexes=not db.server) }}
from packages.database.config import SQLALCHEMY_DATABASE_URL, Base
from packages.database.connections import {{ "connect_or_exit, connect_with_retry" if db.server else "begin" }}
{{- imports("packages.database.copying.tables", partition_names=db.partitions) }}
{{- imports("packages.database.event_loop", run_async=db.selector_loop) }}
{{- imports("packages.database.pooler", begin_migration=db.pooler_error) }}
{{- imports("packages.database.tls", tls_arguments=db.server) }}
from packages.modules import import_models
{% if db.statement_locked %}

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPICursor

# For a statement that waits for a lock of the service; each attempt waits as the settings say.
ATTEMPTS = 10
IS_LOCKED = {{ db.lock_wait_code }}
{% endif %}

# Alembic compares only models that are imported.
import_models()
{{- lines("# Those that models name; None stands for the default one.\nSCHEMAS = {None, *(table.schema for table in Base.metadata.tables.values())}" if db.create_schema) }}

# The command line gets Alembic's log lines; a program that runs migrations keeps its own logging.
if context.config.cmd_opts is not None:
    configure_logging()
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


{% if db.partitions %}
def include_name(name: str | None, kind: str, parents: Mapping[Any, str | None]) -> bool:
    """Leave out partitions and the schemas that no model names: they may be another service's."""
    if kind == "table":
        return parents["schema_qualified_table_name"] not in find_partitions()
    return kind != "schema" or name in SCHEMAS


@cache
def find_partitions() -> set[str]:
    """Return the names of the partitions: Alembic asks for each table, and the server is asked once."""
    return partition_names(context.get_bind(), Base.metadata.tables.values())


{% elif db.create_schema %}
def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out the schemas that no model names{{ ", and the table that `upgrade` locks" if db.lock_table else ": they may be another service's" }}."""
    return {{ 'name in SCHEMAS if kind == "schema" else (kind, name) != ("table", "%s")' % db.lock_table if db.lock_table else 'kind != "schema" or name in SCHEMAS' }}


{% elif db.lock_table %}
def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out the table that `python -m packages.database upgrade` locks: no model has it."""
    return (kind, name) != ("table", "{{ db.lock_table }}")


{% endif %}
{% if db.statement_locked %}
def execute_again_while_locked(
    cursor: "DBAPICursor",
    statement: str,
    parameters: Any,  # noqa: ANN401 - a driver's
    _context: object,
) -> bool:
    """Execute a statement; execute it again when it has waited too long for a lock.

    Each wait is short, since the service's own statements wait behind it. {{ db.name }} commits
    around each change of the schema: the statement can be tried again, and the revision cannot.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_locked),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=5),
        reraise=True,
    )
    retrying(cursor.execute, statement, parameters)
    return True  # SQLAlchemy need not execute it


def _is_locked(error: BaseException) -> bool:
    return {{ db.statement_locked }}


{% endif %}
def run_migrations_offline() -> None:
    """Write the migrations as SQL, without a database."""
    context.configure(
        url=SQLALCHEMY_DATABASE_URL,
        target_metadata=Base.metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    # A script has no variable that takes what an INSERT returns.
    context.get_context().dialect.insert_returning = False
    with context.begin_transaction():
        context.run_migrations()


async def run_migrations_online() -> None:
    """Run the migrations, on a connection without the service's time limits."""
    engine = create_async_engine(
        SQLALCHEMY_DATABASE_URL,
        poolclass=pool.NullPool,
        connect_args={
            {{ db.migration_connect_args | indent(12) }}
            {{- lines("**tls_arguments(%s)," % ("SQLALCHEMY_DATABASE_URL" if db.tls_takes_url else "") if db.server) | indent(12) }}
        },
    )
{% if not db.server %}
    # One transaction for all, and for one process at a time. Foreign keys stay unenforced, since
    # batch mode drops and recreates tables: https://alembic.sqlalchemy.org/en/latest/batch.html
    event.listen(engine.sync_engine, "begin", begin)
{% else %}
    # A command ends with one sentence when the database refuses it; a program gets the exception.
    connect = connect_or_exit if context.config.cmd_opts else connect_with_retry
    event.listen(engine.sync_engine, "do_connect", connect)
{% if db.pooler_error %}
    if settings.is_pooled:
        event.listen(engine.sync_engine, "begin", begin_migration)
{% endif %}
{% if db.statement_locked %}
    event.listen(engine.sync_engine, "do_execute", execute_again_while_locked)
{% endif %}
{% endif %}
    async with engine.connect() as connection:
{# async #}
        await connection.run_sync(run_migrations)
{# sync
        run_migrations(connection)
#}


def run_migrations(connection: Connection) -> None:
    """Run the migrations on a connection."""
    {{- lines("keep_triggers_and_indexes(connection)" if not db.server) | indent }}
{% if db.create_schema %}
    if (default := connection.dialect.default_schema_name) in SCHEMAS:
        logging.getLogger("alembic").warning(
            "models name %s, the default schema of this connection, so foreign keys seem to change"
            " each time; make another schema the default, or let no model name this one",
            default,
        )
{% endif %}
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        autogenerate_plugins=["alembic.autogenerate.*", "check_constraints"],
        render_item=render_item,
        {{- lines("include_schemas=True," if db.create_schema) | indent(8) }}
        {{- lines("include_name=include_name," if db.create_schema or db.lock_table) | indent(8) }}
        {{- lines("transaction_per_migration=True," if db.transactional_ddl and db.server) | indent(8) }}
        process_revision_directives=correct_operations,
        {{- lines("render_as_batch=True,\ntransactional_ddl=True," if not db.server) | indent(8) }}
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
{# async #}
    # `upgrade` has an event loop, and says how to wait in it.
    run = context.config.attributes.get("run", {{ db.run_async }})
    run(run_migrations_online())
{# sync
    run_migrations_online()
#}
