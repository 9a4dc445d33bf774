"""A database is added as data: a row that nobody has seen gives projects that pass their own checks."""

import copy
import json
import re
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.template import BACKENDS, CONTEXT, FRAMEWORKS, PROVIDERS, STYLES, TEMPLATE, lint, render_from

NAME = "eighthdb"
GUIDE = TEMPLATE / "docs" / "adding-a-database.md"
# Columns whose own columns differ from row to row.
FREE = {"connect_args", "migration_connect_args", "tls", "table_options", "container_environment", "ci_environment"}


def eighth_row() -> dict[str, Any]:
    """Return a row with something in every column, of a database that speaks PostgreSQL's protocol."""
    row = copy.deepcopy(BACKENDS["postgresql"])
    row |= {
        "name": "Eighth DB",
        "proof": "offline",
        "spellings": ["postgresql", NAME],
        "settings": [*row["settings"], "DATABASE_EIGHTH_SECONDS"],
        "untyped": ["eighth_driver"],
        "table_options": {"postgresql_using": "heap"},
        "retry_codes": ['"40001"', '"XX000"'],
        "image": "example.org/eighth:8",
        "command": "start --single",
        "port": "5433",
        "location": "app@localhost:5433/{SERVICE}",
        "grants": "ALTER ROLE app CREATEDB;",
        "image_setup": ["apt-get update", "apt-get install --yes eighth-client"],
        "ci_setup": ["sudo apt-get install --yes eighth-client"],
    }
    for style in STYLES:
        row[style]["connect_args"]["keepalives_idle"] = "settings.DATABASE_EIGHTH_SECONDS"
        row[style]["connect_args"]["options"].append('f" -c eighth={settings.DATABASE_EIGHTH_SECONDS}s"')
        row[style]["on_import"] = ["import psycopg", "", "# One client for all.", 'psycopg.paramstyle = "pyformat"']
        row[style]["on_connect"] = [
            "cursor = record.dbapi_connection.cursor()",
            'cursor.execute(f"SET eighth = {settings.DATABASE_EIGHTH_SECONDS}")',
            "cursor.close()",
        ]
    return row


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the template with an eighth database: nothing but `cookiecutter.json` differs."""
    folder = tmp_path_factory.mktemp("eighth") / "template"
    for name in ("{{cookiecutter.project_slug}}", "hooks", "templates"):
        shutil.copytree(TEMPLATE / name, folder / name)
    context = copy.deepcopy(CONTEXT)
    context["database_backend"].append(NAME)
    context["__prompts__"]["database_backend"][NAME] = "Eighth DB | a row that nobody has seen"
    context["__backends"][NAME] = eighth_row()
    context["__settings"]["DATABASE_EIGHTH_SECONDS"] = {"type": "PositiveInt", "default": "8", "doc": "Eight seconds."}
    (folder / "cookiecutter.json").write_text(json.dumps(context, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("style", "framework"), list(product(STYLES, FRAMEWORKS)))
def test_a_new_row_renders_projects_that_pass_their_own_checks(
    tmp_path: Path, template: Path, style: str, framework: str
) -> None:
    """Linter, formatter and type checker have nothing to say about a database that was added as data."""
    answers = {"database_backend": NAME, "session_style": style, "web_framework": framework}
    project = render_from(template, tmp_path, answers)
    lint(project)
    assert "settings.DATABASE_EIGHTH_SECONDS" in (project / "packages/database/config.py").read_text(encoding="utf-8")
    assert "SET eighth" in (project / "packages/database/connections.py").read_text(encoding="utf-8")
    assert "XX000" in (project / "packages/database/transaction.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_new_row_names_no_other_database(tmp_path: Path, template: Path, provider: str) -> None:
    """Container files and pipelines are the new database's own, down to the packages that they install."""
    project = render_from(template, tmp_path, {"database_backend": NAME, "ci_provider": provider})
    texts = {path: path.read_text(encoding="utf-8") for path in project.rglob("*") if path.is_file()}
    for path, text in texts.items():
        assert not re.search(r"mssql|msodbcsql|oracle|mariadb|cockroach", text, re.IGNORECASE), path
    pipelines = [text for path, text in texts.items() if path.name in {"ci.yml", ".gitlab-ci.yml"}]
    assert len(pipelines) == (provider != "none")
    assert all("example.org/eighth:8" in text and "eighth-client" in text for text in pipelines)


def columns(row: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the columns of a row as the guide names them: both styles have the same."""
    for name, value in row.items():
        if isinstance(value, dict) and name not in FREE:
            yield from columns(value, f"{'style' if name in STYLES else name}.")
        else:
            yield prefix + name


def test_the_guide_explains_every_column() -> None:
    """The guide has one line for each column, nested ones included, and none for a column that is gone."""
    lines = re.findall(r"^\| `([\w.]+)` \| .+ \| .+ \| .+ \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(lines) == sorted(set(columns(BACKENDS["sqlite"])))
