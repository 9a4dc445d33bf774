"""The slow-query log says which statement took long, and never with which values."""

import json
import re

from tests.live.cells import Cell
from tests.live.scripts import put_script
from tests.template import Project

SLEEP = {"postgresql": "SELECT pg_sleep(:seconds), :value", "mariadb": "SELECT SLEEP(:seconds), :value"}
THRESHOLD_SECONDS = 0.5


def logged(cell: Cell, seconds: float, **environment: str) -> str:
    """Return what a program says that executes a statement of that length."""
    environment["DATABASE_SLOW_QUERY_SECONDS"] = str(THRESHOLD_SECONDS)
    values = json.dumps({"seconds": seconds, "value": "s3cret"})
    project = Project(cell.project.folder, {**cell.project.env, **environment})
    return project.run("python", put_script(project, cell.style, "connect_once"), SLEEP[cell.backend], values).stderr


def test_slow_statement_is_logged_without_its_values(cell: Cell) -> None:
    """A statement above the threshold is logged with its duration; one below it is not."""
    assert logged(cell, 0.01) == ""
    log = logged(cell, 1)
    seconds = re.match(r"slow query, (\d\.\d+) s: SELECT (pg_sleep|SLEEP)\(", log)
    assert seconds
    assert 1 <= float(seconds[1]) < 3
    assert "s3cret" not in log


def test_statement_that_its_time_limit_ends_is_logged(cell: Cell) -> None:
    """The slowest statements of all are those that fail for it."""
    assert "slow query" in logged(cell, 20, DATABASE_STATEMENT_TIMEOUT_SECONDS="1")
