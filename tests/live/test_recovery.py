"""The rendered API outlives its database: one that is down, hangs, is full, or refuses an account."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
from sqlalchemy import URL, NullPool, create_engine, make_url

from tests.live.cells import Cell, Cells
from tests.live.service import ask_doctor, new_user, serve, wait_until_ready
from tests.template import STYLES

# What the service's own limit of 2 seconds may become on a busy machine.
PROBE_SECONDS = 3

PASSWORD = "limited1"  # noqa: S105 - of an account that only a test has
# An account that only a test has, with some options.
ACCOUNT = {
    "postgresql": f"CREATE ROLE limited LOGIN PASSWORD '{PASSWORD}' {{}}",
    "mariadb": f"CREATE USER limited@'%' IDENTIFIED BY '{PASSWORD}' {{}}",
}
NAME = {"postgresql": "limited", "mariadb": "limited@'%'"}
REMOVE_ACCOUNT = {"postgresql": "DROP OWNED BY limited; DROP ROLE limited", "mariadb": "DROP USER limited@'%'"}
# The account may have a few connections only.
LIMIT = 4
CONNECTION_LIMIT = {"postgresql": f"CONNECTION LIMIT {LIMIT}", "mariadb": f"WITH MAX_USER_CONNECTIONS {LIMIT}"}
SYNC_DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}


@contextmanager
def limited_account(cell: Cell, *tables: str, options: str = "") -> Iterator[URL]:
    """Create an account that may read some tables, until the block ends; give its URL."""
    cell.server.query(ACCOUNT[cell.backend].format(options), cell.database)
    try:
        for table in tables:
            cell.server.query(f"GRANT SELECT ON {table} TO {NAME[cell.backend]}", cell.database)
        yield make_url(cell.project.env["DATABASE_URL"]).set(username="limited", password=PASSWORD)
    finally:
        cell.server.query(REMOVE_ACCOUNT[cell.backend], cell.database)


def in_environment(url: URL) -> dict[str, str]:
    """Return the environment variable that points a project at a URL."""
    return {"DATABASE_URL": url.render_as_string(hide_password=False)}


def check_unavailable(client: httpx2.Client) -> None:
    """Check that the service says in time that it is not ready, and that it is alive nevertheless."""
    begun = time.monotonic()
    answer = client.get("/health/ready")
    seconds = time.monotonic() - begun
    assert (answer.status_code, answer.json()) == (503, {"detail": "the database does not answer"})
    assert seconds < PROBE_SECONDS
    assert client.get("/health/live").status_code == 200


def test_service_that_starts_before_its_database_becomes_ready_by_itself(cell: Cell) -> None:
    """Started while the database is down, the service lives, says that it is not ready, and later is."""
    cell.server.stop()
    with serve(cell.project) as client:
        check_unavailable(client)
        cell.server.start()
        wait_until_ready(client)
        new_user(client, "early")


def test_account_without_rights_is_reported_as_such(cell: Cell) -> None:
    """Readiness fails and does not say that the database is silent; `doctor` makes all checks, and names the right."""
    with limited_account(cell, "users") as url:
        with serve(cell.project, in_environment(url)) as client:
            answer = client.get("/health/ready")
            assert (answer.status_code, answer.json()) == (503, {"detail": "the revision of the schema cannot be read"})
            assert client.get("/health/live").status_code == 200
        found = ask_doctor(cell.project, **in_environment(url))
        assert found["version"]["state"] == "ok"
        assert found["revision"]["state"] == "error"
        assert "denied" in found["revision"]["found"]
        assert "alembic_version" in found["revision"]["fix"]


def test_full_server_costs_no_request(cell: Cell) -> None:
    """While others hold all connections that the server allows, requests wait for one; the log names the reason."""
    with limited_account(cell, "users", options=CONNECTION_LIMIT[cell.backend]) as url, ExitStack() as held:
        others = create_engine(url.set(drivername=SYNC_DRIVERS[cell.backend]), poolclass=NullPool)
        for _ in range(LIMIT):
            held.enter_context(others.connect())
        with serve(cell.project, in_environment(url)) as client, ThreadPoolExecutor() as pool:
            answers = [pool.submit(client.get, "/users/2000000000") for _ in range(2)]
            time.sleep(2)
            assert not any(answer.done() for answer in answers)
            held.close()
            assert [answer.result().status_code for answer in answers] == [404, 404]
        [log] = cell.project.folder.glob(f"uvicorn-{client.base_url.port}.log")
        assert "connecting is retried: the server has no connection free: " in log.read_text()


@pytest.mark.parametrize("style", STYLES)
def test_password_that_has_expired_costs_no_restart(cells: Cells, style: str) -> None:
    """MariaDB lets an account with an expired password in and refuses its statements; a new password ends that."""
    cell = cells("mariadb", style)
    with (
        limited_account(cell, "alembic_version", "users") as url,
        serve(cell.project, in_environment(url)) as client,
    ):
        assert client.get("/users/2000000000").status_code == 404
        cell.server.query("ALTER USER limited@'%' PASSWORD EXPIRE")
        cell.kill_connections()
        assert client.get("/users/2000000000").status_code == 503
        assert client.get("/health/ready").status_code == 503
        cell.server.query(f"ALTER USER limited@'%' IDENTIFIED BY '{PASSWORD}'")
        wait_until_ready(client)
        assert client.get("/users/2000000000").status_code == 404
