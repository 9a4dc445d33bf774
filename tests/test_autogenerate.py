"""What `render_item` of a rendered service writes into a revision for the types of other packages."""

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from tests.template import render, run

# A package as others write them: with arguments of its own, with a required one, without those that its text has, with
# one that it takes and cannot use, in another class, and SQLAlchemy's.
TYPES = """
from packages.database.types import UtcDateTime
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import CHAR, JSON, BigInteger, String, TypeDecorator, UserDefinedType

class Point(UserDefinedType):
    cache_ok = True

    def __init__(self, srid=4326):
        self.srid = srid

    def get_col_spec(self):
        return f"POINT_{self.srid}"

class Choice(TypeDecorator):
    impl = String
    cache_ok = True

    def __init__(self, choices, **arguments):
        self.choices = choices
        super().__init__(**arguments)

class Guid(TypeDecorator):
    impl = CHAR
    cache_ok = True

    def __init__(self, binary=False):
        super().__init__(36)

    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(UUID() if dialect.name == "postgresql" else CHAR(36))

class Hash(TypeDecorator):
    impl = String
    cache_ok = True

    def __init__(self, **options):
        self.options = options
        super().__init__(60)

    def load_dialect_impl(self, dialect):
        if "length" in self.options:
            raise KeyError("length")
        return self.impl_instance

class Email(String):
    class Domain(TypeDecorator):
        impl = String
        cache_ok = True
"""
# How SQLite stores each of the types.
ITEMS = {
    "Point(3857)": "POINT_3857",
    "Email(20)": "VARCHAR(20)",
    "Email.Domain(9)": "VARCHAR(9)",
    "Choice(['a'], length=7)": "VARCHAR(7)",
    "Guid()": "CHAR(36)",
    "Hash(rounds=9)": "VARCHAR(60)",
    "JSONB()": "JSONB",
    "JSON().with_variant(JSONB(), 'postgresql')": "JSON",
    "JSONB().with_variant(JSON(), 'sqlite')": "JSON",
    "String(50).with_variant(LONGTEXT(), 'mysql').with_variant(Point(), 'postgresql')": "VARCHAR(50)",
    "BigInteger().with_variant(Point(3857), 'sqlite')": "POINT_3857",
    "Point(3857).with_variant(String(40), 'sqlite')": "VARCHAR(40)",
    "Guid().with_variant(String(40), 'sqlite')": "VARCHAR(40)",
    "UtcDateTime().with_variant(String(40), 'sqlite')": "VARCHAR(40)",
    "UtcDateTime()": "DATETIME",
}
COMPARE = """
import json
import sys
from packages.database.autogenerate import _are_alike, _values

print(json.dumps([_are_alike(_values(stored), _values(declared)) for stored, declared in json.loads(sys.argv[1])]))
"""
# Conditions as PostgreSQL 15, MariaDB 10.11 and MySQL 8.4 store them, with what was declared.
REWRITTEN = [
    ("lat >= '-90'::integer::double precision AND lat <= 90::double precision", "lat BETWEEN -90 AND 90"),
    ("n <> ALL (ARRAY['-1'::integer, '-2'::integer])", "n NOT IN (-1, -2)"),
    ("price > '-0.5'::numeric", "price > -0.5"),
    ("`flag` <> 0 or `n` is not null", "flag OR n IS NOT NULL"),
    ("`flag` <> 0 and `n` = 1 or `flag` = 0 and `n` = 2", "(flag AND n = 1) OR (NOT flag AND n = 2)"),
    ("`flag` = 1", "flag = TRUE"),
    ("((0 = `flag`) or (`n` > 5))", "NOT flag OR n > 5"),
    ("((0 <> `flag`) is true)", "flag IS TRUE"),
]
CHANGED = [("`flag` = 1", "flag = FALSE"), ("`n` > 1", "n > 0"), ("`n` > 0", "n > 1"), ("`n` > 5", "n > 5 AND n < 9")]
MODEL = """
from packages.database.config import Base
from shapes import *
from sqlalchemy.orm import mapped_column

class Shape(Base):
    __tablename__ = "shapes"
    id = mapped_column(BigInteger, primary_key=True)
"""


def test_types_of_other_packages_can_be_made_in_a_revision(tmp_path: Path) -> None:
    """The revision imports what it names, goes up and down, and each column gets the type that the model has declared.

    Where it has variants, the revision has them, too.
    """
    service = render(tmp_path, database_backend="sqlite")
    (service / "shapes.py").write_text(TYPES, encoding="utf-8")
    columns = (f"    column_{number} = mapped_column({item})\n" for number, item in enumerate(ITEMS))
    (service / "packages" / "database" / "shape_data_model.py").write_text(MODEL + "".join(columns), encoding="utf-8")

    def run_alembic(arguments: str) -> None:
        run(sys.executable, "-m", "alembic", *arguments.split(), cwd=service, env={"PYTHONPATH": str(service)})

    for arguments in ("upgrade head", "revision --autogenerate -m shapes", "upgrade head"):
        run_alembic(arguments)
    with closing(sqlite3.connect(service / "my_service.db")) as database:
        _, *stored = (column[2] for column in database.execute("PRAGMA table_info(shapes)"))
    assert dict(zip(ITEMS, stored, strict=True)) == ITEMS
    run_alembic("downgrade -1")
    [revision] = (service / "migrations" / "versions").glob("*_shapes.py")
    assert revision.read_text(encoding="utf-8").count(".with_variant(") == ", ".join(ITEMS).count(".with_variant(")


def test_condition_that_a_database_rewrites_is_no_change(tmp_path: Path) -> None:
    """Negative numbers and flags have no revision that changes nothing; other values still have one."""
    service = render(tmp_path)
    printed = run(sys.executable, "-c", COMPARE, json.dumps(REWRITTEN + CHANGED), cwd=service).stdout
    assert json.loads(printed) == [True] * len(REWRITTEN) + [False] * len(CHANGED)
