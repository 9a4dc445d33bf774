{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""`copy`: moves the rows of the service to another database, of any kind."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import click
from click.core import ParameterSource
from sqlalchemy import URL, Connection, Engine, MetaData, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from packages.database.commands.running import run
from packages.database.config import Base
from packages.database.copying.checks import Problems, Seen, SourceCheck
from packages.database.copying.limits import MYSQL
from packages.database.copying.tables import CopiedTable, plan, table_names
from packages.database.copying.target import EMPTY_IT, PROGRESS, Target, open_target
from packages.database.copying.uniques import Uniques
from packages.database.revisions import describe_difference, read_revisions
from packages.modules import import_models

# Of each kind of database, the driver to copy with, and what to install for it.
DRIVERS = {
    "sqlite": ("pysqlite", []),
    "postgresql": ("psycopg", ["psycopg[binary]>=3.2.13,<4"]),
    "mysql": ("pymysql", ["pymysql[rsa]>=1.2,<2"]),
    "mariadb": ("pymysql", ["pymysql>=1.2,<2"]),
    "mssql": ("pyodbc", ["pyodbc>=5.2,<6"]),
    "oracle": ("oracledb", ["oracledb>=3,<27"]),
    "cockroachdb": (
        "psycopg",
        ["psycopg[binary]>=3.2.13,<4", "sqlalchemy-cockroachdb>=2.0.4,<2.1"],
    ),
}
SPELLINGS = {"postgres": "postgresql", "cockroach": "cockroachdb"}
# Parameters for which psycopg or PyMySQL takes any text for true, such as "false".
TRUE_WITH_ANY_TEXT = {"autocommit", "ssl_disabled"}
{% if db.lock_table %}
NOT_COPIED = {"alembic_version", "{{ db.lock_table }}", PROGRESS.name}
{% else %}
NOT_COPIED = {"alembic_version", PROGRESS.name}
{% endif %}


@click.command()
@click.option(
    "--to",
    "target_text",
    metavar="URL",
    envvar="COPY_TO",
    show_envvar=True,
    required=True,
    help="URL of the target, without its password, which COPY_TO_PASSWORD has.",
)
@click.option("--check", "only_check", is_flag=True, help="Check everything, and write nothing.")
@click.pass_context
def copy(context: click.Context, target_text: str, *, only_check: bool) -> None:
    """Copy all rows to another database, which may be of another kind.

    The target has the tables, made by `upgrade` in the service that is to use it, and no rows. All
    values are checked before the first is written. A copy that was interrupted goes on when it is
    started again.
    """
    is_argument = context.get_parameter_source("target_text") is ParameterSource.COMMANDLINE
    url = read_target_url(target_text, is_argument=is_argument)
    import_models()
    click.echo(run(lambda engine: copy_rows(engine, url, Base.metadata, only_check=only_check)))


def read_target_url(text: str, *, is_argument: bool) -> URL:
    """Return the URL of the target, with the driver for a copy and the password.

    Raises:
        click.UsageError: it is no URL of a database that is known, shows its password in the list
            of processes, or has a parameter that does not do what it says.
    """
    try:
        url = make_url(text.strip())
        backend = url.get_backend_name().lower()
        driver, _ = DRIVERS[SPELLINGS.get(backend, backend)]
    except (ArgumentError, ValueError, KeyError):
        kinds = ", ".join(DRIVERS)
        raise click.UsageError(f"--to: it is not the URL of one of: {kinds}") from None
    if is_argument and url.password is not None:
        raise click.UsageError(
            "--to: the list of processes would show the password; leave it out of the URL and give"
            " it in the environment, in COPY_TO_PASSWORD"
        )
    if backend in MYSQL and not url.database:
        raise click.UsageError("--to: it names no database")
    if backend == "sqlite" and not Path(url.database or "").is_file():
        raise click.UsageError("--to: there is no such file; make it with `upgrade` of the service")
    if refused := ", ".join(sorted(TRUE_WITH_ANY_TEXT & url.query.keys())):
        raise click.UsageError(f"--to: {refused} means true with any value; remove it")
    if backend in MYSQL and url.query.get("ssl-mode") == "REQUIRED":
        # As providers write it for the server's own clients: TLS with any certificate.
        query = {"ssl_check_hostname": "false", **url.query}
        del query["ssl-mode"]
        url = url.set(query=query)
    url = url.set(drivername=f"{SPELLINGS.get(backend, backend)}+{driver}")
    password = os.environ.get("COPY_TO_PASSWORD")
    return url.set(password=password) if password else url


def copy_rows(engine: Engine, url: URL, metadata: MetaData, *, only_check: bool = False) -> str:
    """Copy all rows of the tables to the target, and say in a sentence what was done.

    Raises:
        click.ClickException: something stands in the way, or the target does not hold the same
            rows at the end; the message says what to do.
    """
    tables = plan(metadata)
    target = Target(_open(url), tables)
    with open_snapshot(engine) as source:
        moment = datetime.now(UTC)
        seen = _check(source, target, tables)
        rows = sum(each.checksum.rows for each in seen.values())
        what = f"{len(tables)} tables, {rows:,} rows"
        if only_check:
            return f"Checked {what}: all of them fit; nothing was written."
        _write(source, target, tables, seen)
    _compare(target, tables, seen)
    target.finish()
    return (
        f"Copied {what}; both databases hold the same rows. What was written to the source after"
        f" {moment:%Y-%m-%d %H:%M:%S} UTC is not among them."
    )


@contextmanager
def open_snapshot(engine: Engine) -> Generator[Connection]:
    """Give a connection that sees the rows as they are now, whatever is written meanwhile."""
    with engine.connect() as connection:
{% if db.server %}
        connection.execution_options(isolation_level="{{ db.snapshot_isolation }}")
{% else %}
        # Without the lock that the service's transactions take, so that it can go on writing.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("BEGIN")
{% endif %}
        yield connection


def _open(url: URL) -> Engine:
    try:
        return open_target(url)
    except (ImportError, NoSuchModuleError) as error:
        _, requirements = DRIVERS[url.get_backend_name()]
        options = " ".join(f"--with {quote(requirement)}" for requirement in requirements)
        raise click.ClickException(
            f"the driver of the target cannot be loaded: {error}; run:"
            f" uv run {options} python -m packages.database copy"
        ) from None


def _check(source: Connection, target: Target, tables: list[CopiedTable]) -> dict[str, Seen]:
    """Read all rows of the source.

    Raises:
        click.ClickException: the source is at another revision, was written to since an earlier
            run, or has rows that do not fit.
    """
    difference = describe_difference(read_revisions(source))
    if difference:
        raise click.ClickException(difference)
    known = {*NOT_COPIED, *(each.name for each in tables)}
    if unknown := sorted(table_names(source, [each.table for each in tables]) - known):
        click.echo(f"Not copied, since no model has them: {', '.join(unknown)}.", err=True)
    problems = Problems()
    seen = {}
    rows = sum(each.count(source) for each in tables)
    with target.connect() as connection, _progress("Checking", rows) as advance:
        for each in tables:
            limits = target.limits[each.name]
            with closing(Uniques(connection, each, limits)) as uniques:
                check = SourceCheck(source, each, limits, uniques, problems)
                seen[each.name] = check.run(target.progress[each.name], advance)
    for sentence in problems.sentences:
        click.echo(sentence, err=True)
    if problems.count > len(problems.sentences):
        click.echo(f"... and {problems.count - len(problems.sentences):,} more", err=True)
    if problems.count:
        raise click.ClickException(
            f"{problems.count:,} values do not fit the target, and nothing was written; change"
            " them or the columns"
        )
    return seen


def _write(
    source: Connection, target: Target, tables: list[CopiedTable], seen: dict[str, Seen]
) -> None:
    target.begin()
    todo = sum(each.checksum.rows for each in seen.values())
    done = sum(each.rows for each in target.progress.values())
    with target.connect() as connection, _progress("Copying", todo - done) as advance:
        for each in tables:
            for batch in each.batches(source, seen[each.name].resume_after):
                target.write(connection, each, batch)
                advance(len(batch))
        for each in filter(lambda each: each.deferred, tables):
            for batch in each.batches(source):
                target.write_deferred(connection, each, batch)


def _compare(target: Target, tables: list[CopiedTable], seen: dict[str, Seen]) -> None:
    """Compare the number and the hashes of all rows.

    Raises:
        click.ClickException: they differ.
    """
    total = sum(each.checksum.rows for each in seen.values())
    with _progress("Comparing", total) as advance:
        for each in tables:
            expected, found = seen[each.name].checksum, target.checksum(each, advance)
            if found != expected:
                raise click.ClickException(
                    f"the target does not hold the same rows: of {each.name}, the source has"
                    f" {expected.rows:,} rows with the checksum {expected.text}, the target"
                    f" {found.rows:,} with {found.text}; {EMPTY_IT}; a trigger may have"
                    " changed them: drop it until all is copied, and else report it"
                )


@contextmanager
def _progress(label: str, rows: int) -> Generator[Callable[[int], None]]:
    """Show a progress bar on a terminal, and give the function that advances it."""
    with click.progressbar(length=rows, label=label, file=sys.stderr) as bar:
        yield bar.update
