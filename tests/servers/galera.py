"""A Galera cluster of MariaDB servers, where every node takes writes."""

import time
from collections.abc import Mapping
from pathlib import Path

from .base import HOST, NotAnsweringError, ServerError, Startable, free_port, program
from .mariadb import MariadbServer

NODES = 3
"""How many nodes a cluster has: the fewest of which one can fail."""

_POLL_SECONDS = 0.05


def _provider() -> Path | None:
    """Find the library that connects MariaDB servers to a cluster."""
    places = (
        Path("/usr/lib/galera/libgalera_smm.so"),
        Path("/usr/lib64/galera-4/libgalera_smm.so"),
        Path("/usr/lib/galera-4/libgalera_smm.so"),
    )
    return next((path for path in places if path.exists()), None)


class GaleraNode(MariadbServer):
    """A MariaDB server that belongs to a cluster.

    It counts as started when it is in step with the cluster ("Synced").
    """

    title = "MariaDB with Galera"
    start_seconds = 60.0  # a node may copy all data from another one first

    def __init__(
        self,
        folder: Path | None = None,
        *,
        options: Mapping[str, str] | None = None,
        durable: bool = False,
        password: str | None = None,
    ) -> None:
        """Choose ports and password; nothing is started yet.

        Args:
            folder: As for `Server`.
            options: As for `Server`.
            durable: As for `Server`.
            password: As for `Server`.

        Raises:
            ServerError: A cluster cannot be run here.
        """
        super().__init__(folder, options=options, durable=durable, password=password)
        self.group_address = f"{HOST}:{free_port()}"
        self._ist_address = f"{HOST}:{free_port()}"
        self._sst_address = f"{HOST}:{free_port()}"
        self.peers: list[GaleraNode] = []
        self.bootstrap = False

    @classmethod
    def missing(cls) -> str | None:
        """Say why a cluster cannot be run on this machine.

        Returns:
            One sentence, or None when it can be run.
        """
        reason = super().missing()
        if reason is not None:
            return reason
        if _provider() is None:
            return "Galera: no `libgalera_smm.so` found in /usr/lib/galera."
        for name in ("wsrep_sst_rsync", "rsync"):
            if program(name) is None:
                return f"Galera: no `{name}` found on PATH."
        if program("lsof") is None and program("ss") is None:
            return "Galera: no `lsof` and no `ss` found on PATH, of which `wsrep_sst_rsync` needs one."
        return None

    def status(self, name: str) -> str:
        """Read one of the node's status values.

        Args:
            name: Its name, such as "wsrep_cluster_size".

        Returns:
            The value, empty when there is none of that name.

        Raises:
            NotAnsweringError: The node cannot be reached.
        """
        rows = self.query(f"SHOW STATUS LIKE '{name}'")
        return str(rows[0][1]) if rows else ""

    def _version(self) -> str:
        version = super()._version()
        state = self.status("wsrep_local_state_comment")
        if state != "Synced":
            message = f"the node's state is {state or 'unknown'}"
            raise NotAnsweringError(message)
        return version

    def _create(self) -> None:
        if self.bootstrap:
            super()._create()
            return
        # The others copy everything from a node that is up, accounts included.
        self._subfolder("tmp")
        self._subfolder("data")

    def _settings(self) -> dict[str, str]:
        peers = ",".join(node.group_address for node in self.peers)
        group_port = self.group_address.rpartition(":")[2]
        provider_options = {
            "base_host": HOST,
            "base_port": group_port,
            "gmcast.listen_addr": f"tcp://{self.group_address}",
            "ist.recv_addr": self._ist_address,
            "ist.recv_bind": self._ist_address,
            "gcache.size": "32M",  # less to write
        }
        return {
            "wsrep_on": "ON",
            "wsrep_provider": str(_provider()),
            "wsrep_provider_options": ";".join(f"{k}={v}" for k, v in provider_options.items()),
            "wsrep_cluster_name": "tests",
            "wsrep_cluster_address": f"gcomm://{peers}",
            "wsrep_node_name": f"node-{self.port}",
            "wsrep_node_address": self.group_address,
            "wsrep_node_incoming_address": f"{self.host}:{self.port}",
            "wsrep_sst_method": "rsync",
            "wsrep_sst_receive_address": self._sst_address,
            # What Galera demands of every node.
            "binlog_format": "ROW",
            "innodb_autoinc_lock_mode": "2",
            **super()._settings(),
        }

    def _command(self) -> list[str]:
        return super()._command() + (["--wsrep-new-cluster"] if self.bootstrap else [])


