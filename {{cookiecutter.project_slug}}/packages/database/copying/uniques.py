"""Finds values that are unique in the source and equal for the target: `a` and `A` on MySQL.

MySQL, MariaDB and SQL Server compare texts by a collation, which may ignore case, accents, spaces
at the end, and on some servers which emoji it is.
"""

import json
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Self

from sqlalchemy import (
    Column,
    Connection,
    Enum,
    String,
    Unicode,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    collate,
    literal,
    select,
    text,
)

from packages.database.copying.tables import CopiedTable, Values

COLLATING = {"mysql", "mariadb", "mssql"}
COLLATIONS = text(
    "SELECT column_name, collation_name FROM information_schema.columns"
    " WHERE table_schema = :schema AND table_name = :name AND collation_name IS NOT NULL"
).bindparams(bindparam("schema"), bindparam("name"))


class Uniques:
    """The unique texts of one table of the source; they are kept on disk, so memory is bounded."""

    def __init__(self, target: Connection, copied: CopiedTable, store: sqlite3.Connection) -> None:
        """Find out what is unique, and how the target compares it."""
        self._target = target
        self._store = store
        self._store.execute(
            "CREATE TABLE seen (number INTEGER, folded TEXT, texts TEXT,"
            " PRIMARY KEY (number, folded)) WITHOUT ROWID"
        )
        self._places = {column.name: place for place, column in enumerate(copied.columns)}
        self._sets: list[list[Column[Any]]] = []
        self._collations: dict[str, str] = {}
        if target.dialect.name not in COLLATING:
            return
        schema = copied.table.schema or target.dialect.default_schema_name
        names = {"schema": schema, "name": copied.table.name}
        self._collations = {row[0]: row[1] for row in target.execute(COLLATIONS, names)}
        self._sets = [columns for columns in _unique_sets(copied) if any(map(_is_text, columns))]

    @classmethod
    @contextmanager
    def of(cls, target: Connection, copied: CopiedTable) -> Iterator[Self]:
        """Give what remembers the texts of a table, in a file that SQLite removes afterwards."""
        with closing(sqlite3.connect("")) as store:
            yield cls(target, copied, store)

    def clashes(self, values: Values) -> Iterator[str]:
        """Remember a row, and yield the columns in which the target takes it for an earlier one."""
        for number, columns in enumerate(self._sets):
            parts = [values[self._places[column.name]] for column in columns]
            if any(part is None for part in parts):
                continue
            folded = repr([fold(part) if isinstance(part, str) else part for part in parts])
            texts = [part if isinstance(part, str) else None for part in parts]
            new = (number, folded, json.dumps(texts))
            if self._store.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", new).rowcount:
                continue
            question = "SELECT texts FROM seen WHERE number = ? AND folded = ?"
            [(first,)] = self._store.execute(question, (number, folded))
            if self._are_equal(columns, json.loads(first), texts):
                yield ", ".join(column.name for column in columns)

    def _are_equal(
        self, columns: list[Column[Any]], first: list[str | None], second: list[str | None]
    ) -> bool:
        """Ask the target, which knows its collations best."""
        conditions = [
            collate(literal(one, Unicode()), self._collations[column.name])
            == literal(two, Unicode())
            for column, one, two in zip(columns, first, second, strict=True)
            if one != two and column.name in self._collations
        ]
        return bool(self._target.scalar(select(case((and_(*conditions), 1), else_=0))))


def fold(value: str) -> str:
    """Return a text that is the same for all texts that some collation takes for equal."""
    plain = unicodedata.normalize("NFKD", value.casefold()).casefold().rstrip(" ")
    kept = (character for character in plain if not unicodedata.combining(character))
    return "".join("?" if character > "\uffff" else character for character in kept)


def _unique_sets(copied: CopiedTable) -> Iterator[list[Column[Any]]]:
    yield copied.key
    for constraint in copied.table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield list(constraint.columns)
    for index in copied.table.indexes:
        if index.unique:
            yield list(index.columns)


def _is_text(column: Column[Any]) -> bool:
    return isinstance(column.type, String) and not isinstance(column.type, Enum)
