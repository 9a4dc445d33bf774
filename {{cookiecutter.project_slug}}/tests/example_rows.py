"""Makes a row for each table from the schema of the database."""

import warnings
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Connection, MetaData, Table, select
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from packages.database.config import Base

Rows = dict[str, dict[str, Any]]
"""For each table, the values of a row by the names of its columns."""

# Tried in turn; keys are the first one, so that a foreign key finds its row.
VALUES: dict[type, list[Any]] = {
    bool: [True, False],
    int: [1, 0, 100],
    float: [1.0, 0.0, 100.0],
    Decimal: [Decimal(1), Decimal(0), Decimal(100)],
    str: ["1", "a@example.com", "https://example.com"],
    bytes: [b"1"],
    date: [date(2026, 1, 1)],
    time: [time(1)],
    timedelta: [timedelta(1)],
    UUID: [UUID(int=1)],
    dict: [{}, []],
    list: [[]],
}
# For a table in which none of these fits: {"events": {"ends_at": datetime(2026, 1, 2, tzinfo=UTC)}}
GIVEN: Rows = {}
TRIES = 10


def find_rows(connection: Connection) -> Rows:
    """Return a row that is accepted for each table, as far as one is found; nothing is stored."""
    with connection.begin_nested() as savepoint:
        rows = store_rows(connection, {name: GIVEN.get(name, {}) for name in _reflect(connection)})
        savepoint.rollback()
    return rows


def store_rows(connection: Connection, given: Rows) -> Rows:
    """Store a row in each of the tables that accepts one, and return these rows.

    Args:
        connection: to the database.
        given: the tables, and the values to take for their columns; others are made.
    """
    tables = {name: table for name, table in _reflect(connection).items() if name in given}
    stored: Rows = {}
    found = -1
    while found < len(stored):  # a row may need that of another table
        found = len(stored)
        for name in sorted(tables.keys() - stored.keys()):
            for number in range(TRIES):
                row = {
                    column.name: given[name].get(column.name, _make_value(column, number))
                    for column in tables[name].columns
                    if column.computed is None
                }
                try:
                    with connection.begin_nested():
                        connection.execute(tables[name].insert(), row)
                except SQLAlchemyError:
                    continue
                stored[name] = row
                break
    return stored


def read_rows(connection: Connection, stored: Rows) -> Rows:
    """Return the stored rows, as far as the database still has their tables and columns.

    A row is empty when it is gone, or when a column is gone and the new ones have no value.
    """
    found: Rows = {}
    for name, table in _reflect(connection).items():
        keys = [column for column in table.primary_key if column.name in stored.get(name, {})]
        if not keys:
            continue
        is_row = [column == stored[name][column.name] for column in keys]
        row = connection.execute(select(table).where(*is_row)).mappings().one_or_none()
        after = dict(row or {})
        kept = {column: after[column] for column in after if column in stored[name]}
        found[name] = {} if _lost_values(stored[name], after) else kept
    return found


def _lost_values(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Tell whether a column is gone with its value, and those that are new have none."""
    dropped = [before[column] for column in before.keys() - after.keys()]
    added = [after[column] for column in after.keys() - before.keys()]
    had_value = any(value is not None for value in dropped)
    return had_value and bool(added) and all(value is None for value in added)


def _reflect(connection: Connection) -> dict[str, Table]:
    """Return the tables of the models, as the database has them now."""
    metadata = MetaData()
    with warnings.catch_warnings():
        # Of an index or a type that SQLAlchemy does not know; a row needs neither.
        warnings.simplefilter("ignore", SAWarning)
        for schema in {table.schema for table in Base.metadata.tables.values()}:
            metadata.reflect(connection, schema)
    return {name: table for name, table in metadata.tables.items() if name in Base.metadata.tables}


def _make_value(column: Column[Any], number: int) -> object:
    """Return a value that may fit a column; a few numbers give different ones, then they repeat."""
    model = Base.metadata.tables.get(column.table.fullname, column.table).columns.get(column.name)
    declared = column.type if model is None else model.type
    if isinstance(declared, JSON):
        document = VALUES[dict][number % len(VALUES[dict])]
        # Where a column of text holds the document, it is written as text.
        return document if isinstance(column.type, JSON) else str(document)
    members = getattr(declared, "enums", None)
    try:
        kind = column.type.python_type
    except NotImplementedError:
        kind = object
    if kind is datetime:
        zone = UTC if getattr(column.type, "timezone", False) else None
        return datetime(2026, 1, 1, tzinfo=zone)
    values = members or VALUES.get(kind, [None])
    return values[0 if column.primary_key or column.foreign_keys else number % len(values)]
