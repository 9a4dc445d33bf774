"""A model may live in a schema of its own: migrations, the service's own tests, its linters and its copies know it."""

import re
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.live.cells import parameters
from tests.live.databases import Databases
from tests.live.growth import run_alembic
from tests.live.service import create_database
from tests.live.test_services import check_own_tests
from tests.template import PYTHONS, STYLES, Project, install, lint, render

CELLS = [("postgresql", style) for style in STYLES]
MODEL = '''\
"""What users owe and have paid."""

from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base
from packages.database.types import CreatedAt, IntegerKey
from packages.database.user_data_model import User


class InvoiceStatus(StrEnum):
    """The state of an invoice."""

    OPEN = "open"


InvoiceStatusType = Enum(
    InvoiceStatus,
    name="status",
    native_enum=False,
    create_constraint=True,
    length=16,
    values_callable=lambda statuses: [status.value for status in statuses],
)


class Invoice(Base):
    """A sum that a user owes."""

    __tablename__ = "invoices"
    __table_args__ = {"schema": "billing"}

    id: Mapped[IntegerKey]
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    number: Mapped[str] = mapped_column(Unicode(32), unique=True)
    status: Mapped[InvoiceStatus] = mapped_column(InvoiceStatusType)
    created_at: Mapped[CreatedAt]


class Payment(Base):
    """Money that a user has paid."""

    __tablename__ = "payments"

    id: Mapped[IntegerKey]
    invoice_id: Mapped[int] = mapped_column(ForeignKey(Invoice.id), index=True)
'''
MEMBER = '    OPEN = "open"\n'
# A table with partitions and an enumeration of the server, and what its revision does beside creating it.
PARTITIONED = '''\
"""What has happened."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Enum, Identity, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base


class Kind(StrEnum):
    """How it came about."""

    PLANNED = "planned"


class Event(Base):
    """Something that has happened."""

    __tablename__ = "events"
    __table_args__ = {"postgresql_partition_by": "RANGE (happened_at)"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    happened_at: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Unicode(50), index=True)
    kind: Mapped[Kind] = mapped_column(Enum(Kind, name="kind"))
'''
PARTITIONS = """\
    op.execute("CREATE TABLE events_rest PARTITION OF events DEFAULT")
    op.execute(sa.schema.CreateSchema("parts", if_not_exists=True))
    op.execute("CREATE TABLE parts.old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2000-01-01')")
"""
# A schema of somebody else, in which a table has the name of one of ours.
FOREIGN = (
    "CREATE SCHEMA other",
    "CREATE TABLE other.invoices (id int PRIMARY KEY, state text CHECK (state = 'open'))",
    "CREATE INDEX ix_state ON other.invoices (state)",
)
# The key that it gets must be free.
INSERT = "INSERT INTO {} (user_id, number, status, created_at) VALUES (1, '9', 'open', now()) RETURNING id"
FILL = """
import sys
from sqlalchemy import create_engine
from alembic.migration import MigrationContext
from packages.database.bulk import insert_rows
from packages.database.commands.running import run
from packages.database.config import Base
from packages.database.copying.tables import PortableInteger, plan
from packages.database.invoice_data_model import Invoice, Payment
from packages.database.revisions import scripts
from packages.database.types import utc_now
from packages.database.user_data_model import User
from packages.modules import import_models

def fill(engine):
    with engine.begin() as connection:
        now = utc_now()
        user = {"id": 1, "email": "ada@example.com", "name": "Ada", "created_at": now, "updated_at": now}
        insert_rows(connection, User, [user])
        rows = [{"user_id": 1, "number": str(number), "status": "late", "created_at": now} for number in range(9)]
        insert_rows(connection, Invoice, rows)
        insert_rows(connection, Payment, [{"invoice_id": 9}])

# What the same service has on databases without the schema.
import_models()
portable = plan(Base.metadata)[0].table.metadata
PortableInteger.load_dialect_impl = lambda self, dialect: self.impl_instance
for url in sys.argv[1:]:
    with create_engine(url).begin() as connection:
        MigrationContext.configure(connection).stamp(scripts(), "head")
        portable.create_all(connection.execution_options(schema_translate_map={"billing": None}))
run(fill)
"""
# Two tables that have the same name without their schemas.
CLASH = """
from sqlalchemy import Column, Integer, MetaData, Table, create_engine
from packages.database.copying.tables import plan
from packages.database.copying.target import Target
metadata = MetaData()
for schema in (None, "billing"):
    Table("users", metadata, Column("id", Integer, primary_key=True), schema=schema)
Target(create_engine("sqlite://"), plan(metadata))
"""


def new_revision(project: Project, name: str, first: str = "") -> Path:
    """Generate a revision, with a statement in front, and apply it; Alembic then finds no change."""
    run_alembic(project, f"revision --autogenerate -m {name}")
    [path] = (project.folder / "migrations/versions").glob(f"*_{name}.py")
    if first:
        insert_first(path, first)
    run_alembic(project, "upgrade head", "check")
    return path


