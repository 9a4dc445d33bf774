"""A Galera cluster of MariaDB servers, where every node takes writes."""

from pathlib import Path

import pymysql

from .base import Startable
from .machine import HOST, ServerError, free_port, program
from .mariadb import MariadbServer
from .processes import wait_until

NODES = 3
"""How many nodes a cluster has: the fewest of which one can fail."""


def _provider() -> Path | None:
    """Find the library that connects MariaDB servers to a cluster."""
    places = ("/usr/lib/galera", "/usr/lib64/galera-4", "/usr/lib/galera-4")
    return next((path for path in (Path(place, "libgalera_smm.so") for place in places) if path.exists()), None)


class GaleraNode(MariadbServer):
    """A MariaDB server of a cluster; it counts as started when it is in step with the cluster ("Synced").

    Attributes:
        peers: All nodes of the cluster.
        bootstrap: Whether the next start begins a new cluster.
    """

    title = "MariaDB with Galera"
    start_seconds = 60.0  # a node may copy all data from another one first

    def __init__(self) -> None:
        """Choose ports and a password; nothing is started yet."""
        super().__init__()
        self.group_address = f"{HOST}:{free_port()}"
        self._ist_address = f"{HOST}:{free_port()}"
        self._sst_address = f"{HOST}:{free_port()}"
        self.peers: list[GaleraNode] = []
        self.bootstrap = False

    @classmethod
    def missing(cls) -> str | None:
        """Say in one sentence why a cluster cannot be run on this machine; None when it can."""
        if reason := super().missing():
            return reason
        if _provider() is None:
            return "Galera: no `libgalera_smm.so` found in /usr/lib/galera."
        if absent := [name for name in ("wsrep_sst_rsync", "rsync") if program(name) is None]:
            return f"Galera: no `{absent[0]}` found on PATH."
        if not (program("lsof") or program("ss")):
            return "Galera: no `lsof` and no `ss` found on PATH, of which `wsrep_sst_rsync` needs one."
        return None

    def status(self, name: str) -> str:
        """Read one of the node's status values, such as "wsrep_cluster_size"; empty when there is none."""
        rows = self.query(f"SHOW STATUS LIKE '{name}'")
        return str(rows[0][1]) if rows else ""

    def _version(self) -> str:
        version = super()._version()
        if (state := self.status("wsrep_local_state_comment")) != "Synced":
            raise ServerError(f"the node's state is {state or 'unknown'}")
        return version

    def _create(self) -> None:
        if self.bootstrap:
            super()._create()
            return
        # The others copy everything from a node that is up, accounts included.
        self.place.make_folder("tmp")
        self.place.make_folder("data")

    def _settings(self) -> dict[str, str]:
        provider_options = {
            "base_host": HOST,
            "base_port": self.group_address.rpartition(":")[2],
            "gmcast.listen_addr": f"tcp://{self.group_address}",
            "ist.recv_addr": self._ist_address,
            "ist.recv_bind": self._ist_address,
            "gcache.size": "32M",  # less to write
        }
        return {
            "wsrep_on": "ON",
            "wsrep_provider": str(_provider()),
            "wsrep_provider_options": ";".join(f"{name}={value}" for name, value in provider_options.items()),
            "wsrep_cluster_name": "tests",
            "wsrep_cluster_address": f"gcomm://{','.join(node.group_address for node in self.peers)}",
            "wsrep_node_name": f"node-{self.port}",
            "wsrep_node_address": self.group_address,
            "wsrep_node_incoming_address": f"{self.host}:{self.port}",
            "wsrep_sst_method": "rsync",
            "wsrep_sst_receive_address": self._sst_address,
            # Galera demands it of every node.
            "binlog_format": "ROW",
            "innodb_autoinc_lock_mode": "2",
            **super()._settings(),
        }

    def _command(self) -> list[str]:
        return [*super()._command(), *(["--wsrep-new-cluster"] if self.bootstrap else [])]


class GaleraCluster(Startable):
    """Three MariaDB servers in a Galera cluster, all with the same account.

    Attributes:
        nodes: The servers, each to be used as any `Server`.
    """

    def __init__(self) -> None:
        """Choose ports and a password; nothing is started yet."""
        self.nodes = [GaleraNode() for _ in range(NODES)]
        for node in self.nodes:
            node.peers = self.nodes
            node.password = self.nodes[0].password

    def start(self) -> None:
        """Start all nodes that do not run, one after the other, and wait until they are one cluster."""
        self.nodes[0].bootstrap = not any(node.running for node in self.nodes)
        try:
            for node in self.nodes:
                node.start()  # only one at a time can copy from a node
                node.bootstrap = False
        finally:
            self.nodes[0].bootstrap = False
        self.wait_for_size(NODES)

    def wait_for_size(self, size: int, seconds: float = 30.0) -> None:
        """Wait until all nodes that run agree that the cluster has so many members."""
        names = ("wsrep_cluster_status", "wsrep_cluster_size", "wsrep_local_state_comment")

        def view(node: GaleraNode) -> tuple[str, ...]:
            try:
                return tuple(node.status(name) for name in names)
            except pymysql.MySQLError as error:
                return (str(error),)

        def views() -> set[tuple[str, ...]]:
            return {view(node) for node in self.nodes if node.running}

        if not wait_until(lambda: views() == {("Primary", str(size), "Synced")}, seconds, 0.05):
            raise ServerError(f"The nodes see {views()} after {seconds:g} seconds and not {size} members.")

    def rejoin(self, node: GaleraNode) -> None:
        """Start a node that is down, and wait until it is a member again."""
        node.start()
        self.wait_for_size(sum(each.running for each in self.nodes))

    def close(self) -> None:
        """End all nodes for good and remove their data."""
        for node in self.nodes:
            node.close()
