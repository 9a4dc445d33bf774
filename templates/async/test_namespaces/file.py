"""Chooses and removes the test database: one file for each worker of pytest-xdist."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import URL

from packages.config.database_url import DRIVERNAME, parse_database_url


def choose_test_database() -> URL:
    """Return the URL in `TEST_DATABASE_URL`; without one, that of a new temporary file.

    The tests remove it, so they refuse a name without `test_` in front or `_test` at the end.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    text = os.environ.get("TEST_DATABASE_URL")
    if not text:
        folder = tempfile.mkdtemp(prefix="{{ cookiecutter.project_slug }}_")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return URL.create(DRIVERNAME, database=f"{folder}/test_{worker}.db")
    try:
        url = parse_database_url(text)
    except ValueError as error:
        _refuse(str(error))
    path = Path(str(url.database))
    if not path.stem.startswith("test_") and not path.stem.endswith("_test"):
        _refuse(f"the tests would remove {path}; expected a name such as {path.stem}_test.db")
    return url.set(database=str(path.with_stem(f"{path.stem}_{worker}")))


def _refuse(sentence: str) -> NoReturn:
    pytest.exit(f"TEST_DATABASE_URL: {sentence}", returncode=pytest.ExitCode.USAGE_ERROR)


def create_database(url: URL) -> None:
    """Start without a file: the first connection creates it."""
    drop_database(url)


def drop_database(url: URL) -> None:
    """Remove the file, with its write-ahead log and shared memory."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{url.database}{suffix}").unlink(missing_ok=True)
