"""The rendered API outlives a server of a cluster: PostgreSQL with a standby, MariaDB with Galera.

Services of both styles run side by side on one database, so that each fault costs its time once.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import URL

from tests.live.cells import InstallOnce, stored_jobs
from tests.live.scripts import put_script
from tests.live.service import RECOVERY_SECONDS, serve, wait_until, wait_until_ready
from tests.live.workload import Note, Workload, under_load
from tests.servers import GaleraCluster, GaleraNode, PostgresqlPair, PostgresqlServer, Server
from tests.template import BACKENDS, STEP_SECONDS, STYLES, Project

DATABASE = "t_clusters"
CLIENTS = 24
# Of success, that each client gets before and after a fault.
ANSWERS = 4
# Of each service; as many of its requests are served at a time.
CONNECTIONS = 5
# Nobody is there at once to promote a standby; it is done within the time for which the service tries to connect.
PROMOTION_SECONDS = 1.5
CONNECT_SECONDS = 10
# Limits for a service whose primary stays frozen; each has its own reason.
FROZEN_LIMITS = {
    "DATABASE_CONNECT_TIMEOUT_SECONDS": "2",
    "DATABASE_STATEMENT_TIMEOUT_SECONDS": "2",
    "DATABASE_READ_TIMEOUT_SECONDS": "3",
    "DATABASE_POOL_TIMEOUT_SECONDS": "2",
}
FROZEN_SECONDS = 12
# Galera notices a dead node after 5 seconds, and no node commits until then.
EXPULSION_SECONDS = 30
# Of each service; together they want three rows.
RIVALS, ROUNDS = 8, 10

Stored = Callable[[int], list[tuple[str, int]]]
# A node may apply what another one committed a little later; this waits for it.
SYNCHRONOUS = "SET STATEMENT wsrep_sync_wait = 1 FOR "


def install_styles(install_once: InstallOnce, backend: str) -> dict[str, Project]:
    """Install a project of each style, which know no database yet."""
    return {style: install_once(backend, style, {}) for style in STYLES}


@contextmanager
def serving(projects: Mapping[str, Project]) -> Iterator[dict[str, Workload]]:
    """Serve projects on one database, each to clients of its own, from before the block until after it."""
    with ExitStack() as stack:
        clients = {name: stack.enter_context(serve(project)) for name, project in projects.items()}
        yield stack.enter_context(under_load(clients, CLIENTS // len(clients), ANSWERS))


def check(note: Note, fault: str, workloads: Mapping[str, Workload], since: float, stored: Stored) -> None:
    """Record what a fault did to each service, and check what is stored of each owner."""
    for name, workload in workloads.items():
        workload.report(note, fault, name, since)
        workload.check(stored(workload.owner))


def stored_by(server: Server, first: str = "") -> Stored:
    """Return what finds the jobs of an owner on a server; see `stored_jobs`."""
    return lambda owner: stored_jobs(server, DATABASE, owner, first)


@pytest.fixture(scope="module")
def postgresql(install_once: InstallOnce) -> dict[str, Project]:
    """Install the projects for all tests with PostgreSQL."""
    return install_styles(install_once, "postgresql")


@pytest.fixture
def pair(record_property: Note) -> Iterator[PostgresqlPair]:
    """Provide a primary that acknowledges no commit before its standby has written it."""
    if reason := PostgresqlServer.missing():
        pytest.skip(reason)
    pair = PostgresqlPair()
    # Not of the standby, which would wait for a standby of its own once it is promoted.
    pair.primary.options["synchronous_standby_names"] = "*"
    with pair:
        record_property("server", f"postgresql: PostgreSQL {pair.primary.version}, a primary and a standby")
        yield pair


@pytest.fixture
def replicated(postgresql: dict[str, Project], pair: PostgresqlPair) -> dict[str, Project]:
    """Point the projects at both servers, and migrate the database."""
    hosts = ",".join(f"{server.host}:{server.port}" for server in pair.servers)
    account = f"{pair.primary.user}:{pair.primary.password}"
    url = f"postgresql+psycopg://{account}@{hosts}/{DATABASE}?target_session_attrs=read-write"
    environment = {
        "DATABASE_URL": url,
        "DATABASE_POOL_SIZE": str(CONNECTIONS),
        "DATABASE_CONNECT_TIMEOUT_SECONDS": str(CONNECT_SECONDS),
    }
    projects = {style: Project(project.folder, environment) for style, project in postgresql.items()}
    pair.primary.create_database(DATABASE)
    next(iter(projects.values())).run("alembic", "upgrade", "head")
    return projects


def forbid_writes(primary: PostgresqlServer) -> None:
    """Let a primary run on, with all its connections, but take no more writes."""
    primary.query("ALTER SYSTEM SET default_transaction_read_only = on")
    primary.query("SELECT pg_reload_conf()")
    # It holds from the next transaction on; what has begun to write by then must come to its end.
    time.sleep(0.5)
    writing = "SELECT 1 FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
    wait_until(lambda: not primary.query(writing), "a transaction goes on writing")


FAULTS: Mapping[str, Callable[[PostgresqlServer], None]] = {
    "killed": PostgresqlServer.kill,
    "stopped": PostgresqlServer.stop,
    "read-only": forbid_writes,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_service_goes_on_with_the_promoted_standby(
    replicated: dict[str, Project], pair: PostgresqlPair, record_property: Note, fault: str
) -> None:
    """The primary is lost under load and the standby promoted: the service finds it, with every write.

    The URL names both servers. Lost is a primary that is killed, stopped, or takes no more writes.
    """
    with serving(replicated) as workloads:
        struck = time.monotonic()
        FAULTS[fault](pair.primary)
        time.sleep(PROMOTION_SECONDS)
        pair.promote()
        for workload in workloads.values():
            wait_until_ready(workload.client)
            workload.wait_for_answers(2 * ANSWERS)
    check(record_property, f"PostgreSQL primary {fault}", workloads, struck, stored_by(pair.primary))
    for workload in workloads.values():
        # A lost connection costs a COMMIT that was under way; all else runs again, or waits for a new connection.
        assert all(one.in_doubt for one in workload.outcomes if one.failed)
        assert workload.longest_pause(struck) < RECOVERY_SECONDS


def test_service_leaves_a_primary_that_stands_still(
    replicated: dict[str, Project], pair: PostgresqlPair, record_property: Note
) -> None:
    """The primary stays frozen, and the standby is promoted: the service recovers by itself, and says so."""
    projects = {
        style: Project(project.folder, {**project.env, **FROZEN_LIMITS}) for style, project in replicated.items()
    }
    frozen = pair.primary
    try:
        with serving(projects) as workloads:
            struck = time.monotonic()
            frozen.freeze()
            time.sleep(FROZEN_SECONDS)
            for workload in workloads.values():
                assert workload.client.get("/health/ready").status_code == 503
            pair.promote()
            promoted = time.monotonic()
            for workload in workloads.values():
                wait_until_ready(workload.client)
                workload.wait_for_answers(2 * ANSWERS)
    finally:
        frozen.thaw()
    check(record_property, "PostgreSQL primary frozen for ever", workloads, struck, stored_by(pair.primary))
    for workload in workloads.values():
        assert workload.longest_pause(struck) < promoted - struck + sum(map(int, FROZEN_LIMITS.values()))


@pytest.fixture(scope="module")
def shared() -> Iterator[GaleraCluster]:
    """Provide a cluster for all tests with MariaDB: it takes about ten seconds to start."""
    if reason := GaleraNode.missing():
        pytest.skip(reason)
    with GaleraCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(shared: GaleraCluster, record_property: Note) -> GaleraCluster:
    """Provide the cluster with all its nodes, whatever the test before has done to it."""
    shared.start()
    record_property("server", f"mariadb: MariaDB {shared.nodes[0].version}, three nodes with Galera")
    return shared


@pytest.fixture(scope="module")
def mariadb(install_once: InstallOnce, shared: GaleraCluster) -> dict[str, Project]:
    """Install the projects for all tests with MariaDB, and migrate the database."""
    projects = install_styles(install_once, "mariadb")
    shared.nodes[0].create_database(DATABASE)
    style, project = next(iter(projects.items()))
    beside(shared.nodes[0], style, project).run("alembic", "upgrade", "head")
    return projects


def beside(node: GaleraNode, style: str, project: Project) -> Project:
    """Return a project as it is deployed beside a node."""
    driver = BACKENDS["mariadb"][style]["drivername"]
    url = URL.create(driver, node.user, node.password, node.host, node.port, DATABASE)
    return Project(project.folder, {"DATABASE_URL": url.render_as_string(hide_password=False)})


def conflicts(cluster: GaleraCluster) -> int:
    """Return how many transactions the nodes have ended in favour of another node's."""
    counters = ("wsrep_local_cert_failures", "wsrep_local_bf_aborts")
    return sum(int(node.status(counter)) for node in cluster.nodes for counter in counters)


