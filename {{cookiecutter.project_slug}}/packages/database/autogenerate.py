{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import lines with context %}
"""Corrects what Alembic misses or gets wrong when it compares the models with the database."""

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, product
from typing import Any, Literal{{ ", TypeGuard" if db.server }}

import sqlalchemy
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op, renderers
from alembic.operations.ops import (
    AddColumnOp,
    AddConstraintOp,
    AlterColumnOp,
    {{- lines("CreateForeignKeyOp," if db.server) | indent }}
    CreateTableOp,
    DropColumnOp,
    DropConstraintOp,
    {{- lines("DropIndexOp," if db.indexes_hold) | indent }}
    DropTableOp,
    MigrateOperation,
    MigrationScript,
    ModifyTableOps,
    OpContainer,
    RenameTableOp,
)
from alembic.runtime.migration import MigrationContext
from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatchResult
from sqlalchemy import (
    BinaryExpression,
    CheckConstraint,
    ClauseElement,
    Dialect,
    {{- lines("ForeignKeyConstraint," if db.server) | indent }}
    Table,
    TypeDecorator,
)
{{ "from sqlalchemy.schema import SchemaItem\n" if db.server -}}
from sqlalchemy.sql.elements import conv
from sqlalchemy.sql.operators import in_op
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import immutabledict

from packages.database.types import JsonDocument, UtcDateTime

# How names of the convention of `Base` begin; a database may add CHECK constraints of its own.
PREFIX = "ck_"
# Finds texts and numbers. Quoted names and types of casts may contain digits, but are no values.
LITERAL = re.compile(
    r"'(?P<text>(?:[^'\\]|''|\\.)*)'"
    r'|"[^"]*"|`[^`]*`|::[a-z ]+(?:\([\d, ]+\))?'
    r"|\b(?P<number>\d+(?:\.\d+)?|(?i:true|false))\b"
)
# Finds a type in the arguments of another one; a text in quotes may look like one.
NESTED = re.compile(r"'(?:[^'\\]|\\.)*'|\b([A-Z]\w*)(?=\()")


