"""A database that fails under load: what was acknowledged is stored, once, and the service serves again by itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest
from sqlalchemy import make_url

from tests.live.cable import laid, missing
from tests.live.cells import Cell
from tests.live.service import serve, wait_until
from tests.live.workload import Note, Workload

CLIENTS = 64
# Answers of success that each client gets before a fault, and after it.
ROUNDS = 2
# Connections that serve requests: as many commits are in flight, at most.
POOL_SIZE = 5
KILLS = 3
# Limits of a service that are shorter than the time for which its database is frozen.
SHORT_LIMITS = {
    "DATABASE_CONNECT_TIMEOUT_SECONDS": "2",
    "DATABASE_STATEMENT_TIMEOUT_SECONDS": "2",
    "DATABASE_READ_TIMEOUT_SECONDS": "2",
    "DATABASE_POOL_TIMEOUT_SECONDS": "2",
}
# What a request may wait for, one after the other: its turn, an answer, and, since its work runs again on another
# connection, the ping of that one and a new connection, which is begun until its time is over, and so may take it
# twice: 2 + 2 + 2 + 4. And what the machine adds.
LONGEST_WAIT_SECONDS = 10
SLACK_SECONDS = 2
# What the service's own limit of 2 seconds for a probe may become on a busy machine.
PROBE_SECONDS = 3
IDLE_LIMIT = {
    "postgresql": "ALTER DATABASE {} SET idle_session_timeout = '2s'",
    "mariadb": "SET GLOBAL wait_timeout = 2",
}
NO_IDLE_LIMIT = {
    "postgresql": "ALTER DATABASE {} RESET idle_session_timeout",
    "mariadb": "SET GLOBAL wait_timeout = DEFAULT",
}


@contextmanager
def limit_idle(cell: Cell) -> Iterator[None]:
    """Have the server end connections that are idle for two seconds, as many are set up to do after minutes."""
    cell.server.query(IDLE_LIMIT[cell.backend].format(cell.database))
    try:
        yield
    finally:
        cell.server.query(NO_IDLE_LIMIT[cell.backend].format(cell.database))


def strike(cell: Cell, client: httpx2.Client, name: str, fault: Callable[[Workload], None], record: Note) -> Workload:
    """Let a fault meet 64 clients in the middle of their work, and each of them be served afterwards; return them."""
    with Workload(client, CLIENTS) as workload:
        workload.wait_for_answers(ROUNDS)
        struck = time.monotonic()
        fault(workload)
        workload.wait_for_answers(ROUNDS)
    workload.report(record, name, f"{cell.backend} {cell.style}", struck)
    workload.check(cell.jobs(workload.owner))
    return workload


def test_killed_connections_cost_the_commits_in_flight(cell: Cell, record_property: Note) -> None:
    """Every connection is killed, three times: only requests whose COMMIT was in flight are in doubt."""

    def kill(_workload: Workload) -> None:
        for _ in range(KILLS):
            assert len(cell.kill_connections()) > 1
            time.sleep(0.3)

    with serve(cell.project, {"DATABASE_POOL_SIZE": str(POOL_SIZE)}) as client:
        assert strike(cell, client, "killed", kill, record_property).failed == 0


def test_restart_costs_the_commits_in_flight(cell: Cell, record_property: Note) -> None:
    """The server restarts: only requests whose COMMIT was in flight are in doubt, the others wait for it."""
    with serve(cell.project, {"DATABASE_POOL_SIZE": str(POOL_SIZE)}) as client:
        assert strike(cell, client, "restarted", lambda _: cell.server.restart(), record_property).failed == 0


def stay_away(  # noqa: PLR0913, PLR0917 - what happens, to whom
    cell: Cell,
    client: httpx2.Client,
    name: str,
    leave: Callable[[], None],
    come_back: Callable[[], None],
    record: Note,
) -> None:
    """Let a database answer nothing for longer than every limit; check that each request and probe meets its limit."""
    moments: list[float] = []

    def fault(workload: Workload) -> None:
        leave()
        moments.append(time.monotonic())
        time.sleep(LONGEST_WAIT_SECONDS)
        # None has waited since before it stood still; readiness knows, and one probe does not hold up the next.
        for _ in range(2):
            probed = time.monotonic()
            statuses = client.get("/health/ready").status_code, client.get("/health/live").status_code
            assert (statuses, time.monotonic() < probed + PROBE_SECONDS) == ((503, 200), True)
        wait_until(
            lambda: {one.client for one in list(workload.outcomes) if one.begun > moments[0]} == set(range(CLIENTS)),
            "a request that began afterwards is not answered",
            LONGEST_WAIT_SECONDS,
        )
        moments.append(time.monotonic())
        come_back()

    workload = strike(cell, client, name, fault, record)
    gone, back = moments
    during = [one for one in workload.outcomes if gone < one.begun and one.ended < back]
    assert {one.status for one in during} == {503}
    assert {one.client for one in during} == set(range(CLIENTS))
    assert workload.slowest < LONGEST_WAIT_SECONDS + SLACK_SECONDS


def test_database_that_stays_frozen_holds_nobody(cell: Cell, record_property: Note) -> None:
    """The server is frozen: every request and probe is answered within its limits, and served when it goes on."""
    with serve(cell.project, SHORT_LIMITS) as client:
        stay_away(cell, client, "frozen", cell.server.freeze, cell.server.thaw, record_property)


@pytest.mark.slow
def test_network_that_drops_packets_holds_nobody(cell: Cell, record_property: Note) -> None:
    """No packet of the server arrives: every request and probe is answered within its limits, and served afterwards."""
    if reason := missing():
        pytest.fail(reason)
    with laid(cell.server.socket) as cable:
        url = make_url(cell.project.env["DATABASE_URL"]).set(host=cable.host, port=cable.port)
        own = {"DATABASE_URL": url.render_as_string(hide_password=False), "DATABASE_TLS": "off"}
        with serve(cell.project, SHORT_LIMITS | own, inside=cable.inside) as client:
            stay_away(cell, client, "dropped", cable.cut, cable.restore, record_property)


def test_connections_that_the_server_ended_for_idleness_cost_nothing(cell: Cell, record_property: Note) -> None:
    """After a pause longer than the server's idle limit, 64 clients at once: none of their requests fails."""
    with limit_idle(cell), serve(cell.project) as client:
        with Workload(client, CLIENTS) as workload:
            workload.wait_for_answers(ROUNDS)
        assert len(cell.connections()) > 1
        wait_until(lambda: not cell.connections(), "the server keeps idle connections")
        late = strike(cell, client, "idle", lambda _: None, record_property)
    assert late.failed == 0
