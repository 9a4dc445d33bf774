"""Checks every row of the source before anything is written to the target."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import click
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    and_,
    cast,
    exists,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from packages.database.copying.limits import COLLATING, Limit
from packages.database.copying.tables import MOST_ROWS, Checksum, CopiedTable, Values
from packages.database.copying.uniques import Uniques

MOST_PROBLEMS = 20
ENOUGH_PROBLEMS = 1_000
# What drivers and types raise for a stored value that Python has no form for.
UNREADABLE = (SQLAlchemyError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
CHANGED = (
    "the source was written to since the copy began, so it cannot go on; empty the target with its"
    " own `alembic downgrade base` and `upgrade`, stop the service, and start again"
)


@dataclass
class Problems:
    """The problems: how many there are, and the first ones as sentences."""

    count: int = 0
    sentences: list[str] = field(default_factory=list)

    def add(self, place: str, fault: str) -> None:
        """Count a problem; keep its sentence if it is one of the first."""
        self.count += 1
        if self.count <= MOST_PROBLEMS:
            self.sentences.append(f"{place}: {fault}")


@dataclass(frozen=True)
class Seen:
    """What a table of the source holds, and the key of the last row that an earlier run copied."""

    checksum: Checksum
    resume_after: Values | None


@dataclass(frozen=True)
class SourceCheck:
    """The check of one table.

    Attributes:
        connection: the snapshot of the source.
        copied: the table.
        limits: what the columns of the target hold, in the order of the table's columns.
        uniques: what the target takes for equal.
        problems: where to add what is found.
    """

    connection: Connection
    copied: CopiedTable
    limits: Sequence[Limit]
    uniques: Uniques
    problems: Problems

    def run(self, copied_before: Checksum, advance: Callable[[int], None]) -> Seen:
        """Read all rows, and check that those an earlier run has copied are still the same.

        Args:
            copied_before: of the first rows in the order of the key.
            advance: is told the number of rows, after each batch.

        Raises:
            click.ClickException: the rows that were copied have changed.
        """
        checksum = Checksum()
        resume_after = None
        for batch in self._batches():
            for values in batch:
                checksum.add(self.copied.digest(values))
                self._check_row(values, checksum.rows)
                if checksum.rows == copied_before.rows:
                    resume_after = self.copied.key_of(values)
                    if checksum != copied_before:
                        raise click.ClickException(CHANGED)
            advance(len(batch))
        if checksum.rows < copied_before.rows:
            raise click.ClickException(CHANGED)
        self._check_references()
        return Seen(checksum, resume_after)

    def _check_row(self, values: Values, number: int) -> None:
        for limit, value in zip(self.limits, values, strict=True):
            fault = limit.fault(value)
            if fault:
                self._add(self.copied.key_of(values), number, limit.column.name, fault)
        for names in self.uniques.clashes(values):
            fault = "it must be unique, and the target takes it for equal to that of an earlier row"
            self._add(self.copied.key_of(values), number, names, fault)

    def _check_references(self) -> None:
        """Find rows that refer to none: SQLite and MySQL let them in while they do not check."""
        for constraint in self.copied.table.foreign_key_constraints:
            parent = constraint.referred_table.alias()
            pairs = [(each.parent, parent.c[each.column.key]) for each in constraint.elements]
            equal = [column == other for column, other in pairs]
            keys = select(*self.copied.key).limit(MOST_PROBLEMS)
            name = constraint.referred_table.fullname
            faults = {
                f"there is no such row in {name}": keys.where(
                    *(column.is_not(None) for column, _ in pairs), ~exists().where(*equal)
                )
            }
            if same := self._same_letters(pairs):
                # Not with EXISTS: MariaDB keeps its result for texts that only differ in case.
                joined = keys.join_from(self.copied.table, parent, and_(*equal))
                fault = f"{name} has it in other letters, as a for A, which differ in the target"
                faults[fault] = joined.where(~and_(*same))
            names = ", ".join(column.name for column, _ in pairs)
            for fault, statement in faults.items():
                for row in self.connection.execute(statement):
                    self._add(tuple(row), None, names, fault)

    def _same_letters(
        self, pairs: Sequence[tuple[Column[Any], ColumnElement[Any]]]
    ) -> list[ColumnElement[bool]]:
        """Return conditions that texts are the same, where only the source may ignore case."""
        if self.connection.dialect.name not in {*COLLATING, "sqlite"}:
            return []
        exact = {limit.column.name for limit in self.limits if not limit.collation}
        return [
            cast(column, LargeBinary) == cast(other, LargeBinary)
            for column, other in pairs
            if isinstance(column.type, String) and column.name in exact
        ]

    def _batches(self) -> Iterator[list[Values]]:
        """Yield all rows that can be read, and add a problem for each of the others."""
        after: Values | None = None
        while self.problems.count < ENOUGH_PROBLEMS:
            try:
                for batch in self.copied.batches(self.connection, after):
                    yield batch
                    after = self.copied.key_of(batch[-1])
                    if self.problems.count >= ENOUGH_PROBLEMS:
                        return
            except UNREADABLE as error:
                after, batch = self._read_one_by_one(after, error)
                yield batch
            else:
                return

    def _read_one_by_one(
        self, after: Values | None, error: Exception
    ) -> tuple[Values, list[Values]]:
        """Return the key of the last of the next rows, and those of them that can be read."""
        page = self.copied.page(select(*self.copied.key), after, MOST_ROWS)
        try:
            keys: list[Values] = [tuple(row) for row in self.connection.execute(page)]
            rows = [values for key in keys if (values := self._read(key)) is not None]
        except SQLAlchemyError:
            raise error from None
        if len(rows) == len(keys):
            raise error
        return keys[-1], rows

    def _read(self, key: Values) -> Values | None:
        """Return a row; without one, add a problem for each column that cannot be read."""
        is_row = self.copied.has_key(key)
        try:
            return self.copied.values(
                self.connection.execute(self.copied.select().where(is_row)).one()
            )
        except UNREADABLE:
            for column in self.copied.columns:
                try:
                    self.connection.execute(select(column).where(is_row)).one()
                except UNREADABLE:
                    fault = (
                        "Python has no form for its value, such as an infinite time, or a text that"
                        " is no member of the Enum"
                    )
                    self._add(key, None, column.name, fault)
        return None

    def _add(self, key: Values, number: int | None, column: str, fault: str) -> None:
        """Add a problem; a key that may be personal, such as an e-mail address, is not shown."""
        names = [column.name for column in self.copied.key]
        if all(isinstance(value, int | UUID | date) for value in key):
            row = ", ".join(f"{name}={value}" for name, value in zip(names, key, strict=True))
        else:
            row = f"row {number} in the order of {', '.join(names)}" if number else "a row"
        self.problems.add(f"{self.copied.name}.{column} ({row})", fault)
