"""A rendered service in its first week: a model is added, changed and removed, as its team would do it."""

import re
import shlex
from pathlib import Path

from tests.live.revisions import write_revision
from tests.template import Project, lint, run

# A column of every kind, and tables that refer to each other, in a subfolder of the package.
MODEL = '''\
"""Notes that users write."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Enum, ForeignKey, MetaData, Numeric, Text, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base
from packages.database.types import CreatedAt, IntegerKey, JsonObject, UpdatedAt
from packages.database.user_data_model import User


class Color(StrEnum):
    """What a note looks like."""

    RED = "red"
    NOT_RED = "isn't red"


class Note(Base):
    """What a user writes."""

    __tablename__ = "notes"
    __table_args__ = (
        CheckConstraint("stars BETWEEN 0 AND 5", name="stars"),
        CheckConstraint("rating > -0.5 AND rating * 2 >= -90", name="rating"),
        CheckConstraint("title NOT LIKE 'draft%'", name="title"),
    )

    id: Mapped[IntegerKey]
    author_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    best_reply_id: Mapped[int | None] = mapped_column(
        ForeignKey("replies.id", use_alter=True), index=True
    )
    title: Mapped[str] = mapped_column(Unicode(255), unique=True)
    text: Mapped[str | None] = mapped_column(Text)
    stars: Mapped[int]
    twice: Mapped[int] = mapped_column(Computed("stars * 2", persisted=True))
    rating: Mapped[float]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    is_open: Mapped[bool]
    color: Mapped[Color] = mapped_column(
        Enum(
            Color,
            name="color",
            native_enum=False,
            create_constraint=True,
            length=16,
            values_callable=lambda colors: [color.value for color in colors],
        )
    )
    day: Mapped[date]
    hour: Mapped[time]
    due_at: Mapped[datetime | None]
    key: Mapped[UUID] = mapped_column(unique=True)
    raw: Mapped[bytes | None]
    extra: Mapped[JsonObject]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class Reply(Base):
    """What another user writes about a note, whose best reply it may be."""

    __tablename__ = "replies"

    id: Mapped[IntegerKey]
    note_id: Mapped[int] = mapped_column(ForeignKey(Note.id))


class NoteCount(Base):
    """A view, which the revisions leave alone: how many notes each author has."""

    __tablename__ = "note_counts"
    metadata = MetaData()

    author_id: Mapped[int] = mapped_column(primary_key=True)
    notes: Mapped[int]
'''
# A table of that model, and the column of the other one that refers to it.
REPLIES = r"    best_reply_id: .*?\n    \)\n|class Reply\(.*?\n(?=class )"
# One process for several commands of Alembic, each of which takes a tenth of what the process takes to start.
ALEMBIC = """\
import sys
from alembic.config import main
for command in sys.argv[1:]:
    main(command.split())
"""
# A change must be noticed before it has a revision, and never again after it; to compare leaves the models as they are.
REVISE = """\
import sys
from alembic.config import main
from packages.database.config import Base
from sqlalchemy import CheckConstraint
try:
    main(["check"])
except SystemExit:
    pass
else:
    sys.exit("not noticed")
main(["revision", "--autogenerate", "-m", sys.argv[1]])
for command in ("upgrade head", "check", "downgrade -1", "upgrade head", "check"):
    main(command.split())
constraints = [each for table in Base.metadata.tables.values() for each in table.constraints]
checks = {(str(each.name), str(each.sqltext.compile(compile_kwargs={"literal_binds": True})))
          for each in constraints if isinstance(each, CheckConstraint)}
assert len(checks) == len(dict(checks)), checks
"""
# What a revision on top of the first one does beside keeping the rows.
ADD, DROP = 'op.add_column("jobs", sa.Column("note", sa.Unicode(length=20)))', 'op.drop_column("jobs", "note")'
# A renamed column as Alembic writes it, which loses its values, and by hand.
ADD_AND_DROP = 'op.add_column("my_table", sa.Column("{}", sa.Unicode(length=20)))\nop.drop_column("my_table", "{}")'
RENAME = 'op.alter_column("my_table", "{}", new_column_name="{}", existing_type=sa.Unicode(length=255))'
# The table of jobs has a foreign key, an enumeration and a document.
REMOVE = 'op.execute(sa.text("DELETE FROM jobs"))'
# It fails where a document is none that the service stores.
READ = (
    'jobs = sa.table("jobs", sa.column("payload", sa.JSON()))\n'
    "for payload in op.get_bind().scalars(sa.select(jobs.c.payload)):\n"
    "    assert isinstance(payload, dict), payload"
)
# Another name of a sample, and what a revision with it finds where a row was stored before.
STORE, CLEAR = "op.execute(\"INSERT INTO my_table (name) VALUES ('kept')\")", 'op.execute("DELETE FROM my_table")'
RENAMES = (
    ("name: Mapped", "title: Mapped", 'assert op.get_bind().scalar(sa.text("SELECT title FROM my_table")) == "kept"'),
    ('"my_table"', '"my_rows"', 'assert op.get_bind().scalar(sa.text("SELECT name FROM my_rows")) == "kept"'),
)
UNICODE = "from sqlalchemy import Unicode\n"
USE_MODEL = """\
from sqlalchemy import select
from sqlalchemy.orm import Session
from packages.database.commands.running import run
from packages.database.models import MyModel

def use(engine):
    with Session(engine) as db:
        db.add(MyModel())
        db.flush()
        db.expire_all()
        db.delete(db.scalars(select(MyModel)).one())
        db.commit()

run(use)
"""
CHANGES = {
    "another member": ("    RED =", '    BLUE = "blue"\n    RED ='),
    "another limit": ("BETWEEN 0 AND 5", "BETWEEN 0 AND 10"),
    "another condition": ('", name="stars"', ' OR stars = 99", name="stars_or_99"'),
}


