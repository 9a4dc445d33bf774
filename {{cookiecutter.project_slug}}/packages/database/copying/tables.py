{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import lines with context %}
"""The tables to copy, in types that every database has, and their rows in batches."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Any
from uuid import UUID

import click
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    and_,
    case,
    func,
    inspect,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.oracle import TIMESTAMP
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from packages.database.types import UtcDateTime

Values = tuple[Any, ...]
"""The values of a row, in the order of `CopiedTable.columns`."""

FIRST_ROWS = 16
MOST_ROWS = 1_000
BATCH_CHARACTERS = 4_000_000
SAMPLE_ROWS = 50
{% if db.partitions %}
PARTITIONS = """
{{ db.partitions }}
"""
{% endif %}

INSTANT = DateTime(timezone=True).with_variant(TIMESTAMP(timezone=True), "oracle")
PLAIN = {type(None), bool, int, str, bytes}


class PortableInteger(TypeDecorator[int]):
    """An integer of any size: PostgreSQL is not told one, which would be that of the source."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type to store it in."""
        return NullType() if dialect.name in {"postgresql", "cockroachdb"} else self.impl_instance


class PortableDateTime(UtcDateTime):
    """A point in time, on whichever database the connection is to."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:  # noqa: ARG002
        """Return the type to store it in."""
        return INSTANT


@dataclass
class Checksum:
    """Counts rows and adds up their hashes, so that the order of the rows does not matter."""

    rows: int = 0
    total: int = 0

    def add(self, digest: int) -> None:
        """Count a row by its hash."""
        self.rows += 1
        self.total = (self.total + digest) % 2**128

    @property
    def text(self) -> str:
        """Return the sum as 32 hexadecimal digits."""
        return f"{self.total:032x}"


@dataclass(frozen=True)
class CopiedTable:
    """A table, and the columns that are NULL until all rows that they refer to are there."""

    table: Table
    deferred: frozenset[str] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        """Return the name, after that of its schema if it has one."""
        return self.table.fullname

    @cached_property
    def columns(self) -> list[Column[Any]]:
        """Return the columns that are written; the database computes the others."""
        return [column for column in self.table.columns if column.computed is None]

    @cached_property
    def key(self) -> list[Column[Any]]:
        """Return the columns of the primary key."""
        return list(self.table.primary_key.columns)

    @cached_property
    def documents(self) -> list[int]:
        """Return the places of the JSON columns among the columns."""
        return [i for i, column in enumerate(self.columns) if isinstance(column.type, JSON)]

    @cached_property
    def key_places(self) -> list[int]:
        """Return the places of the key's columns among the columns."""
        return [self.columns.index(column) for column in self.key]

    def count(self, connection: Connection) -> int:
        """Return the number of rows."""
        return connection.scalar(select(func.count()).select_from(self.table)) or 0

    def select(self) -> Select[Any]:
        """Return the SELECT of `values`."""
        # None stands for NULL and for the JSON document null: a mark tells them apart.
        marks = [
            case((self.columns[place].is_(null()), 1), else_=0).label(f"is_null_{place}")
            for place in self.documents
        ]
        return select(*self.columns, *marks)

    def values(self, row: Row[Any]) -> Values:
        """Return a row's values; a document that is null is `JSON.NULL`."""
        if not self.documents:
            return tuple(row)
        values = list(row[: len(self.columns)])
        for place, is_null in zip(self.documents, row[len(self.columns) :], strict=True):
            if values[place] is None and not is_null:
                values[place] = JSON.NULL
        return tuple(values)

    def key_of(self, values: Values) -> Values:
        """Return the primary key of a row."""
        return tuple(values[place] for place in self.key_places)

    def digest(self, values: Values) -> int:
        """Return a hash of a row that is the same on every database."""
        plain = [value if type(value) in PLAIN else _plain(value) for value in values]
        for place in self.documents:
            plain[place] = _document_text(values[place])
        data = repr(plain).encode("utf-8", "surrogatepass")
        return int.from_bytes(blake2b(data, digest_size=16).digest())

    def parameters(self, values: Values) -> dict[str, Any]:
        """Return a row as the parameters of its INSERT: deferred columns are NULL."""
        return {
            column.key: None if column.name in self.deferred else value
            for column, value in zip(self.columns, values, strict=True)
        }

    def batches(
        self, connection: Connection, after: Values | None = None
    ) -> Iterator[list[Values]]:
        """Yield all rows in the order of their key, a few at a time.

        Args:
            connection: where to read.
            after: the key of the last row to leave out.
        """
        size = FIRST_ROWS
        while True:
            rows = connection.execute(self.page(self.select(), after, size)).all()
            if not rows:
                return
            batch = [self.values(row) for row in rows]
            yield batch
            after = self.key_of(batch[-1])
            wanted = size * BATCH_CHARACTERS // max(1, _weight(batch))
            size = max(1, min(size * 2, wanted, MOST_ROWS))

    def page(self, statement: Select[Any], after: Values | None, size: int) -> Select[Any]:
        """Return the statement for the next rows after a key, in the order of the key."""
        if after is not None:
            statement = statement.where(_is_after(self.key, after))
        return statement.order_by(*self.key).limit(size)

    def has_key(self, key: Sequence[Any]) -> ColumnElement[bool]:
        """Return the condition of one row."""
        return and_(*(column == value for column, value in zip(self.key, key, strict=True)))


