"""A backup is complete, in one file, and restored only when it fits."""

import sqlite3
from contextlib import closing
from pathlib import Path

import click
import pytest
from sqlalchemy import Engine, create_engine

from packages.database.commands.backup import back_up, bring_back
from packages.database.commands.running import NotInTimeError
from packages.database.revisions import expected_revisions

TEXT = "to be found again " * 1000


def connect(engine: Engine) -> closing[sqlite3.Connection]:
    """Return a connection beside those of the engine, which is closed after a block."""
    return closing(sqlite3.connect(str(engine.url.database), isolation_level=None))


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    """Return the engine of a database with a row, at the revision of the code."""
    engine = create_engine(f"sqlite:///{tmp_path}/data.db")
    with connect(engine) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        for revision in expected_revisions():
            connection.execute("INSERT INTO alembic_version VALUES (?)", [revision])
        connection.execute("CREATE TABLE notes (text TEXT)")
        connection.execute("INSERT INTO notes VALUES (?)", [TEXT])
    return engine


@pytest.fixture
def backup(database: Engine, tmp_path: Path) -> Path:
    """Return a backup of the database."""
    (tmp_path / "backups").mkdir()
    assert back_up(database, tmp_path / "backups/data.db") == expected_revisions()
    return tmp_path / "backups/data.db"


def test_backup_is_restored(database: Engine, backup: Path) -> None:
    """A database, also one that was removed, is again what it was at the time of the backup."""
    assert [path.name for path in backup.parent.iterdir()] == ["data.db"]
    with connect(database) as connection:
        connection.execute("UPDATE notes SET text = 'lost'")
        with pytest.raises(click.ClickException, match="has tables"):
            bring_back(database, backup, 0)
        assert bring_back(database, backup, 0, replace=True) == expected_revisions()
        assert connection.execute("SELECT text FROM notes").fetchall() == [(TEXT,)]
    new = create_engine(f"sqlite:///{backup.parent}/new.db")
    bring_back(new, backup, 0)
    with connect(new) as connection:
        assert connection.execute("SELECT text FROM notes").fetchall() == [(TEXT,)]


def test_backup_replaces_a_file_only_on_request(database: Engine, backup: Path) -> None:
    """An existing backup is kept, and a backup never overwrites the database itself."""
    with pytest.raises(click.ClickException, match="exists"):
        back_up(database, backup)
    with pytest.raises(click.ClickException, match="exists"):
        back_up(database, Path(str(database.url.database)), replace=True)
    back_up(database, backup, replace=True)


def test_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing database is an error, and no empty file becomes a backup."""
    with pytest.raises(click.ClickException, match="there is no database"):
        back_up(create_engine(f"sqlite:///{tmp_path}/none.db"), tmp_path / "backup.db")
    assert list(tmp_path.iterdir()) == []


def test_damaged_database_is_noticed(database: Engine, backup: Path) -> None:
    """What cannot be read in full is neither backed up nor restored, and leaves no file behind."""
    path = Path(str(database.url.database))
    for damaged in (path, backup):
        content = damaged.read_bytes()
        damaged.write_bytes(content[: -len(TEXT) // 2] + b"\xff" * 4096)
    with pytest.raises(click.ClickException, match=r"data\.db: .*; check the disk"):
        back_up(database, backup.parent / "new.db")
    with pytest.raises(click.ClickException, match=r"data\.db: .*; give a file"):
        bring_back(database, backup, 0, replace=True)
    assert [each.name for each in backup.parent.iterdir()] == ["data.db"]


def test_file_that_is_no_backup_is_refused(database: Engine, backup: Path) -> None:
    """A missing file, some other file and a database of newer code leave the database alone."""
    with pytest.raises(click.ClickException, match="there is no file"):
        bring_back(database, backup.parent / "none.db", 0, replace=True)
    with pytest.raises(click.ClickException, match="not a database; give a file"):
        bring_back(database, Path(__file__), 0, replace=True)
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("INSERT INTO alembic_version VALUES ('newer')")
    with pytest.raises(click.ClickException, match="which this code does not have"):
        bring_back(database, backup, 0, replace=True)


def test_restore_waits_for_a_writer_for_as_long_as_asked(database: Engine, backup: Path) -> None:
    """The command does not end an open transaction: it gives up, and changes nothing."""
    with connect(database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE notes SET text = 'written'")
        with pytest.raises(NotInTimeError, match="still writes after 0 s"):
            bring_back(database, backup, 0, replace=True)
        connection.execute("COMMIT")
        assert connection.execute("SELECT text FROM notes").fetchall() == [("written",)]
