"""A private HAProxy in TCP mode, in front of private database servers."""

import copy
import socket
import subprocess
from collections.abc import Sequence
from typing import ClassVar

from .base import QUERY_SECONDS, Row, Server
from .machine import program

CONFIGURATION = """
global
    nbthread 1
    maxconn 1000

defaults
    mode tcp
    timeout connect 2s
    timeout client {proxy.idle_seconds}s
    timeout server {proxy.idle_seconds}s
    timeout check 1s

listen database
    bind {proxy.host}:{proxy.port}
"""
# As Patroni's manual has it: https://patroni.readthedocs.io/en/latest/rest_api.html
CHECK = """
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 1s fall 3 rise 1 on-marked-down shutdown-sessions
"""


class HaProxy(Server):
    """A proxy that passes connections on, and cuts those on which nothing was sent for a while.

    Attributes:
        servers: The servers behind it, all with the same account; without `checks`, exactly one.
        idle_seconds: After so many seconds without a byte it cuts a connection, whatever the server does meanwhile.
        checks: For each server the port of Patroni's interface, which says whether the server is the primary.
    """

    name = "haproxy"
    title = "HAProxy"
    accounts = ("haproxy",)
    programs = ("haproxy",)
    driver_error: ClassVar[type[Exception]] = OSError

    def __init__(self, *servers: Server, idle_seconds: int = 3600, checks: Sequence[int] = ()) -> None:
        """Stand before servers."""
        super().__init__()
        self.servers = servers
        self.idle_seconds = idle_seconds
        self.checks = checks
        self.user, self.password = servers[0].user, servers[0].password

    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Execute one statement through the proxy; see `Server.query`."""
        behind = copy.copy(self.servers[0])
        behind.port = self.port
        return behind.query(sql, database)

    def _create(self) -> None:
        self.place.make_folder("data")
        text = CONFIGURATION.format(proxy=self) + (CHECK if self.checks else "")
        for number, server in enumerate(self.servers):
            check = f" check port {self.checks[number]}" if self.checks else ""
            text += f"    server server{number} {server.host}:{server.port}{check}\n"
        self.place.write("data/haproxy.cfg", text)

    def _command(self) -> list[str]:
        return [str(program("haproxy")), "-db", "-f", f"{self.data}/haproxy.cfg"]

    def _version(self) -> str:
        with socket.create_connection((self.host, self.port), QUERY_SECONDS):
            said = subprocess.run([self._command()[0], "-v"], capture_output=True, text=True, check=True, timeout=10)
        return said.stdout.split()[2]
