{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'sql.jinja' import constant, sql %}
"""`doctor`: compares what the database has with what the service needs."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import click
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from packages.config.settings import settings
{% if db.connection_limit %}
from packages.database.capacity import (
    FIX,
    compare_with_limit,
    count_workers,
    engines_of_the_primary,
)
{% endif %}
from packages.database.commands.output import describe_reason, json_option
from packages.database.commands.running import run
{% if db.server %}
from packages.database.config import read_engine
{% endif %}
from packages.database.revisions import compare, read_revisions

# Each with its name, the question, and the answer that the engine has asked for.
POLICY = [
{% for name, question, answer in db.policy %}
    (
        "{{ name }}",
{{ sql(question, "        ") -}}
{{ "        " ~ answer }},
    ),
{% endfor %}
]
{% if db.doctor_questions %}
# Each with its name, the question, how a good answer begins, and what to do about another one.
QUESTIONS = [
{% for name, question, beginning, fix in db.doctor_questions %}
    (
        "{{ name }}",
{{ sql(question, "        ") -}}
{{ "        " }}"{{ beginning }}",
        "{{ fix }}",
    ),
{% endfor %}
]
{% endif %}
{% if db.tls_question %}
{{ constant("TLS_QUESTION", db.tls_question) -}}
{% endif %}
{% if db.server %}
LOCAL = {"", "localhost", "127.0.0.1", "::1"}
{% endif %}
{% if db.replica_lag %}
{{ constant("LAG_QUESTION", db.replica_lag) -}}
MAX_LAG_SECONDS = 10
{% endif %}
REVISION_FIXES = {
    "at head": "",
    "behind": "run python -m packages.database upgrade",
    "ahead": "deploy the code that has this revision",
}
State = Literal["ok", "warning", "error"]
COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, what was found, and what to do unless it is good."""

    name: str
    state: State
    found: str
    fix: str = ""


@click.command()
{% if db.connection_limit %}
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=count_workers,
    show_default="WEB_CONCURRENCY, or 1",
    help="Processes that serve, on all machines.",
)
{% endif %}
@json_option
def doctor(*, {{ "workers: int, " if db.connection_limit }}as_json: bool) -> None:
    """Check the database, and say what to do where it is not ok.

    It ends with code 1 when a check finds an error, and with 0 when it finds warnings at most. A
    server that does not answer is waited for as long as the settings say.
    """
    try:
{% if db.connection_limit %}
        checks = run(lambda engine: examine(engine, workers))
{% else %}
        checks = run(examine)
{% endif %}
    except (SQLAlchemyError, OSError) as error:
        fix = "check DATABASE_URL, and whether the database runs"
        checks = [Check("connection", "error", describe_reason(error), fix)]
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = click.style(f"{check.state:<7}", fg=COLORS[check.state])
            click.echo(f"{mark}  {check.name}: {check.found}{check.fix and '; ' + check.fix}")
    if any(check.state == "error" for check in checks):
        raise SystemExit(1)


{% if db.connection_limit %}
def examine(engine: Engine, workers: int) -> list[Check]:
{% else %}
def examine(engine: Engine) -> list[Check]:
{% endif %}
    """Return the checks, in the order in which they were made."""
    with engine.connect() as connection:
{% if not db.pooler_error %}
        connection.execution_options(isolation_level="AUTOCOMMIT")
{% else %}
        if not settings.is_pooled:  # behind a pooler, each transaction begins with the options
            connection.execution_options(isolation_level="AUTOCOMMIT")
{% endif %}
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
        return [
            Check("version", "ok", version),
{% if db.tls_question or db.tls_in_use %}
            _check_tls(connection),
{% endif %}
{% if db.pooler_seen %}
            _check_pooler(connection),
{% endif %}
{% if db.doctor_questions %}
            *_check_questions(connection),
{% endif %}
            Check("default isolation", "ok", str(connection.default_isolation_level)),
            *_check_policy(connection),
{% if db.connection_limit %}
            _check_limit(connection, "connections", workers, engines_of_the_primary()),
{% endif %}
{% if db.server %}
            *_check_reading({{ "workers" if db.connection_limit }}),
{% endif %}
            _check_revision(connection),
        ]


def _ask(connection: Connection, question: str) -> Any:  # noqa: ANN401 - what the database says
    """Return the last column of the first row, in which SHOW has the value; None without a row.

    Where the database refuses the question, it is what the database says.
    """
    try:
        row = connection.exec_driver_sql(question).first()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return describe_reason(error)
    return row[-1] if row else None


