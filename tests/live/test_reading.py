"""What each request costs in round trips to the database, and what a session for reading refuses, on real servers."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import make_url

from tests.live.cells import Cell, Cells, InstallOnce, parameters
from tests.live.databases import in_file
from tests.live.proxy import CountingProxy
from tests.live.scripts import put_script
from tests.live.service import new_user, serve
from tests.template import STYLES, Project

CELLS = [(backend, style) for backend in ("postgresql", "mariadb", "mysql") for style in STYLES]
# PostgreSQL's driver sends BEGIN by itself; the two others begin with the first statement.
TRIPS = {
    "postgresql": {"GET": 1, "list": 1, "POST": 3, "PATCH": 4, "DELETE": 4},
    "mariadb": {"GET": 1, "list": 1, "POST": 2, "PATCH": 3, "DELETE": 3},
    "mysql": {"GET": 1, "list": 1, "POST": 2, "PATCH": 3, "DELETE": 3},
}
# A connection that was idle for longer is asked first, as `packages/database/liveness.py` says.
IDLE_SECONDS = 1.0
ATTEMPTS = 20
# After five executions, PostgreSQL's driver prepares a statement, which takes a round trip, once for a connection.
WARM_UP = 8

Request = Callable[[], httpx2.Response]


@pytest.fixture(scope="module", params=parameters(CELLS))
def counted(request: pytest.FixtureRequest, cells: Cells) -> Iterator[tuple[Cell, httpx2.Client, CountingProxy]]:
    """Run a service behind a proxy that counts what it asks of its database."""
    cell = cells(*request.param)
    with CountingProxy(cell.server.host, cell.server.port) as proxy:
        url = make_url(cell.project.env["DATABASE_URL"]).set(host="127.0.0.1", port=proxy.port)
        # What is encrypted cannot be told apart by who speaks, as the first packets of TLS go to and fro.
        environment = {"DATABASE_URL": url.render_as_string(hide_password=False), "DATABASE_TLS": "off"}
        with serve(cell.project, environment) as client:
            yield cell, client, proxy


def trips(proxy: CountingProxy, request: Request, warm: Request) -> int:
    """Return the round trips of a request whose connections were used a moment ago.

    Args:
        proxy: counts them.
        request: sends the request.
        warm: uses the same connections before it. On a machine that is so busy that they were idle for long
            nevertheless, it is all done again.
    """
    for _ in range(ATTEMPTS):
        begun = time.monotonic()
        warm()
        proxy.take()
        answer = request()
        assert answer.is_success, answer.text
        if time.monotonic() - begun < IDLE_SECONDS:
            return proxy.take()
    raise AssertionError(f"no {ATTEMPTS} pairs of requests took less than {IDLE_SECONDS} s")


def test_round_trips_of_each_request(counted: tuple[Cell, httpx2.Client, CountingProxy]) -> None:
    """A read is one round trip; a write is its transaction and nothing else: no ping, no second ROLLBACK."""
    cell, client, proxy = counted
    user = new_user(client, "counted")
    ids = iter([new_user(client, "deleted") for _ in range(WARM_UP + ATTEMPTS)])

    def create() -> httpx2.Response:
        new_user(client, "warm")
        return client.get(f"/users/{user}")

    requests: dict[str, tuple[Request, Request]] = {
        "GET": (lambda: client.get(f"/users/{user}"), create),
        "list": (lambda: client.get("/users"), create),
        "POST": (
            lambda: client.post("/users", json={"email": f"{time.monotonic()}@example.com", "name": "n"}),
            create,
        ),
        "PATCH": (lambda: client.patch(f"/users/{user}", json={"name": str(time.monotonic())}), create),
        "DELETE": (lambda: client.delete(f"/users/{next(ids)}"), create),
    }
    for request, _ in list(requests.values()) * WARM_UP:
        assert request().is_success
    counts = {name: trips(proxy, *each) for name, each in requests.items()}
    assert counts == TRIPS[cell.backend]


def test_idle_connection_is_pinged_once(counted: tuple[Cell, httpx2.Client, CountingProxy]) -> None:
    """After idleness, a read is a ping and its statement; the next one is its statement alone."""
    _, client, proxy = counted
    user = new_user(client, "idle")
    client.get(f"/users/{user}")
    time.sleep(IDLE_SECONDS + 0.2)
    proxy.take()
    assert client.get(f"/users/{user}").status_code == 200
    assert proxy.take() == 2


def check_writing_is_refused(project: Project, style: str) -> None:
    """Drive path operations that write in a session for reading: each is a fault of the program, and harms nobody."""
    script = put_script(project, style, "misuse")
    with serve(project, app=f"{script.stem}:app") as client:
        names = client.get("/misuse").json()
        # Other tests of the same cell may have left rows.
        before = client.get("/misuse/rows").json()
        statuses = {name: client.post(f"/misuse/{name}").status_code for name in names}
        assert statuses == dict.fromkeys(names, 500)
        assert client.get("/misuse/rows").json() == before
        # Neither the service nor its connections have taken it for a lost or demoted database.
        new_user(client, "after")
        assert client.get("/users").status_code == 200
        assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize(("backend", "style"), parameters(CELLS, apart=True))
def test_server_refuses_what_a_reader_writes(cells: Cells, backend: str, style: str) -> None:
    """Through the ORM, in plain SQL, by DDL and by row locks: the server refuses, and the API answers 500, not 503."""
    check_writing_is_refused(cells(backend, style).project, style)


@pytest.mark.parametrize("style", STYLES)
def test_sqlite_refuses_what_a_reader_writes(tmp_path: Path, install_once: InstallOnce, style: str) -> None:
    """SQLite does so as well, without a server."""
    project = install_once("sqlite", style, in_file(tmp_path, style))
    project.run("alembic", "upgrade", "head")
    check_writing_is_refused(project, style)
