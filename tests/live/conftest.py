"""Real databases for the rendered projects."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.live.cells import CELLS, Cell, Cells, parameters
from tests.live.databases import Database, Databases


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Give access to the databases of this test process."""
    databases = Databases()
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Cells:
    """Give access to the installed services of this test process, which its modules share."""
    return Cells(tmp_path_factory.mktemp("cells"), databases)


@pytest.fixture(params=parameters(CELLS))
def cell(request: pytest.FixtureRequest, cells: Cells) -> Iterator[Cell]:
    """Give the test a service, and let its server go on afterwards, whatever the test did to it."""
    cell = cells.get(*request.param)
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