def run_alembic(project: Project, *commands: str) -> None:
    """Run commands of Alembic one after the other, such as `upgrade head`."""
    project.run("python", "-c", ALEMBIC, *commands)


def check_first_week(project: Project) -> None:
    """Make each change that a team makes first, and take it back; the samples stay."""
    check_first_revision(project)
    check_worked_example(project)
    check_rows_kept(project)
    check_renames(project)
    check_retired_column(project)
    check_growth(project)


def check_growth(project: Project) -> None:
    """Add a model, change it and take it away: each change is noticed, and its revision works as Alembic writes it."""
    folder = project.folder / "packages" / "database" / "notes"
    folder.mkdir()
    (folder / "__init__.py").touch()
    model = folder / "note_data_model.py"
    model.write_text(MODEL, encoding="utf-8")
    _check_revision(project, "add notes")
    for change, (before, after) in CHANGES.items():
        text = model.read_text(encoding="utf-8")
        assert before in text
        model.write_text(text.replace(before, after), encoding="utf-8")
        _check_revision(project, change)
    text = re.sub(REPLIES, "", model.read_text(encoding="utf-8"), flags=re.DOTALL)
    model.write_text(text, encoding="utf-8")
    _check_revision(project, "remove replies")
    model.unlink()
    _check_revision(project, "remove notes")
    lint(project.folder)


def check_rows_kept(project: Project) -> None:
    """See the project's own tests find a newest revision that loses rows, and accept one that keeps them or says so.

    A revision that changes documents meets such as the service stores.
    """
    for upgrade, downgrade, declared, outcome in (
        (ADD, DROP, "", "1 passed"),
        (READ, "pass", "", "1 passed"),
        (ADD_AND_DROP.format("title", "name"), ADD_AND_DROP.format("name", "title"), "", "1 failed"),
        (RENAME.format("name", "title"), RENAME.format("title", "name"), "", "1 passed"),
        (REMOVE, "pass", "", "1 failed"),
        (ADD, f"{DROP}\n{REMOVE}", "", "1 failed"),
        (REMOVE, "pass", "keeps_rows = False", "1 passed"),
    ):
        path = write_revision(project.folder, 2, upgrade, downgrade, declared)
        shown = project.run("pytest", "-q", "tests/test_migrations.py", "-k", "outlive", check=False).stdout
        assert outcome in shown.splitlines()[-1], shown
    path.unlink()
    check_rows_missing(project)


def check_rows_missing(project: Project) -> None:
    """See that test name the tables for which it has made no row, until it is given one, and examine a merge."""
    examples = project.folder / "tests" / "example_rows.py"
    text = examples.read_text(encoding="utf-8")
    path = write_revision(project.folder, 2, ADD, DROP)
    unknown = re.sub(r"    str: .*", "    str: [None],", text)
    given = unknown.replace("GIVEN: Rows = {}", 'GIVEN: Rows = {"my_table": {"name": "given"}}')
    for changed, tables in ((unknown, "jobs, my_table, users"), (given, "jobs, users")):
        examples.write_text(changed, encoding="utf-8")
        shown = project.run("pytest", "-q", "tests/test_migrations.py", "-k", "outlive").stdout
        assert f"made no row for {tables}: see GIVEN in tests/example_rows.py" in shown
    examples.write_text(text, encoding="utf-8")
    other = path.with_name("branch.py")
    other.write_text(
        path.read_text(encoding="utf-8").replace('"0002"', '"branch"').replace('"note"', '"other"'), encoding="utf-8"
    )
    merge = write_revision(project.folder, 4, REMOVE)
    merge.write_text(merge.read_text(encoding="utf-8").replace('"0003"', '("0002", "branch")'), encoding="utf-8")
    shown = project.run("pytest", "-q", "tests/test_migrations.py", "-k", "outlive", check=False).stdout
    assert "of these tables" in shown, shown
    for each in (path, other, merge):
        each.unlink()


