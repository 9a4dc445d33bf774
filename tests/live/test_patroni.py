"""The rendered API behind HAProxy outlives a switchover and a failover of PostgreSQL with Patroni and etcd."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from tests.live.cells import InstallOnce
from tests.live.service import wait_until_ready
from tests.live.test_clusters import (
    ANSWERS,
    CONNECT_SECONDS,
    CONNECTIONS,
    DATABASE,
    check,
    install_styles,
    serving,
    stored_by,
)
from tests.live.workload import Note
from tests.servers import PatroniCluster
from tests.servers.patroni import SETTLE_SECONDS
from tests.template import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[PatroniCluster]:
    """Provide three servers, of which one is the primary."""
    if reason := PatroniCluster.missing():
        pytest.skip(reason)
    with PatroniCluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def projects(install_once: InstallOnce, cluster: PatroniCluster) -> dict[str, Project]:
    """Install a project of each style, which knows the proxy alone, and migrate the database."""
    proxy = cluster.proxy
    url = URL.create("postgresql+psycopg", proxy.user, proxy.password, proxy.host, proxy.port, DATABASE)
    environment = {
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "DATABASE_POOL_SIZE": str(CONNECTIONS),
        "DATABASE_CONNECT_TIMEOUT_SECONDS": str(CONNECT_SECONDS),
    }
    installed = install_styles(install_once, "postgresql")
    projects = {style: Project(project.folder, environment) for style, project in installed.items()}
    cluster.primary.create_database(DATABASE)
    next(iter(projects.values())).run("alembic", "upgrade", "head")
    return projects


def test_switchover_costs_the_commits_in_flight(
    projects: dict[str, Project], cluster: PatroniCluster, record_property: Note
) -> None:
    """The primary changes places with its standby under load: no write is lost, and only commits in doubt fail."""
    before = cluster.primary
    with serving(projects) as workloads:
        struck = time.monotonic()
        cluster.switch()
        for workload in workloads.values():
            wait_until_ready(workload.client)
            workload.wait_for_answers(2 * ANSWERS)
    assert cluster.primary is not before
    check(record_property, "Patroni, switchover", workloads, struck, stored_by(cluster.primary))
    for workload in workloads.values():
        assert all(one.in_doubt for one in workload.outcomes if one.failed)


def test_failover_loses_no_write(projects: dict[str, Project], cluster: PatroniCluster, record_property: Note) -> None:
    """The primary and its Patroni are killed under load: the service finds the next one, with every write, once."""
    cluster.wait_until_settled()
    killed = cluster.primary
    with serving(projects) as workloads:
        struck = time.monotonic()
        killed.kill()
        cluster.wait_for_other_primary(killed)
        for workload in workloads.values():
            wait_until_ready(workload.client)
            workload.wait_for_answers(2 * ANSWERS, SETTLE_SECONDS)
        back = time.monotonic()
    fault = f"Patroni, primary killed, back after {back - struck:.0f} s"
    check(record_property, fault, workloads, struck, stored_by(cluster.primary))
