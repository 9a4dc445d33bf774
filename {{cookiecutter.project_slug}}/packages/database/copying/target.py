"""The database that rows are copied to: what it has, and how far the copy has come."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Dialect,
    Engine,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    pool,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, NoSuchTableError

from packages.database.copying.limits import COLLATING, Limit
from packages.database.copying.tables import Checksum, CopiedTable, Values
from packages.database.revisions import describe_difference, read_revisions

# Of each table, what is copied: written in the transaction that copies, dropped when all is done.
PROGRESS = Table(
    "database_copy",
    MetaData(),
    Column("table_name", String(255), primary_key=True),
    Column("copied_rows", BigInteger, nullable=False),
    Column("checksum", String(32), nullable=False),
)
# For each connection: refuse what does not fit, keep a key of 0, take times as UTC.
SETUP = {
    "sqlite": ["PRAGMA foreign_keys = ON"],
    "postgresql": ["SET TIME ZONE 'UTC'"],
    "cockroachdb": ["SET TIME ZONE 'UTC'"],
    "mysql": [
        "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'"
    ],
    "oracle": ["ALTER SESSION SET TIME_ZONE = '+00:00'"],
}
SETUP["mariadb"] = SETUP["mysql"]
# Of each column with texts, the collation that compares them.
COLLATIONS = text(
    "SELECT column_name, collation_name FROM information_schema.columns"
    " WHERE table_schema = :schema AND table_name = :name AND collation_name IS NOT NULL"
)
EMPTY_IT = "empty it with its own `alembic downgrade base` and `upgrade`"


def open_target(url: URL) -> Engine:
    """Return an engine for the target; it has none of the service's time limits.

    Raises:
        click.ClickException: a parameter of the URL has a wrong value; the driver may also refuse
            one at the first connection.
    """
    with parameter_errors():
        engine = create_engine(url, poolclass=pool.NullPool, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, _record: object, arguments: list[Any], parameters: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - of any driver
        if dialect.driver == "pymysql" and "password" in parameters:
            # The driver would encode a text as Latin-1.
            parameters["password"] = parameters["password"].encode()
        with parameter_errors():
            return dialect.connect(*arguments, **parameters)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - of any driver
        cursor = connection.cursor()
        for statement in SETUP.get(engine.dialect.name, []):
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    return engine


@contextmanager
def parameter_errors() -> Generator[None]:
    """Report in one sentence what is raised for a parameter of the URL: no driver's own error.

    Raises:
        click.ClickException: the driver does not take the parameter, or not this value.
    """
    try:
        yield
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise click.ClickException(
            f"COPY_TO: a parameter of the URL cannot be used: {error}; correct or remove it"
        ) from None


@contextmanager
def target_errors(hint: str = "") -> Generator[None]:
    """Report an error of the target in one sentence without values.

    Args:
        hint: what may help where the target refuses a row.

    Raises:
        click.ClickException: the target cannot be reached, or refused a statement.
    """
    try:
        yield
    except DBAPIError as error:
        # Further lines of it may show the values of a row.
        reason = (str(error.orig).strip() or "no answer").splitlines()[0]
        if "gone away" in reason:  # MySQL, MariaDB
            raise click.ClickException(
                f"the target has ended the connection: {reason}; if it runs, its max_allowed_packet"
                " is smaller than a row: raise it, and start again"
            ) from None
        if error.statement is None:
            raise click.ClickException(
                f"the target cannot be reached: {reason}; check COPY_TO and COPY_TO_PASSWORD"
            ) from None
        if not isinstance(error, IntegrityError):
            hint = ""
        raise click.ClickException(f"the target refused a statement: {reason}{hint}") from None


class Target:
    """The target: its types, and what an earlier run has copied."""

    @target_errors()
    def __init__(self, engine: Engine, tables: Sequence[CopiedTable]) -> None:
        """Look at it.

        Raises:
            click.ClickException: it lacks a table or a column, is at another revision, or has rows
                that no earlier run has copied; or two tables would be one there.
        """
        self.engine = _move_to_default_schema(engine, tables)
        self._tables = tables
        with self.engine.connect() as connection:
            difference = describe_difference(read_revisions(connection))
            if difference:
                raise click.ClickException(
                    f"the target is not ready: {difference}, in the service that is to use it"
                )
            self.limits = {each.name: _read_limits(connection, each) for each in tables}
            self.progress = self._read_progress(connection)

    def _read_progress(self, connection: Connection) -> dict[str, Checksum]:
        rows = {each.name: each.count(connection) for each in self._tables}
        progress = {each.name: Checksum() for each in self._tables}
        if not any(rows.values()):
            return progress
        if inspect(connection).has_table(PROGRESS.name):
            for name, count, checksum in connection.execute(select(PROGRESS)):
                progress[name] = Checksum(count, int(checksum, 16))
        for name, count in rows.items():
            if count != progress[name].rows:
                raise click.ClickException(
                    f"the target is not empty: {name} has {count:,} rows, of which an earlier copy"
                    f" wrote {progress[name].rows:,}; {EMPTY_IT}"
                )
        return progress

    @target_errors()
    def connect(self) -> Connection:
        """Return a connection to write with."""
        return self.engine.connect()

    @target_errors()
    def begin(self) -> None:
        """Create the table of progress, unless an earlier run has left it with rows."""
        if any(checksum.rows for checksum in self.progress.values()):
            return
        with self.engine.begin() as connection:
            PROGRESS.metadata.drop_all(connection)
            PROGRESS.metadata.create_all(connection)
        with self.engine.begin() as connection:
            rows = [
                {"table_name": each.name, "copied_rows": 0, "checksum": Checksum().text}
                for each in self._tables
            ]
            connection.execute(PROGRESS.insert(), rows)

    def write(self, connection: Connection, copied: CopiedTable, batch: list[Values]) -> None:
        """Write a batch and the progress in one transaction: both are stored, or neither is."""
        checksum = self.progress[copied.name]
        for values in batch:
            checksum.add(copied.digest(values))
        hint = ""
        if copied.deferred:
            hint = (
                f"; {', '.join(sorted(copied.deferred))} of {copied.name} is NULL until all rows"
                " are there: if a constraint refuses that, drop it in the target, start again, and"
                " add it when all is copied"
            )
        with target_errors(hint), connection.begin():
            connection.execute(copied.table.insert(), [copied.parameters(each) for each in batch])
            connection.execute(
                PROGRESS.update().where(PROGRESS.c.table_name == copied.name),
                {"copied_rows": checksum.rows, "checksum": checksum.text},
            )

    @target_errors()
    def write_deferred(
        self, connection: Connection, copied: CopiedTable, batch: list[Values]
    ) -> None:
        """Write the columns that were deferred; to do it twice changes nothing."""
        keys: dict[str, Any] = {column.key: bindparam(f"key_{column.key}") for column in copied.key}
        # Each other column keeps its value: it may have one of its own for an UPDATE.
        kept = [column for column in copied.columns if column.name not in copied.deferred]
        statement = (
            update(copied.table)
            .where(*(column == keys[column.key] for column in copied.key))
            .values({column.key: column for column in kept if not column.primary_key})
        )
        rows = []
        for values in batch:
            row = dict(zip((column.key for column in copied.columns), values, strict=True))
            new = {c.key: row[c.key] for c in copied.columns if c.name in copied.deferred}
            if any(value is not None for value in new.values()):
                rows.append(new | {f"key_{column.key}": row[column.key] for column in copied.key})
        if rows:
            with connection.begin():
                connection.execute(statement, rows)

    @target_errors()
    def finish(self) -> None:
        """Continue generated keys after the largest one, and drop the table of progress."""
        with self.engine.begin() as connection:
            for copied in self._tables:
                _set_identities(connection, copied)
            PROGRESS.drop(connection)

    @target_errors()
    def checksum(self, copied: CopiedTable, advance: Callable[[int], None]) -> Checksum:
        """Read all rows of a table again and return their checksum."""
        checksum = Checksum()
        with self.engine.connect() as connection:
            for batch in copied.batches(connection):
                for values in batch:
                    checksum.add(copied.digest(values))
                advance(len(batch))
        return checksum


def _move_to_default_schema(engine: Engine, tables: Sequence[CopiedTable]) -> Engine:
    """Have the engine look in the default schema for the tables of schemas that the target lacks.

    Raises:
        click.ClickException: two tables would be the same one there.
    """
    known = inspect(engine).get_schema_names()
    moved = {each.name: each.table for each in tables if each.table.schema not in known}
    for table in moved.values():
        same = [name for name, each in moved.items() if each.name == table.name]
        if len(same) > 1:
            raise click.ClickException(
                f"{' and '.join(same)} would be one table of the target, which lacks the schema of"
                " one of them; rename a table in a revision"
            )
    schemas = {table.schema: None for table in moved.values() if table.schema}
    return engine.execution_options(schema_translate_map=schemas)


def _read_limits(connection: Connection, copied: CopiedTable) -> list[Limit]:
    table = copied.table
    schema = connection.schema_for_object(table)
    try:
        found = inspect(connection).get_columns(table.name, schema)
    except NoSuchTableError:
        raise click.ClickException(f"the target has no table {copied.name}") from None
    for each in found:
        if each.get("identity", {}).get("always"):
            raise click.ClickException(
                f"the target always generates {copied.name}.{each['name']}; have it generated"
                " BY DEFAULT while rows are copied"
            )
    stored = {column["name"]: column["type"] for column in found}
    for column in copied.columns:
        if column.name not in stored:
            raise click.ClickException(f"the target has no column {copied.name}.{column.name}")
    dialect = connection.dialect
    collations: dict[str, str] = {}
    if dialect.name in COLLATING:
        names = {"schema": schema or dialect.default_schema_name, "name": table.name}
        collations = {row[0]: row[1] for row in connection.execute(COLLATIONS, names)}
    return [
        Limit(column, stored[column.name], dialect.name, collations.get(column.name, ""))
        for column in copied.columns
    ]


def _set_identities(connection: Connection, copied: CopiedTable) -> None:
    """Make the next generated key one that is free.

    SQLite, MySQL, MariaDB and SQL Server go on after the largest key by themselves.
    """
    quote = connection.dialect.identifier_preparer
    has_schema = connection.schema_for_object(copied.table) is not None
    table = quote.format_table(copied.table, use_schema=has_schema)
    for column in copied.columns:
        if column.identity is None and column is not copied.table.autoincrement_column:
            continue
        if connection.dialect.name in {"postgresql", "cockroachdb"}:
            query = select(func.pg_get_serial_sequence(table, column.name))
            sequence = connection.scalar(query)
            largest = connection.scalar(select(func.max(column)))
            if sequence and largest and largest > 0:
                connection.execute(select(func.setval(sequence, largest)))
        elif connection.dialect.name == "oracle" and column.identity is not None:
            connection.exec_driver_sql(
                f"ALTER TABLE {table} MODIFY ({quote.format_column(column)}"
                " GENERATED BY DEFAULT AS IDENTITY (START WITH LIMIT VALUE))"
            )