def check_renames(project: Project) -> None:
    """Rename a column, then a table: the generated revision has the line that keeps what is in them."""
    model = project.folder / "packages" / "database" / "models.py"
    text = model.read_text(encoding="utf-8")
    for before, after, check in RENAMES:
        assert before in text
        model.write_text(text.replace(before, after), encoding="utf-8")
        run_alembic(project, "revision --autogenerate --rev-id 0002 -m change")
        path = project.folder / "migrations" / "versions" / "0002_change.py"
        generated = path.read_text(encoding="utf-8")
        lint(project.folder, types=False)
        up, down = re.findall(r"write instead: (.*)", generated)
        if up.startswith("batch_op"):
            up, down = (f"with op.batch_alter_table('my_table') as batch_op:\n    {line}" for line in (up, down))
        imports = "\n".join(re.findall(r"^from sqlalchemy.*", generated, re.MULTILINE))
        write_revision(project.folder, 2, f"{STORE}\n{up}\n{check}", f"{down}\n{CLEAR}", imports)
        run_alembic(project, "upgrade head", "check", "downgrade -1")
        path.unlink()
    model.write_text(text, encoding="utf-8")


def check_retired_column(project: Project) -> None:
    """Drop a column in two releases, as the README does: the code between them works with and without it."""
    model = project.folder / "packages" / "database" / "models.py"
    text = model.read_text(encoding="utf-8")
    removed = re.sub(r"    name: .*\n", "", text).replace("Mapped, mapped_column", "Mapped").replace(UNICODE, "")
    declared = re.findall(r"`(__\w+__ = .*title.*)`", _section(project, "Change the schema"))
    lines = "".join(f"    {line.replace('title', 'name')}\n" for line in declared)
    retired = removed.replace("from sqlalchemy.orm", "from sqlalchemy import Column, Unicode\nfrom sqlalchemy.orm")
    retired = re.sub(r"(    __tablename__ .*\n)", rf"\1{lines}", retired)
    model.write_text(retired, encoding="utf-8")
    revisions = _check_revision(project, "retire a column")
    # The tests of the samples still have the attribute.
    lint(project.folder, types=False)
    project.run("python", "-c", USE_MODEL)
    model.write_text(removed, encoding="utf-8")
    revisions |= _check_revision(project, "drop a column")
    model.write_text(retired, encoding="utf-8")
    project.run("python", "-c", USE_MODEL)
    project.run("alembic", "downgrade", "-2")
    for revision in revisions:
        revision.unlink()
    model.write_text(text, encoding="utf-8")


def _section(project: Project, heading: str) -> str:
    """Return a section of the project's README."""
    readme = (project.folder / "README.md").read_text(encoding="utf-8")
    return readme.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def check_worked_example(project: Project) -> None:
    """Add a model as the README's example does, file by file, and take it away again."""
    files = re.findall(r"is `([\w/.]+)`[^`]*?```python\n(.*?)```", _section(project, "Add a model"), re.DOTALL)
    assert files
    for path, text in files:
        (project.folder / path).write_text(text, encoding="utf-8")
    [revision] = _check_revision(project, "add notes as the README does")
    lint(project.folder)
    assert re.search(r"^1 passed", project.run("pytest", "-q", files[-1][0]).stdout.splitlines()[-1])
    project.run("alembic", "downgrade", "-1")
    for path, _ in files:
        (project.folder / path).unlink()
    revision.unlink()


def check_samples_removed(project: Project) -> None:
    """Remove the samples with the README's commands; the linters have nothing to say, and the caller runs the tests."""
    project.run("alembic", "downgrade", "0001")
    for path in (project.folder / "migrations" / "versions").glob("*.py"):
        if not path.name.startswith("0001_"):
            path.unlink()
    [commands] = re.findall(r"```sh\n(.*?)```", _section(project, "Remove the samples"), re.DOTALL)
    for command in commands.splitlines():
        if command.startswith("uv run "):
            project.run(*shlex.split(command)[2:])
        else:
            run("sh", "-c", command, cwd=project.folder)
    lint(project.folder)


def check_first_revision(project: Project) -> None:
    """Have Alembic write the first revision again, from the models alone, as a team does that has changed them."""
    project.run("alembic", "downgrade", "base")
    versions = project.folder / "migrations" / "versions"
    kept = {path: path.read_text(encoding="utf-8") for path in versions.glob("*.py")}
    for path in kept:
        path.unlink()
    [first] = _check_revision(project, "First tables")
    # The types of a revision as Alembic writes it are checked with the two that follow.
    lint(project.folder, types=False)
    project.run("alembic", "downgrade", "base")
    first.unlink()
    for path, text in kept.items():
        path.write_text(text, encoding="utf-8")
    project.run("alembic", "upgrade", "head")


def _check_revision(project: Project, message: str) -> set[Path]:
    """Generate a revision, take it up, down and up, find nothing left to do, and return its file."""
    versions = project.folder / "migrations" / "versions"
    before = set(versions.glob("*.py"))
    project.run("python", "-c", REVISE, message)
    return set(versions.glob("*.py")) - before
