"""Services behind HAProxy in TCP mode, which cuts idle connections, and is frozen: every wait ends, nothing is lost.

Services of two databases and both styles run side by side, so that each fault costs its time once.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx2
import pytest
from sqlalchemy import make_url

from tests.live.cells import CELLS, Cell, Cells
from tests.live.scripts import put_script
from tests.live.service import serve, wait_until, wait_until_ready
from tests.live.workload import Answer, Connection, Note, Workload, under_load
from tests.servers import HaProxy
from tests.template import STYLES

# Of each service.
CLIENTS = 16
ROUNDS = 2
# Far below the 1,800 seconds after which the pool replaces a connection, and below the limit of a statement.
IDLE_SECONDS = 2
STATEMENT_SECONDS, READ_SECONDS, CONNECT_SECONDS, POOL_SECONDS = 4, 3, 2, 2
LIMITS = {
    "DATABASE_STATEMENT_TIMEOUT_SECONDS": str(STATEMENT_SECONDS),
    "DATABASE_READ_TIMEOUT_SECONDS": str(READ_SECONDS),
    "DATABASE_CONNECT_TIMEOUT_SECONDS": str(CONNECT_SECONDS),
    "DATABASE_POOL_TIMEOUT_SECONDS": str(POOL_SECONDS),
}
# Its turn, an answer, the ping of another connection, and a new one, which is begun until its time is over.
LONGEST_WAIT_SECONDS = POOL_SECONDS + READ_SECONDS + CONNECT_SECONDS + 2 * CONNECT_SECONDS
# What the machine adds.
SLACK_SECONDS = 4
# A unit of work that loses its connection each time begins three times, after a new connection.
LONGEST_STATEMENT_SECONDS = 3 * (IDLE_SECONDS + CONNECT_SECONDS) + SLACK_SECONDS
SLEEP = {"postgresql": "SELECT pg_sleep(60)", "mariadb": "SELECT SLEEP(60)", "mysql": "SELECT SLEEP(60)"}
SLEEPING = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND state = 'active' AND query ~ 'pg_sleep'",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = '{}' AND info LIKE '%SLEEP%'",
    "mysql": "SELECT id FROM performance_schema.processlist WHERE db = '{}' AND info LIKE '%SLEEP%'",
}
# Those of a line run side by side.
SIDE_BY_SIDE = [
    pytest.param(CELLS, id="postgresql-mariadb"),
    pytest.param([("mysql", style) for style in STYLES], id="mysql", marks=pytest.mark.slow),
]


@dataclass(frozen=True, eq=False)
class Service:
    """A service that runs, and the proxy before its server."""

    cell: Cell
    client: httpx2.Client
    proxy: HaProxy

    @property
    def sleeping(self) -> int:
        """How many statements that sleep the server executes."""
        return len(self.cell.server.query(SLEEPING[self.cell.backend].format(self.cell.database)))


@contextmanager
def running(cells: Cells, chosen: Sequence[tuple[str, str]], limits: Mapping[str, str]) -> Iterator[list[Service]]:
    """Run a service of each chosen cell until the block ends; a proxy stands before each server."""
    if reason := HaProxy.missing():
        pytest.skip(reason)
    proxies: dict[str, HaProxy] = {}
    services = []
    with ExitStack() as stack:
        for backend, style in chosen:
            cell = cells(backend, style)
            if backend not in proxies:
                proxies[backend] = stack.enter_context(HaProxy(cell.server, idle_seconds=IDLE_SECONDS))
            url = make_url(cell.project.env["DATABASE_URL"]).set(port=proxies[backend].port)
            environment = {"DATABASE_URL": url.render_as_string(hide_password=False), **limits}
            put_script(cell.project, style, "endings", "cancelling")
            client = stack.enter_context(serve(cell.project, environment, app="cancelling:app"))
            services.append(Service(cell, client, proxies[backend]))
        yield services


@pytest.fixture(scope="module", params=SIDE_BY_SIDE)
def services(request: pytest.FixtureRequest, cells: Cells) -> Iterator[list[Service]]:
    """Run services that give up soon, once for all tests that make them wait."""
    with running(cells, request.param, LIMITS) as services:
        yield services


@contextmanager
def loaded(services: list[Service]) -> Iterator[dict[Service, Workload]]:
    """Serve clients of each service while the block runs."""
    with under_load({each: each.client for each in services}, CLIENTS, ROUNDS) as load:
        yield load


def check(fault: str, load: dict[Service, Workload], since: float, record: Note) -> int:
    """Record what a fault did to each service, and check what is stored; return how many requests were no success."""
    for service, workload in load.items():
        workload.report(record, f"HAProxy, {fault}", f"{service.cell.backend} {service.cell.style}", since)
        workload.check(service.cell.jobs(workload.owner))
    return sum(one.failed for workload in load.values() for one in workload.outcomes)


@pytest.mark.parametrize("chosen", SIDE_BY_SIDE)
def test_connections_that_the_proxy_has_cut_cost_nothing(
    cells: Cells, chosen: Sequence[tuple[str, str]], record_property: Note
) -> None:
    """The proxy's idle limit is shorter than the life of a pooled connection: no request fails after a pause."""
    with running(cells, chosen, {}) as services:
        with loaded(services):
            assert all(len(each.cell.connections()) > 1 for each in services)
        wait_until(lambda: not any(each.cell.connections() for each in services), "the proxy keeps idle connections")
        begun = time.monotonic()
        with loaded(services) as load:
            pass
    assert check("idle limit of 2 s", load, begun, record_property) == 0


