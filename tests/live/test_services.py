"""Each backend and style as a team would use it: installed from its own files, on a real database."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from packaging.specifiers import SpecifierSet

from tests.live.cells import parameters
from tests.live.databases import Database, live_cells
from tests.live.growth import check_first_week, check_samples_removed, run_alembic
from tests.live.scripts import run_text
from tests.live.service import create_database, serve
from tests.template import BACKENDS, PYTHONS, SQLALCHEMY, Project, in_turns, install, render

GetDatabase = Callable[[str], Database]

CELLS = live_cells()
# Every cell meets both versions of SQLAlchemy, and each database each Python: the newest in `test_newest_python.py`.
ENVIRONMENTS = [
    *((cell, ("3.11", "2.0")) for cell in in_turns(CELLS)),
    *((cell, ("3.12", "2.0")) for cell in in_turns(CELLS, other=True)),
    *((cell, ("3.13", "2.1")) for cell in CELLS),
]

AFTER_A_WEEK = ("tests/test_migrations.py", "tests/test_models.py")
# `test_service_readme.py` types the commands that remove the samples in services of these.
WITH_README = ("sqlite", "postgresql")

FIND = """
from packages.database.config import SessionLocal, engine
from packages.database.models import MyModel
from sqlalchemy import select
async with SessionLocal() as db:
    assert (await db.scalars(select(MyModel.name))).all() == ["first"]
await engine.dispose()
"""


def sqlalchemy(version: str, backend: str) -> str:
    """Return the requirement for the newest release of a version, or of one that knows the backend."""
    known = SpecifierSet(BACKENDS[backend]["sqlalchemy"])
    versions = [each for each in SQLALCHEMY if known.contains(f"{each}.999")]
    return f"sqlalchemy=={version if version in versions else versions[-1]}.*"


def check_migrations(project: Project) -> None:
    """Run the migrations up, down and up again, and compare them with the models."""
    run_alembic(project, "upgrade head", "downgrade base", "upgrade head", "check")


def check_example(project: Project, style: str) -> None:
    """Run the example of the project's README as it stands there, and find in the database what it wrote."""
    readme = (project.folder / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n([^`]*SessionLocal\.begin.*?)```", readme, re.DOTALL)
    project.run("python", "-c", example)
    run_text(project, style, FIND)


def check_own_tests(project: Project, *arguments: str) -> None:
    """Run the project's own tests; none may be skipped."""
    summary = project.run("pytest", "-q", *arguments).stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"\d+ passed(, \d+ deselected)? in .*", summary), summary


def check_api(project: Project) -> None:
    """Drive the API over HTTP: it is ready, and decides a race; the project's own tests have all else."""
    with serve(project) as client:
        assert client.get("/health/ready").json()["status"] == "ready"
        check_race(client)


def check_race(client: httpx2.Client) -> None:
    """Change and delete the same row at once: one DELETE wins, and each later request gets a 404."""
    with ThreadPoolExecutor(6) as threads:
        for number in range(20):
            user = client.post("/users", json={"email": f"{number}@example.com", "name": "n"}).json()
            path = f"/users/{user['id']}"
            changes = [threads.submit(client.patch, path, json={"name": str(n)}) for n in range(4)]
            ends = [threads.submit(client.delete, path) for _ in range(2)]
            assert {change.result().status_code for change in changes} <= {200, 404}
            assert sorted(end.result().status_code for end in ends) == [204, 404]


@pytest.mark.parametrize(("cell", "environment"), ENVIRONMENTS, ids="-".join)
def test_service_works(
    tmp_path: Path,
    get_database: GetDatabase,
    database_name: str,
    cell: tuple[str, str],
    environment: tuple[str, str],
) -> None:
    """Rendered, installed, migrated up and down, tested by its own tests and driven over HTTP, without a warning."""
    backend, style = cell
    python, version = environment
    database = get_database(backend)
    folder = render(tmp_path, database_backend=backend, session_style=style)
    project = install(
        folder, python, [sqlalchemy(version, backend)], database.environment(style, backend, database_name)
    )
    # The project's own tests take the migrations up, down and up again as well, also those of the new model; the
    # commands and the process that serves are tried once for each cell.
    if python == PYTHONS[-1]:
        create_database(project)
        check_migrations(project)
        check_example(project, style)
        check_api(project)
        # Each takes a while, and depends on the database or on the style, not on both.
        if cell in in_turns(CELLS):
            check_first_week(project)
            # `test_newest_python.py` runs all of them for the same cells; these meet the revisions of the week.
            some = AFTER_A_WEEK if BACKENDS[backend]["proof"] == "server" else ()
            check_own_tests(project, "-n", "2", *some, *database.left_out)
            return
        if backend not in WITH_README:
            check_own_tests(project, *database.left_out)
            check_samples_removed(project)
    check_own_tests(project, *database.left_out)


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "style"), in_turns(CELLS, other=True))
def test_service_grows(tmp_path: Path, get_database: GetDatabase, database_name: str, backend: str, style: str) -> None:
    """What a team adds first works in the style of each database in which `test_service_works` does not try it."""
    database = get_database(backend)
    folder = render(tmp_path, database_backend=backend, session_style=style)
    project = install(folder, PYTHONS[-1], env=database.environment(style, backend, database_name))
    create_database(project)
    check_migrations(project)
    check_first_week(project)
    check_own_tests(project, *database.left_out)


@pytest.mark.parametrize(
    ("backend", "style"), parameters([cell for cell in CELLS if not BACKENDS[cell[0]]["server"]], apart=True)
)
def test_service_without_a_web_framework_works(
    tmp_path: Path, get_database: GetDatabase, database_name: str, backend: str, style: str
) -> None:
    """The database layer stands alone: no web framework is installed, and its tests pass.

    Those of the databases with a server are run so by `test_without_docker.py`, in one style each.
    """
    database = get_database(backend)
    folder = render(tmp_path, database_backend=backend, session_style=style, web_framework="none")
    project = install(folder, PYTHONS[-1], env=database.environment(style, backend, database_name))
    assert not any(project.folder.glob(".venv/lib/*/site-packages/fastapi"))
    check_own_tests(project, *database.left_out)
