{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""`doctor`: compares what the database has with what the service needs."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click
from sqlalchemy import Connection, Engine

from packages.config.settings import settings
from packages.database.commands.running import run
from packages.database.revisions import compare, read_revisions

POLICY = [
{% for question, answer in db.policy %}
    (
{% if question is string %}
        "{{ question }}",
{% else %}
        (
{% for part in question %}
            "{{ part }}"
{% endfor %}
        ),
{% endif %}
        {{ answer }},
    ),
{% endfor %}
]
REVISION_FIXES = {
    "at head": "",
    "behind": "run python -m packages.database upgrade",
    "ahead": "deploy the code that has this revision",
}


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do about it; no fix means that it is good."""

    name: str
    found: str
    fix: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the checks as a JSON array.")
def doctor(*, as_json: bool) -> None:
    """Check the database: version, isolation, options of a connection, limits and revision.

    It ends with code 1 when a check fails.
    """
    checks = run(examine)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = click.style("fail", fg="red") if check.fix else click.style("ok  ", fg="green")
            click.echo(f"{mark}  {check.name}: {check.found}{check.fix and '; ' + check.fix}")
    if any(check.fix for check in checks):
        raise SystemExit(1)


def examine(engine: Engine) -> list[Check]:
    """Return the checks, in the order in which they were made."""
    with engine.connect() as connection:
{% if not db.pooler_error %}
        connection.execution_options(isolation_level="AUTOCOMMIT")
{% endif %}
        return [
            Check("version", ".".join(map(str, connection.dialect.server_version_info or ()))),
            Check("default isolation", str(connection.default_isolation_level)),
            *_check_policy(connection),
{% if db.connection_limit %}
            _check_limit(connection),
{% endif %}
            _check_revision(connection),
        ]


def _check_policy(connection: Connection) -> Iterator[Check]:
    for question, expected in POLICY:
        found = connection.exec_driver_sql(question).scalar()
        fix = "" if found == expected else f"expected {expected}; look at the URL and at any pooler"
        yield Check(question, str(found), fix)
{% if db.connection_limit %}


def _check_limit(connection: Connection) -> Check:
    limit = int(connection.exec_driver_sql("{{ db.connection_limit }}").scalar_one())
    pool = settings.DATABASE_POOL_SIZE + settings.DATABASE_MAX_OVERFLOW
    fix = "" if pool < limit else "lower DATABASE_POOL_SIZE or DATABASE_MAX_OVERFLOW"
    return Check("connections", f"up to {pool} a process, of {limit} that the server allows", fix)
{% endif %}


def _check_revision(connection: Connection) -> Check:
    revisions = read_revisions(connection)
    state = compare(revisions)
    found = f"{', '.join(sorted(revisions)) or 'none'}, {state}"
    return Check("revision", found, REVISION_FIXES[state])
