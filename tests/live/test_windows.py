"""What is known of Windows without one: a Python that imitates it, and the types of that system.

`tests/live/scripts/windows.py` says what is imitated. Nothing here has run on Windows.
"""

from pathlib import Path

import pytest

from tests.live.cells import InstallOnce
from tests.live.databases import Databases
from tests.live.service import create_database, serve
from tests.template import Project, render, run

OPTION = "--loop asyncio:SelectorEventLoop"


@pytest.fixture(scope="module")
def project(install_once: InstallOnce, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return an asynchronous service with psycopg, whose Python imitates that of Windows."""
    environment = databases.get("postgresql").environment("async", "postgresql", "t_windows")
    project = install_once("postgresql", "async", environment)
    create_database(project)
    place = tmp_path_factory.mktemp("windows")
    text = Path(__file__).with_name("scripts").joinpath("windows.py").read_text(encoding="utf-8")
    (place / "sitecustomize.py").write_text(text, encoding="utf-8")
    return Project(project.folder, {**environment, "PYTHONPATH": str(place)})


def test_commands_migrations_and_tests_take_a_loop_that_psycopg_can_use(project: Project) -> None:
    """The default loop of Windows is not taken, so each of them works there without an option."""
    code = "import asyncio; print(type(asyncio.new_event_loop()).__name__)"
    assert project.run("python", "-c", code).stdout.strip() == "ProactorEventLoop"
    assert "is now at revision" in project.run("python", "-m", "packages.database", "upgrade").stdout
    project.run("alembic", "check")
    shown = project.run("pytest", "-q", "tests/test_connections.py", "tests/test_fixtures.py", "tests/test_config.py")
    assert "this system has no fork" in shown.stdout


def test_server_in_the_default_loop_ends_and_names_the_option(project: Project) -> None:
    """It does not answer each request with a 503."""
    completed = project.run("uvicorn", "packages.api.app:app", "--port", "0", check=False)
    assert completed.returncode != 0
    assert f"start uvicorn with {OPTION}" in completed.stderr


def test_server_works_with_the_option(project: Project) -> None:
    """Also where the environment gives it."""
    project.run("python", "-m", "packages.database", "upgrade")
    with serve(project, {"UVICORN_LOOP": OPTION.rpartition(" ")[2]}) as client:
        assert client.get("/health/ready").status_code == 200
        assert client.get("/users").json() == []


@pytest.mark.parametrize(("backend", "style"), [("sqlite", "sync"), ("postgresql", "async")])
def test_types_hold_on_windows(tmp_path: Path, backend: str, style: str) -> None:
    """The type checker of the service passes there, too: no module has a name that only other systems have."""
    project = render(tmp_path, database_backend=backend, session_style=style)
    run("mypy", "--platform", "win32", cwd=project)
