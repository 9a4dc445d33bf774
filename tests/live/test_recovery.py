"""The rendered API outlives its database: one that is down, restarts, hangs, or drops its connections."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import make_url

from tests.live.crowd import RECOVERY_SECONDS, REQUEST_SECONDS, Crowd, at_work, new_user, stored_jobs, wait_until_ready
from tests.live.databases import Databases
from tests.live.service import create_database, serve
from tests.servers import Server
from tests.template import PYTHONS, STYLES, Project, install, render

SCRIPTS = Path(__file__).with_name("scripts")
CELLS = [(backend, style) for backend in ("postgresql", "mariadb") for style in STYLES]
CLIENTS = 8
# What the service's own limit of 2 seconds may become on a busy machine.
PROBE_SECONDS = 3

HANGING = {"postgresql": "SELECT pg_sleep(10)", "mariadb": "SELECT SLEEP(10)"}
CONNECTIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = '{}'",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = '{}'",
}
KILL = {"postgresql": "SELECT pg_terminate_backend({})", "mariadb": "KILL {}"}


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

    def connections(self) -> list[int]:
        """Return the server's numbers of all connections of the project."""
        rows = self.server.query(CONNECTIONS[self.backend].format(self.database))
        return [int(str(number)) for (number,) in rows]


@pytest.fixture(scope="module", params=CELLS, ids="-".join)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Cell:
    """Install and migrate a project once for all tests of its cell."""
    backend, style = request.param
    # The tests stop the server, so it is never one that the environment names.
    server = databases.server(backend)
    database = databases.get(backend)
    if database.url is None or database.url.port != server.port:
        pytest.skip(f"{backend}: the server that the environment names is not ours to stop.")
    folder = render(tmp_path_factory.mktemp("project"), database_backend=backend, session_style=style)
    project = install(folder, PYTHONS[-1], env=database.environment(style, backend, f"t_recovery_{style}_{backend}"))
    create_database(project)
    project.run("alembic", "upgrade", "head")
    return Cell(backend, style, project, server)


@pytest.fixture
def cell(installed: Cell) -> Iterator[Cell]:
    """Give the test a project, and let its server go on afterwards, whatever the test did to it."""
    yield installed
    installed.server.thaw()
    installed.server.start()


def check_unavailable(client: httpx2.Client) -> None:
    """Check that the service says in time that it is not ready, and that it is alive nevertheless."""
    begun = time.monotonic()
    answer = client.get("/health/ready")
    seconds = time.monotonic() - begun
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert seconds < PROBE_SECONDS
    assert client.get("/health/live").status_code == 200


def test_service_that_starts_before_its_database_becomes_ready_by_itself(cell: Cell) -> None:
    """Started while the database is down, the service lives, says that it is not ready, and later is."""
    cell.server.stop()
    with serve(cell.project) as client:
        for _ in range(3):
            check_unavailable(client)
        cell.server.start()
        wait_until_ready(client)
        new_user(client, "early")


def test_restart_under_load_loses_no_acknowledged_write(cell: Cell) -> None:
    """The server restarts under eight clients: what was acknowledged is stored, once; the rest got a 503."""
    with serve(cell.project) as client:
        client.timeout = REQUEST_SECONDS
        crowd = Crowd(client, new_user(client, "owner"))
        with at_work(crowd, CLIENTS):
            crowd.wait_for_answers(100)
            cell.server.restart()
            # Each client is served again, and not only those that met no failure.
            wait_until_ready(client)
            crowd.wait_for_answers(100)
        jobs = stored_jobs(client)
    statuses = crowd.statuses
    print(f"{cell.backend}, {cell.style}: {dict(statuses)}")
    assert set(statuses) <= {200, 201, 503}
    titles = Counter(title for title, _ in jobs)
    assert set(titles.values()) == {1}
    assert crowd.acknowledged.items() <= set(jobs)
    # A client that got a 503 tries again; no more than the statements in flight can be lost.
    assert statuses[503] <= 2 * CLIENTS


def test_killed_idle_connections_are_noticed_before_they_are_used(cell: Cell) -> None:
    """After an administrator has killed every connection, the next requests succeed, all of them."""
    with serve(cell.project) as client, ThreadPoolExecutor(CLIENTS) as pool:
        user = new_user(client, "killed")
        # Several at once, so that the pool has more than one connection.
        list(pool.map(lambda _: client.get(f"/users/{user}"), range(50)))
        killed = cell.connections()
        assert len(killed) > 1
        for number in killed:
            cell.server.query(KILL[cell.backend].format(number))
        deadline = time.monotonic() + RECOVERY_SECONDS
        while set(killed) & set(cell.connections()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        statuses = [answer.status_code for answer in pool.map(lambda _: client.get(f"/users/{user}"), range(20))]
    assert statuses == [200] * 20


def test_frozen_database_is_reported_in_time(cell: Cell) -> None:
    """While the database stands still, readiness is denied in time, each time; when it goes on, so does the service."""
    with serve(cell.project) as client:
        user = new_user(client, "frozen")
        wait_until_ready(client)
        cell.server.freeze()
        # More than the pool has connections would take long; a few show that one probe does not hold up the next.
        for _ in range(4):
            check_unavailable(client)
        cell.server.thaw()
        wait_until_ready(client)
        assert client.get(f"/users/{user}").status_code == 200
        new_user(client, "thawed")


def test_hanging_statement_is_cut_off(cell: Cell) -> None:
    """A statement that takes longer than its limit ends with an error, and the session is of use afterwards."""
    project = Project(cell.project.folder, {**cell.project.env, "DATABASE_STATEMENT_TIMEOUT_SECONDS": "1"})
    script = SCRIPTS / f"hanging_{cell.style}.py"
    report = json.loads(project.run("python", script, HANGING[cell.backend]).stdout)
    assert report["ending"] == "OperationalError"
    assert 0.9 < report["seconds"] < 3
    assert report["answer"] == 1
