"""`python -m packages.database copy`: a service moves to another kind of database, with all its rows."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from tests.live.databases import Databases, create_account, in_file
from tests.live.revisions import write_revision
from tests.template import Project, render

BACKENDS = ["sqlite", "postgresql", "mariadb", "mysql"]
ROWS = 1_000
PATIENCE_SECONDS = 120
SCRIPT = Path(__file__).parent / "scripts" / "rows_to_copy.py"

MODEL = '''\
"""Rows that are hard to copy."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Double, Enum, ForeignKey, ForeignKeyConstraint, Identity, Numeric, Text, Unicode
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base
from packages.database.types import JsonDocument, UpdatedAt, UtcDateTime


class Kind(StrEnum):
    PLAIN = "plain"
    ODD = "isn't plain"


KindType = Enum(
    Kind,
    name="kind",
    native_enum=False,
    create_constraint=True,
    length=16,
    values_callable=lambda kinds: [kind.value for kind in kinds],
)


class Tag(Base):
    __tablename__ = "tags"

    name: Mapped[str] = mapped_column(Unicode(64), primary_key=True)


class Hostile(Base):
    """Refers to itself, and to children that refer to it."""

    __tablename__ = "hostiles"
    __table_args__ = (
        ForeignKeyConstraint(["id", "best_number"], ["children.hostile_id", "children.number"], use_alter=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(Unicode(255))
    text: Mapped[str | None] = mapped_column(Text)
    big: Mapped[int] = mapped_column(BigInteger)
    small: Mapped[int]
    ratio: Mapped[float | None] = mapped_column(Double)
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    is_open: Mapped[bool]
    kind: Mapped[Kind] = mapped_column(KindType)
    day: Mapped[date]
    hour: Mapped[time]
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    key: Mapped[UUID] = mapped_column(unique=True)
    raw: Mapped[bytes | None]
    extra: Mapped[Any | None] = mapped_column(JsonDocument)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("hostiles.id"), index=True)
    best_number: Mapped[int | None]
    updated_at: Mapped[UpdatedAt]


class Child(Base):
    __tablename__ = "children"

    hostile_id: Mapped[int] = mapped_column(ForeignKey(Hostile.id), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(ForeignKey(Tag.name))


class Link(Base):
    __tablename__ = "links"

    key: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
'''
TABLES = """\
from packages.database.config import Base
from packages.database.hostile_data_model import Child, Hostile, Link, Tag
TABLES = [model.__table__ for model in (Tag, Hostile, Child, Link)]"""


class Service(Project):
    """A rendered service, which runs in this environment, with its drivers."""

    def rows(self, *arguments: str) -> str:
        """Run the script with the rows."""
        return self.run("python", "-W", "ignore", SCRIPT, *arguments).stdout

    def copy(self, target: Project, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Copy the rows to another service's database."""
        return self.run("python", "-m", "packages.database", "copy", *options, check=check, **as_target(target))


Services = Callable[[str], Service]


def as_target(service: Project) -> dict[str, str]:
    """Return the environment variables that make a service's database the target of a copy."""
    return {"COPY_TO": service.env["DATABASE_URL"], "COPY_TO_PASSWORD": service.env.get("DATABASE_PASSWORD", "")}


def database_of(service: Project) -> str:
    """Return the name of the service's database, or its file."""
    return str(make_url(service.env["DATABASE_URL"]).database)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Services:
    """Give a function that makes a service for a database, once; its rows are those of the test that had it last."""

    @cache
    def get(backend: str) -> Service:
        database = f"t_copy_{backend}"
        answers = {"database_backend": backend, "web_framework": "none", "ci_provider": "none"}
        folder = render(tmp_path_factory.mktemp(database), **answers)
        (folder / "packages/database/hostile_data_model.py").write_text(MODEL, encoding="utf-8")
        create, drop = (f"Base.metadata.{change}_all(op.get_bind(), TABLES)" for change in ("create", "drop"))
        write_revision(folder, 2, create, drop, TABLES)
        (folder / ".venv").symlink_to(sys.prefix)
        env = databases.get(backend).environment("sync", backend, database) or in_file(folder, "sync")
        url = make_url(env["DATABASE_URL"])
        if url.password:
            databases.server(backend).create_database(database)
            env |= {"DATABASE_URL": url._replace(password=None).render_as_string(), "DATABASE_PASSWORD": url.password}
        service = Service(folder, env | {"PYTHONPATH": str(folder)})
        service.run("python", "-m", "packages.database", "upgrade")
        return service

    return get


PROGRESS = "SELECT max(copied_rows) FROM database_copy WHERE table_name = 'hostiles'"
# A reference to the same table, one of two columns, and one to a text; each from another row.
ORPHANS = {
    "UPDATE hostiles SET parent_id = 99 WHERE id = 1": "hostiles.parent_id (id=1): there is no such row in hostiles",
    "UPDATE hostiles SET best_number = 9 WHERE id = 3": (
        "hostiles.id, best_number (id=3): there is no such row in children"
    ),
    "UPDATE children SET tag = 'none' WHERE hostile_id = 5 AND number = 0": (
        "children.tag (hostile_id=5, number=0): there is no such row in tags"
    ),
}
# Neither MySQL nor MariaDB has one.
KEEP_INFINITY = {"sqlite", "postgresql"}


@pytest.mark.parametrize("number", [ROWS, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("source", BACKENDS)
def test_rows_arrive_unchanged(
    services: Services, source: str, number: int, record_property: Callable[[str, object], None]
) -> None:
    """Each kind of database gives all its rows to each other kind, and new rows get keys that are free."""
    before = services(source)
    has_infinity = source in KEEP_INFINITY and number == ROWS
    rows = before.rows("seed", str(number), *(["infinite"] if has_infinity else []))
    for target in sorted(set(BACKENDS) - {source}, key=lambda name: name not in KEEP_INFINITY):
        after = services(target)
        after.rows("empty")
        if has_infinity and target not in KEEP_INFINITY:
            refused = before.copy(after, check=False)
            assert refused.returncode == 1
            assert "hostiles.ratio (id=3): it is infinite" in refused.stderr
            before.rows("execute", "UPDATE hostiles SET ratio = NULL WHERE id = 3")
            has_infinity, rows = False, rows.replace("'ratio': -inf", "'ratio': None")
        begin = time.monotonic()
        copied = before.copy(after)
        rate = number / (time.monotonic() - begin)
        record_property("figures", f"copy of {number:,} rows, {source} to {target}: {rate:,.0f} rows a second")
        assert re.match(r"Copied 7 tables, [\d,]+ rows; both databases hold the same rows\.", copied.stdout)
        assert after.rows("show and empty") == rows
    before.rows("empty")


def test_what_stands_in_the_way_is_told_before(services: Services) -> None:
    """Times that Python cannot hold, texts that are too long, and texts that MySQL takes for equal stop a copy."""
    before, after = services("postgresql"), services("mysql")
    before.rows("seed", "10")
    before.rows(
        "execute",
        "UPDATE hostiles SET at = '-infinity' WHERE id = 1",
        "UPDATE hostiles SET text = repeat('🦆', 20000) WHERE id = 3",
        "INSERT INTO tags VALUES ('A'), ('é')",
    )
    refused = before.copy(after, check=False)
    assert refused.returncode == 1
    assert refused.stderr.count(": it ") == 2
    for sentence in (
        r"hostiles\.at \(id=1\): Python has no form for its value, such as an infinite time",
        r"hostiles\.text \(id=3\): it has 80,000 bytes, and the column holds 65,535",
        r"tags\.name \(row \d in the order of name\): it must be unique, and the target takes it for equal",
        "3 values do not fit the target, and nothing was written",
    ):
        assert re.search(sentence, refused.stderr), refused.stderr
    before.rows("empty")


def seeded(services: Services, source: str, target: str, number: int = 10) -> tuple[Service, Service, str]:
    """Return a service with rows, an empty one to copy them to, and the rows as they are printed."""
    before, after = services(source), services(target)
    rows = before.rows("seed", str(number))
    after.rows("empty")
    return before, after, rows


def test_url_of_the_target_is_used_as_it_is(services: Services, databases: Databases) -> None:
    """A password may have any letters, and a parameter that the driver does not know is named in one sentence.

    `ssl-mode=REQUIRED`, as providers write it, asks for TLS, which this server does not offer.
    """
    letters = "ß日本"  # PyMySQL alone would encode it as Latin-1
    url = create_account(databases.server("mariadb"), "sync", "t_copy_letters", letters)
    for parameter, said in (
        ("", "the target is not ready: the database is at revision none, behind"),
        ("?unknown=1", "COPY_TO: a parameter of the URL cannot be used: "),
        ("?ssl-mode=REQUIRED", "the target cannot be reached: "),
    ):
        target = Project(Path(), {"DATABASE_URL": url + parameter, "DATABASE_PASSWORD": letters})
        refused = services("sqlite").copy(target, check=False)
        assert refused.stderr.startswith(f"Error: {said}"), refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_key_that_the_target_always_generates_is_told_before(services: Services) -> None:
    """A target that takes no keys, as the other service's models may say, is refused before a row is written."""
    before, after = services("sqlite"), services("postgresql")
    after.rows("empty")
    after.rows("execute", "ALTER TABLE jobs ALTER id SET GENERATED ALWAYS")
    refused = before.copy(after, "--check", check=False)
    after.rows("execute", "ALTER TABLE jobs ALTER id SET GENERATED BY DEFAULT")
    assert refused.returncode == 1
    sentence = "the target always generates jobs.id; have it generated BY DEFAULT while rows are copied"
    assert sentence in refused.stderr, refused.stderr


def test_rows_of_an_old_mariadb_are_told(services: Services) -> None:
    """A date of zeros, and a key in other letters than its row, are told before PostgreSQL refuses them."""
    before, after, _ = seeded(services, "mariadb", "postgresql")
    before.rows(
        "execute",
        "SET SESSION sql_mode = ''",
        "UPDATE hostiles SET day = '0000-00-00' WHERE id = 1",
        "UPDATE children SET tag = 'A' WHERE hostile_id = 1 AND number = 0",
        "UPDATE children SET tag = 'a' WHERE hostile_id = 1 AND number = 1",
    )
    refused = before.copy(after, "--check", check=False)
    for sentence in (
        "hostiles.day (id=1): it is no date that exists: 0000-00-00",
        "children.tag (hostile_id=1, number=0): tags has it in other letters",
        "2 values do not fit the target, and nothing was written",
    ):
        assert sentence in refused.stderr, refused.stderr
    before.rows("empty")


def test_columns_may_be_wider_in_the_target(services: Services) -> None:
    """Unsigned numbers of MariaDB go into the larger columns of PostgreSQL, also where these are decimals."""
    before, after, _ = seeded(services, "mariadb", "postgresql")
    before.rows(
        "execute",
        "UPDATE hostiles SET small = 0, big = 0",
        "ALTER TABLE hostiles MODIFY small INT UNSIGNED, MODIFY big BIGINT UNSIGNED",
        "UPDATE hostiles SET small = 4294967295, big = 18446744073709551615",
    )
    after.rows("execute", "ALTER TABLE hostiles ALTER small TYPE BIGINT, ALTER big TYPE NUMERIC(20)")
    before.copy(after)
    found = after.rows("show and empty")
    before.rows("empty")
    before.rows("execute", "ALTER TABLE hostiles MODIFY small INT NOT NULL, MODIFY big BIGINT NOT NULL")
    after.rows("execute", "ALTER TABLE hostiles ALTER small TYPE INT, ALTER big TYPE BIGINT")
    assert found.count("4294967295, ") == found.count("18446744073709551615") == 10


def test_constraint_on_what_is_filled_in_later_is_explained(services: Services) -> None:
    """A CHECK that a reference is given refuses the rows at first; the sentence says how the copy goes on."""
    before, after, rows = seeded(services, "sqlite", "postgresql")
    after.rows("execute", "ALTER TABLE hostiles ADD CONSTRAINT ck_parent CHECK (parent_id IS NOT NULL)")
    refused = before.copy(after, check=False)
    assert "best_number, parent_id of hostiles is NULL until all rows are there" in refused.stderr, refused.stderr
    after.rows("execute", "ALTER TABLE hostiles DROP CONSTRAINT ck_parent")
    before.copy(after)
    assert after.rows("show and empty") == rows
    before.rows("empty")


@pytest.mark.parametrize("source", ["sqlite", "mysql"])
def test_rows_that_refer_to_none_are_told(services: Services, source: str) -> None:
    """Rows that SQLite and MySQL let in while they did not check foreign keys stop a copy, each with its key."""
    before, after = services(source), services("postgresql")
    before.rows("seed", "10")
    if source == "sqlite":
        # The service checks; another program need not.
        with closing(sqlite3.connect(database_of(before))) as connection, connection:
            for statement in ORPHANS:
                connection.execute(statement)
    else:
        before.rows("execute", "SET SESSION foreign_key_checks = 0", *ORPHANS)
    refused = before.copy(after, check=False)
    assert refused.returncode == 1
    for sentence in (*ORPHANS.values(), "3 values do not fit the target, and nothing was written"):
        assert sentence in refused.stderr, refused.stderr
    before.rows("empty")


def read_progress(target: Service) -> int:
    """Return how many rows of the largest table are copied; none, where the table of the progress is not there yet."""
    url = make_url(target.env["DATABASE_URL"])
    engine = create_engine(url._replace(password=target.env.get("DATABASE_PASSWORD")), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return int(connection.scalar(text(PROGRESS)) or 0)
    except DBAPIError:
        return 0


@contextmanager
def held(target: Service, backend: str) -> Iterator[None]:
    """Have a copy wait before the last row; SQLite, which locks the whole file, is left to be faster than the copy."""
    if backend == "sqlite":
        yield
        return
    with target.start("python", SCRIPT, "hold", str(2 * ROWS - 3)) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param(*pair, marks=[] if pair == ("sqlite", "postgresql") else pytest.mark.slow)
        for pair in permutations(BACKENDS, 2)
    ],
)
def test_killed_copy_goes_on(services: Services, source: str, target: str) -> None:
    """After kill -9 amid a table, the next run copies what is missing, unless the copied rows have changed."""
    before, after, rows = seeded(services, source, target, ROWS)
    command = ("python", "-m", "packages.database", "copy")
    with held(after, target), before.start(*command, **as_target(after)) as copy:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not read_progress(after):
            assert copy.poll() is None, copy.communicate()[0]
            assert time.monotonic() < deadline, "nothing is copied"
            time.sleep(0 if target == "sqlite" else 0.05)
        copy.kill()
    assert copy.returncode == -signal.SIGKILL
    assert 0 < read_progress(after) < ROWS
    before.rows("execute", "UPDATE hostiles SET name = 'changed' WHERE id = 0")
    refused = before.copy(after, check=False)
    assert refused.returncode == 1
    assert "the source was written to since the copy began" in refused.stderr
    before.rows("execute", "UPDATE hostiles SET name = '' WHERE id = 0")
    before.copy(after)
    again = before.copy(after, check=False)
    assert again.returncode == 1
    assert "the target is not empty: " in again.stderr
    assert after.rows("show and empty") == rows
    before.rows("empty")
