"""Real database servers for the tests, private and on the loopback interface.

    with PostgresqlServer() as server:
        server.create_database("app")
        ...  # connect to server.host, server.port as server.user with server.password

`missing` of each class says why this machine cannot run it.
"""

from collections.abc import Mapping

from .base import Row, Server
from .galera import GaleraCluster, GaleraNode
from .haproxy import HaProxy
from .machine import ServerError, free_port
from .mariadb import MariadbServer, MysqlServer
from .patroni import PatroniCluster
from .pgbouncer import PgBouncer
from .postgresql import PostgresqlPair, PostgresqlServer
from .redis import RedisServer

__all__ = [
    "SERVERS",
    "GaleraCluster",
    "GaleraNode",
    "HaProxy",
    "MariadbServer",
    "MysqlServer",
    "PatroniCluster",
    "PgBouncer",
    "PostgresqlPair",
    "PostgresqlServer",
    "RedisServer",
    "Row",
    "Server",
    "ServerError",
    "free_port",
]

SERVERS: Mapping[str, type[Server]] = {server.name: server for server in (PostgresqlServer, MariadbServer, MysqlServer)}
"""All kinds of servers by the template's name of their database, whether this machine can run them or not."""
