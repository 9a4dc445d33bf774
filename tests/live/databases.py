"""Finds a real database for each backend: one that the environment names, or a private server of our own.

`TEMPLATE_TEST_URL_<BACKEND>` (for example `TEMPLATE_TEST_URL_ORACLE`) names a database that the tests may drop and
create. Without it, a server is started where its programs are installed.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from tests.servers import SERVERS, Server
from tests.template import BACKENDS, STYLES

# MySQL's programs are in no release of Debian; MariaDB speaks its protocol.
STAND_INS = {"mysql": "mariadb"}
# What the stand-in does not have, and so is left out of the project's own tests.
LEFT_OUT = {
    "mysql": (
        "--deselect",
        "tests/test_connections.py::test_database_applies_the_policy",
        "--deselect",
        "tests/test_commands.py::test_doctor_finds_the_database_in_order",
    )
}


def url_in_environment(backend: str) -> str | None:
    """Return the URL of the database that the environment names for a backend."""
    return os.environ.get(f"TEMPLATE_TEST_URL_{backend.upper()}")


def live_cells() -> list[tuple[str, str]]:
    """Return each backend, with each style, that is run on a real database here."""
    return [
        (backend, style)
        for backend, row in BACKENDS.items()
        for style in STYLES
        if row["proof"] == "server" or url_in_environment(backend)
    ]


def in_file(folder: Path, style: str) -> dict[str, str]:
    """Return the environment variables that point an SQLite project at a file in another folder than its own."""
    return {"DATABASE_URL": f"{BACKENDS['sqlite'][style]['drivername']}:///{folder}/service.db"}


# A user who owns a database, and may make others.
ACCOUNTS = {
    "postgresql": ["CREATE ROLE {name} LOGIN CREATEDB PASSWORD '{password}'", "CREATE DATABASE {name} OWNER {name}"],
    "mariadb": [
        "CREATE USER {name}@'%' IDENTIFIED BY '{password}'",
        "CREATE DATABASE {name}",
        "GRANT ALL ON `{name}%`.* TO {name}@'%'",
    ],
}


def create_account(server: Server, style: str, name: str, password: str) -> str:
    """Create a user with a database of its own; return the URL, without the password, which is quoted for SQL."""
    for statement in ACCOUNTS[server.name]:
        server.query(statement.format(name=name, password=password))
    return f"{BACKENDS[server.name][style]['drivername']}://{name}@{server.host}:{server.port}/{name}"


@dataclass(frozen=True)
class Database:
    """Where a rendered project may create and drop databases."""

    server: str
    url: URL | None
    left_out: tuple[str, ...] = ()

    def environment(self, style: str, backend: str, name: str) -> dict[str, str]:
        """Return the environment variables that point a project at a database of the given name."""
        if self.url is None:
            return {}
        row = BACKENDS[backend]
        url = self.url.set(drivername=row[style]["drivername"])
        # A server that is named is a container of the row's image, with that image's certificate or without one.
        tls = {"DATABASE_TLS": row["container_tls"]} if row["container_tls"] else {}
        if row["test_namespace"] == "schema":
            # The name is a user's; the tests make it, and their own, as the administrator whom the URL names.
            return tls | {
                "DATABASE_URL": url.set(username=name).render_as_string(hide_password=False),
                "TEST_DATABASE_URL": url.render_as_string(hide_password=False),
            }
        return tls | {
            "DATABASE_URL": url.set(database=name).render_as_string(hide_password=False),
            "TEST_DATABASE_URL": url.set(database=f"{name}_test").render_as_string(hide_password=False),
        }


class Databases:
    """The databases of one test process; each server is started once, when first asked for."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._servers: dict[str, Server] = {}

    def get(self, backend: str) -> Database:
        """Return a database for the backend; skip the test, with a sentence, where there is none."""
        named = url_in_environment(backend)
        if named:
            return Database(f"{backend}, named by the environment", make_url(named))
        if not BACKENDS[backend]["server"]:
            return Database(backend, None)
        server = self.server(backend)
        return Database(
            f"{server.title} {server.version}",
            URL.create(backend, server.user, server.password, server.host, server.port),
            LEFT_OUT[backend] if server.name != backend else (),
        )

    def server(self, backend: str) -> Server:
        """Return the private server for the backend; skip the test, with a sentence, where it cannot be run."""
        kind = backend if SERVERS[backend].missing() is None else STAND_INS.get(backend, backend)
        reason = SERVERS[kind].missing()
        if reason:
            pytest.skip(reason)
        if kind not in self._servers:
            self._servers[kind] = SERVERS[kind]()
            self._servers[kind].start()
        return self._servers[kind]

    def close(self) -> None:
        """Stop the servers."""
        for server in self._servers.values():
            server.close()
