"""What `render_item` of a rendered service writes into a revision for the types of other packages."""

import sys
from pathlib import Path

import pytest

from tests.template import render, run

# A package as others write them: with arguments of its own, with a required one, in another class, and SQLAlchemy's.
TYPES = """
from sqlalchemy.types import String, TypeDecorator, UserDefinedType

class Point(UserDefinedType):
    def __init__(self, srid=4326):
        self.srid = srid

    def get_col_spec(self):
        return f"POINT_{self.srid}"

class Choice(TypeDecorator):
    impl = String

    def __init__(self, choices, **arguments):
        self.choices = choices
        super().__init__(**arguments)

class Email(String):
    class Domain(TypeDecorator):
        impl = String
"""
# Prints what was declared and what the revision makes of it.
SCRIPT = """
import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from packages.database.autogenerate import render_item
from shapes import *

item = {item}
context = AutogenContext(MigrationContext.configure(dialect_name="sqlite"), autogenerate=False)
text = render_item("type", item, context)
names = {{"sa": sa}}
exec("\\n".join(context.imports), names)
for each in (item, eval(text, names)):
    print(each.compile(context.dialect))
"""
ITEMS = {
    "Point(3857)": "POINT_3857",
    "Email(20)": "VARCHAR(20)",
    "Email.Domain(9)": "VARCHAR(9)",
    "Choice(['a'], length=7)": "VARCHAR(7)",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render a service beside a package with types."""
    folder = render(tmp_path_factory.mktemp("types"), database_backend="sqlite")
    (folder / "shapes.py").write_text(TYPES, encoding="utf-8")
    return folder


@pytest.mark.parametrize("item", ITEMS)
def test_types_of_other_packages_can_be_made_in_a_revision(service: Path, item: str) -> None:
    """The revision imports what it names, and the column gets the type that the model has declared."""
    printed = run(sys.executable, "-c", SCRIPT.format(item=item), cwd=service).stdout
    assert printed.splitlines() == [ITEMS[item]] * 2
