{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
{% from 'code.jinja' import imports, is_async, lines with context %}
{% from 'sql.jinja' import sql %}
{#- What is checked, and when: a file of templates/doctor/ each. -#}
{% set checks = {
    "tls": db.tls_query or db.tls_in_use,
    "pooler": db.pooler_seen,
    "queries": db.doctor_queries,
    "policy": true,
    "limit": db.connection_limit,
    "reading": db.server,
    "replica": db.replica_lag,
    "revision": true,
} %}
"""`doctor`: compares what the database has with what the service needs."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import click
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from packages.config.settings import settings
{{- imports("packages.database.capacity", FIX=true, compare_with_limit=true, count_workers=true, engines_of_the_primary=true) if db.connection_limit }}
from packages.database.commands.output import describe_reason, json_option
from packages.database.commands.running import compare_tables, run
{{- imports("packages.database.config", read_engine=db.server) }}
from packages.database.revisions import compare, read_revisions

# Each with its name, the query, and the result that the engine's options should give.
POLICY = [
{% for name, query, expected in db.policy %}
    (
        "{{ name }}",
        {{ sql(query) | indent(8) }},
        {{ expected }},
    ),
{% endfor %}
]
{% if db.doctor_queries %}
# Each with its name, the query, how a good result begins, and what to do about another one.
QUERIES = [
{% for name, query, beginning, fix in db.doctor_queries %}
    (
        "{{ name }}",
        {{ sql(query) | indent(8) }},
        "{{ beginning }}",
        "{{ fix }}",
    ),
{% endfor %}
]
{% endif %}
{{ "TLS_QUERY = %s\n" % sql(db.tls_query) if db.tls_query }}
{{- 'LOCAL = {"", "localhost", "127.0.0.1", "::1"}\n' if db.server }}
{{- "LAG_QUERY = %s\nMAX_LAG_SECONDS = 10\n" % sql(db.replica_lag) if db.replica_lag -}}
REVISION_FIXES = {
    "at head": "",
    "behind": "run python -m packages.database upgrade",
    "ahead": "deploy the code that has this revision",
}
TABLES_FIX = (
    "see alembic check; if a revision was put below one that had already run, it was skipped:"
    " alembic stamp the one before it, alembic upgrade to it, and stamp head"
)
State = Literal["ok", "warning", "error"]
COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True)
class Check:
    """What was checked, its state, what was found, and what to do unless it is ok."""

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
        checks = run({{ "lambda engine: examine(engine, workers)" if db.connection_limit else "examine" }})
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


def examine(engine: Engine{{ ", workers: int" if db.connection_limit }}) -> list[Check]:
    """Return the checks, in the order in which they were made."""
    with engine.connect() as connection:
        {{- lines("if not settings.is_pooled:  # behind a pooler, each transaction begins with the options" if db.pooler_error) | indent(8) }}
        {{ "    " if db.pooler_error }}connection.execution_options(isolation_level="AUTOCOMMIT")
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
        return [
            Check("version", "ok", version),
            {{- lines("_check_tls(connection)," if checks.tls) | indent(12) }}
            {{- lines("_check_pooler(connection)," if checks.pooler) | indent(12) }}
            {{- lines("*_check_queries(connection)," if checks.queries) | indent(12) }}
            Check("default isolation", "ok", str(connection.default_isolation_level)),
            *_check_policy(connection),
            {{- lines('_check_limit(connection, "connections", workers, engines_of_the_primary()),' if checks.limit) | indent(12) }}
            {{- lines("*_check_reading(%s)," % ("workers" if checks.limit else "") if checks.reading) | indent(12) }}
            _check_revision(connection),
        ]


def _fetch(connection: Connection, query: str) -> Any:  # noqa: ANN401 - what the database says
    """Return the last column of the first row, in which SHOW has the value; None without a row.

    If the database refuses the query, return what it says.
    """
    try:
        row = connection.exec_driver_sql(query).first()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return describe_reason(error)
    return row[-1] if row else None


def _judge(name: str, found: object, fix: str, *, good: bool, or_else: State = "warning") -> Check:
    return Check(name, "ok", str(found)) if good else Check(name, or_else, str(found), fix)
{% for check, wanted in checks.items() if wanted %}


{% include 'doctor/' ~ check ~ '.py' %}
{% endfor %}