def _judge(name: str, found: object, fix: str, *, good: bool, or_else: State = "warning") -> Check:
    return Check(name, "ok", str(found)) if good else Check(name, or_else, str(found), fix)
{% if db.tls_question or db.tls_in_use %}


def _check_tls(connection: Connection) -> Check:
{% if db.tls_in_use %}
    driver: Any = connection.connection.driver_connection
    found = {{ db.tls_in_use }}
{% else %}
    try:
        found = connection.exec_driver_sql(TLS_QUESTION).tuples().one()[-1]
    except DBAPIError as error:
        return Check("TLS", "warning", describe_reason(error), "ask an administrator")
{% endif %}
    host = connection.engine.url.host or ""
    good = bool(found) or host in LOCAL or settings.DATABASE_TLS == "off"
    return _judge("TLS", found or "off", "set DATABASE_TLS to verify-full, or to off", good=good)
{% endif %}
{% if db.pooler_seen %}


def _check_pooler(connection: Connection) -> Check:
    """Compare the process numbers: a pooler tells its clients others than those of the server."""
    driver: Any = connection.connection.driver_connection
    if {{ db.pooler_seen }}:
        fix = "set DATABASE_POOLER to transaction, unless it is in session mode"
        return _judge("pooler", "in front of the server", fix, good=settings.is_pooled)
    return Check("pooler", "ok", f"not seen; DATABASE_POOLER is {settings.DATABASE_POOLER}")
{% endif %}
{% if db.doctor_questions %}


def _check_questions(connection: Connection) -> Iterator[Check]:
    for name, question, beginning, fix in QUESTIONS:
        found = str(_ask(connection, question))
        yield _judge(name, found, fix, good=found.startswith(beginning))
{% endif %}


def _check_policy(connection: Connection) -> Iterator[Check]:
    for name, question, expected in POLICY:
        found = _ask(connection, question)
        fix = f"asked for {expected}: look at the URL{{ " and at any pooler" if db.server }}"
        yield _judge(name, found, fix, good=found == expected, or_else="error")
{% if db.connection_limit %}


def _check_limit(connection: Connection, name: str, workers: int, engines: int) -> Check:
    fits, found = compare_with_limit(connection, workers, engines)
    return _judge(name, found, FIX, good=fits, or_else="error")
{% endif %}
{% if db.server %}


def _check_reading({{ "workers: int" if db.connection_limit }}) -> Iterator[Check]:
    if settings.DATABASE_READ_URL is None:
        yield Check("reading", "ok", "from the same server; DATABASE_READ_URL names no replica")
        return
    try:
        with read_engine{{ ".sync_engine" if cookiecutter.session_style == "async" }}.connect(){{ " as connection" if db.replica_lag or db.connection_limit }}:
{% if db.replica_lag %}
            yield _check_replica(connection)
{% else %}
            yield Check("reading", "ok", "DATABASE_READ_URL answers")
{% endif %}
{% if db.connection_limit %}
            yield _check_limit(connection, "connections that read", workers, 1)
{% endif %}
    except (SQLAlchemyError, OSError) as error:
        yield Check("reading", "error", describe_reason(error), "check DATABASE_READ_URL")
{% endif %}
{% if db.replica_lag %}


def _check_replica(connection: Connection) -> Check:
    try:
        row = connection.exec_driver_sql(LAG_QUESTION).mappings().first()
    except DBAPIError as error:
        return Check("replica", "warning", describe_reason(error), "ask an administrator")
    if row is None:
        fix = "give DATABASE_READ_URL a replica, or remove it"
        return Check("replica", "warning", "a server that is no replica answers", fix)
    lag = row["{{ db.lag_column }}"]
    if lag is None:
        return Check("replica", "error", "it has stopped to follow", "look at the replica's log")
    fix = "look at its load, and at long queries on it"
    return _judge("replica", f"{lag:.1f} s behind", fix, good=lag <= MAX_LAG_SECONDS)
{% endif %}


def _check_revision(connection: Connection) -> Check:
    revisions = read_revisions(connection)
    state = compare(revisions)
    found = f"{', '.join(sorted(revisions)) or 'none'}, {state}"
    fix = REVISION_FIXES[state]
    return _judge("revision", found, fix, good=not fix, or_else="error")
