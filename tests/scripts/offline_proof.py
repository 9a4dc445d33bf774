"""Asks a rendered project, in its own environment, all that its driver and its dialect can answer without a server.

Prints the answers as JSON. Run it from the project's folder, with warnings as errors.
"""

import importlib
import inspect
import json
import re
import shlex
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, Integer, Table, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.util import greenlet_spawn

Arguments = Mapping[str, Any]

MADE_UP = {"no_such_keyword": "1"}
# The driver manager takes any keyword, so the documentation is asked instead, in the one release that it describes:
# https://learn.microsoft.com/sql/connect/odbc/dsn-connection-string-attribute
ODBC_KEYWORDS = """
    addr address ansinpw app applicationintent attachdbfilename authentication autotranslate clientcertificate clientkey
    columnencryption connectretrycount connectretryinterval database description driver dsn encrypt failover_partner
    failoverpartnerspn filedsn getdataextensions hostnameincertificate ipaddresspreference keepalive keepaliveinterval
    keystoreauthentication keystorelocation keystoreprincipalid keystoresecret language longasmax mars_connection
    multisubnetfailover net network packetsize pwd querylog_on querylogfile querylogtime quotedid regional replication
    retryexec savefile server servercertificate serverspn statslog_on statslogfile transparentnetworkipresolution
    trusted_connection trustservercertificate uid usefmtonly wsid
""".split()  # noqa: SIM905 - fifty strings would fill a page
# What pyodbc keeps for itself: https://github.com/mkleehammer/pyodbc/wiki/The-pyodbc-Module#connect
PYODBC_ARGUMENTS = ["ansi", "attrs_before", "autocommit", "encoding", "readonly", "timeout"]


class NoConnectionError(Exception):
    """Stands in the way of every connection, once its arguments are known."""


def parameters(function: Callable[..., Any]) -> set[str]:
    """Return the names that a function takes, without those that stand for any name."""
    anything = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {name for name, each in inspect.signature(function).parameters.items() if each.kind not in anything}


def named(names: Iterable[str], known: Iterable[str]) -> str | None:
    """Return the names that nobody knows."""
    return ", ".join(sorted(set(names) - set(known))) or None


def unknown_to_psycopg(arguments: Arguments, _text: str) -> str | None:
    """Ask libpq's own parser; psycopg keeps some arguments for itself, and the project's subclass one more."""
    psycopg = importlib.import_module("psycopg")
    own = parameters(psycopg.Connection.connect) & parameters(psycopg.AsyncConnection.connect)
    own |= parameters(importlib.import_module("packages.database.bounded_connection").BoundedConnection.open)
    try:
        psycopg.conninfo.make_conninfo("", **{name: value for name, value in arguments.items() if name not in own})
    except psycopg.ProgrammingError as error:
        return str(error)
    words = shlex.split(arguments.get("options", ""))
    pairs = list(zip(words[::2], words[1::2], strict=True))
    return next((" ".join(pair) for pair in pairs if pair[0] != "-c" or not re.fullmatch(r"\w+=\w+", pair[1])), None)


def unknown_to_pymysql(arguments: Arguments, _text: str) -> str | None:
    """Ask the signature of the connection."""
    return named(arguments, parameters(importlib.import_module("pymysql.connections").Connection))


def unknown_to_asyncmy(arguments: Arguments, _text: str) -> str | None:
    """Ask the signature of the driver's function."""
    return named(arguments, parameters(importlib.import_module("asyncmy").connect))


def unknown_to_sqlite(arguments: Arguments, _text: str) -> str | None:
    """Connect: SQLite needs no server; aiosqlite passes on what is not its own."""
    own = parameters(importlib.import_module("aiosqlite").connect) if "aiosqlite" in sys.modules else set()
    try:
        sqlite3.connect(":memory:", **{name: value for name, value in arguments.items() if name not in own}).close()
    except TypeError as error:
        return str(error)
    return None


def unknown_to_oracledb(arguments: Arguments, _text: str) -> str | None:
    """Ask the signatures: the function takes what a set of parameters takes."""
    oracledb = importlib.import_module("oracledb")
    return named(arguments, parameters(oracledb.connect) | parameters(oracledb.ConnectParams))


def unknown_to_pyodbc(arguments: Arguments, text: str) -> str | None:
    """Ask the documentation, about the connection string as well."""
    in_text = [word.partition("=")[0].lower() for word in re.sub(r"\{[^}]*\}", "", text).split(";") if word]
    rest = {name.lower() for name in arguments} - set(PYODBC_ARGUMENTS)
    return named([*in_text, *rest], ODBC_KEYWORDS)


