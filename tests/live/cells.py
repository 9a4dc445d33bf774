"""A rendered service for each backend and style, installed and migrated, on a private server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest
from sqlalchemy import make_url

from tests.servers import Server
from tests.template import STYLES, Project, in_turns

CELLS = [(backend, style) for backend in ("postgresql", "mariadb") for style in STYLES]


def parameters(cells: Sequence[tuple[str, str]], *, apart: bool = False) -> list[object]:
    """Return the cells as parameters of a fixture: of each backend one style, and the other one for `make slow`.

    With `apart`, backend and style are two parameters. What has a test in each style may stand for the backend.
    """
    slow = in_turns(cells, other=True)
    return [
        pytest.param(*(cell if apart else [cell]), id="-".join(cell), marks=[pytest.mark.slow] if cell in slow else [])
        for cell in cells
    ]


CONNECTIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = '{}'",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = '{}'",
    "mysql": "SELECT id FROM performance_schema.processlist WHERE db = '{}'",
}
KILL = {"postgresql": "SELECT pg_terminate_backend({})", "mariadb": "KILL {}", "mysql": "KILL {}"}
TRANSACTIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND xact_start IS NOT NULL",
    "mariadb": "SELECT trx_id FROM information_schema.INNODB_TRX",
}
# What MariaDB says when the connection to be killed is gone already.
GONE = 1094


def stored_jobs(server: Server, database: str, owner: int, first: str = "") -> list[tuple[str, int]]:
    """Return the title and the id of each job of an owner, as the server has stored them; `first` begins the query."""
    rows = server.query(f"{first}SELECT title, id FROM jobs WHERE owner_id = {owner:d}", database)  # noqa: S608
    return [(str(title), int(str(number))) for title, number in rows]


class InstallOnce(Protocol):
    """What installs a service once for all tests of a process."""

    def __call__(self, backend: str, style: str, env: Mapping[str, str], framework: str = "fastapi") -> Project:
        """Return the service, with the environment of the test."""


@dataclass(frozen=True)
class Cell:
    """An installed and migrated project, and the private server that it uses."""

    backend: str
    style: str
    project: Project
    server: Server

    @property
    def database(self) -> str:
        """The name of the project's database."""
        return str(make_url(self.project.env["DATABASE_URL"]).database)

    def _numbers(self, questions: Mapping[str, str]) -> list[int]:
        rows = self.server.query(questions[self.backend].format(self.database))
        return [int(str(number)) for (number,) in rows]

    def connections(self) -> list[int]:
        """Return the server's numbers of all connections of the project."""
        return self._numbers(CONNECTIONS)

    def transactions(self) -> list[int]:
        """Return a number for each transaction that is open on the server."""
        return self._numbers(TRANSACTIONS)

    def kill_connections(self) -> list[int]:
        """Kill every connection of the project, as an administrator would; return their numbers."""
        numbers = self.connections()
        for number in numbers:
            try:
                self.server.query(KILL[self.backend].format(number))
            except Exception as error:
                # The service gives up all its connections once it has lost one.
                if error.args[0] != GONE:
                    raise
        return numbers

    def jobs(self, owner: int) -> list[tuple[str, int]]:
        """Return the jobs of an owner; see `stored_jobs`."""
        return stored_jobs(self.server, self.database, owner)


Cells = Callable[[str, str], Cell]
