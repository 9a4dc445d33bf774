"""`DATABASE_READ_URL`: what only reads goes to a replica while there is one, and the server keeps it from writing."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2
import pytest
from sqlalchemy import make_url

from tests.live.cells import InstallOnce, parameters
from tests.live.service import ask_doctor, new_user, serve, wait_until
from tests.servers import PostgresqlPair, PostgresqlServer
from tests.template import STYLES, Project

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'my_service'"


@dataclass(frozen=True)
class Replicated:
    """A migrated project with a primary, and a standby to read from."""

    project: Project
    pair: PostgresqlPair


@pytest.fixture(scope="module")
def pair() -> Iterator[PostgresqlPair]:
    """Start a primary and a standby that follows it."""
    if reason := PostgresqlServer.missing():
        pytest.skip(reason)
    with PostgresqlPair() as pair:
        yield pair


@pytest.fixture(scope="module", params=parameters([("postgresql", style) for style in STYLES]))
def installed(request: pytest.FixtureRequest, pair: PostgresqlPair, install_once: InstallOnce) -> Replicated:
    """Install a project that reads from the standby, and from the primary where there is none."""
    _, style = request.param
    primary, standby = (f"{server.host}:{server.port}" for server in pair.servers)
    environment = {
        "DATABASE_URL": f"postgresql://{pair.primary.user}@{primary}/t_replica_{style}",
        "DATABASE_READ_URL": f"postgresql://{pair.primary.user}@{standby},{primary}/t_replica_{style}"
        "?target_session_attrs=prefer-standby",
        "DATABASE_PASSWORD": pair.primary.password,
        "DATABASE_CONNECT_TIMEOUT_SECONDS": "2",
    }
    pair.primary.create_database(f"t_replica_{style}")
    project = install_once("postgresql", style, environment)
    project.run("alembic", "upgrade", "head")
    return Replicated(project, pair)


@pytest.fixture
def replicated(installed: Replicated) -> Iterator[Replicated]:
    """Give the test a project, and let both of its servers run afterwards."""
    installed.pair.wait_until_replayed()
    yield installed
    for server in installed.pair.servers:
        server.start()


def wait_for_user(client: httpx2.Client, user: int) -> None:
    """Read a user until it is there, for as long as a replica may be behind."""
    wait_until(lambda: client.get(f"/users/{user}").status_code == 200, "the user is not read")


def test_reads_come_from_the_replica_and_writes_go_to_the_primary(replicated: Replicated) -> None:
    """Each server has the connections of its kind, and what was written is soon read."""
    with serve(replicated.project) as client:
        user = new_user(client, "written")
        assert replicated.pair.standby.query(CONNECTIONS) == [(0,)]
        wait_for_user(client, user)
        assert replicated.pair.standby.query(CONNECTIONS) != [(0,)]
        assert client.patch(f"/users/{user}", json={"name": "changed"}).status_code == 200


def test_doctor_tells_how_far_the_replica_is_behind(replicated: Replicated) -> None:
    """A replica that follows is good; that there is none, or that nobody answers, is said with the fix."""
    found = ask_doctor(replicated.project)
    assert (found["replica"]["state"], found["replica"]["found"]) == ("ok", "0.0 s behind")
    assert found["connections"]["found"].startswith("up to 1 x (5 + 2) x 1 workers = 7, of 397 ")
    assert found["connections that read"]["state"] == "ok"
    language = found["language of messages"]
    assert (language["state"], language["found"]) == ("ok", "English, C.UTF-8")
    primary = replicated.project.env["DATABASE_URL"]
    found = ask_doctor(replicated.project, DATABASE_READ_URL=primary)
    assert (found["replica"]["state"], found["replica"]["found"]) == ("warning", "a server that is no replica answers")
    nobody = make_url(primary).set(port=1).render_as_string(hide_password=False)
    found = ask_doctor(replicated.project, DATABASE_READ_URL=nobody)
    assert (found["reading"]["state"], found["reading"]["fix"]) == ("error", "check DATABASE_READ_URL")


def test_reads_go_on_while_the_primary_is_down(replicated: Replicated) -> None:
    """A lost primary costs the writes, which get a 503, and none of the reads."""
    with serve(replicated.project) as client:
        user = new_user(client, "kept")
        wait_for_user(client, user)
        replicated.pair.primary.stop(immediate=True)
        assert [client.get(f"/users/{user}").status_code for _ in range(20)] == [200] * 20
        assert client.delete(f"/users/{user}").status_code == 503
        replicated.pair.primary.start()
        assert client.delete(f"/users/{user}").status_code == 204


def test_reads_go_to_the_primary_when_the_replica_is_down(replicated: Replicated) -> None:
    """A lost replica costs nothing for long: the service reads from the primary, without a restart."""
    with serve(replicated.project) as client:
        user = new_user(client, "elsewhere")
        wait_for_user(client, user)
        replicated.pair.standby.stop(immediate=True)
        statuses = [client.get(f"/users/{user}").status_code for _ in range(20)]
        assert statuses == [200] * 20
        assert replicated.pair.primary.query(CONNECTIONS) != [(0,)]


def test_replica_that_does_not_answer_holds_up_no_write(replicated: Replicated) -> None:
    """While more reads than there are connections wait for a dead replica, a write is done at once."""
    with socket.socket() as silent, ThreadPoolExecutor(12) as pool:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        name = make_url(replicated.project.env["DATABASE_URL"]).database
        url = f"postgresql://{replicated.pair.primary.user}@127.0.0.1:{silent.getsockname()[1]}/{name}"
        environment = {"DATABASE_READ_URL": url, "DATABASE_CONNECT_TIMEOUT_SECONDS": "5"}
        with serve(replicated.project, environment) as client:
            new_user(client, "first")
            reads = [pool.submit(client.get, "/users") for _ in range(12)]
            time.sleep(0.5)
            begun = time.monotonic()
            new_user(client, "second")
            seconds = time.monotonic() - begun
            assert {read.result().status_code for read in reads} == {503}
    assert seconds < 2