class GaleraCluster(Startable):
    """Three MariaDB servers in a Galera cluster, all with the same account.

    Use it as a context manager, or call `start` and at the end `close`.

    Attributes:
        nodes: The servers. All that a `Server` can do can be done to each of them; only the first
            start of the cluster, and one after all nodes were down, must be made by `start`.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        options: Mapping[str, str] | None = None,
        durable: bool = False,
        password: str | None = None,
    ) -> None:
        """Choose ports and password; nothing is started yet.

        Args:
            folder: As for `Server`.
            options: Further settings of all nodes.
            durable: As for `Server`.
            password: As for `Server`; the same for all nodes.

        Raises:
            ServerError: A cluster cannot be run here.
        """
        first = GaleraNode(folder, options=options, durable=durable, password=password)
        others = [
            GaleraNode(folder, options=options, durable=durable, password=first.password) for _ in range(NODES - 1)
        ]
        self.nodes = [first, *others]
        for node in self.nodes:
            node.peers = self.nodes

    @classmethod
    def missing(cls) -> str | None:
        """Say why a cluster cannot be run on this machine.

        Returns:
            One sentence, or None when it can be run.
        """
        return GaleraNode.missing()

    @property
    def running(self) -> list[GaleraNode]:
        """The nodes that run and are not frozen."""
        return [node for node in self.nodes if node.running and not node.frozen]

    def start(self) -> None:
        """Start all nodes that do not run, and wait until they are one cluster.

        When none runs, the first node begins the cluster anew, so it must have been the last to
        end, as it is after `stop`.

        Raises:
            ServerError: A node does not start, or they do not find each other.
        """
        first, *others = self.nodes
        if not self.running:
            first.bootstrap = True
            try:
                first.start()
            finally:
                first.bootstrap = False
        for node in [first, *others]:
            node.start()  # one after the other: only one at a time can copy from a node
        self.wait_for_size(len(self.nodes))

    def wait_for_size(self, size: int, seconds: float = 30.0) -> None:
        """Wait until all nodes that run agree that the cluster has a number of members.

        Args:
            size: The number of members.
            seconds: How long to wait at most.

        Raises:
            ServerError: They do not agree still.
        """
        deadline = time.monotonic() + seconds
        while True:
            seen = [self._view(node) for node in self.running]
            if seen and all(view == ("Primary", str(size), "Synced") for view in seen):
                return
            if time.monotonic() > deadline:
                message = f"The nodes see {seen} after {seconds:g} seconds and not {size} members."
                raise ServerError(message)
            time.sleep(_POLL_SECONDS)

    def kill(self, node: GaleraNode, seconds: float = 30.0) -> None:
        """Kill a node, and wait until the others go on without it.

        Args:
            node: The node.
            seconds: How long to wait at most for the others, which notice it after 5 seconds.

        Raises:
            ServerError: It cannot be killed, or the others do not go on.
        """
        node.kill()
        self.wait_for_size(len(self.running), seconds)

    def rejoin(self, node: GaleraNode) -> None:
        """Start a node that is down, and wait until it is a member again.

        Args:
            node: The node.

        Raises:
            ServerError: It does not start or does not become a member.
        """
        node.start()
        self.wait_for_size(len(self.running))

    def stop(self) -> None:
        """End all nodes in order, the first at last, so that `start` can begin with it.

        Raises:
            ServerError: A node cannot be ended.
        """
        for node in reversed(self.nodes):
            node.stop()

    def close(self) -> None:
        """End all nodes for good and remove their data.

        Raises:
            ServerError: A node cannot be ended.
        """
        failure: ServerError | None = None
        for node in self.nodes:
            try:
                node.close()
            except ServerError as error:
                failure = error
        if failure is not None:
            raise failure

    @staticmethod
    def _view(node: GaleraNode) -> tuple[str, str, str]:
        """Return what a node says of the cluster: its part of it, the members, its own state."""
        try:
            return (
                node.status("wsrep_cluster_status"),
                node.status("wsrep_cluster_size"),
                node.status("wsrep_local_state_comment"),
            )
        except NotAnsweringError as error:
            return "silent", str(error), ""
