"""A clone of the template for each test process, and real databases for the services."""

from pathlib import Path

import pytest

from tests.live.conftest import database_name, databases, get_database
from tests.updates.history import clone_template

__all__ = ["database_name", "databases", "get_database"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone of this repository, whose last commit is the working tree."""
    return clone_template(tmp_path_factory.mktemp("history"))
