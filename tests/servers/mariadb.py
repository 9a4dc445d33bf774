"""A private MariaDB server, and what it shares with MySQL."""

import signal
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import pymysql

from . import processes
from .base import NotAnsweringError, Row, Server, program

_QUERY_SECONDS = 5
# Too many connections, shutting down, unreachable (three ways), connection lost.
_NO_ANSWER = (1040, 1053, 2002, 2003, 2006, 2013)
SBIN = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin")


def quote(text: str) -> str:
    """Write a text as an SQL string of MySQL and MariaDB.

    Args:
        text: Any text.

    Returns:
        The text in quotation marks.
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class MysqlFamilyServer(Server):
    """What MariaDB and MySQL have in common."""

    stop_signal = signal.SIGTERM
    immediate_signal = signal.SIGKILL  # they have no quick end of their own

    @abstractmethod
    def _accounts_sql(self) -> list[str]:
        """Return the statements that make the account and lock all others out."""

    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Execute one statement as `user`, over TCP, in a connection of its own.

        Args:
            sql: The statement, sent as it is.
            database: Where to execute it; without one in none.

        Returns:
            The rows, empty for a statement that has none.

        Raises:
            NotAnsweringError: The server cannot be reached, or did not answer in 5 seconds.
            pymysql.MySQLError: The server refused the statement.
        """
        try:
            with (
                pymysql.connect(
                    host=self.host,
                    port=self.port,
                    user=self.user,
                    password=self.password,
                    database=database,
                    charset="utf8mb4",
                    connect_timeout=_QUERY_SECONDS,
                    # The connect timeout does not cover a server that accepts and then is silent.
                    read_timeout=_QUERY_SECONDS,
                    write_timeout=_QUERY_SECONDS,
                    autocommit=True,
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(sql)
                return list(cursor.fetchall())
        except pymysql.OperationalError as error:
            if error.args[0] not in _NO_ANSWER:
                raise
            raise NotAnsweringError(str(error)) from error

    def create_database(self, database: str) -> None:
        """Create an empty database with the server's defaults.

        Args:
            database: Its name.

        Raises:
            NotAnsweringError: The server cannot be reached.
            pymysql.MySQLError: The server refused, for example because it exists already.
        """
        name = database.replace("`", "``")
        self.query(f"CREATE DATABASE `{name}`")

    def _version(self) -> str:
        try:
            return str(self.query("SELECT VERSION()")[0][0])
        except pymysql.MySQLError as error:  # somebody else answers on our port
            raise NotAnsweringError(str(error)) from error

    @property
    def _first_sql(self) -> Path:
        """File that the server executes at its first start, before it takes connections."""
        return self.folder / "first.sql"

    def _write_first_sql(self) -> None:
        self._write(self._first_sql.name, ";\n".join([*self._accounts_sql(), ""]))

    def _started(self) -> None:
        self._first_sql.unlink(missing_ok=True)  # it holds the password

    def _settings(self) -> dict[str, str]:
        """Return the settings of this server, by name."""
        settings = {
            "datadir": str(self.data),
            "tmpdir": str(self.folder / "tmp"),
            "socket": str(self.folder / "socket"),
            "pid-file": str(self.folder / "pid"),
            "bind-address": self.host,
            "port": str(self.port),
            "max_connections": "400",
            "skip-name-resolve": "1",
            "performance_schema": "ON",  # shows the attributes that connections send
            "innodb_buffer_pool_size": "64M",
            # The kernel's queue for it is shared by the whole machine and can be exhausted.
            "innodb_use_native_aio": "0",
        }
        if not self.durable:
            # Commits are still written, only not forced to the disk: they survive SIGKILL.
            settings |= {"innodb_flush_log_at_trx_commit": "2", "sync_binlog": "0"}
        if self._first_sql.exists():
            settings["init-file"] = str(self._first_sql)
        return settings | self.options

    def _arguments(self) -> list[str]:
        return [f"--{name}={value}" for name, value in self._settings().items()]


class MariadbServer(MysqlFamilyServer):
    """A private MariaDB server; passwords are checked by mysql_native_password.

    No configuration file is read, so that everything that is not named here is as MariaDB's makers
    ship it (a distribution's files change, among others, the character set, which is latin1). At
    most 400 connections; the performance schema is on.
    """

    name = "mariadb"
    title = "MariaDB"
    accounts: ClassVar[tuple[str, ...]] = ("mysql",)

    @classmethod
    def missing(cls) -> str | None:
        """Say why the server cannot be run on this machine.

        Returns:
            One sentence, or None when it can be run.
        """
        if not processes.supported():
            return "MariaDB: the tests' servers need Linux's /proc."
        for name in ("mariadbd", "mariadb-install-db"):
            if program(name, *SBIN) is None:
                return f"MariaDB: no `{name}` found on PATH or in /usr/sbin."
        return None

    def _program(self, name: str) -> str:
        return str(program(name, *SBIN) or name)

    def _accounts_sql(self) -> list[str]:
        name = f"{quote(self.user)}@'%'"
        password = f"mysql_native_password USING PASSWORD({quote(self.password)})"
        return [
            f"CREATE USER {name} IDENTIFIED VIA {password}",
            f"GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION",
            # A new server has a root account without password, for whoever reaches the socket.
            f"DELETE FROM mysql.global_priv WHERE User NOT IN ({quote(self.user)}, 'mariadb.sys')",  # noqa: S608 - quoted
            "FLUSH PRIVILEGES",
        ]

    def _create(self) -> None:
        self._subfolder("tmp")
        self._run(
            [
                self._program("mariadb-install-db"),
                "--no-defaults",
                f"--datadir={self.data}",
                f"--tmpdir={self.folder / 'tmp'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-use-native-aio=0",
                "--innodb-log-file-size=16M",  # less to write; the server keeps the size it finds
            ]
        )
        self._write_first_sql()

    def _settings(self) -> dict[str, str]:
        return {"innodb_log_file_size": "16M", **super()._settings()}

    def _command(self) -> list[str]:
        return [self._program("mariadbd"), "--no-defaults", *self._arguments()]
