"""A unit of work is done once and whole on real servers, however many clients want the same rows."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.live.cells import InstallOnce, parameters
from tests.live.databases import Databases
from tests.live.scripts import put_script
from tests.live.service import create_database
from tests.template import BACKENDS, STYLES, Project

CLIENTS = 16
ROUNDS = 10
# A pool with room for all clients, so that they meet in the database and not before it.
ENVIRONMENT = {"DATABASE_POOL_SIZE": str(CLIENTS)}
# What a server says about a deadlock, and about two transactions that no order of them explains.
DEADLOCK = {"mariadb": "1213", "mysql": "1213"}
CONFLICT = {"postgresql": "40001", "mariadb": "1213", "mysql": "1213"}
CELLS = [(backend, style) for backend in CONFLICT for style in STYLES]


@dataclass(frozen=True)
class Cell:
    """An installed project with a database of its own."""

    backend: str
    style: str
    project: Project

    def play(self, scenario: str) -> Any:
        """Let many clients of the project play a scenario; return what they report."""
        script = put_script(self.project, self.style, "transactions")
        return json.loads(self.project.run("python", script, scenario).stdout)


@pytest.fixture(scope="module", params=parameters(CELLS))
def cell(request: pytest.FixtureRequest, databases: Databases, install_once: InstallOnce) -> Cell:
    """Install a project once for all tests of its cell."""
    backend, style = request.param
    database = databases.get(backend)
    environment = database.environment(style, backend, f"t_transactions_{style}_{backend}")
    project = install_once(backend, style, {**environment, **ENVIRONMENT})
    create_database(project)
    return Cell(backend, style, project)


def test_no_update_is_lost_when_all_want_one_row(cell: Cell) -> None:
    """Sixteen clients that read a row, add one and write it, at SERIALIZABLE: each is counted, and none fails."""
    report = cell.play("increments")
    assert report["errors"] == []
    assert report["balances"] == [CLIENTS * ROUNDS, 0, 0]
    # Else nothing was proven.
    assert CONFLICT[cell.backend] in report["codes"]
    assert sum(report["tries"]) > CLIENTS * ROUNDS


@pytest.mark.parametrize("cell", [each for each in CELLS if each[0] in DEADLOCK], ids="-".join, indirect=True)
@pytest.mark.parametrize("scenario", ["deadlocks", "savepoints"])
def test_deadlocks_are_survived(cell: Cell, scenario: str) -> None:
    """Clients that change the same two rows in opposite orders deadlock for real, and yet all succeed.

    A deadlock in a savepoint ends the whole transaction on the server, and the savepoint with it.
    """
    report = cell.play(scenario)
    assert report["errors"] == []
    assert report["balances"] == [2 + CLIENTS * ROUNDS] * 3
    # The first two must deadlock, so the server reported one deadlock, and one of them ran twice.
    assert DEADLOCK[cell.backend] in report["codes"]
    assert sum(report["tries"]) > 2 + CLIENTS * ROUNDS


@pytest.mark.parametrize("cell", [each for each in CELLS if each[0] in DEADLOCK], ids="-".join, indirect=True)
def test_rolled_back_work_cannot_go_on(cell: Cell) -> None:
    """Work that goes on after a deadlock in a savepoint stores nothing: all of it is stored, or none of it."""
    report = cell.play("swallowed")
    assert report["errors"]
    assert DEADLOCK[cell.backend] in report["codes"]
    assert report["balances"] == [2 + CLIENTS * ROUNDS - len(report["errors"])] * 3


def test_other_failures_are_not_repeated(cell: Cell) -> None:
    """An error of the program, a taken key, a missing table: one try each. Work that ends its connection: three."""
    report = cell.play("failures")
    assert report["tries"] == [1, 1, 1, 3]
    kinds = [error.partition(":")[0] for error in report["errors"]]
    assert kinds == ["RuntimeError", "IntegrityError", "ProgrammingError", "OperationalError"]
    assert report["balances"] == [0, 0, 0]


def test_lost_connection_costs_the_commit_in_flight_at_most(cell: Cell) -> None:
    """Work whose connection is lost runs again; once COMMIT may have been sent, it does not, and the caller is told."""
    report = cell.play("losses")
    assert report["tries"] == [2, 1]
    assert [error.partition(":")[0] for error in report["errors"]] == ["CommitOutcomeUnknownError"]
    assert report["balances"] == [1, 0, 0]


def test_every_backend_with_a_server_has_a_row_here() -> None:
    """A backend that the template comes to know on a real server is not forgotten here."""
    proven = {backend for backend, row in BACKENDS.items() if row["proof"] == "server" and row["server"]}
    assert proven == set(CONFLICT)