def unknown_to_aioodbc(arguments: Arguments, text: str) -> str | None:
    """Ask its signature, and pyodbc about the rest, which it passes on."""
    own = parameters(importlib.import_module("aioodbc").connect)
    return unknown_to_pyodbc({name: value for name, value in arguments.items() if name not in own}, text)


def oracle_error(code: int) -> Exception:
    """Return an error of python-oracledb; its first argument is an object that holds the code."""
    errors = importlib.import_module("oracledb.errors")
    detail = errors._Error(f"ORA-{code:05}: made up", code=code)  # noqa: SLF001 - nothing public makes one
    error: Exception = importlib.import_module("oracledb").DatabaseError(detail)
    return error


def sqlite_error(code: str) -> Exception:
    """Return an error of Python's own driver; SQLite's name of the code is an attribute."""
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorname = code
    return error


def numbered_error(module: str, code: int | str) -> Exception:
    """Return an error of a driver whose first argument is the code."""
    error: Exception = importlib.import_module(module).OperationalError(code, "made up")
    return error


def postgresql_error(code: str) -> Exception:
    """Return the error of psycopg's own class for the code."""
    error: Exception = importlib.import_module("psycopg.errors").lookup(code)("made up")
    return error


# By driver: what says which arguments are unknown, what makes an error of a code, and the code of a broken constraint.
DRIVERS: dict[str, tuple[Callable[[Arguments, str], str | None], Callable[[Any], Exception], Any]] = {
    "pysqlite": (unknown_to_sqlite, sqlite_error, "SQLITE_CONSTRAINT_UNIQUE"),
    "aiosqlite": (unknown_to_sqlite, sqlite_error, "SQLITE_CONSTRAINT_UNIQUE"),
    "psycopg": (unknown_to_psycopg, postgresql_error, "23505"),
    "psycopg_async": (unknown_to_psycopg, postgresql_error, "23505"),
    "pymysql": (unknown_to_pymysql, lambda code: numbered_error("pymysql.err", code), 1062),
    "asyncmy": (unknown_to_asyncmy, lambda code: numbered_error("asyncmy.errors", code), 1062),
    "pyodbc": (unknown_to_pyodbc, lambda code: numbered_error("pyodbc", code), "23000"),
    "aioodbc": (unknown_to_aioodbc, lambda code: numbered_error("pyodbc", code), "23000"),
    "oracledb": (unknown_to_oracledb, oracle_error, 1),
    "oracledb_async": (unknown_to_oracledb, oracle_error, 1),
}


def emitted_arguments(engine: Engine) -> list[tuple[Dialect, list[Any], dict[str, Any]]]:
    """Return what the service and its migrations really hand to the driver, and hand over nothing."""
    seen: list[tuple[Dialect, list[Any], dict[str, Any]]] = []

    def capture(dialect: Dialect, _record: object, positional: list[Any], keywords: dict[str, Any]) -> None:
        seen.append((dialect, positional, dict(keywords)))
        raise NoConnectionError

    # On the class and in the first place: the migrations make an engine of their own, and the service's connects
    # in a listener.
    event.listen(Engine, "do_connect", capture, insert=True)
    with suppress(NoConnectionError):
        engine.connect()
    with suppress(NoConnectionError):
        command.upgrade(Config("alembic.ini"), "head")
    event.remove(Engine, "do_connect", capture)
    return seen


class Recorder:
    """A connection that takes the attributes that the driver's class lets one set, and no others."""

    _facts: tuple[type, Mapping[str, "Recorder"], dict[str, object]]

    def __init__(self, kind: type, below: Mapping[str, "Recorder"]) -> None:
        """Stand in for an object of a class, which has others below it."""
        object.__setattr__(self, "_facts", (kind, below, {}))

    def __getattr__(self, name: str) -> "Recorder":
        """Return the object below."""
        below: Recorder = self._facts[1][name]
        return below

    def __setattr__(self, name: str, value: object) -> None:
        """Take a value as the class would."""
        kind, _, taken = self._facts
        attribute = inspect.getattr_static(kind, name)
        if isinstance(attribute, property) and attribute.fset is None:
            text = f"{kind}.{name} cannot be set"
            raise AttributeError(text)
        taken[name] = value

    def taken(self) -> dict[str, object]:
        """Return the values, those of the objects below included."""
        _, below, taken = self._facts
        return dict(taken) | {name: value for each in below.values() for name, value in each.taken().items()}


