"""A private PgBouncer in transaction mode, before a private PostgreSQL server."""

import signal
from typing import ClassVar

import psycopg

from .base import QUERY_SECONDS, Row, Server
from .machine import program
from .postgresql import PostgresqlServer

CONFIGURATION = """
[databases]
* = host={server.host} port={server.port}

[pgbouncer]
listen_addr = {pooler.host}
listen_port = {pooler.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {pooler.data}/users
admin_users = {pooler.user}
pool_mode = transaction
max_client_conn = {pooler.clients}
default_pool_size = 10
server_login_retry = 1
"""


class PgBouncer(Server):
    """A pooler in transaction mode, as Debian configures it; the account is that of the server.

    Attributes:
        ignored: Start-up parameters that it takes and drops, where it would refuse them.
        clients: How many clients it takes at a time.
    """

    name = "pgbouncer"
    title = "PgBouncer"
    accounts = ("postgres",)
    programs = ("pgbouncer",)
    stop_signal = signal.SIGINT
    driver_error: ClassVar[type[Exception]] = psycopg.Error

    def __init__(self, server: PostgresqlServer, ignored: str = "", clients: int = 400) -> None:
        """Stand before a server."""
        super().__init__()
        self.server = server
        self.ignored = ignored
        self.clients = clients
        self.user, self.password = server.user, server.password

    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Execute one statement through the pooler, as a client that sets nothing; see `Server.query`."""
        with psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database or "postgres",
            connect_timeout=QUERY_SECONDS,
            sslmode="disable",
            autocommit=True,
        ) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def pause(self) -> None:
        """Give no client a connection of the server until `resume`; the clients stay connected and wait."""
        self.query("PAUSE", "pgbouncer")

    def resume(self) -> None:
        """Let the clients go on."""
        self.query("RESUME", "pgbouncer")

    def _version(self) -> str:
        return str(self.query("SHOW server_version")[0][0])

    def _create(self) -> None:
        self.place.make_folder("data")
        self.place.write("data/users", f'"{self.user}" "{self.password}"\n')
        text = CONFIGURATION.format(pooler=self, server=self.server)
        if self.ignored:
            text += f"ignore_startup_parameters = {self.ignored}\n"
        self.place.write("data/pgbouncer.ini", text)

    def _command(self) -> list[str]:
        return [str(program("pgbouncer")), f"{self.data}/pgbouncer.ini"]
