"""`backup` and `restore`: a checked copy of the database in one file, while the service runs.

They use SQLite's online backup: https://www.sqlite.org/backup.html
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from sqlalchemy import Engine

from packages.config.settings import settings
from packages.database.commands.migration_lock import migration_lock
from packages.database.commands.output import json_option, report
from packages.database.commands.running import NotInTimeError, run
from packages.database.revisions import compare

# Pages to copy between two checks of the clock and of Ctrl-C.
STEP = 1000

file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
wait_option = click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=settings.DATABASE_BUSY_TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds to wait for a process that writes or migrates.",
)


@click.command()
@file_argument
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@json_option
def backup(file: Path, *, force: bool, as_json: bool) -> None:
    """Copy the database to FILE, while the service reads and writes.

    The copy holds what was committed when it began. FILE appears once the copy is complete and
    checked; until then it is a temporary file in the same folder.
    """
    revisions = run(lambda engine: back_up(engine, file, replace=force))
    size = file.stat().st_size
    sentence = f"{file}: {size:,} bytes, checked, {_named(revisions)}."
    report(sentence, as_json=as_json, file=str(file), bytes=size, revisions=sorted(revisions))


@click.command()
@file_argument
@click.option("--force", is_flag=True, help="Replace the tables that the database has.")
@wait_option
@json_option
def restore(file: Path, *, force: bool, wait_seconds: float, as_json: bool) -> None:
    """Replace the whole database by the copy in FILE.

    FILE is checked first: it must be intact, and at a revision that this code has. It replaces the
    database in one transaction. A running service waits for it and then reads the restored rows.
    """
    revisions = run(lambda engine: bring_back(engine, file, wait_seconds, replace=force))
    sentence = f"The database is restored from {file}, {_named(revisions)}."
    if compare(revisions) == "behind":
        sentence += " This code is newer; run: python -m packages.database upgrade"
    report(sentence, as_json=as_json, file=str(file), revisions=sorted(revisions))


def back_up(engine: Engine, file: Path, *, replace: bool = False) -> frozenset[str]:
    """Copy the database to a new file, and return the revisions that it is at.

    Raises:
        click.ClickException: the file exists, and is not to be replaced; or there is no database,
            or it is damaged.
    """
    database = Path(str(engine.url.database))
    if not database.exists():
        raise click.ClickException(
            f"there is no database {database}; check DATABASE_URL, or run upgrade"
        )
    if file.exists() and (not replace or file.samefile(database)):
        raise click.ClickException(f"{file} exists; give another name, or --force to replace it")
    with _temporary_file(file) as path:
        revisions = _copy(database, path)
        shutil.copymode(database, path)
        path.replace(file)
    return revisions


def _copy(database: Path, path: Path) -> frozenset[str]:
    with (
        _sentences(database, "check the disk, and restore a backup if the file is damaged"),
        closing(_open(database, "rw", settings.DATABASE_BUSY_TIMEOUT_SECONDS)) as source,
        closing(_open(path, "rw")) as target,
    ):
        # With an open transaction, the copy does not start again when others write.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(target, pages=STEP)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without a WAL beside it
        return _check(target, database)


def bring_back(
    engine: Engine, file: Path, wait_seconds: float, *, replace: bool = False
) -> frozenset[str]:
    """Replace the database by a copy, and return the revisions of the copy.

    Raises:
        click.ClickException: the copy cannot be used, or the database has tables that are not to be
            replaced.
        NotInTimeError: another process still writes or migrates after `wait_seconds`.
    """
    if not file.exists():
        raise click.ClickException(f"there is no file {file}; check the name")
    deadline = time.monotonic() + wait_seconds

    def look_at_the_clock(status: int, _remaining: int, _pages: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() >= deadline:
            raise NotInTimeError(
                f"another process still writes after {wait_seconds:g} s; stop it, or wait longer"
                " with --wait"
            )

    with _sentences(file, "give a file that backup has made"), closing(_open(file, "ro")) as source:
        revisions = _check(source, file)
        if compare(revisions) == "ahead" or (compare(revisions) == "behind" and not revisions):
            raise click.ClickException(
                f"{file} has {_named(revisions)}, which this code does not have; give a backup of"
                " this service, or deploy the code that made it"
            )
        database = Path(str(engine.url.database))
        with (
            migration_lock(engine, wait_seconds),
            _sentences(database, "stop the service and move the file away, with its -wal and -shm"),
            closing(_open(database, "rwc")) as target,
        ):
            [tables] = target.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables and not replace:
                raise click.ClickException(
                    f"{database} has tables; back it up, and give --force to replace them"
                )
            source.backup(target, pages=STEP, progress=look_at_the_clock, sleep=0.1)
    return revisions


def _open(path: Path, mode: str, wait_seconds: float = 0) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=wait_seconds)


def _check(connection: sqlite3.Connection, path: Path) -> frozenset[str]:
    """Read all of a database, warn of rows that refer to nothing, and return its revisions.

    Raises:
        sqlite3.DatabaseError: it is damaged.
    """
    [found] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"it is damaged: {' '.join(found.split())}")
    if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
        click.echo(
            f"Warning: {path} has {len(broken)} rows that refer to rows which do not exist, the"
            f" first in the table {broken[0][0]}; PRAGMA foreign_key_check lists them",
            err=True,
        )
    query = "SELECT name FROM sqlite_schema WHERE name = 'alembic_version'"
    if not connection.execute(query).fetchall():
        return frozenset()
    rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return frozenset(version for (version,) in rows)


@contextmanager
def _temporary_file(file: Path) -> Generator[Path]:
    """Yield a new file beside another one; it is removed afterwards, unless it was renamed."""
    handle, name = tempfile.mkstemp(prefix=f"{file.name}.", suffix=".part", dir=file.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        for path in (name, f"{name}-journal", f"{name}-wal", f"{name}-shm"):
            Path(path).unlink(missing_ok=True)


@contextmanager
def _sentences(path: Path, fix: str) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise click.ClickException(f"{path}: {error}; {fix}") from None


def _named(revisions: frozenset[str]) -> str:
    return f"revision {', '.join(sorted(revisions)) or 'none'}"