def insert_first(revision: Path, statement: str) -> None:
    """Insert a statement before those that Alembic has written."""
    text = revision.read_text(encoding="utf-8")
    revision.write_text(text.replace("    # ###", f"    {statement}\n    # ###", 1), encoding="utf-8")


@pytest.mark.parametrize(("backend", "style"), parameters(CELLS, apart=True))
def test_models_may_name_a_schema(
    tmp_path: Path, databases: Databases, database_name: str, backend: str, style: str
) -> None:
    """Its revisions are generated, tests and linters pass, and its rows are copied, also to a database without schemas.

    The schema of somebody else is left alone.
    """
    server = databases.server(backend)
    folder = render(tmp_path, database_backend=backend, session_style=style)
    project = install(folder, PYTHONS[-1], env=databases.get(backend).environment(style, backend, database_name))
    create_database(project)
    run_alembic(project, "upgrade head")
    for statement in FOREIGN:
        server.query(statement, database_name)

    model = folder / "packages/database/invoice_data_model.py"
    model.write_text(MODEL, encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    [statement] = re.findall(r"`(op\.execute\(.*billing.*\))` first", readme)
    created = new_revision(project, "invoices", statement).read_text(encoding="utf-8")
    assert set(re.findall(r'schema="(\w+)"', created)) == {"billing"}
    model.write_text(MODEL.replace(MEMBER, f'{MEMBER}    LATE = "late"\n'), encoding="utf-8")
    revision = new_revision(project, "late_invoices")
    text = revision.read_text(encoding="utf-8")
    assert re.findall(r"^    op\.(\w+)", text, re.MULTILINE) == ["drop_constraint", "create_check_constraint"] * 2
    lint(folder)
    check_own_tests(project)

    with_schema, without = f"{database_name}_1", f"{database_name}_2"
    url = make_url(project.env["DATABASE_URL"])
    for name in (with_schema, without):
        server.create_database(name)
    first, second = (url.set(database=name).render_as_string(hide_password=False) for name in (with_schema, without))
    project.run("python", "-m", "packages.database", "upgrade", DATABASE_URL=first)
    file = f"sqlite:///{folder}/copy.db"
    project.run("python", "-c", FILL, file, second)
    for target in (first, second, file):
        copied = project.run("python", "-m", "packages.database", "copy", COPY_TO=target)
        assert copied.stdout.startswith("Copied 5 tables, 11 rows; both databases hold the same rows.")
        assert "Not copied" not in copied.stderr
    assert server.query(INSERT.format("billing.invoices"), with_schema) == [(10,)]
    assert server.query(INSERT.format("invoices"), without) == [(10,)]
    refused = project.run("python", "-c", CLASH, check=False)
    assert "billing.users and users would be one table of the target" in refused.stderr

    path = url.update_query_dict({"options": "-csearch_path=billing,public"}).render_as_string(hide_password=False)
    found = project.run("alembic", "check", check=False, DATABASE_URL=path)
    assert "models name billing, the default schema of this connection" in found.stderr
    insert_first(revision, 'op.execute("TRUNCATE billing.invoices CASCADE")')
    lost = project.run("pytest", "-q", "tests/test_migrations.py", check=False).stdout
    assert "'billing.invoices'," in lost
    assert "1 failed" in lost.splitlines()[-1]


@pytest.mark.parametrize(("backend", "style"), parameters(CELLS[:1], apart=True))
def test_partitions_and_native_enumerations_are_the_teams(
    tmp_path: Path, databases: Databases, database_name: str, backend: str, style: str
) -> None:
    """No revision drops the partitions of a table. The tests of the service compare a native `Enum` with its type."""
    folder = render(tmp_path, database_backend=backend, session_style=style)
    project = install(folder, PYTHONS[-1], env=databases.get(backend).environment(style, backend, database_name))
    create_database(project)
    run_alembic(project, "upgrade head")
    model = folder / "packages/database/event_data_model.py"
    model.write_text(PARTITIONED, encoding="utf-8")
    run_alembic(project, "revision --autogenerate -m events")
    [revision] = (folder / "migrations/versions").glob("*_events.py")
    text = revision.read_text(encoding="utf-8")
    text = text.replace("    # ### end", f"{PARTITIONS}    # ### end", 1) + '    op.execute("DROP TYPE kind")\n'
    revision.write_text(text, encoding="utf-8")
    run_alembic(project, "upgrade head", "check")
    check_own_tests(project, "tests/test_migrations.py")
    model.write_text(PARTITIONED.replace('"planned"', '"planned"\n    SUDDEN = "sudden"'), encoding="utf-8")
    differs = project.run("pytest", "-q", "tests/test_migrations.py", check=False).stdout
    assert "events.kind: change its type in a revision" in differs
    assert "1 failed" in differs.splitlines()[-1]
