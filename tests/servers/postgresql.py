"""A private PostgreSQL server, and a primary with a standby that follows it."""

import signal
from pathlib import Path
from typing import ClassVar

import psycopg

from . import processes
from .base import QUERY_SECONDS, Row, Server, Startable
from .machine import ServerError, program

FOLLOW_SECONDS = 10.0


def _bin() -> Path | None:
    """Find the programs of the newest PostgreSQL: Debian keeps each version in a folder of its own, out of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    found = program("initdb", *map(str, folders))
    # The real place: beside a link, `initdb` does not find `postgres`.
    return found and found.resolve().parent


class PostgresqlServer(Server):
    """A private PostgreSQL server: UTF8, C.UTF-8, scram-sha-256 also on the socket, at most 400 connections.

    Attributes:
        source: The server to copy and follow; None for a server that begins empty.
    """

    name = "postgresql"
    title = "PostgreSQL"
    accounts = ("postgres",)
    stop_signal = signal.SIGINT  # "fast": SIGTERM would wait for the clients to leave
    immediate_signal = signal.SIGQUIT
    driver_error: ClassVar[type[Exception]] = psycopg.Error

    source: "PostgresqlServer | None" = None

    @classmethod
    def missing(cls) -> str | None:
        """Say in one sentence why the server cannot be run on this machine; None when it can."""
        return None if _bin() else "PostgreSQL: no `initdb` found on PATH or in /usr/lib/postgresql."

    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Execute one statement as `user`, in "postgres" unless a database is named; see `Server.query`."""
        with psycopg.connect(
            host=self.host,
            hostaddr=self.host,  # else a PGHOSTADDR of the tester's would win
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database or "postgres",
            connect_timeout=QUERY_SECONDS,
            options=f"-c statement_timeout={QUERY_SECONDS * 1000}",
            sslmode="disable",
            autocommit=True,
        ) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    @property
    def socket(self) -> Path:
        """The Unix socket."""
        return self.folder / f".s.PGSQL.{self.port}"

    def _version(self) -> str:
        return str(self.query("SHOW server_version")[0][0])

    def _create(self) -> None:
        if self.source is not None:
            self._copy(self.source)
            return
        self.place.write("secret", self.password)
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions", "--no-sync"]
        account = [f"--username={self.user}", f"--pwfile={self._secret}"]
        self.place.run(f"{_bin()}/initdb", f"--pgdata={self.data}", *account, *options)

    def _copy(self, source: "PostgresqlServer") -> None:
        # In a file and not in the settings, which every administrator can read by SQL. The standby goes on reading it.
        secret = self.place.write("passfile", f"*:*:*:*:{source.password}\n")
        where = f"host={source.host} port={source.port} user={source.user} passfile='{secret}'"
        # The primary keeps what the standby has not read yet, however long it is down.
        options = ["--write-recovery-conf", "--checkpoint=fast", "--create-slot", "--slot=standby", "--no-sync"]
        self.place.run(f"{_bin()}/pg_basebackup", f"--pgdata={self.data}", f"--dbname={where}", *options)

    def _settings(self) -> dict[str, str]:
        return {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "400",
            # Files in the data folder: /dev/shm is tiny in containers, and a killed server would leave something there.
            "dynamic_shared_memory_type": "mmap",
            "fsync": "off",
            "full_page_writes": "off",
        }

    def _command(self) -> list[str]:
        return [f"{_bin()}/postgres", "-D", str(self.data)]


class PostgresqlPair(Startable):
    """A primary and a standby that follows it by streaming, both with the same account.

    Attributes:
        primary: The server that takes writes; the former standby after `promote`.
        standby: The server that is read only; after `promote` the former primary, whatever became of it.
    """

    def __init__(self) -> None:
        """Choose ports and a password; nothing is started yet."""
        self.primary = PostgresqlServer()
        self.standby = PostgresqlServer()
        self.standby.password = self.primary.password
        self.standby.source = self.primary

    @property
    def servers(self) -> tuple[PostgresqlServer, PostgresqlServer]:
        """The primary and the standby."""
        return self.primary, self.standby

    def start(self) -> None:
        """Start the primary, then the standby, and wait until it follows."""
        for server in self.servers:
            server.start()
        self.wait_until_replayed()

    def wait_until_replayed(self) -> None:
        """Wait until the standby shows everything that the primary has committed before."""
        # What is inserted beyond the flushed position may not be sent before the next commit.
        position = self.primary.query("SELECT pg_current_wal_flush_lsn()")[0][0]
        sql = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
        if not processes.wait_until(lambda: self.standby.query(sql) == [(True,)], FOLLOW_SECONDS):
            raise ServerError(f"The standby has not caught up within {FOLLOW_SECONDS:g} seconds.")

    def promote(self) -> None:
        """Make the standby the primary; the old primary is left to the caller."""
        self.standby.query("SELECT pg_promote(false)")
        sql = "SELECT pg_is_in_recovery()"
        if not processes.wait_until(lambda: self.standby.query(sql) == [(False,)], FOLLOW_SECONDS):
            raise ServerError(f"The standby takes no writes {FOLLOW_SECONDS:g} seconds after its promotion.")
        self.primary, self.standby = self.standby, self.primary

    def close(self) -> None:
        """End both servers for good and remove their data."""
        for server in reversed(self.servers):
            server.close()