def render_item(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """Write a column type that Alembic does not know into a revision, with its import."""
    if kind != "type" or not isinstance(item, TypeEngine):
        return False
    variants = item._variant_mapping  # noqa: SLF001 - nothing else tells of them
    dialect = autogen.dialect
    if all(_is_known(each, dialect) for each in (item, *variants.values())) and (
        variants or type(item) is not JsonDocument
    ):
        return False
    if variants:
        item = item.copy()
        item._variant_mapping = immutabledict()  # noqa: SLF001
    return _write(item, autogen) + "".join(
        f".with_variant({_write(variant, autogen)}, {name!r})" for name, variant in variants.items()
    )


def _is_known(item: TypeEngine[Any], dialect: Dialect) -> bool:
    """Tell whether a type is SQLAlchemy's, and not one of another database."""
    package = _package(type(item))
    if package.startswith("sqlalchemy.dialects."):
        return package in map(_package, type(dialect).__mro__)
    return package.startswith("sqlalchemy.")


def _package(kind: type[Any]) -> str:
    """Return the package of a dialect, such as `sqlalchemy.dialects.mysql`."""
    return ".".join(kind.__module__.split(".")[:3])


def _write(item: TypeEngine[Any], autogen: AutogenContext) -> str:
    """Return the text of a type that makes it again in the revision.

    The text of a `TypeDecorator` has the arguments of the type that it is stored as. Where it does
    not take them itself, the type that it is stored as is written.
    """
    dialect = autogen.dialect
    texts = [_text(item)]
    if isinstance(item, TypeDecorator):
        texts += [_text(item.load_dialect_impl(dialect)), _text(item.impl_instance)]
    text, imports = next((each for each in texts if _makes(*each, item, dialect)), texts[0])
    autogen.imports.update(imports)
    return text


def _text(item: TypeEngine[Any]) -> tuple[str, set[str]]:
    """Return the text of a type, with its imports."""
    if type(item) in {UtcDateTime, JsonDocument}:
        # Without this database's arguments, so that the revision means the same on every database.
        name = "UtcDateTime" if isinstance(item, UtcDateTime) else "JsonDocument"
        return f"{name}()", {f"from packages.database.types import {name}"}
    arguments = repr(item).removeprefix(type(item).__name__)
    for kind in type(item).__mro__:
        # A driver's dialect has types of its own, which extend public ones.
        if getattr(sqlalchemy, kind.__name__, None) is kind:
            return f"sa.{kind.__name__}{_qualify(arguments)}", set()
        package = _package(kind)
        name = package.removeprefix("sqlalchemy.dialects.")
        if name != package and hasattr(sys.modules[package], kind.__name__):
            text = f"{name}.{kind.__name__}{_qualify(arguments)}"
            return text, {f"from sqlalchemy.dialects import {name}"}
        if not kind.__module__.startswith("sqlalchemy."):
            break
    kind = type(item)
    outermost = kind.__qualname__.partition(".")[0]
    return kind.__qualname__ + arguments, {f"from {kind.__module__} import {outermost}"}


def _qualify(arguments: str) -> str:
    """Put `sa.` before the types of SQLAlchemy in the arguments of a type."""
    return NESTED.sub(
        lambda match: f"sa.{match[0]}" if hasattr(sqlalchemy, match[1] or "") else match[0],
        arguments,
    )


def _makes(text: str, imports: set[str], item: TypeEngine[Any], dialect: Dialect) -> bool:
    """Tell whether the text makes a type that the database stores in the same way."""
    names: dict[str, Any] = {"sa": sqlalchemy}
    try:
        exec("\n".join([*imports, f"made = {text}"]), names)  # noqa: S102 - as the revision will
        return bool(names["made"].compile(dialect) == item.compile(dialect))
    except Exception:  # noqa: BLE001 - the type's own code
        return False


def compare_check_constraints(  # noqa: PLR0913, PLR0917 - Alembic calls it
    autogen: AutogenContext,
    changes: ModifyTableOps,
    schema: str | None,
    table_name: str,
    stored_table: Table | None,
    declared_table: Table | None,
) -> PriorityDispatchResult:
    """Compare CHECK constraints, also those of an `Enum`, by their names and the values in them.

    Each database rewrites the text of a condition, but keeps its values. So a change that keeps the
    values, such as `>` to `>=` or 1 to -1, is found only if the constraint gets another name.
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
            if _are_alike(values, _declared_values(after, dialect)):
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


def _are_alike(stored: list[str], declared: list[str]) -> bool:
    """Compare values as databases rewrite them.

    Some make a text of -1, or 1 of TRUE, and some compare a flag with 0.
    """
    flags = {"true": "1", "false": "0"}
    found, wanted = (
        {flags.get(value.lower(), value.removeprefix("-")) for value in values}
        for values in (stored, declared)
    )
    return wanted <= found <= wanted | {"0"}


def _declared_values(constraint: CheckConstraint, dialect: Dialect) -> list[str]:
    options = {"literal_binds": True}
    condition = str(constraint.sqltext.compile(dialect=dialect, compile_kwargs=options))
    return _values(_undouble(condition, dialect))


def _as_declared(
    before: CheckConstraint, after: CheckConstraint, values: list[str]
) -> CheckConstraint:
    """Return the stored constraint of an `Enum` as a model declares it, which is portable."""
    condition = after.sqltext
    if not isinstance(condition, BinaryExpression) or condition.operator is not in_op:
        return before
    # With the column of the model, the constraint would be added to the table of the model.
    [name] = after.columns.keys()
    in_values = sqlalchemy.column(name).in_(values)
    return CheckConstraint(in_values, name=before.name, table=before.table)


class RenameOp(MigrateOperation):
    """A comment in a revision: what to write if a dropped column or table was renamed."""

    def __init__(self, dropped: str, added: str, instead: AlterColumnOp | RenameTableOp) -> None:
        """Take both names, and the operation that keeps what would be lost."""
        self.names = dropped, added
        self.instead = instead

    def to_diff_tuple(self) -> tuple[str, ...]:
        """Return what `alembic check` shows."""
        return ("or rename", *self.names)


@renderers.dispatch_for(RenameOp)
def _write_comment(autogen: AutogenContext, rename: RenameOp) -> str:
    dropped, added = rename.names
    instead = " ".join(" ".join(render_op(autogen, rename.instead)).split())
    return f"# Loses what is in {dropped}. If {added} is its new name, write instead: {instead}"


@renderers.dispatch_for(RenameTableOp)
def _write_rename(_autogen: AutogenContext, rename: RenameTableOp) -> str:
    schema = f", schema={rename.schema!r}" if rename.schema else ""
    return f"op.rename_table({rename.table_name!r}, {rename.new_table_name!r}{schema})"


def correct_operations(
    context: MigrationContext, _revision: str | Iterable[str | None], scripts: list[MigrationScript]
) -> None:
    """Correct what Alembic writes into a revision, and say what may be a new name there."""
    _keep_percent_signs(context)
    for script in scripts:
        for operations in (*script.upgrade_ops_list, *script.downgrade_ops_list):
            {{- lines("_leave_indexes_to_tables(operations)" if db.indexes_hold) | indent(12) }}
            for change in operations.ops:
                if isinstance(change, ModifyTableOps):
                    change.ops[:0] = _renamed_columns(change, context)
            {{ "_separate_foreign_keys" if db.server else "_drop_tables_last" }}(operations)
            operations.ops[:0] = _renamed_tables(operations)


def _keep_percent_signs(context: MigrationContext) -> None:
    """Write `%` into the revision and not `%%`, which drivers with parameters such as `%s` need.

    SQLAlchemy doubles it when the revision runs.
    """
    write = context.impl.render_ddl_sql_expr

    def write_plainly(expression: ClauseElement, **options: bool) -> str:
        return _undouble(write(expression, **options), context.dialect)

    context.impl.render_ddl_sql_expr = write_plainly  # type: ignore[assignment,method-assign]


def _undouble(compiled: str, dialect: Dialect) -> str:
    is_doubled = dialect.paramstyle in {"format", "pyformat"}
    return compiled.replace("%%", "%") if is_doubled else compiled


{% if db.server %}
def _separate_foreign_keys(operations: OpContainer) -> None:
    """Drop foreign keys before all else, and add them after it.

    The server refuses to drop a table that one refers to, and to add one before its table is there.
    {{- lines("It also refuses to drop the index of one.") | indent if db.indexes_hold }}
    Alembic would lose one that has `use_alter` within its table:
    https://github.com/sqlalchemy/alembic/issues/326
    """
    later = {each.to_table().fullname for each in operations.ops if isinstance(each, CreateTableOp)}
    gone: set[str] = set()
    dropped: list[MigrateOperation] = []
    added: list[MigrateOperation] = []

    def is_separate(item: SchemaItem) -> TypeGuard[ForeignKeyConstraint]:
        return isinstance(item, ForeignKeyConstraint) and (
            item.use_alter or item.referred_table.fullname in later
        )

    for each in operations.ops:
        if isinstance(each, CreateTableOp):
            later.remove(each.to_table().fullname)
            keys = [item for item in each.columns if is_separate(item)]
            each.columns = [item for item in each.columns if not is_separate(item)]
            added += map(CreateForeignKeyOp.from_constraint, keys)
        elif isinstance(each, DropTableOp):
            table = each.to_table()
            dropped += [
                DropConstraintOp.from_constraint(key)
                for key in table.foreign_key_constraints
                if key.referred_table.fullname in gone
            ]
            gone.add(table.fullname)
        elif isinstance(each, ModifyTableOps):
            drops = [op for op in each.ops if _drops_foreign_key(op)]
            adds = [op for op in each.ops if isinstance(op, CreateForeignKeyOp)]
            each.ops = [op for op in each.ops if op not in drops + adds]
            dropped += drops
            added += adds
    operations.ops = [*dropped, *operations.ops, *added]


def _drops_foreign_key(operation: MigrateOperation) -> bool:
    return isinstance(operation, DropConstraintOp) and operation.constraint_type == "foreignkey"
{% else %}
def _drop_tables_last(operations: OpContainer) -> None:
    """Drop tables after all else, and create them before it.

    To change another table, Alembic copies it, and must find each table that it refers to.
    """
    operations.ops.sort(
        key=lambda each: (isinstance(each, DropTableOp), not isinstance(each, CreateTableOp))
    )
{% endif %}


def _renamed_columns(change: ModifyTableOps, context: MigrationContext) -> Iterator[RenameOp]:
    """Yield each pair of a dropped and an added column that the database stores alike."""
    drops = [each for each in change.ops if isinstance(each, DropColumnOp)]
    adds = [each for each in change.ops if isinstance(each, AddColumnOp)]
    for drop, add in product(drops, adds):
        old = drop.to_column()
        if not context.impl.compare_type(old, add.column):
            instead = AlterColumnOp(
                change.table_name,
                drop.column_name,
                schema=change.schema,
                existing_type=old.type,
                existing_nullable=old.nullable,
                existing_server_default=old.server_default,
                existing_comment=old.comment,
                modify_name=add.column.name,
            )
            yield RenameOp(drop.column_name, add.column.name, instead)


def _renamed_tables(operations: OpContainer) -> Iterator[RenameOp]:
    """Yield each pair of a dropped and an added table that have the same columns."""
    drops = [each for each in operations.ops if isinstance(each, DropTableOp)]
    adds = [each for each in operations.ops if isinstance(each, CreateTableOp)]
    for drop, add in product(drops, adds):
        columns = drop.to_table().columns.keys()
        if drop.schema == add.schema and set(columns) == set(add.to_table().columns.keys()):
            instead = RenameTableOp(drop.table_name, add.table_name, schema=add.schema)
            yield RenameOp(drop.table_name, add.table_name, instead)


{% if db.indexes_hold %}
def _leave_indexes_to_tables(operations: OpContainer) -> None:
    """Leave out DROP INDEX before DROP TABLE: a foreign key may still need the index."""
    dropped = {each.table_name for each in operations.ops if isinstance(each, DropTableOp)}
    for change in operations.ops:
        if isinstance(change, ModifyTableOps) and change.table_name in dropped:
            change.ops = [each for each in change.ops if not isinstance(each, DropIndexOp)]


{% endif %}
Plugin("check_constraints").add_autogenerate_comparator(compare_check_constraints, "table")
