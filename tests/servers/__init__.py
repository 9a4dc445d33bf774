"""Real database servers for the tests, private and on the loopback interface.

    with PostgresqlServer() as server:
        server.create_database("app")
        ...  # connect to server.host, server.port as server.user with server.password

`available` says which servers this machine can run and why not the others.
"""

from collections.abc import Mapping

from .base import NotAnsweringError, Server, ServerError
from .galera import GaleraCluster, GaleraNode
from .mariadb import MariadbServer
from .mysql import MysqlServer
from .pair import PostgresqlNode, PostgresqlPair
from .postgresql import PostgresqlServer

__all__ = [
    "SERVERS",
    "GaleraCluster",
    "GaleraNode",
    "MariadbServer",
    "MysqlServer",
    "NotAnsweringError",
    "PostgresqlNode",
    "PostgresqlPair",
    "PostgresqlServer",
    "Server",
    "ServerError",
    "available",
    "find",
]

SERVERS: Mapping[str, type[Server]] = {server.name: server for server in (PostgresqlServer, MariadbServer, MysqlServer)}
"""All kinds of servers by name, whether this machine can run them or not."""


def find(name: str) -> type[Server] | None:
    """Find a kind of server that this machine can run.

    Args:
        name: Such as "postgresql", "mariadb" or "mysql".

    Returns:
        The class to start one with, or None when there is no such kind or it cannot be run.
    """
    server = SERVERS.get(name)
    return server if server is not None and server.missing() is None else None


def available() -> dict[str, str | None]:
    """Say which servers this machine can run.

    Returns:
        For each kind of server None when it can be run, else one sentence with the reason.
    """
    return {name: server.missing() for name, server in SERVERS.items()}
