"""Private MariaDB and MySQL servers."""

import functools
import os
import shlex
import subprocess
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import pymysql

from .base import QUERY_SECONDS, Row, Server
from .machine import program

HOME_VARIABLE = "MYSQL_SERVER_HOME"


class MysqlFamilyServer(Server):
    """What MariaDB and MySQL have in common.

    No configuration file is read, so that what is not named here is as the makers ship it. At most 400 connections; the
    performance schema is on: it shows the attributes that connections send.
    """

    accounts = ("mysql",)
    driver_error: ClassVar[type[Exception]] = pymysql.MySQLError

    @abstractmethod
    def _accounts(self) -> list[str]:
        """Return the statements that make the account and lock all others out."""

    def query(self, sql: str, database: str | None = None) -> list[Row]:
        """Execute one statement as `user`, in no database unless one is named; see `Server.query`."""
        with (
            pymysql.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                database=database,
                charset="utf8mb4",
                connect_timeout=QUERY_SECONDS,
                # The connect timeout does not cover a server that accepts and then is silent.
                read_timeout=QUERY_SECONDS,
                write_timeout=QUERY_SECONDS,
                autocommit=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            return list(cursor.fetchall())

    @property
    def socket(self) -> Path:
        """The Unix socket."""
        return self.folder / "socket"

    def _version(self) -> str:
        return str(self.query("SELECT VERSION()")[0][0])

    def _initialize(self, *command: str) -> None:
        """Make the data folder with a program, and the file that the server executes at its first start."""
        self.place.make_folder("tmp")
        places = [f"--datadir={self.data}", f"--tmpdir={self.folder / 'tmp'}"]
        self.place.run(*command, *places, "--innodb-use-native-aio=0")
        self.place.write("secret", ";\n".join([*self._accounts(), ""]))

    def _settings(self) -> dict[str, str]:
        settings = {
            "datadir": str(self.data),
            "tmpdir": str(self.folder / "tmp"),
            "socket": str(self.socket),
            "pid-file": str(self.folder / "pid"),
            "bind-address": self.host,
            "port": str(self.port),
            "max_connections": "400",
            "skip-name-resolve": "1",
            "performance_schema": "ON",
            "innodb_buffer_pool_size": "64M",
            # The kernel's queue for it is shared by the whole machine and can be exhausted.
            "innodb_use_native_aio": "0",
            # Commits are written, only not forced to the disk: they survive SIGKILL.
            "innodb_flush_log_at_trx_commit": "2",
            "sync_binlog": "0",
        }
        return settings | ({"init-file": str(self._secret)} if self._secret.exists() else {})


class MariadbServer(MysqlFamilyServer):
    """A private MariaDB server; passwords are checked by mysql_native_password."""

    name = "mariadb"
    title = "MariaDB"
    programs = ("mariadbd", "mariadb-install-db")

    def _accounts(self) -> list[str]:
        return [
            f"CREATE USER {self.user}@'%' IDENTIFIED BY '{self.password}'",
            f"GRANT ALL PRIVILEGES ON *.* TO {self.user}@'%' WITH GRANT OPTION",
            # A new server has a root account without a password, open to each client that reaches the socket.
            f"DELETE FROM mysql.global_priv WHERE User NOT IN ('{self.user}', 'mariadb.sys')",  # noqa: S608 - our own
            "FLUSH PRIVILEGES",
        ]

    def _create(self) -> None:
        options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        # Less to write; the server keeps the size that it finds.
        self._initialize(str(program("mariadb-install-db")), *options, "--innodb-log-file-size=16M")

    def _settings(self) -> dict[str, str]:
        return {"innodb_log_file_size": "16M", **super()._settings()}

    def _command(self) -> list[str]:
        return [str(program("mariadbd")), "--no-defaults"]


@functools.cache
def _mysqld(home: str | None) -> list[str]:
    """Return how to execute a MySQL server: that of a folder, or `mysqld` if it is not MariaDB's; empty for none."""
    if home is None:
        found = program("mysqld")
        command = [str(found), "--no-defaults"]
        version = (
            subprocess.run([*command, "--version"], capture_output=True, text=True, check=False) if found else None
        )
        return [] if version is None or version.returncode or "mariadb" in version.stdout.lower() else command
    usr = Path(home).resolve() / "usr"
    started = _by_its_own_library(usr / "sbin/mysqld")
    if not started:
        return []
    share = [f"--lc-messages-dir={usr / 'share/mysql'}", f"--character-sets-dir={usr / 'share/mysql/charsets'}"]
    places = [f"--basedir={usr}", *share, f"--plugin-dir={usr / 'lib/mysql/plugin'}"]
    return [*started, "--no-defaults", *places]


def _by_its_own_library(path: Path) -> list[str]:
    """Return how to execute a program by the C library that came with it, which can be newer than this machine's."""
    usr = path.parents[1]
    loader = next(usr.glob("lib/*/ld-linux*.so.*"), None)
    if loader is None or not path.is_file():
        return []
    libraries = ":".join(sorted({str(library.parent) for library in usr.glob("lib/*/*.so.*")}))
    return [str(loader), "--library-path", libraries, str(path)]


class MysqlServer(MysqlFamilyServer):
    """A private MySQL server: of the folder MYSQL_SERVER_HOME (get_from_unstable.sh fills one), or of PATH."""

    name = "mysql"
    title = "MySQL"

    @classmethod
    def missing(cls) -> str | None:
        """Say in one sentence why the server cannot be run on this machine; None when it can."""
        if _mysqld(os.environ.get(HOME_VARIABLE)):
            return None
        return f"MySQL: no `mysqld` in the folder {HOME_VARIABLE} (get_from_unstable.sh fills one) or on PATH."

    def _accounts(self) -> list[str]:
        return [
            f"CREATE USER {self.user}@'%' IDENTIFIED WITH caching_sha2_password BY '{self.password}'",
            f"GRANT ALL PRIVILEGES ON *.* TO {self.user}@'%' WITH GRANT OPTION",
            # A new server has a root account without a password, open to each client that reaches the socket.
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.password}'",
        ]

    @staticmethod
    def put_clients(folder: Path) -> None:
        """Put the clients that came with the server into a folder for PATH; without them, those of PATH are used."""
        for name in ("mysql", "mysqldump"):
            path = Path(os.environ.get(HOME_VARIABLE, "/")).resolve() / "usr/bin" / name
            if command := _by_its_own_library(path):
                (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
                (folder / name).chmod(0o755)

    def _create(self) -> None:
        # Less to write.
        self._initialize(*self._command(), "--initialize-insecure", "--innodb-redo-log-capacity=32M")

    def _settings(self) -> dict[str, str]:
        return {
            "innodb_redo_log_capacity": "32M",
            "mysqlx": "OFF",  # would listen on a port of its own, and on all addresses
            "secure_file_priv": "NULL",  # a distribution's default is a folder that it makes itself
            **super()._settings(),
        }

    def _command(self) -> list[str]:
        return _mysqld(os.environ.get(HOME_VARIABLE))
