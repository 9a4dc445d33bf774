"""The pipeline of a service on PostgreSQL gives the SQL of new revisions to squawk."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from sqlalchemy import NullPool, create_engine, text

from tests.live.databases import Database
from tests.live.revisions import write_revision
from tests.live.service import ask_doctor, create_database
from tests.template import PYTHONS, Project, install, render, run
from tests.updates.history import GIT, git

# Each provider, in one style each.
CELLS = [("github", "sync"), ("gitlab", "async")]
FILES = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}
TABLE = """\
op.create_table(
    "notes",
    sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
    sa.Column("owner_id", sa.Integer(), sa.ForeignKey("users.id"), nullable=False),
    sa.Column("text", sa.Unicode(length=255), nullable=False, unique=True),
    sa.PrimaryKeyConstraint("id"),
)
op.create_index("ix_notes_owner_id", "notes", ["owner_id"])
op.add_column("users", sa.Column("nickname", sa.Unicode(length=40)))"""
# Whether each index of the jobs is used.
INDEXES = "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 'jobs'::regclass"
INDEX = 'op.create_index("ix_jobs_title", "jobs", ["title"])'
DROP = 'op.drop_column("users", "nickname")'
ROWS = 'assert op.get_bind().execute(sa.text("SELECT count(*) FROM users")).scalar_one() == 0'


class Team:
    """A clone of a service, whose branch `work` is to be merged into `main`."""

    def __init__(self, project: Project, provider: str) -> None:
        """Commit the service as it is."""
        self.project = project
        self.provider = provider
        self._number = 1
        git("init", "--quiet", "--initial-branch", "main", cwd=project.folder)
        git("add", "--all", cwd=project.folder)
        git("commit", "--quiet", "--message", "A service", cwd=project.folder)
        git("remote", "add", "origin", ".", cwd=project.folder)
        git("checkout", "--quiet", "-b", "work", cwd=project.folder)
        git("commit", "--quiet", "--allow-empty", "--message", "Something else", cwd=project.folder)

    def add(self, change: str, comment: str = "") -> None:
        """Commit one revision more on the branch."""
        self._number += 1
        write_revision(self.project.folder, self._number, change, more=comment)
        git("add", "--all", cwd=self.project.folder)
        git("commit", "--quiet", "--message", "A revision", cwd=self.project.folder)

    def check(self) -> subprocess.CompletedProcess[str]:
        """Run what the pipeline runs for the branch, where the provider runs it."""
        text = (self.project.folder / FILES[self.provider]).read_text(encoding="utf-8")
        if self.provider == "github":
            job = yaml.safe_load(text)["jobs"]["squawk"]
            assert job["steps"][0]["with"]["fetch-depth"] == 2
            variables, script = job["env"], job["steps"][-1]["run"]
            # GitHub's checkout is the commit that a merge of the pull request would make.
            git("checkout", "--quiet", "--detach", "main", cwd=self.project.folder)
            git("merge", "--quiet", "--no-ff", "--message", "Merge", "work", cwd=self.project.folder)
        else:
            job = yaml.safe_load(text)["squawk"]
            install_uv, *lines = job["script"]
            assert install_uv.startswith("pip install")
            variables, script = job["variables"] | {"CI_DEFAULT_BRANCH": "main"}, "\n".join(lines)
        completed = run(
            *("bash", "-eo", "pipefail", "-c", script),
            cwd=self.project.folder,
            env={**self.project.env, **GIT, **variables},
            check=False,
        )
        git("checkout", "--quiet", "work", cwd=self.project.folder)
        return completed

    def merge(self) -> None:
        """Have the branch be merged, as after a pull request."""
        git("branch", "--force", "main", "work", cwd=self.project.folder)


def concurrent_index(folder: Path) -> str:
    """Return what the README of a service says about an index, for a revision."""
    readme = (folder / "README.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"^with op\.get_context.*?(?=^```)", readme, re.DOTALL | re.MULTILINE)
    return str(found).strip()


def valid_indexes(project: Project) -> dict[str, bool]:
    """Tell of each index of the jobs whether the server uses it."""
    engine = create_engine(project.env["DATABASE_URL"], poolclass=NullPool)
    with engine.connect() as connection:
        return dict(connection.execute(text(INDEXES)).all())


@pytest.mark.parametrize(("provider", "style"), CELLS)
def test_new_revisions_are_checked(
    tmp_path: Path, get_database: Callable[[str], Database], database_name: str, provider: str, style: str
) -> None:
    """New tables are accepted, what would block the service is refused, and old revisions are not looked at."""
    database = get_database("postgresql")
    folder = render(tmp_path, database_backend="postgresql", session_style=style, ci_provider=provider)
    project = install(folder, PYTHONS[-1], env=database.environment(style, "postgresql", database_name))
    team = Team(project, provider)
    nothing = team.check()
    assert (nothing.returncode, nothing.stdout) == (0, "There is no new revision.\n"), nothing.stderr

    readme = (folder / "README.md").read_text(encoding="utf-8")
    team.add(TABLE)
    team.add(concurrent_index(folder))
    team.add(ROWS)
    accepted = team.check()
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert "0004_change.py: review it yourself, since its SQL needs rows: " in accepted.stdout + accepted.stderr
    create_database(project)
    upgraded = project.run("python", "-m", "packages.database", "upgrade")
    assert "attempt" not in upgraded.stdout + upgraded.stderr, "a revision must not wait for the lock of `upgrade`"
    project.run("alembic", "current", "--check-heads")
    assert valid_indexes(project)["ix_jobs_status"]

    team.merge()
    team.add(INDEX)
    team.add(DROP)
    refused = team.check()
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert set(re.findall(r"warning.*squawkhq\.com/docs/([a-z-]+)", refused.stdout)) == {
        "require-concurrent-index-creation",
        "ban-drop-column",
    }
    assert set(re.findall(r"/(\d+_change\.sql):", refused.stdout)) == {"0005_change.sql", "0006_change.sql"}

    team.merge()
    (comment,) = re.findall(r"`(# squawk-ignore-file ban-drop-column)`", readme)
    team.add('op.drop_column("users", "name")', comment)
    known = team.check()
    assert known.returncode == 0, known.stdout + known.stderr


def test_index_is_valid_after_an_attempt_that_failed(
    tmp_path: Path, get_database: Callable[[str], Database], database_name: str
) -> None:
    """A build that waits too long for a transaction leaves an invalid index, which the next attempt replaces."""
    database = get_database("postgresql")
    folder = render(tmp_path, database_backend="postgresql", session_style="async")
    env = database.environment("async", "postgresql", database_name) | {"DATABASE_LOCK_TIMEOUT_SECONDS": "1"}
    project = install(folder, PYTHONS[-1], env=env)
    create_database(project)
    project.run("python", "-m", "packages.database", "upgrade")
    Team(project, "github").add(concurrent_index(folder))
    engine = create_engine(env["DATABASE_URL"], poolclass=NullPool)
    with engine.connect() as service:
        service.execute(text("LOCK TABLE jobs IN ROW EXCLUSIVE MODE"))  # as each INSERT does
        with project.start("python", "-m", "packages.database", "upgrade") as upgrade:
            assert upgrade.stdout is not None
            first = "The service holds a lock that the migration needs; attempt 1."
            assert any(first in line for line in upgrade.stdout)
            assert not valid_indexes(project)["ix_jobs_status"]
            found = ask_doctor(project)["invalid indexes"]
            assert (found["state"], found["found"]) == ("warning", "ix_jobs_status")
            service.rollback()
            said = upgrade.stdout.read()
    assert upgrade.returncode == 0, said
    assert valid_indexes(project)["ix_jobs_status"]
