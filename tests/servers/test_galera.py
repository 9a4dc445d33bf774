"""Tests of the Galera cluster."""

import time
from collections.abc import Iterator

import pytest

from . import GaleraCluster, GaleraNode, NotAnsweringError, ServerError, processes


@pytest.fixture(scope="module")
def shared() -> Iterator[GaleraCluster]:
    """Provide a cluster, one for all tests of the module: it takes about 10 seconds to start."""
    reason = GaleraCluster.missing()
    if reason is not None:
        pytest.skip(reason)
    with GaleraCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(shared: GaleraCluster) -> GaleraCluster:
    """Provide the cluster with all its nodes, whatever the test before has done to it."""
    for node in shared.nodes:
        node.thaw()
    shared.start()
    return shared


def table(cluster: GaleraCluster) -> str:
    """Create an empty table by way of the first node that runs."""
    database = f"test_{time.monotonic_ns()}"
    cluster.running[0].create_database(database)
    cluster.running[0].query(f"CREATE TABLE {database}.numbers (n INTEGER PRIMARY KEY)")
    return f"{database}.numbers"


def insert(node: GaleraNode, name: str, number: int) -> None:
    """Insert a number into a table by way of a node."""
    node.query(f"INSERT INTO {name} VALUES ({number})")  # noqa: S608 - our own name


def read(cluster: GaleraCluster, name: str) -> list[int]:
    """Read the numbers in a table from each running node, which must all show the same."""
    # A node may apply what another one committed a little later; wsrep_sync_wait waits for it.
    sql = f"SET STATEMENT wsrep_sync_wait = 1 FOR SELECT n FROM {name} ORDER BY n"  # noqa: S608
    rows = [node.query(sql) for node in cluster.running]
    assert all(each == rows[0] for each in rows)
    return [int(str(row[0])) for row in rows[0]]


def test_every_node_takes_writes_that_all_show(cluster: GaleraCluster) -> None:
    """Three nodes, one set of data, one password."""
    assert len(cluster.nodes) == 3
    assert len({node.port for node in cluster.nodes}) == 3
    assert "MariaDB" in cluster.nodes[2].version
    name = table(cluster)
    for number, node in enumerate(cluster.nodes):
        assert node.status("wsrep_cluster_size") == "3"
        insert(node, name, number)
    assert read(cluster, name) == [0, 1, 2]


def test_the_others_go_on_without_a_killed_node(cluster: GaleraCluster) -> None:
    """Also without the node that began the cluster, which gets what it missed."""
    name = table(cluster)
    first, second, _ = cluster.nodes
    cluster.kill(first)
    with pytest.raises(NotAnsweringError):
        first.query("SELECT 1")
    insert(second, name, 1)
    assert read(cluster, name) == [1]
    cluster.rejoin(first)
    assert len(cluster.running) == 3
    assert read(cluster, name) == [1]


def test_the_others_go_on_without_a_frozen_node(cluster: GaleraCluster) -> None:
    """They expel it, and it comes back when it thaws."""
    name = table(cluster)
    cluster.nodes[2].freeze()
    cluster.wait_for_size(2)
    insert(cluster.nodes[0], name, 1)
    with pytest.raises(ServerError, match=r"after 0.1 seconds and not 3 members"):
        cluster.wait_for_size(3, 0.1)
    cluster.nodes[2].thaw()
    cluster.wait_for_size(3)
    assert read(cluster, name) == [1]


def test_a_node_alone_refuses_to_serve(cluster: GaleraCluster) -> None:
    """Without a majority there is no cluster; it forms again when the nodes are back."""
    name = table(cluster)
    alone, *others = cluster.nodes
    for node in others:
        node.freeze()
    deadline = time.monotonic() + 30
    while alone.status("wsrep_cluster_status") != "non-Primary":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with pytest.raises(Exception, match="WSREP has not yet prepared node"):
        alone.query("SELECT * FROM mysql.db")
    for node in others:
        node.thaw()
    cluster.wait_for_size(3, 60)
    assert read(cluster, name) == []


def test_data_survive_an_orderly_restart_of_the_cluster(cluster: GaleraCluster) -> None:
    """All nodes go down and come up again; nothing survives in between."""
    name = table(cluster)
    insert(cluster.nodes[1], name, 1)
    pids = [pid for node in cluster.nodes for pid in node.pids()]
    cluster.stop()
    assert not [pid for pid in pids if processes.look(pid)]
    cluster.start()
    assert read(cluster, name) == [1]
