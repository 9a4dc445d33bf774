"""Real databases for the rendered projects."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.live.cells import CELLS, Cell, Cells, InstallOnce, parameters
from tests.live.databases import Database, Databases
from tests.live.service import create_database
from tests.template import PYTHONS, Project, install, render


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Give access to the databases of this test process."""
    databases = Databases()
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def install_once(tmp_path_factory: pytest.TempPathFactory) -> InstallOnce:
    """Give a function that installs a service for all tests of this process: what they change in it, they change back.

    Each test gives it an environment, and with it a database of its own.
    """

    @cache
    def folder(backend: str, style: str, framework: str) -> Path:
        new = tmp_path_factory.mktemp(f"{backend}-{style}-{framework}")
        answers = {"database_backend": backend, "session_style": style, "web_framework": framework}
        return install(render(new, **answers), PYTHONS[-1]).folder

    def get(backend: str, style: str, env: Mapping[str, str], framework: str = "fastapi") -> Project:
        return Project(folder(backend, style, framework), env)

    return get


@pytest.fixture(scope="session")
def cells(install_once: InstallOnce, databases: Databases) -> Cells:
    """Give a function that migrates a service for this test process, whose modules share it.

    It skips the test, with a sentence, where the server is not ours to stop.
    """

    @cache
    def get(backend: str, style: str) -> Cell:
        # The tests stop the server, so it is never one that the environment names.
        server, database = databases.server(backend), databases.get(backend)
        if database.url is None or database.url.port != server.port:
            pytest.skip(f"{backend}: the server that the environment names is not ours to stop.")
        environment = database.environment(style, backend, f"t_cell_{style}_{backend}")
        project = install_once(backend, style, environment)
        create_database(project)
        project.run("alembic", "upgrade", "head")
        return Cell(backend, style, project, server)

    return get


@pytest.fixture(params=parameters(CELLS))
def cell(request: pytest.FixtureRequest, cells: Cells) -> Iterator[Cell]:
    """Give the test a service, and let its server go on afterwards, whatever the test did to it."""
    cell = cells(*request.param)
    yield cell
    cell.server.thaw()
    cell.server.start()


@pytest.fixture
def get_database(databases: Databases, record_property: Callable[[str, object], None]) -> Callable[[str], Database]:
    """Give access to the databases, and have the summary of the run say which they were."""

    def get(backend: str) -> Database:
        database = databases.get(backend)
        record_property("server", f"{backend}: {database.server}")
        return database

    return get


@pytest.fixture
def database_name(request: pytest.FixtureRequest) -> str:
    """Return a name for the test's own database."""
    return "t_" + re.sub(r"\W+", "_", request.node.name.lower())[-30:]