def plan(metadata: MetaData) -> list[CopiedTable]:
    """Return the tables in an order in which each row finds those that it refers to.

    Where tables refer to each other, or to themselves, columns that may be NULL are deferred.

    Raises:
        click.ClickException: a table has no primary key, or there is no such order.
    """
    portable = MetaData()
    for table in metadata.sorted_tables:
        copied = table.to_metadata(portable)
        for column in copied.columns:
            column.type = portable_type(column.type)
    remaining = sorted(portable.tables.values(), key=lambda table: table.fullname)
    for table in remaining:
        if not table.primary_key.columns:
            raise click.ClickException(
                f"the table {table.fullname} has no primary key, by which its rows are found again;"
                " add one in a revision"
            )
    planned: list[CopiedTable] = []
    while remaining:
        table, deferred = _next_table(remaining)
        remaining.remove(table)
        planned.append(CopiedTable(table, deferred))
    return planned


def table_names(connection: Connection, tables: Collection[Table]) -> set[str]:
    """Return the names of all tables in the schemas of the given ones, and in the default one."""
    inspector = inspect(connection)
    {{ "names =" if db.partitions else "return" }} {
        f"{schema}.{name}" if schema else name
        for schema in {None, *(table.schema for table in tables)}
        for name in inspector.get_table_names(schema)
    }
    {{- lines("return names - partition_names(connection, tables)" if db.partitions) | indent }}
{% if db.partitions %}


def partition_names(connection: Connection, tables: Collection[Table]) -> set[str]:
    """Return the names of the tables that are partitions of others, without the given ones."""
    found = connection.exec_driver_sql(PARTITIONS).scalars()
    return set(found) - {table.fullname for table in tables}
{% endif %}


def portable_type(declared: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return a column type that means the same on every database."""
    if isinstance(declared, UtcDateTime):
        return PortableDateTime()
    if isinstance(declared, JSON):
        return JSON(none_as_null=True)
    portable = declared
    if type(declared).__module__.startswith("sqlalchemy.dialects."):
        with suppress(NotImplementedError):
            portable = declared.as_generic()
    if isinstance(portable, Integer):
        return PortableInteger()
    if isinstance(portable, String) and portable.collation:
        portable = portable.copy()
        portable.collation = None  # only the source knows its name
    return portable


def _next_table(remaining: list[Table]) -> tuple[Table, frozenset[str]]:
    """Return a table that no other one must precede, and its columns to defer."""
    candidates: list[tuple[Table, frozenset[str]]] = []
    for table in remaining:
        deferred: set[str] = set()
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table not in remaining:
                continue
            optional = {column.name for column in constraint.columns if column.nullable}
            if not optional:
                break
            deferred |= optional
        else:
            candidates.append((table, frozenset(deferred)))
    if not candidates:
        names = ", ".join(table.fullname for table in remaining)
        raise click.ClickException(
            f"of the tables {names}, each refers to itself or another one by a foreign key that"
            " cannot be NULL, so none can be filled first; let one of these columns be NULL"
        )
    return min(candidates, key=lambda candidate: len(candidate[1]))


def _is_after(key: Sequence[Column[Any]], values: Values) -> ColumnElement[bool]:
    """Return the condition of rows after a key; not all databases can compare tuples."""
    pairs = list(zip(key, values, strict=True))
    alternatives = [
        and_(*(column == value for column, value in pairs[:i]), pairs[i][0] > pairs[i][1])
        for i in range(len(pairs))
    ]
    if len(pairs) == 1:
        return alternatives[0]
    # The first condition lets the database use the index.
    return and_(pairs[0][0] >= pairs[0][1], or_(*alternatives))


def _weight(batch: list[Values]) -> int:
    """Return about how many characters a batch has, from some of its rows."""
    step = max(1, len(batch) // SAMPLE_ROWS)
    return step * sum(
        len(value) if isinstance(value, str | bytes) else len(repr(value))
        for values in batch[::step]
        for value in values
        if isinstance(value, str | bytes | dict | list)
    )


def _plain(value: object) -> object:
    """Return a value in a form that does not depend on the database it comes from."""
    match value:
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat()
        case float():
            return repr(value + 0.0)  # -0.0 becomes 0.0
        case Decimal() if value.is_finite():
            # A column of large integers may be one of decimals elsewhere.
            return int(value) if value == int(value) else f"{value:f}".rstrip("0")
        case UUID():
            return value.hex
        case bytes() | bytearray() | memoryview():
            return bytes(value)
    return value


def _document_text(document: object) -> str | None:
    """Return a JSON document as text; databases keep neither the order of keys nor 1.0 as it is."""
    if document is None:
        return None
    if document is JSON.NULL:
        return "null"
    return json.dumps(_without_whole_floats(document), sort_keys=True)


def _without_whole_floats(document: Any) -> Any:  # noqa: ANN401 - any document
    match document:
        case dict():
            return {key: _without_whole_floats(value) for key, value in document.items()}
        case list():
            return [_without_whole_floats(value) for value in document]
        case float() if document.is_integer():
            return int(Decimal(repr(document)))  # as a database that stores decimals returns it
    return document
