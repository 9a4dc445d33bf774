"""A private PostgreSQL server."""

import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql as compose

from . import processes
from .base import NotAnsweringError, Row, Server, program

_QUERY_SECONDS = 5
# Classes of SQLSTATE: connection lost, no connection left, shutting down or out of time. What
# comes up while connecting has none.
_NO_ANSWER = ("08", "53", "57")


def _bin() -> Path | None:
    """Find the folder with the programs of the newest PostgreSQL server."""
    found = program("initdb")
    if found is not None:
        # The real place: beside a link in some PATH folder, `postgres` may not be found.
        return found.resolve().parent
    # Debian and Ubuntu keep the server's programs out of PATH, in one folder per version.
    folders = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        *Path("/usr/local/pgsql").glob("bin"),
    ]
    usable = [folder for folder in folders if shutil.which("initdb", path=str(folder))]

    def version(folder: Path) -> float:
        with suppress(ValueError):
            return float(folder.parent.name.removeprefix("pgsql-"))
        return 0.0

    return max(usable, key=version, default=None)


class PostgresqlServer(Server):
    """A private PostgreSQL server; passwords are checked by scram-sha-256, also on the socket.

    The first database is "postgres". Encoding UTF8, locale C.UTF-8, at most 400 connections.
    """

    name = "postgresql"
    title = "PostgreSQL"
    accounts: ClassVar[tuple[str, ...]] = ("postgres",)
    stop_signal = signal.SIGINT  # "fast": SIGTERM would wait for the clients to leave
    immediate_signal = signal.SIGQUIT

    @classmethod
    def missing(cls) -> str | None:
        """Say why the server cannot be run on this machine.

        Returns:
            One sentence, or None when it can be run.
        """
        if not processes.supported():
            return "PostgreSQL: the tests' servers need Linux's /proc."
        if _bin() is None:
            return "PostgreSQL: no `initdb` found on PATH or in /usr/lib/postgresql."
        return None

    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Execute one statement as `user`, over TCP, in a connection of its own.

        Args:
            sql: The statement, sent as it is.
            database: Where to execute it; without one in "postgres".

        Returns:
            The rows, empty for a statement that has none.

        Raises:
            NotAnsweringError: The server cannot be reached, or did not answer in 5 seconds.
            psycopg.Error: The server refused the statement.
        """
        return self._query(sql, database)

    def create_database(self, database: str) -> None:
        """Create an empty database with the server's defaults.

        Args:
            database: Its name.

        Raises:
            NotAnsweringError: The server cannot be reached.
            psycopg.Error: The server refused, for example because it exists already.
        """
        self._query(compose.SQL("CREATE DATABASE {}").format(compose.Identifier(database)))

    def _query(self, sql: str | compose.Composed, database: str | None = None) -> list[Row]:
        try:
            with (
                psycopg.connect(
                    host=self.host,
                    hostaddr=self.host,  # else a PGHOSTADDR of the tester's would win
                    port=self.port,
                    user=self.user,
                    password=self.password,
                    dbname=database or "postgres",
                    connect_timeout=_QUERY_SECONDS,
                    options=f"-c statement_timeout={_QUERY_SECONDS * 1000}",
                    sslmode="disable",
                    application_name="tests",
                    autocommit=True,
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(sql.encode() if isinstance(sql, str) else sql)
                return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            if (error.sqlstate or "57")[:2] not in _NO_ANSWER:
                raise
            raise NotAnsweringError(str(error)) from error

    def _version(self) -> str:
        return str(self.query("SHOW server_version")[0][0])

    def _program(self, name: str) -> str:
        folder = _bin()
        return str(folder / name) if folder else name

    def _create(self) -> None:
        password = self._write("password", self.password + "\n")
        self._run(
            [
                self._program("initdb"),
                f"--pgdata={self.data}",
                f"--username={self.user}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-instructions",
                *([] if self.durable else ["--no-sync"]),
            ]
        )
        password.unlink()

    def _settings(self) -> dict[str, str]:
        """Return the settings of this server, by name."""
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "400",
            # Files in the data folder: /dev/shm is tiny in containers, and what a killed server
            # leaves there nobody would remove.
            "dynamic_shared_memory_type": "mmap",
        }
        if not self.durable:
            # Commits are still written, only not forced to the disk: they survive SIGKILL.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        return settings | self.options

    def _command(self) -> list[str]:
        settings = [f"--{name}={value}" for name, value in self._settings().items()]
        return [self._program("postgres"), "-D", str(self.data), *settings]

    def _killed(self) -> None:
        """Remove the lock file of a killed server and the memory segment that it names."""
        processes.unlock(self.data)
