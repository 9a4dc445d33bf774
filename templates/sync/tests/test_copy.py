"""`copy` moves all rows to another database, or says what stands in the way before it writes."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from packages.database.commands.cli import main
from packages.database.commands.copy import copy_rows, read_target_url
from packages.database.config import SessionLocal, engine
from packages.database.copying.limits import Limit
from packages.database.copying.tables import PortableDateTime, plan, portable_type
from packages.database.revisions import expected_revisions
from tests.rows import Private, Row

NAMES = ["", "Zoë 日本語 ẞ", "🦆" * 255]
DUCK = "🦆"


def make_target(path: Path) -> sa.URL:
    """Return the URL of an SQLite file with the tables of `Private` and the code's revision."""
    url = sa.URL.create("sqlite+pysqlite", database=str(path))
    target = sa.create_engine(url, poolclass=sa.pool.NullPool)
    [copied] = plan(Private.metadata)
    copied.table.metadata.create_all(target)
    version = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32)))
    version.metadata.create_all(target)
    with target.begin() as connection:
        for revision in expected_revisions():
            connection.execute(version.insert().values(version_num=revision))
    return url


def copy_to(url: sa.URL, *, only_check: bool = False) -> str:
    """Copy the rows of `Private`, and return what the command would print."""
    return copy_rows(engine, url, Private.metadata, only_check=only_check)


@pytest.mark.usefixtures("rows")
def test_rows_are_checked_and_then_copied(tmp_path: Path) -> None:
    """A check writes nothing; a copy brings all rows with their keys, once."""
    url = make_target(tmp_path / "target.db")
    with SessionLocal.begin() as db:
        db.add_all([Row(name=name) for name in NAMES])
    assert copy_to(url, only_check=True).startswith("Checked 1 tables, 3 rows")
    assert copy_to(url).startswith("Copied 1 tables, 3 rows; both databases hold the same")
    with SessionLocal() as db:
        rows = db.execute(sa.select(Row.id, Row.name).order_by(Row.id)).all()
    target = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with target.connect() as connection:
        assert connection.execute(sa.text("SELECT id, name FROM test_rows")).all() == rows
        assert "database_copy" not in sa.inspect(connection).get_table_names()
    with pytest.raises(click.ClickException, match="the target is not empty: test_rows has 3"):
        copy_to(url)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "postgresql://app:pa55@host/name"], "give it in the environment"),
        (["--to", "nodatabase://host/name"], "it is not the URL of one of: sqlite, postgresql"),
        (["--to", "mysql://app@host"], "it names no database"),
        (["--to", "sqlite:///no/such/file.db"], "there is no such file"),
        (["--to", "mysql://app@host/name?ssl_disabled=false"], "true with any value; remove it"),
    ],
)
def test_target_that_cannot_be_used_is_refused(arguments: list[str], sentence: str) -> None:
    """One sentence says what is wrong with the URL, and a password is not repeated."""
    result = CliRunner().invoke(main, ["copy", *arguments])
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
    assert "pa55" not in result.output


def test_required_tls_keeps_what_else_the_url_asks_for() -> None:
    """`ssl-mode=REQUIRED` takes any certificate, unless the URL says that its host is checked."""
    url = "mysql://app@host/name?ssl-mode=REQUIRED"
    assert read_target_url(url, is_argument=True).query == {"ssl_check_hostname": "false"}
    url += "&ssl_check_hostname=true"
    assert read_target_url(url, is_argument=True).query == {"ssl_check_hostname": "true"}


def test_parameter_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """One sentence says what is wrong with a parameter of the URL."""
    url = make_target(tmp_path / "target.db").update_query_dict({"timeout": "soon"})
    with pytest.raises(click.ClickException, match="COPY_TO: a parameter of the URL cannot be"):
        copy_to(url)


def nested(levels: int) -> Any:  # noqa: ANN401 - a document
    """Return so many arrays in each other."""
    return [] if levels == 1 else [nested(levels - 1)]


