"""What a service's README shows of its models is what they are."""

import re
import sys
from pathlib import Path

from tests.template import TEMPLATE, render, run

# The models know no database, so those of one service show what all have.
DRAW = """
from packages.database.config import Base
from packages.database import job_data_model, models, user_data_model
from sqlalchemy import TypeDecorator

def kind(column):
    stored = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return {object: dict}.get(stored.python_type, stored.python_type).__name__  # of JSON, in SQLAlchemy 2.1

def key(column):
    if column.primary_key:
        return " PK"
    if column.foreign_keys:
        return " FK"
    return " UK" if column.unique else ""

for table in Base.metadata.sorted_tables:
    for each in table.foreign_keys:
        print(f"    {each.column.table.name} ||--o{{ {table.name} : {each.parent.name}")
for table in Base.metadata.sorted_tables:
    print(f"    {table.name} {{")
    for column in table.columns:
        print(f"        {kind(column)} {column.name}{key(column)}")
    print("    }")
"""


def test_the_diagram_shows_the_models(tmp_path: Path) -> None:
    """Each table is there, with its columns, their types and keys, and its relations."""
    service = render(tmp_path)
    readme = (service / "README.md").read_text(encoding="utf-8")
    [diagram] = re.findall(r"```mermaid\nerDiagram\n(.*?)```", readme, re.DOTALL)
    drawn = run(sys.executable, "-c", DRAW, cwd=service).stdout.splitlines()
    assert sorted(diagram.splitlines()) == sorted(drawn)


def test_the_readme_is_the_same_for_all_models() -> None:
    """No model depends on an answer, so the diagram holds for each service."""
    folder = TEMPLATE / "{{cookiecutter.project_slug}}" / "packages" / "database"
    models = [*folder.glob("*_model.py"), folder / "models.py"]
    assert models
    assert not any(re.search(r"{[{%]", path.read_text(encoding="utf-8")) for path in models)