def race(style: str, projects: list[Project]) -> list[Any]:
    """Let each project's script add to the same rows, the first time for certain at once; return what they report."""
    racers = [
        # A pool with room for all clients, so that they meet in the database and not before it.
        project.start("python", put_script(project, style, "transactions"), "rivals", DATABASE_POOL_SIZE=str(RIVALS))
        for project in projects
    ]
    try:
        for racer in racers:
            assert racer.stdout
            assert racer.stdout.readline() == "holding\n"
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("\n")
            racer.stdin.flush()
        return [json.loads(racer.communicate(timeout=STEP_SECONDS)[0]) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()


@pytest.mark.parametrize("style", [pytest.param("sync", marks=pytest.mark.slow), "async"])
def test_no_update_is_lost_between_two_nodes(
    mariadb: dict[str, Project], cluster: GaleraCluster, record_property: Note, style: str
) -> None:
    """Clients of two nodes read, add one and write the same rows: each counts, and the losers run again by themselves.

    A node knows nothing of another one's locks: of two transactions one fails at its commit, or before it.
    """
    first, second, third = cluster.nodes
    first.query("CREATE OR REPLACE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)", DATABASE)
    first.query("INSERT INTO accounts VALUES (1, 0), (2, 0), (3, 0)", DATABASE)
    before = conflicts(cluster)
    reports = race(style, [beside(node, style, mariadb[style]) for node in (first, second)])
    codes = Counter(code for report in reports for code in report["codes"])
    tries = [number for report in reports for number in report["tries"]]
    line = (
        f"Galera conflicts | {style} | {2 * RIVALS} clients | {len(tries)} transactions on three rows,"
        f" {sum(tries) - len(tries)} run again, {max(tries)} tries at most | {dict(codes)}"
    )
    record_property("figures", line)
    assert [report["errors"] for report in reports] == [[], []]
    assert len(tries) == 2 * (RIVALS * ROUNDS + 1)
    [(total,)] = third.query(f"{SYNCHRONOUS}SELECT sum(balance) FROM accounts", DATABASE)  # noqa: S608
    assert int(str(total)) == len(tries)
    # Every error was a conflict, and each cost one more try.
    assert set(codes) == {"1213"}
    assert codes.total() == sum(tries) - len(tries)
    # Both nodes held one row at once, so that one of them was refused its commit. Else nothing was proven.
    assert any(report["codes at commit"] for report in reports)
    assert conflicts(cluster) > before


def test_a_killed_node_loses_no_acknowledged_write(
    mariadb: dict[str, Project], cluster: GaleraCluster, record_property: Note
) -> None:
    """A node is killed under load: services of another node go on; its own answer 503, and recover with it."""
    dying, surviving, _ = cluster.nodes
    deserted = {f"{style}, killed node": beside(dying, style, project) for style, project in mariadb.items()}
    lucky = {f"{style}, other node": beside(surviving, style, project) for style, project in mariadb.items()}
    with serving(deserted | lucky) as workloads:
        struck = time.monotonic()
        dying.kill()
        down = time.monotonic()
        for name in deserted:
            assert workloads[name].client.get("/health/ready").status_code == 503
        cluster.wait_for_size(2, EXPULSION_SECONDS)
        for name in lucky:
            workloads[name].wait_for_answers(ANSWERS, EXPULSION_SECONDS)
        back = time.monotonic()
        cluster.rejoin(dying)
        for workload in workloads.values():
            wait_until_ready(workload.client)
            workload.wait_for_answers(ANSWERS)
    fault = f"Galera node killed, down for {back - struck:.1f} s"
    check(record_property, fault, workloads, struck, stored_by(surviving, SYNCHRONOUS))
    for name in lucky:
        # Commits wait until the cluster has expelled the dead node, and then succeed.
        assert workloads[name].statuses[503] <= CLIENTS // len(workloads)
        assert workloads[name].longest_pause(struck) < EXPULSION_SECONDS
    for name in deserted:
        assert workloads[name].statuses[503]
        assert all(each.status == 503 for each in workloads[name].outcomes if down < each.begun and each.ended < back)
