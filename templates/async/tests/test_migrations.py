"""The migrations create the schema of the models, and can be reverted."""

import logging
{# async #}
from asyncio import to_thread
{# end #}
from collections.abc import Callable

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Enum, inspect{{ ", text" if not db.server }}

from packages.database import commands
from packages.database.config import Base, engine
from packages.database.copying.tables import table_names
from packages.modules import import_models, import_modules
from tests.example_rows import Rows, find_rows, read_rows, store_rows

# As for the migrations: what no other test imports is a model, too.
import_models()


async def read_tables() -> set[str]:
    """Return the names of the database's tables, in all schemas that models name."""
    async with engine.connect() as connection:
{# async #}
        return await connection.run_sync(table_names, Base.metadata.tables.values())
{# sync
        return table_names(connection, Base.metadata.tables.values())
#}


{# async #}
async def in_database(work: Callable[[Connection], Rows]) -> Rows:
    """Do some work in a transaction."""
    async with engine.begin() as connection:
        return await connection.run_sync(work)
{# sync
def in_database(work: Callable[[Connection], Rows]) -> Rows:
    """Do some work in a transaction."""
    with engine.begin() as connection:
        return work(connection)
#}


def test_there_is_one_head(alembic_config: Config) -> None:
    """There are never two newest revisions."""
    assert len(ScriptDirectory.from_config(alembic_config).get_heads()) <= 1


{# async #}
@pytest.mark.usefixtures("migrated")
{# sync
@pytest.mark.usefixtures("schema")
#}
{% if not db.server %}
# Alembic cannot compare such an index.
@pytest.mark.filterwarnings("ignore:autogenerate skipping .* expression-based index:UserWarning")
{% endif %}
def test_migrations_build_exactly_the_models(alembic_config: Config) -> None:
    """`alembic check` finds nothing to add, drop or change."""
    command.check(alembic_config)


{% if not db.server %}
@pytest.mark.usefixtures("schema")
async def test_revisions_create_every_index() -> None:
    """Alembic leaves an index of expressions out of a revision: add its `op.create_index`."""
    query = text("SELECT name FROM sqlite_master WHERE type = 'index'")
    async with engine.connect() as connection:
        stored = set(await connection.scalars(query))
    declared = {index.name for table in Base.metadata.tables.values() for index in table.indexes}
    assert declared <= stored


{% endif %}
def test_commands_have_no_models() -> None:
    """A model in a command would be unknown to migrations and API, which import no commands."""
    import_modules(commands)
    modules = {mapper.class_.__module__ for mapper in Base.registry.mappers}
    assert [name for name in modules if name.startswith(f"{commands.__name__}.")] == []


def read_enumerations(connection: Connection) -> dict[str, list[str]]:
    """Return the members of each native enumeration, by its column."""
    inspector = inspect(connection)
    return {
        f"{table.key}.{column['name']}": column["type"].enums
        for table in Base.metadata.tables.values()
        for column in inspector.get_columns(table.name, table.schema)
        if isinstance(column["type"], Enum)
    }


@pytest.mark.usefixtures("schema")
async def test_members_of_every_enumeration_are_compared() -> None:
    """`alembic check` sees the members of an `Enum` in its CHECK constraint, and nowhere else.

    Those of a native one are compared here: its revisions are written by hand, or by a plugin.
    """
    async with engine.connect() as connection:
{# async #}
        stored = await connection.run_sync(read_enumerations)
{# sync
        stored = read_enumerations(connection)
#}
    for table in Base.metadata.tables.values():
        for column in table.columns:
            name = f"{table.key}.{column.name}"
            if isinstance(column.type, Enum) and not column.type.native_enum:
                assert column.type.create_constraint, f"{name}: set create_constraint=True"
            elif isinstance(column.type, Enum):
                fix = f"{name}: change its type in a revision, or declare it with native_enum=False"
                assert sorted(column.type.enums) == sorted(stored.get(name, [])), fix


{% if db.rounded %}
def test_no_column_rounds_unless_it_says_so() -> None:
    """{{ db.name }} rounds silently, to whole numbers and seconds, and a FLOAT to six digits.

    A column that may round says so: `Numeric(10, 0)`, `mysql.DATETIME(fsp=0)`, `Float(24)`.
    """
    fixes = {
{% for name, fix in db.rounded.items() %}
        "{{ name }}": "{{ fix }}",
{% endfor %}
    }
    for table in Base.metadata.tables.values():
        for column in table.columns:
            stored = column.type.compile(engine.dialect)
            is_whole = getattr(column.type, "fsp", None) == 0
            assert is_whole or stored not in fixes, f"{column}: declare {fixes[stored]}"


{% endif %}
@pytest.mark.usefixtures("schema")
async def test_migrations_go_down_and_up_again(alembic_config: Config) -> None:
    """Each revision can be reverted on a real database."""
    try:
        await to_thread(command.downgrade, alembic_config, "base")
        assert await read_tables() <= {"alembic_version"}
    finally:
        await to_thread(command.upgrade, alembic_config, "head")
    assert await read_tables() - {"alembic_version"} == set(Base.metadata.tables)


@pytest.mark.usefixtures("schema")
async def test_rows_outlive_the_newest_revision(alembic_config: Config) -> None:
    """What was stored before a release is there after it, also after going down and up again.

    There is a row in each table for which one can be made that fits the schema before and after
    the newest revision; where there is none, the test is skipped and names the table. A revision
    that removes rows on purpose, or drops a column beside adding an empty one, says so:
    `keeps_rows = False`.
    """
    newest = ScriptDirectory.from_config(alembic_config).get_revision("head")
    parents = newest and newest.down_revision
    if not newest or not parents or not getattr(newest.module, "keeps_rows", True):
        return
    # A revision that merges branches is the next one from each of them.
    before = parents if isinstance(parents, str) else parents[0]
    try:
        await to_thread(command.downgrade, alembic_config, "base")
        await to_thread(command.upgrade, alembic_config, "head")
        rows = await in_database(find_rows)
        await to_thread(command.downgrade, alembic_config, before)
        rows = await in_database(lambda connection: store_rows(connection, rows))
        empty = sorted((await read_tables() & set(Base.metadata.tables)) - rows.keys())
        await to_thread(command.upgrade, alembic_config, "head")
        first = await in_database(lambda connection: read_rows(connection, rows))
        await to_thread(command.downgrade, alembic_config, before)
        await to_thread(command.upgrade, alembic_config, "head")
        again = await in_database(lambda connection: read_rows(connection, rows))
    finally:
        await to_thread(command.downgrade, alembic_config, "base")
        await to_thread(command.upgrade, alembic_config, "head")
    lost = [name for name, row in first.items() if not row]
    assert lost == [], "the newest revision loses rows, or what is in a column, of these tables"
    assert again == first
    if empty:
        pytest.skip(f"made no row for {', '.join(empty)}: see GIVEN in tests/example_rows.py")


{# async #}
@pytest.mark.usefixtures("migrated")
{# sync
@pytest.mark.usefixtures("schema")
#}
def test_migrations_leave_logging_alone(alembic_config: Config) -> None:
    """A program that runs the migrations keeps its own loggers, handlers and levels."""
    logger = logging.getLogger("of.the.application")
    before = (logger.disabled, logging.root.level, list(logging.root.handlers))
    command.upgrade(alembic_config, "head")
    assert (logger.disabled, logging.root.level, list(logging.root.handlers)) == before
