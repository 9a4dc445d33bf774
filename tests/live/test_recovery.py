"""The rendered API outlives its database: one that is down, restarts, hangs, or drops its connections."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import NullPool, create_engine, make_url

from tests.live.cells import Cell, Cells
from tests.live.scripts import put_script
from tests.live.service import ask_doctor, new_user, serve, wait_until, wait_until_ready
from tests.template import STYLES, Project

CLIENTS = 8
# What the service's own limit of 2 seconds may become on a busy machine.
PROBE_SECONDS = 3

PASSWORD = "limited1"  # noqa: S105 - of an account that only a test has
# An account that may connect, and may not read the table of revisions.
ACCOUNT = {
    "postgresql": [f"CREATE ROLE limited LOGIN PASSWORD '{PASSWORD}'"],
    "mariadb": [f"CREATE USER limited@'%' IDENTIFIED BY '{PASSWORD}'", "GRANT SELECT ON users TO limited@'%'"],
}
# An account that may have a few connections only.
LIMIT = 4
LIMITED_ACCOUNT = {
    "postgresql": [
        f"CREATE ROLE limited LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT {LIMIT}",
        "GRANT SELECT ON users TO limited",
    ],
    "mariadb": [
        f"CREATE USER limited@'%' IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS {LIMIT}",
        "GRANT SELECT ON users TO limited@'%'",
    ],
}
SYNC_DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}
REMOVE_ACCOUNT = {"postgresql": "DROP OWNED BY limited; DROP ROLE limited", "mariadb": "DROP USER limited@'%'"}

HANGING = {"postgresql": "SELECT pg_sleep(10)", "mariadb": "SELECT SLEEP(10)"}


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


def test_killed_idle_connections_are_noticed_before_they_are_used(cell: Cell) -> None:
    """After an administrator has killed every connection, the next requests succeed, all of them."""
    with serve(cell.project) as client, ThreadPoolExecutor(CLIENTS) as pool:
        user = new_user(client, "killed")
        # Several at once, so that the pool has more than one connection.
        list(pool.map(lambda _: client.get(f"/users/{user}"), range(50)))
        killed = cell.kill_connections()
        assert len(killed) > 1
        wait_until(lambda: not set(killed) & set(cell.connections()), "killed connections stay")
        statuses = [answer.status_code for answer in pool.map(lambda _: client.get(f"/users/{user}"), range(20))]
    assert statuses == [200] * 20


def test_frozen_database_is_reported_in_time(cell: Cell) -> None:
    """While the database is frozen, readiness fails in time, each time; when it continues, so does the service."""
    with serve(cell.project) as client:
        user = new_user(client, "frozen")
        wait_until_ready(client)
        cell.server.freeze()
        # The second shows that one probe does not hold up the next.
        for _ in range(2):
            check_unavailable(client)
        cell.server.thaw()
        wait_until_ready(client)
        assert client.get(f"/users/{user}").status_code == 200
        new_user(client, "thawed")


def test_hanging_statement_is_cut_off(cell: Cell) -> None:
    """A statement that takes longer than its limit ends with an error, and the session is of use afterwards."""
    project = Project(cell.project.folder, {**cell.project.env, "DATABASE_STATEMENT_TIMEOUT_SECONDS": "1"})
    script = put_script(cell.project, cell.style, "hanging")
    report = json.loads(project.run("python", script, HANGING[cell.backend]).stdout)
    assert report["ending"] == "OperationalError"
    assert 0.9 < report["seconds"] < 3
    assert report["answer"] == 1


def test_account_without_rights_is_reported_as_such(cell: Cell) -> None:
    """Readiness fails and does not say that the database is silent; `doctor` makes all checks, and names the right."""
    for statement in ACCOUNT[cell.backend]:
        cell.server.query(statement, cell.database)
    try:
        url = make_url(cell.project.env["DATABASE_URL"]).set(username="limited", password=PASSWORD)
        limited = {"DATABASE_URL": url.render_as_string(hide_password=False)}
        with serve(cell.project, limited) as client:
            answer = client.get("/health/ready")
            assert (answer.status_code, answer.json()) == (503, {"detail": "the revision of the schema cannot be read"})
            assert client.get("/health/live").status_code == 200
        found = ask_doctor(cell.project, **limited)
        assert found["version"]["state"] == "ok"
        assert found["revision"]["state"] == "error"
        assert "denied" in found["revision"]["found"]
        assert "alembic_version" in found["revision"]["fix"]
    finally:
        cell.server.query(REMOVE_ACCOUNT[cell.backend], cell.database)


def test_full_server_costs_no_request(cell: Cell) -> None:
    """While others hold all connections that the server allows, requests wait for one; the log names the reason."""
    for statement in LIMITED_ACCOUNT[cell.backend]:
        cell.server.query(statement, cell.database)
    url = make_url(cell.project.env["DATABASE_URL"]).set(username="limited", password=PASSWORD)
    others = create_engine(url.set(drivername=SYNC_DRIVERS[cell.backend]), poolclass=NullPool)
    held = [others.connect() for _ in range(LIMIT)]
    try:
        limited = {"DATABASE_URL": url.render_as_string(hide_password=False)}
        with serve(cell.project, limited) as client, ThreadPoolExecutor() as pool:
            answers = [pool.submit(client.get, "/users/2000000000") for _ in range(2)]
            time.sleep(2)
            assert not any(answer.done() for answer in answers)
            for connection in held:
                connection.close()
            assert [answer.result().status_code for answer in answers] == [404, 404]
        [log] = cell.project.folder.glob(f"uvicorn-{client.base_url.port}.log")
        assert "connecting is retried: the server has no connection free: " in log.read_text()
    finally:
        for connection in held:
            connection.close()
        cell.server.query(REMOVE_ACCOUNT[cell.backend], cell.database)


@pytest.mark.parametrize("style", STYLES)
def test_password_that_has_expired_costs_no_restart(cells: Cells, style: str) -> None:
    """MariaDB lets an account with an expired password in and refuses its statements; a new password ends that."""
    cell = cells.get("mariadb", style)
    account = f"limited@'%' IDENTIFIED BY '{PASSWORD}'"
    for statement in (
        f"CREATE USER {account}",
        "GRANT SELECT ON alembic_version TO limited@'%'",
        "GRANT SELECT ON users TO limited@'%'",
    ):
        cell.server.query(statement, cell.database)
    url = make_url(cell.project.env["DATABASE_URL"]).set(username="limited", password=PASSWORD)
    try:
        with serve(cell.project, {"DATABASE_URL": url.render_as_string(hide_password=False)}) as client:
            assert client.get("/users/2000000000").status_code == 404
            cell.server.query("ALTER USER limited@'%' PASSWORD EXPIRE")
            cell.kill_connections()
            assert client.get("/users/2000000000").status_code == 503
            assert client.get("/health/ready").status_code == 503
            cell.server.query(f"ALTER USER {account}")
            wait_until_ready(client)
            assert client.get("/users/2000000000").status_code == 404
    finally:
        cell.server.query("DROP USER limited@'%'")
