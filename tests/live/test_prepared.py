"""PostgreSQL plans a repeated statement once for a connection, also when a migration changes what it returns."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.cells import Cells, parameters
from tests.live.scripts import put_script
from tests.live.service import new_user, serve
from tests.template import STYLES

CLIENTS = 8
# Enough for each connection to prepare its statements.
REQUESTS = 200
CELLS = parameters([("postgresql", style) for style in STYLES], apart=True)


@pytest.mark.parametrize(("backend", "style"), CELLS)
def test_repeated_statements_are_prepared(cells: Cells, backend: str, style: str) -> None:
    """The server parses and plans a statement once, in place of each time: half of its time for a small read."""
    project = cells(backend, style).project
    script = put_script(project, style, "prepared")
    assert int(project.run("python", script).stdout) > 0


@pytest.mark.parametrize(("backend", "style"), CELLS)
def test_changed_column_fails_no_request(cells: Cells, backend: str, style: str) -> None:
    """A migration changes the type of a column that prepared statements return: each read and each write succeeds."""
    cell = cells(backend, style)
    with serve(cell.project) as client, ThreadPoolExecutor(CLIENTS) as pool:
        user = new_user(client, "prepared")

        def ask(number: int) -> int:
            path = f"/users/{user}"
            return (client.patch(path, json={"name": str(number)}) if number % 2 else client.get(path)).status_code

        assert set(pool.map(ask, range(REQUESTS))) == {200}
        try:
            cell.server.query("ALTER TABLE users ALTER COLUMN name TYPE text", cell.database)
            assert set(pool.map(ask, range(REQUESTS))) == {200}
        finally:
            cell.server.query("ALTER TABLE users ALTER COLUMN name TYPE varchar(255)", cell.database)
