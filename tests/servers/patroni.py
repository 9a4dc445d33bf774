"""A private cluster of three PostgreSQL servers that Patroni manages, with an etcd that keeps its state."""

import json
import signal
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from .base import QUERY_SECONDS, Row, Server, Startable
from .haproxy import HaProxy
from .machine import HOST, ServerError, free_port, program
from .postgresql import PostgresqlServer, _bin
from .processes import wait_until

NODES = 3
TTL_SECONDS = 20
"""After so many seconds without contact to the primary, another server is promoted; Patroni accepts no less."""
SETTLE_SECONDS = 90.0

SUBREAPER = Path(__file__).with_name("subreaper.py")


def ask(port: int, path: str, body: object = None, seconds: float = QUERY_SECONDS) -> Any:
    """Send a request over HTTP, a POST with a body in JSON when there is one; return what the answer says."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{HOST}:{port}{path}", data)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=seconds) as answer:
        text = answer.read().decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


class EtcdServer(Server):
    """An etcd of one member, where Patroni keeps who is the primary."""

    name = "etcd"
    title = "etcd"
    accounts = ("postgres",)
    programs = ("etcd",)
    driver_error: ClassVar[type[Exception]] = OSError

    def __init__(self) -> None:
        """Choose a second port, for members."""
        super().__init__()
        self._peer_port = free_port()

    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Return what it answers at a path."""
        del database
        return [(ask(self.port, sql),)]

    def _version(self) -> str:
        version: Any = self.query("/version")[0][0]
        return str(version["etcdserver"])

    def _create(self) -> None:
        self.place.make_folder("data")

    def _settings(self) -> dict[str, str]:
        client, peer = (f"http://{self.host}:{port}" for port in (self.port, self._peer_port))
        return {
            "data-dir": str(self.data),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "log-level": "error",
        }

    def _command(self) -> list[str]:
        return [str(program("etcd"))]


class PatroniNode(PostgresqlServer):
    """A PostgreSQL server that Patroni starts, promotes and demotes; its topmost process is Patroni's parent."""

    title = "PostgreSQL with Patroni"
    stop_signal = signal.SIGTERM
    immediate_signal = signal.SIGKILL
    start_seconds = SETTLE_SECONDS

    def __init__(self, number: int, etcd: EtcdServer) -> None:
        """Choose ports; nothing is started yet."""
        super().__init__()
        self.member = f"node{number}"
        self.interface_port = free_port()
        self._etcd = etcd

    @classmethod
    def missing(cls) -> str | None:
        """Say in one sentence why it cannot be run on this machine; None when it can."""
        if program("patroni") is None:
            return "Patroni: no `patroni` found on PATH or in /usr/bin."
        return super().missing() or EtcdServer.missing()

    def _create(self) -> None:
        account = {"username": self.user, "password": self.password}
        interface = f"{self.host}:{self.interface_port}"
        address = f"{self.host}:{self.port}"
        settings = super()._settings()
        own = {"unix_socket_directories": settings.pop("unix_socket_directories")}
        for name in ("listen_addresses", "port"):
            del settings[name]
        shared = {
            "ttl": TTL_SECONDS,
            "loop_wait": 2,
            "retry_timeout": 5,
            # No commit is acknowledged before a standby has it, and only such a standby is promoted.
            "synchronous_mode": True,
            "postgresql": {"use_pg_rewind": True, "parameters": settings},
        }
        configuration = {
            "scope": "tests",
            "name": self.member,
            "restapi": {"listen": interface, "connect_address": interface},
            "etcd3": {"hosts": f"{self._etcd.host}:{self._etcd.port}"},
            "bootstrap": {
                "dcs": shared,
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "no-sync"],
            },
            "postgresql": {
                "listen": address,
                "connect_address": address,
                "data_dir": str(self.data),
                "bin_dir": str(_bin()),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {"superuser": account, "replication": account},
                "parameters": own,
                "pg_hba": [f"host {name} all {HOST}/32 scram-sha-256" for name in ("all", "replication")],
            },
        }
        self.place.write("patroni.yml", json.dumps(configuration))  # JSON is YAML, too

    def _settings(self) -> dict[str, str]:
        return {}

    def _command(self) -> list[str]:
        patroni = [str(program("patroni")), str(self.folder / "patroni.yml")]
        # Debian's Python, and the text itself: the server's account may not be allowed to enter our folders.
        return ["/usr/bin/python3", "-I", "-c", SUBREAPER.read_text(encoding="utf-8"), *patroni]


class PatroniCluster(Startable):
    """Three PostgreSQL servers with Patroni, an etcd of one member, and HAProxy, which leads to the primary.

    Attributes:
        nodes: The servers, all with the same account.
        proxy: Where a service connects.
    """

    def __init__(self) -> None:
        """Choose ports and a password; nothing is started yet."""
        self._etcd = EtcdServer()
        self.nodes = [PatroniNode(number, self._etcd) for number in range(NODES)]
        for node in self.nodes:
            node.password = self.nodes[0].password
        self.proxy = HaProxy(*self.nodes, checks=[node.interface_port for node in self.nodes])

    @classmethod
    def missing(cls) -> str | None:
        """Say in one sentence why the cluster cannot be run on this machine; None when it can."""
        return PatroniNode.missing() or HaProxy.missing()

    def start(self) -> None:
        """Start everything, and wait until there are a primary and a standby that has all its commits."""
        self._etcd.start()
        for node in self.nodes:
            node.start()  # the first one makes the database, the others copy it
        self.proxy.start()
        self.wait_until_settled()

    def members(self) -> dict[str, PatroniNode]:
        """Return the servers that run by their roles: "leader", "sync_standby", "replica"."""
        names = {node.member: node for node in self.nodes}
        for node in self.nodes:
            try:
                answer = ask(node.interface_port, "/cluster")
            except OSError:
                continue
            running = [each for each in answer["members"] if each["state"] in {"running", "streaming"}]
            return {each["role"]: names[each["name"]] for each in running}
        return {}

    @property
    def primary(self) -> PatroniNode:
        """The server that takes writes."""
        return self.members()["leader"]

    def wait_until_settled(self) -> None:
        """Wait until there are a primary, a standby that has all its commits, and the third server."""
        wanted = {"leader", "sync_standby", "replica"}
        if not wait_until(lambda: wanted <= set(self.members()), SETTLE_SECONDS, 0.5):
            raise ServerError(f"The cluster has {set(self.members())} after {SETTLE_SECONDS:g} seconds.")

    def wait_for_other_primary(self, killed: PatroniNode) -> None:
        """Wait until another server than the killed one is the primary."""
        if not wait_until(lambda: self.members().get("leader", killed) is not killed, SETTLE_SECONDS, 0.2):
            raise ServerError(f"No other server is the primary after {SETTLE_SECONDS:g} seconds.")

    def switch(self) -> None:
        """Make the standby that has all commits the primary, in order."""
        members = self.members()
        wish = {"leader": members["leader"].member, "candidate": members["sync_standby"].member}
        ask(members["leader"].interface_port, "/switchover", wish, SETTLE_SECONDS)

    def close(self) -> None:
        """End everything for good and remove its data."""
        for server in (self.proxy, *self.nodes, self._etcd):
            server.close()
