"""A service that a team has edited is brought to the template as it is now, and nothing is left to be done by hand."""

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.databases import Database
from tests.live.growth import run_alembic
from tests.live.service import create_database
from tests.template import BACKENDS, FRAMEWORKS, PYTHONS, install, lint, render
from tests.updates.edits import edit, remove_samples
from tests.updates.history import VERSIONS, Version, git
from tests.updates.services import Service, make
from tests.updates.texts import ABOUT, DEPENDENCY, NICKNAME, SECTION, SETTING

Check = Callable[[Service], None]

ANSWERS = {
    "project_name": "Teams & Co.",
    "project_slug": "teams_service",
    "description": "It knows who works with whom.",
    "author_name": 'Zoë "the boss"',
    "author_email": "zoe@example.com",
    "ci_provider": "gitlab",
    "license": "Apache-2.0",
}
CELLS = [
    ("postgresql", "async", "fastapi"),
    ("sqlite", "sync", "fastapi"),
    ("sqlite", "async", "fastapi"),
    ("postgresql", "sync", "fastapi"),
    ("mariadb", "sync", "fastapi"),
    ("mariadb", "async", "fastapi"),
    ("postgresql", "sync", "none"),
]
# One in the gate; the others take a minute each.
SOME = [pytest.param(cell, marks=[pytest.mark.slow] if number else []) for number, cell in enumerate(CELLS)]

from_each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


@pytest.fixture
def check(get_database: Callable[[str], Database], database_name: str) -> Check:
    """Give a function that runs a service's own linters and tests, on its own kind of database."""

    def check(service: Service) -> None:
        answers = service.answers()
        lint(service.folder)
        database = get_database(answers["database_backend"])
        environment = database.environment(answers["session_style"], answers["database_backend"], database_name)
        project = install(service.folder, PYTHONS[-1], env=environment)
        create_database(project)
        run_alembic(project, "upgrade head", "check", "downgrade base", "upgrade head")
        summary = project.run("pytest", "-q", "-n", "2", *database.left_out).stdout
        assert "test_teams" not in summary, summary

    return check


def made_and_edited(template: Path, version: str, output: Path, cell: tuple[str, str, str]) -> Service:
    """Return a service of a version, with the edits of a team in it."""
    backend, style, framework = cell
    choices = {"database_backend": backend, "session_style": style, "web_framework": framework}
    service = make(template, version, output, ANSWERS | choices)
    edit(service.folder, style, with_api=framework == "fastapi")
    service.commit("Teams")
    return service


def check_edits(folder: Path, *, with_api: bool) -> None:
    """Check that what the team wrote into files of the template still stands there."""
    for name, words in {
        "pyproject.toml": [DEPENDENCY],
        "README.md": [ABOUT, SECTION],
        "packages/database/user_data_model.py": [NICKNAME],
    }.items():
        text = (folder / name).read_text(encoding="utf-8")
        assert all(each in text for each in words), name
    config = folder / "packages" / "config"
    assert SETTING in "".join((config / name).read_text() for name in ("settings.py", "service_settings.py"))
    assert (folder / "packages" / "api" / "routes" / "teams.py").exists() == with_api


@from_each_version
@pytest.mark.parametrize("cell", SOME, ids="-".join)
def test_an_edited_service_is_updated(
    tmp_path: Path, template: Path, check: Check, cell: tuple[str, str, str], version: Version
) -> None:
    """No conflict, no rejected hunk, no answer and no edit lost; the service's own tests and linters are green."""
    service = made_and_edited(template, version.commit, tmp_path / "made", cell)
    service.upgrade(version)
    check_edits(service.folder, with_api="fastapi" in cell)
    check(service)


@pytest.mark.slow
@from_each_version
@pytest.mark.parametrize("cell", [("sqlite", "sync", "fastapi"), ("postgresql", "async", "none")], ids="-".join)
def test_samples_that_were_removed_stay_away(
    tmp_path: Path, template: Path, check: Check, cell: tuple[str, str, str], version: Version
) -> None:
    """A service without the samples is updated like any other; none of their files comes back."""
    service = made_and_edited(template, version.commit, tmp_path / "made", cell)
    removed = remove_samples(service.folder, with_api="fastapi" in cell)
    service.commit("No samples")
    service.upgrade(version)
    # Routes have another place since then.
    removed += ["packages/api/routes/users.py", "packages/api/routes/jobs.py", "packages/database/commands/seed.py"]
    assert [name for name in removed if (service.folder / name).exists()] == []
    check(service)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "style"),
    [("sqlite", "postgresql", "sync"), ("sqlite", "postgresql", "async"), ("postgresql", "mariadb", "async")],
)
def test_a_service_moves_to_another_database(  # noqa: PLR0913, PLR0917
    tmp_path: Path, template: Path, check: Check, old: str, new: str, style: str
) -> None:
    """`cruft update --variables-to-update` gives the service another database, and keeps the team's edits."""
    service = made_and_edited(template, "HEAD", tmp_path / "made", (old, style, "fastapi"))
    service.update(database_backend=new)
    check_edits(service.folder, with_api=True)
    driver = BACKENDS[new][style]["drivername"]
    assert driver in (service.folder / "packages" / "config" / "settings.py").read_text(encoding="utf-8")
    check(service)


def test_the_files_of_a_team_are_those_that_it_has(tmp_path: Path) -> None:
    """`[tool.cruft]` lists what is rendered, and nothing else."""
    for framework in FRAMEWORKS:
        folder = render(tmp_path / framework, web_framework=framework)
        skipped = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["cruft"]["skip"]
        assert skipped == sorted(skipped)
        assert [path for path in skipped if not list(folder.glob(path))] == []


def test_the_files_of_a_team_suit_every_database(tmp_path: Path) -> None:
    """What an update leaves alone is the same for all databases, so that a service can move; revisions stay as made."""
    texts: dict[str, set[str]] = {}
    for backend in BACKENDS:
        folder = render(tmp_path / backend, database_backend=backend)
        skipped = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["cruft"]["skip"]
        for name in set(skipped) - {"migrations/versions/*"}:
            texts.setdefault(name, set()).add((folder / name).read_text(encoding="utf-8"))
    assert [name for name, each in texts.items() if len(each) > 1] == []


@pytest.mark.slow
@from_each_version
def test_an_update_follows_an_update(tmp_path: Path, template: Path, version: Version) -> None:
    """Files that an update has merged are merged again by the next one, though Git has never seen them as rendered."""
    own = Path(shutil.copytree(template, tmp_path / "template"))
    service = made_and_edited(own, version.commit, tmp_path / "made", ("sqlite", "sync", "fastapi"))
    service.upgrade(version)
    [app] = (own / "{{cookiecutter.project_slug}}" / "packages" / "api").glob("*app.py*")
    for path in (app, own / "{{cookiecutter.project_slug}}" / "packages" / "config" / "settings.py"):
        path.write_text(path.read_text(encoding="utf-8").replace('"""', '"""New: ', 1), encoding="utf-8")
    git("commit", "--quiet", "--all", "--message", "Next", cwd=own)
    service.update()
    check_edits(service.folder, with_api=True)
    assert "New: " in (service.folder / "packages" / "api" / "app.py").read_text(encoding="utf-8")