@pytest.mark.parametrize(
    ("dialect", "declared", "stored", "fits", "does_not_fit"),
    [
        ("postgresql", sa.Unicode(3), sa.VARCHAR(3), DUCK * 3, "four"),
        ("postgresql", sa.Text(), sa.TEXT(), "\\0", "\0"),
        ("mysql", sa.Text(), mysql.TEXT(), DUCK * 16_383, DUCK * 16_384),
        ("mysql", sa.LargeBinary(), mysql.BLOB(), b"x" * 65_535, b"x" * 65_536),
        ("mssql", sa.Unicode(1), sa.NVARCHAR(1), "ß", DUCK),
        ("mssql", sa.String(9), sa.VARCHAR(9), "text", "ß"),
        ("oracle", sa.Unicode(9), sa.NVARCHAR(9), " ", ""),
        ("postgresql", sa.Integer(), sa.INTEGER(), 2**31 - 1, 2**31),
        ("mysql", sa.Integer(), mysql.INTEGER(unsigned=True), 2**32 - 1, -1),
        ("postgresql", sa.Double(), sa.DOUBLE(), float("inf"), None),
        ("mysql", sa.Double(), mysql.DOUBLE(), 0.1234567, float("-inf")),
        ("mysql", sa.Float(), mysql.FLOAT(), 0.123456, 0.1234567),
        ("sqlite", sa.Double(), sa.FLOAT(), float("inf"), float("nan")),
        ("postgresql", sa.Numeric(5, 2), sa.NUMERIC(5, 2), Decimal("-999.990"), Decimal(1000)),
        ("oracle", sa.Numeric(5, 2), sa.NUMERIC(5, 2), Decimal("0.01"), Decimal("0.001")),
        ("sqlite", sa.Numeric(20, 2), sa.NUMERIC(20, 2), Decimal("0.1"), Decimal(10**17 + 1)),
        ("mysql", sa.Date(), sa.DATE(), date(1000, 1, 1), date(999, 12, 31)),
        ("mysql", sa.Time(), mysql.TIME(), time(1), time(1, microsecond=1)),
        (
            "mysql",
            PortableDateTime(),
            mysql.DATETIME(),
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 1, 1, microsecond=1, tzinfo=UTC),
        ),
        (
            "postgresql",
            sa.DateTime(timezone=True),
            sa.TIMESTAMP(timezone=True),
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 1, 1),  # noqa: DTZ001
        ),
        ("mysql", sa.Interval(), mysql.DATETIME(), timedelta(1), timedelta(microseconds=1)),
        ("postgresql", sa.JSON(), sa.JSON(), {"\\u0000": 2**99}, {"key": ["\0"]}),
        ("mysql", sa.JSON(), mysql.JSON(), [2**64 - 1, 10**99], [2**64 + 1]),
        ("mariadb", sa.JSON(), mysql.LONGTEXT(), nested(31), nested(32)),
        ("mssql", sa.JSON(), sa.NVARCHAR(), sa.JSON.NULL, float("nan")),
        ("mariadb", sa.Uuid(), sa.UUID(), UUID(int=4**40), UUID(int=0x8000_4000 << 48)),
    ],
)
def test_value_that_does_not_fit_is_told(
    dialect: str,
    declared: TypeEngine[Any],
    stored: TypeEngine[Any],
    fits: object,
    does_not_fit: object,
) -> None:
    """What the other database would refuse, cut off or round is a sentence without the value."""
    limit = Limit(sa.Column("name", declared, nullable=False), stored, dialect)
    assert limit.fault(fits) is None
    assert limit.fault(does_not_fit)


def test_characters_that_the_column_has_not_are_told() -> None:
    """MariaDB's own default is latin1, which holds neither Japanese nor emoji."""
    limit = Limit(sa.Column("name", sa.Text()), mysql.TEXT(), "mariadb", "latin1_swedish_ci")
    assert limit.fault("ß") is None
    assert "the column's character set latin1" in str(limit.fault(DUCK))


def test_what_only_the_source_knows_is_left_out() -> None:
    """Neither a collation nor the size of an integer is told to the other database."""
    dialect = sa.make_url("postgresql+psycopg://").get_dialect()()
    for declared in (mysql.LONGTEXT(collation="utf8mb4_bin"), mysql.INTEGER(unsigned=True)):
        column = sa.Column("name", portable_type(declared))
        sql = str(sa.Table("rows", sa.MetaData(), column).insert().compile(dialect=dialect))
        assert "COLLATE" not in sql
        assert "INTEGER" not in sql


def test_tables_come_after_those_that_they_need() -> None:
    """A foreign key that may be NULL is filled in later; one that cannot be sets the order."""
    metadata = sa.MetaData()
    for name, other, nullable in [("a", "b", False), ("b", "a", True), ("c", "c", True)]:
        sa.Table(
            name,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("other", sa.ForeignKey(f"{other}.id", use_alter=True), nullable=nullable),
        )
    order = [(each.name, set(each.deferred)) for each in plan(metadata)]
    assert order == [("b", {"other"}), ("a", set()), ("c", {"other"})]
    sa.Table("d", metadata, sa.Column("id", sa.Integer))
    with pytest.raises(click.ClickException, match="the table d has no primary key"):
        plan(metadata)