def test_statement_that_the_proxy_cuts_ends(services: list[Service], record_property: Note) -> None:
    """A statement longer than the proxy's idle limit: its request gets a 503, and the server ends it in time."""

    async def ask(service: Service) -> tuple[Answer, float, int]:
        begun, connection = time.monotonic(), Connection(service.client)
        answer = await connection.ask("POST", "/endings/statement", SLEEP[service.cell.backend])
        connection.close()
        return answer, time.monotonic() - begun, service.sleeping

    async def ask_all() -> list[tuple[Answer, float, int]]:
        return await asyncio.gather(*map(ask, services))

    for service, (answer, seconds, sleeping) in zip(services, asyncio.run(ask_all()), strict=True):
        cell = f"{service.cell.backend} {service.cell.style}"
        record_property("figures", f"HAProxy, statement cut | {cell} | {answer.status} after {seconds:.1f} s")
        assert (answer.status, answer.headers.get("retry-after")) == (503, "1")
        assert IDLE_SECONDS <= seconds < LONGEST_STATEMENT_SECONDS
        # The server has not noticed that nobody waits any more. Else nothing was proven.
        assert sleeping > 0
    wait_until(lambda: not any(each.sleeping for each in services), "a statement goes on without its client")


def test_proxy_that_stays_frozen_holds_nobody(services: list[Service], record_property: Note) -> None:
    """The proxy is frozen for long: each request and probe is answered within its limits; then all serve again."""
    proxies = {each.proxy for each in services}
    with loaded(services) as load:
        try:
            for proxy in proxies:
                proxy.freeze()
            frozen = time.monotonic()
            time.sleep(LONGEST_WAIT_SECONDS)
            ready = [each.client.get("/health/ready").status_code for each in services]
        finally:
            thawed = time.monotonic()
            for proxy in proxies:
                proxy.thaw()
        for each, workload in load.items():
            wait_until_ready(each.client)
            workload.wait_for_answers(ROUNDS)
    assert ready == [503] * len(services)
    assert check("frozen", load, frozen, record_property) > 0
    for workload in load.values():
        during = [one for one in workload.outcomes if frozen < one.begun and one.ended < thawed]
        assert {one.status for one in during} == {503}
        assert workload.slowest < LONGEST_WAIT_SECONDS + SLACK_SECONDS
