"""Revisions of a team that grows old: two newest ones, as after the merge of two branches, and many made one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.cells import InstallOnce
from tests.live.databases import in_file
from tests.live.revisions import write_revision
from tests.live.service import ask_doctor
from tests.template import STYLES, Project


@pytest.fixture(params=STYLES)
def project(request: pytest.FixtureRequest, tmp_path: Path, install_once: InstallOnce) -> Iterator[Project]:
    """Install a service with a new database; its revisions are restored after the test."""
    project = install_once("sqlite", request.param, in_file(tmp_path, request.param), "none")
    folder = versions(project)
    before = {path: path.read_bytes() for path in folder.glob("*.py")}
    yield project
    for path in folder.glob("*.py"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


def versions(project: Project) -> Path:
    """Return the folder of the revisions."""
    return project.folder / "migrations" / "versions"


def test_two_newest_revisions_are_named(project: Project) -> None:
    """`upgrade` and the tests end in one sentence, and what it says puts the revisions in order."""
    revision = write_revision(project.folder, 2, "pass")
    for name in ("mine", "theirs"):
        text = revision.read_text(encoding="utf-8").replace('"0002"', f'"{name}"')
        (versions(project) / f"{name}.py").write_text(text, encoding="utf-8")
    revision.unlink()

    upgrade = project.run("python", "-m", "packages.database", "upgrade", check=False)
    said = "Error: the code has several newest revisions: mine, theirs; run: alembic merge heads\n"
    assert (upgrade.returncode, upgrade.stderr) == (1, said)
    tests = project.run("pytest", "-q", check=False)
    output = tests.stdout + tests.stderr
    assert tests.returncode == pytest.ExitCode.USAGE_ERROR, output
    assert output.count("The tests cannot migrate their database: Multiple head revisions") == 1, output
    assert len(output.splitlines()) <= 5, output

    project.run("alembic", "merge", "heads")
    project.run("python", "-m", "packages.database", "upgrade")
    project.run("alembic", "current", "--check-heads")


def test_revisions_are_squashed_into_one(project: Project) -> None:
    """One revision replaces all, as the README says: an old database needs nothing, a new one gets the same tables."""
    write_revision(project.folder, 2, 'op.create_index("ix_users_name", "users", ["name"])')
    project.run("python", "-m", "packages.database", "upgrade")
    for path in versions(project).glob("*.py"):
        path.unlink()
    new = Project(project.folder, {"DATABASE_URL": project.env["DATABASE_URL"].replace("service.db", "new.db")})
    new.run("alembic", "revision", "--autogenerate", "--rev-id", "0002", "-m", "all tables")
    new.run("python", "-m", "packages.database", "upgrade")
    said = project.run("python", "-m", "packages.database", "upgrade").stdout
    assert said == "The database is at revision 0002; there is nothing to do.\n"
    new.run("alembic", "check")


MODEL = """
from sqlalchemy.orm import Mapped, mapped_column
from packages.database.config import Base

class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
"""


def test_revision_that_was_skipped_is_noticed(project: Project) -> None:
    """`doctor` sees that a revision was put below one that had run, and what it says brings its table."""
    newest = write_revision(project.folder, 2, "pass")
    project.run("python", "-m", "packages.database", "upgrade")
    assert ask_doctor(project)["revision"]["state"] == "ok"
    text = newest.read_text(encoding="utf-8")
    below = text.replace('"0002"', '"below"').replace(
        "pass", 'op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True))'
    )
    (versions(project) / "below.py").write_text(below, encoding="utf-8")
    newest.write_text(text.replace('= "0001"', '= "below"'), encoding="utf-8")
    model = project.folder / "packages" / "database" / "note_data_model.py"
    model.write_text(MODEL, encoding="utf-8")
    try:
        project.run("python", "-m", "packages.database", "upgrade")
        found = ask_doctor(project)["revision"]
        assert (found["state"], found["found"]) == (
            "warning",
            "0002, at head, but the tables are not those of the models",
        )
        for arguments in (("stamp", "0001"), ("upgrade", "below"), ("stamp", "head")):
            assert arguments[0] in found["fix"]
            project.run("alembic", *arguments)
        assert ask_doctor(project)["revision"]["state"] == "ok"
    finally:
        model.unlink()
