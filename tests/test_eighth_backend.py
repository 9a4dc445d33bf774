"""A database is added as one file: facts that nobody has seen give projects that pass their own checks."""

import copy
import json
import re
import shutil
from itertools import product
from pathlib import Path

import pytest

from tests.template import CONTEXT, FRAMEWORKS, PROVIDERS, STYLES, TEMPLATE, lint, render_from

NAME = "eighthdb"
# PostgreSQL's protocol, and so PostgreSQL's own facts for these.
SAME = """
imports drivername requirements migration_connect_args tls_off tls_require tls_verify_full policy type_imports
json_document error_code full_error connect_retry read_only_error lock_kind lock_functions lock_constants backup_manual
backup_import backup_constants backup_functions create_database maintenance_database container_environment
container_volume healthcheck ci_environment
"""
# Something in every fact that PostgreSQL leaves at its default.
FACTS = r"""
{% extends 'backends/base.jinja' %}
{% import 'backends/postgresql.jinja' as postgresql with context %}

{% set name = "Eighth DB" %}
{% set proof = "offline" %}
{% set spellings = ["postgresql", "eighthdb"] %}
{% set location = "app@localhost:5433/{SERVICE}" %}
{% set multi_host = true %}
{% set untyped = ["eighth_driver"] %}
{% set connect_args %}
{{ postgresql.connect_args }}
"keepalives_idle": settings.DATABASE_EIGHTH_SECONDS,
{%- endset %}
{% set driver_import = "psycopg" %}
{% set driver_setup %}
# One client for all.
psycopg.paramstyle = "pyformat"
{%- endset %}
{% set on_connect %}
cursor = record.dbapi_connection.cursor()
cursor.execute(f"SET eighth = {settings.DATABASE_EIGHTH_SECONDS}")
cursor.close()
{%- endset %}
{% set on_reset %}
if record.driver_connection.info.transaction_status:
    connection.rollback()
{%- endset %}
{% set ping %}
record.info["eighth"] = dialect.do_ping(connection)
{%- endset %}
{% set read_connect_args %}
"application_name": "eighth",
{%- endset %}
{% set settings = postgresql.settings + ["DATABASE_EIGHTH_SECONDS"] %}
{% set table_options = {"postgresql_using": "heap"} %}
{% set refuse_writes = "SET eighth_writes = off" %}
{% set write_refused = '"25006"' %}
{% set misreported %}
IntegrityError: {"23514"},
{%- endset %}
{% set snapshot_isolation = "SERIALIZABLE" %}
{% set retry_codes = ["40001", "XX000"] %}
{% set connection_limit = ["SHOW eighth_connections"] %}
{% set tls_query = ["SHOW eighth_tls"] %}
{% set replica_lag = ["SHOW eighth_lag"] %}
{% set lag_column = "seconds" %}
{% set test_namespace = "database" %}
{% set image = "example.org/eighth:8" %}
{% set command = "start --single" %}
{% set port = "5433" %}
{% set grants = "ALTER ROLE app CREATEDB;" %}
{% set image_setup = ["apt-get update", "apt-get install --yes eighth-client"] %}
{% set ci_setup = ["sudo apt-get install --yes eighth-client"] %}
{% set ci_user = "app" %}
{% set ci_location = "eighth_test" %}
"""
# Each style and each framework; `make slow` has the two other pairs.
SOME = [
    pytest.param(*pair, marks=[] if pair in zip(STYLES, FRAMEWORKS, strict=True) else pytest.mark.slow)
    for pair in product(STYLES, FRAMEWORKS)
]
SETTING = '    "DATABASE_EIGHTH_SECONDS": ("PositiveInt", "8", "Eight seconds."),\n'


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the template with an eighth database: a file, its name with a label, its setting."""
    folder = tmp_path_factory.mktemp("eighth") / "template"
    same = "".join(f"{{% set {name} = postgresql.{name} %}}\n" for name in SAME.split())
    for name in ("{{cookiecutter.project_slug}}", "hooks", "templates"):
        shutil.copytree(TEMPLATE / name, folder / name)
    (folder / "templates" / "backends" / f"{NAME}.jinja").write_text(FACTS.lstrip() + same, encoding="utf-8")
    for path, old, new in (
        (folder / "templates" / "settings.jinja", "of_a_backend = {\n", f"of_a_backend = {{\n{SETTING}"),
        (folder / "hooks" / "pre_gen_project.py", "DRIVERS = {\n", f'DRIVERS = {{\n    "{NAME}": {{"psycopg"}},\n'),
    ):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    context = copy.deepcopy(CONTEXT)
    context["database_backend"].append(NAME)
    context["__prompts__"]["database_backend"][NAME] = "Eighth DB | a file that nobody has seen"
    (folder / "cookiecutter.json").write_text(json.dumps(context, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("style", "framework"), SOME)
def test_new_facts_render_projects_that_pass_their_own_checks(
    tmp_path: Path, template: Path, style: str, framework: str
) -> None:
    """Linter, formatter and type checker have nothing to say about a database that was added as a file."""
    answers = {"database_backend": NAME, "session_style": style, "web_framework": framework}
    project = render_from(template, tmp_path, answers)
    lint(project)
    assert "settings.DATABASE_EIGHTH_SECONDS" in (project / "packages/database/config.py").read_text(encoding="utf-8")
    assert "SET eighth" in (project / "packages/database/connections.py").read_text(encoding="utf-8")
    assert "XX000" in (project / "packages/database/transaction.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_new_facts_name_no_other_database(tmp_path: Path, template: Path, provider: str) -> None:
    """Container files and pipelines are the new database's own, down to the packages that they install."""
    project = render_from(template, tmp_path, {"database_backend": NAME, "ci_provider": provider})
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in project.rglob("*")
        # Rows are copied to any database.
        if path.is_file() and path.parent.name != "copying" and path.name not in {"copy.py", "test_copy.py"}
    }
    for path, text in texts.items():
        assert not re.search(r"mssql|msodbcsql|oracle|mariadb|cockroach", text, re.IGNORECASE), path
    pipelines = [text for path, text in texts.items() if path.name in {"ci.yml", ".gitlab-ci.yml"}]
    assert len(pipelines) == (provider != "none")
    assert all("example.org/eighth:8" in text and "eighth-client" in text for text in pipelines)
