"""A test does not depend on how the run was started."""

import sys
from pathlib import Path

import pytest

from tests.template import run

STARTED_WITH = {
    "DATABASE_URL": "sqlite:///elsewhere.db",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": "/elsewhere",
    "SECRETS_DIR": "/elsewhere",
    "TEST_DATABASE_URL": "sqlite:///elsewhere_test.db",
    "VIRTUAL_ENV": "/elsewhere",
}


def test_settings_of_the_caller_reach_no_rendered_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database, a Python setting or an environment of the caller is not what a project is tested with."""
    for name, value in STARTED_WITH.items():
        monkeypatch.setenv(name, value)
    names = run(sys.executable, "-c", "import os; print(*os.environ)", cwd=tmp_path).stdout.split()
    assert "PATH" in names
    assert not STARTED_WITH.keys() & set(names)