def limits(dialect: Dialect) -> dict[str, Any] | None:
    """Run what the project does to each new connection, on a stand-in; None when it does nothing."""
    limit = getattr(importlib.import_module("packages.database.connections"), "_set_session_limits", None)
    if limit is None:
        return None
    module = importlib.import_module(dialect.driver.removesuffix("_async"))
    kind = module.AsyncConnection if dialect.driver.endswith("_async") else module.Connection
    below = {}
    if dialect.driver == "aioodbc" and "self._conn = " in inspect.getsource(kind):
        below["_conn"] = Recorder(importlib.import_module("pyodbc").Connection, {})
    connection = Recorder(kind, below)
    statements: list[str] = []
    cursor = SimpleNamespace(execute=statements.append, close=lambda: None)
    limit(None, SimpleNamespace(driver_connection=connection, dbapi_connection=SimpleNamespace(cursor=lambda: cursor)))
    return {"attributes": connection.taken(), "statements": statements}


def names(table: Table) -> list[str]:
    """Return the names that the database gets to know of a table."""
    parts = [table, *table.columns, *table.constraints, *table.indexes]
    return [str(part.name) for part in parts if part.name]


def type_of_plain_text(base: Any) -> str:
    """Return the type of a column whose model says `Mapped[str]` alone."""
    names = {"id": mapped_column(Integer, primary_key=True), "__annotations__": {"text": Mapped[str]}}
    model: Any = type("Plain", (base,), names | {"__tablename__": "plain"})
    return type(model.__table__.columns["text"].type).__name__


def longest_name(dialect: Dialect) -> int:
    """Return how long a name may be; MySQL's dialect gives the length of an alias, and of a name apart."""
    given = (dialect.max_identifier_length, dialect.max_index_name_length, dialect.max_constraint_name_length)
    return min(length for length in given if length)


def refusal_is_worth_a_wait(dialect: Dialect, positional: list[Any], keywords: Arguments) -> bool | None:
    """Connect where nobody listens, and tell whether the project would try again; None where it never would."""
    connections = importlib.import_module("packages.database.connections")
    is_temporary = getattr(connections, "_is_temporary", None)
    if is_temporary is None:
        return None
    if "odbc" in dialect.driver:
        # Microsoft's driver is in no registry of Python packages.
        return bool(is_temporary(numbered_error("pyodbc", "08001")))
    # What a row does to the arguments on the way is a part of the proof.
    on_the_way = getattr(connections, "_connect", None)
    connect = partial(on_the_way, dialect) if on_the_way else lambda given, named: dialect.connect(*given, **named)

    async def connect_in_loop() -> None:
        await greenlet_spawn(connect, positional, keywords)

    try:
        importlib.import_module("asyncio").run(connect_in_loop()) if dialect.is_async else connect(positional, keywords)
    except dialect.loaded_dbapi.Error as error:
        return bool(is_temporary(error))
    return False


def prove() -> dict[str, Any]:
    """Return the answers."""
    config = importlib.import_module("packages.database.config")
    transaction = importlib.import_module("packages.database.transaction")
    engine: Engine = getattr(config.engine, "sync_engine", config.engine)
    emitted = emitted_arguments(engine)
    importlib.import_module("packages.database.job_data_model")
    importlib.import_module("packages.database.models")
    tables: Iterable[Table] = config.Base.metadata.sorted_tables
    indexes = [index for table in tables for index in table.indexes]
    dialect, limit = engine.dialect, longest_name(engine.dialect)
    unknown, make_error, other = DRIVERS[dialect.driver]

    def is_retryable(code: object) -> bool:
        driver_error = make_error(code)
        error = DBAPIError.instance("SELECT 1", {}, driver_error, dialect.loaded_dbapi.Error, dialect=dialect)
        return isinstance(error, DBAPIError) and bool(transaction.is_retryable(error))

    texts = ["".join(map(str, positional)) if "odbc" in dialect.driver else "" for _, positional, _ in emitted]
    return {
        "drivername": engine.url.drivername,
        "arguments": [sorted(keywords) for _, _, keywords in emitted],
        "unknown": [unknown(keywords, text) for (_, _, keywords), text in zip(emitted, texts, strict=True)],
        "made up": [
            unknown({**keywords, **MADE_UP}, text) for (_, _, keywords), text in zip(emitted, texts, strict=True)
        ],
        "limits": limits(dialect),
        "worth a wait": refusal_is_worth_a_wait(*emitted[0]) if emitted else False,
        "ddl": {
            **{table.name: str(CreateTable(table).compile(dialect=dialect)) for table in tables},
            **{str(index.name): str(CreateIndex(index).compile(dialect=dialect)) for index in indexes},
        },
        "plain text": type_of_plain_text(config.Base),
        "longest name": limit,
        "too long": [name for table in tables for name in names(table) if len(name) > limit],
        "retried": {str(code): is_retryable(code) for code in transaction.RETRY_CODES},
        "broken constraint retried": is_retryable(other),
    }


if __name__ == "__main__":
    print(json.dumps(prove(), default=str))
