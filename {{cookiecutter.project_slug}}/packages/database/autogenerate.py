{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""What Alembic would miss or get wrong when it compares the models with the database."""

import re
{% if db.indexes_hold %}
from collections.abc import Iterable
{% endif %}
from inspect import Parameter, signature
from itertools import chain
from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
{% if db.indexes_hold %}
from alembic.operations.ops import (
    AddConstraintOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrationScript,
    ModifyTableOps,
)
from alembic.runtime.migration import MigrationContext
{% else %}
from alembic.operations.ops import AddConstraintOp, DropConstraintOp, ModifyTableOps
{% endif %}
from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatchResult
from sqlalchemy import BinaryExpression, CheckConstraint, Dialect, Table, TypeDecorator
from sqlalchemy.sql.elements import conv
from sqlalchemy.sql.operators import in_op

from packages.database.types import JsonDocument, UtcDateTime

# The naming convention of `Base` begins so; a database may add CHECK constraints of its own.
PREFIX = "ck_"
# A value is a text or a number; a quoted name and the type of a cast may hold digits, and are none.
LITERAL = re.compile(
    r"'(?P<text>(?:[^'\\]|''|\\.)*)'"
    r'|"[^"]*"|`[^`]*`|::[a-z ]+(?:\([\d, ]+\))?'
    r"|\b(?P<number>\d+(?:\.\d+)?)\b"
)


def render_item(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """Write a column type that is not SQLAlchemy's own into a revision, with its import."""
    if kind != "type":
        return False
    if type(item) in {UtcDateTime, JsonDocument}:
        # Without what this database adds to it, so that the revision means the same on another one.
        name = "UtcDateTime" if isinstance(item, UtcDateTime) else "JsonDocument"
        autogen.imports.add(f"from packages.database.types import {name}")
        return f"{name}()"
    kind_of = type(item)
    if kind_of.__module__.startswith("sqlalchemy."):
        return False
    if isinstance(item, TypeDecorator) and _needs_arguments(type(item)):
        # Its text has the arguments of the type that it is stored as, and not its own.
        stored_as = item.impl_instance
        if type(stored_as).__module__.startswith("sqlalchemy.sql."):
            return f"sa.{stored_as!r}"
    outermost = kind_of.__qualname__.partition(".")[0]
    autogen.imports.add(f"from {kind_of.__module__} import {outermost}")
    return kind_of.__qualname__ + repr(item).removeprefix(kind_of.__name__)


def _needs_arguments(kind: type[TypeDecorator[Any]]) -> bool:
    """Tell whether a type cannot be made without arguments of its own."""
    if kind.__repr__ is not TypeDecorator.__repr__:
        return False
    named = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
    parameters = signature(kind).parameters.values()
    return any(each.kind in named and each.default is each.empty for each in parameters)


def compare_check_constraints(  # noqa: PLR0913, PLR0917 - Alembic calls it
    autogen: AutogenContext,
    changes: ModifyTableOps,
    schema: str | None,
    table_name: str,
    stored_table: Table | None,
    declared_table: Table | None,
) -> PriorityDispatchResult:
    """Compare CHECK constraints, those of an `Enum` too, by their names and the values they hold.

    Each database stores the text of a condition in a form of its own, but keeps its values. So a
    condition that changes and keeps them, such as `>` to `>=`, needs another name.
    """
    if stored_table is None or declared_table is None:
        return PriorityDispatchResult.CONTINUE
    try:
        reflected = autogen.inspector.get_check_constraints(table_name, schema=schema)
    except NotImplementedError:
        return PriorityDispatchResult.CONTINUE
    dialect = autogen.migration_context.dialect
    stored = {
        name: CheckConstraint(each["sqltext"], name=conv(name), table=stored_table)
        for each in reflected
        if (name := each["name"] or "").startswith(PREFIX)
    }
    of_columns = chain.from_iterable(column.constraints for column in declared_table.columns)
    declared = {
        str(dialect.identifier_preparer.format_constraint(each)): each
        for each in chain(declared_table.constraints, of_columns)
        if isinstance(each, CheckConstraint)
    }
    for name in sorted({*stored, *declared}):
        before, after = stored.get(name), declared.get(name)
        if before is not None and after is not None:
            values = _values(str(before.sqltext))
            if set(values) == set(_declared_values(after, dialect)):
                continue
            before = _as_declared(before, after, values)
        if before is not None:
            changes.ops.append(DropConstraintOp.from_constraint(before))
        if after is not None:
            changes.ops.append(AddConstraintOp.from_constraint(after))
    return PriorityDispatchResult.CONTINUE


def _values(condition: str) -> list[str]:
    """Return the texts and numbers in a condition, in their order."""
    found = (match["text"] or match["number"] for match in LITERAL.finditer(condition))
    return [re.sub(r"''|\\'", "'", value) for value in found if value]


def _declared_values(constraint: CheckConstraint, dialect: Dialect) -> list[str]:
    options = {"literal_binds": True}
    condition = str(constraint.sqltext.compile(dialect=dialect, compile_kwargs=options))
    # Drivers that know parameters as %s want a percent sign twice.
    return _values(condition.replace("%%", "%"))


def _as_declared(
    before: CheckConstraint, after: CheckConstraint, values: list[str]
) -> CheckConstraint:
    """Return the stored constraint of an `Enum` as a model would declare it: that is portable."""
    condition = after.sqltext
    if not isinstance(condition, BinaryExpression) or condition.operator is not in_op:
        return before
    return CheckConstraint(condition.left.in_(values), name=before.name, table=before.table)


{% if db.indexes_hold %}
def leave_indexes_to_tables(
    _context: MigrationContext,
    _revision: str | Iterable[str | None],
    scripts: list[MigrationScript],
) -> None:
    """Write no DROP INDEX before the DROP TABLE that does it: a foreign key may need the index."""
    for script in scripts:
        for operations in (*script.upgrade_ops_list, *script.downgrade_ops_list):
            dropped = {each.table_name for each in operations.ops if isinstance(each, DropTableOp)}
            for change in operations.ops:
                if isinstance(change, ModifyTableOps) and change.table_name in dropped:
                    change.ops = [each for each in change.ops if not isinstance(each, DropIndexOp)]


{% endif %}
Plugin("check_constraints").add_autogenerate_comparator(compare_check_constraints, "table")
