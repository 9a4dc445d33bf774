"""Real databases for the rendered projects."""

import re
from collections.abc import Iterator

import pytest

from tests.live.databases import Databases


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Give access to the databases of this test process."""
    databases = Databases(tmp_path_factory.mktemp("servers"))
    yield databases
    databases.close()


@pytest.fixture
def database_name(request: pytest.FixtureRequest) -> str:
    """Return a name for the test's own database."""
    return "t_" + re.sub(r"\W+", "_", request.node.name.lower())[-30:]
