"""A private MySQL server."""

import functools
import os
import subprocess
from pathlib import Path
from typing import ClassVar

from . import processes
from .base import program
from .mariadb import SBIN, MysqlFamilyServer, quote

HOME_VARIABLE = "MYSQL_SERVER_HOME"


@functools.cache
def _is_mysql(path: Path) -> bool:
    """Say whether a `mysqld` is MySQL's own: MariaDB ships a program of that name, too."""
    try:
        done = subprocess.run(
            [str(path), "--no-defaults", "--version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and "mariadb" not in done.stdout.lower()


def _home() -> Path | None:
    """Find the folder that get_mysql.sh has filled."""
    text = os.environ.get(HOME_VARIABLE)
    if not text:
        return None
    home = Path(text).resolve()
    return home if (home / "usr/sbin/mysqld").is_file() else None


def _prefix() -> list[str]:
    """Return how to execute the server, up to its own arguments; empty when there is none."""
    home = _home()
    if home is not None:
        library = home / "usr/lib"
        loader = next(library.glob("*/ld-linux*.so.*"), None)
        if loader is None:
            return []
        # By the C library that came with it, which can be newer than this machine's.
        folders = sorted({str(path.parent) for path in library.glob("*/*.so.*")})
        return [
            str(loader),
            "--library-path",
            ":".join(folders),
            str(home / "usr/sbin/mysqld"),
            "--no-defaults",
            f"--basedir={home / 'usr'}",
            f"--lc-messages-dir={home / 'usr/share/mysql'}",
            f"--character-sets-dir={home / 'usr/share/mysql/charsets'}",
            f"--plugin-dir={home / 'usr/lib/mysql/plugin'}",
        ]
    found = program("mysqld", *SBIN)
    if found is None or not _is_mysql(found):
        return []
    return [str(found), "--no-defaults"]


class MysqlServer(MysqlFamilyServer):
    """A private MySQL server; passwords are checked by caching_sha2_password.

    It is the one in the folder that the environment variable MYSQL_SERVER_HOME names (see
    get_mysql.sh), else `mysqld`, if that is MySQL and not MariaDB. No configuration file is read.
    At most 400 connections; the performance schema is on, the X protocol off.
    """

    name = "mysql"
    title = "MySQL"
    accounts: ClassVar[tuple[str, ...]] = ("mysql",)

    @classmethod
    def missing(cls) -> str | None:
        """Say why the server cannot be run on this machine.

        Returns:
            One sentence, or None when it can be run.
        """
        if not processes.supported():
            return "MySQL: the tests' servers need Linux's /proc."
        if not _prefix():
            return (
                f"MySQL: no MySQL server found in the folder that {HOME_VARIABLE} names"
                " (get_mysql.sh fills one), and no `mysqld` of MySQL on PATH or in /usr/sbin."
            )
        return None

    def _accounts_sql(self) -> list[str]:
        name = f"{quote(self.user)}@'%'"
        password = quote(self.password)
        return [
            f"CREATE USER {name} IDENTIFIED WITH caching_sha2_password BY {password}",
            f"GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION",
            # A new server has a root account without password, for whoever reaches the socket.
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY {password}",
        ]

    def _create(self) -> None:
        self._subfolder("tmp")
        self._run(
            [
                *_prefix(),
                "--initialize-insecure",
                f"--datadir={self.data}",
                f"--tmpdir={self.folder / 'tmp'}",
                "--innodb-use-native-aio=0",
                "--innodb-redo-log-capacity=32M",  # less to write
            ]
        )
        self._write_first_sql()

    def _settings(self) -> dict[str, str]:
        return {
            "innodb_redo_log_capacity": "32M",
            "mysqlx": "OFF",  # would listen on a port of its own, and on all addresses
            "secure_file_priv": "NULL",  # a distribution's default is a folder it makes itself
            **super()._settings(),
        }

    def _command(self) -> list[str]:
        return [*_prefix(), *self._arguments()]
