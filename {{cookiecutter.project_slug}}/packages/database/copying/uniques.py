"""Finds values that are unique in the source and equal for the target: `a` and `A` on MySQL.

MySQL, MariaDB and SQL Server compare texts by a collation, which may ignore case, accents, spaces
at the end, and on some servers which emoji it is.
"""

import json
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Unicode,
    UniqueConstraint,
    and_,
    case,
    collate,
    literal,
    select,
    true,
)

from packages.database.copying.limits import Limit
from packages.database.copying.tables import CopiedTable, Values


class Uniques:
    """The unique texts of one table of the source; they are kept on disk, so memory is bounded."""

    def __init__(self, target: Connection, copied: CopiedTable, limits: Sequence[Limit]) -> None:
        """Find out what is unique; `limits` say how the target compares it."""
        self._target = target
        self._store = sqlite3.connect("")  # a file that SQLite removes afterwards
        self._store.execute(
            "CREATE TABLE seen (number INTEGER, folded TEXT, texts TEXT,"
            " PRIMARY KEY (number, folded)) WITHOUT ROWID"
        )
        self._places = {column.name: place for place, column in enumerate(copied.columns)}
        self._collations = {each.column.name: each.collation for each in limits if each.collation}
        self._sets = [
            columns
            for columns in _unique_sets(copied)
            if any(column.name in self._collations for column in columns)
        ]

    def close(self) -> None:
        """Forget the rows."""
        self._store.close()

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
            query = "SELECT texts FROM seen WHERE number = ? AND folded = ?"
            [(first,)] = self._store.execute(query, (number, folded))
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
        return bool(self._target.scalar(select(case((and_(true(), *conditions), 1), else_=0))))


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
