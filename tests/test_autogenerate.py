"""What `render_item` of a rendered service writes into a revision for the types of other packages."""

import json
import sys
from pathlib import Path

import pytest

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
# Prints for each of the types how the database stores what was declared, and what the revision makes of it.
SCRIPT = """
import json
import sys
import sqlalchemy as sa
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from packages.database.autogenerate import render_item
from shapes import *

def stored(text):
    item = eval(text)
    opts = {"render_item": render_item, "sqlalchemy_module_prefix": "sa.", "user_module_prefix": None}
    context = AutogenContext(MigrationContext.configure(dialect_name="sqlite"), opts=opts, autogenerate=False)
    text = render._repr_type(item, context)
    names = {"sa": sa}
    try:
        exec("\\n".join(context.imports), names)
        return item.compile(context.dialect), eval(text, names).compile(context.dialect)
    except Exception as error:
        return text, repr(error)

print(json.dumps([stored(text) for text in sys.argv[1:]]))
"""
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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render a service beside a package with types."""
    folder = render(tmp_path_factory.mktemp("types"), database_backend="sqlite")
    (folder / "shapes.py").write_text(TYPES, encoding="utf-8")
    return folder


def test_types_of_other_packages_can_be_made_in_a_revision(service: Path) -> None:
    """The revision imports what it names, and the column gets the type that the model has declared.

    Where it has variants, the revision has them, too.
    """
    printed = json.loads(run(sys.executable, "-c", SCRIPT, *ITEMS, cwd=service).stdout)
    assert dict(zip(ITEMS, printed, strict=True)) == {item: [stored] * 2 for item, stored in ITEMS.items()}


def test_generated_revision_runs(service: Path) -> None:
    """A model with all of these types: its revision is generated, goes up and down."""
    columns = (f"    column_{number} = mapped_column({item})\n" for number, item in enumerate(ITEMS))
    (service / "packages" / "database" / "shape_data_model.py").write_text(MODEL + "".join(columns), encoding="utf-8")
    env = {"PYTHONPATH": str(service)}
    for arguments in ("upgrade head", "revision --autogenerate -m shapes", "upgrade head", "downgrade -1"):
        run(sys.executable, "-m", "alembic", *arguments.split(), cwd=service, env=env)
    [revision] = (service / "migrations" / "versions").glob("*_shapes.py")
    assert revision.read_text(encoding="utf-8").count(".with_variant(") == ", ".join(ITEMS).count(".with_variant(")


def test_condition_that_a_database_rewrites_is_no_change(service: Path) -> None:
    """Negative numbers and flags have no revision that changes nothing; other values still have one."""
    printed = run(sys.executable, "-c", COMPARE, json.dumps(REWRITTEN + CHANGED), cwd=service).stdout
    assert json.loads(printed) == [True] * len(REWRITTEN) + [False] * len(CHANGED)
