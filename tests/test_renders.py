"""Every render reads as if written by hand: complete, formatted, linted, typed, and without a trace of the template."""

import ast
import re
import tomllib
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.template import BACKENDS, FRAMEWORKS, LICENSES, STYLES, TEMPLATE, lint, render, run

Render = Callable[..., Path]

COMBINATIONS = [
    dict(zip(("database_backend", "session_style", "web_framework"), words, strict=True))
    for words in product(BACKENDS, STYLES, FRAMEWORKS)
]
WITH_SERVERS = [answers for answers in COMBINATIONS if BACKENDS[answers["database_backend"]]["server"]]
WITH_FILES = [answers for answers in COMBINATIONS if answers not in WITH_SERVERS]
ALWAYS = {
    ".devcontainer/devcontainer.json",
    ".dockerignore",
    ".env.example",
    ".gitignore",
    ".pre-commit-config.yaml",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "alembic.ini",
    "compose.yaml",
    "migrations/env.py",
    "migrations/script.py.mako",
    "migrations/versions/0001_create_my_table_users_and_jobs.py",
    "packages/__init__.py",
    "packages/config/__init__.py",
    "packages/config/database_url.py",
    "packages/config/logging.py",
    "packages/config/service_settings.py",
    "packages/config/settings.py",
    "packages/config/spelling.py",
    "packages/database/__init__.py",
    "packages/database/autogenerate.py",
    "packages/database/bulk.py",
    "packages/database/__main__.py",
    "packages/database/commands/__init__.py",
    "packages/database/commands/backup.py",
    "packages/database/commands/cli.py",
    "packages/database/commands/copy.py",
    "packages/database/commands/doctor.py",
    "packages/database/commands/migration_lock.py",
    "packages/database/commands/output.py",
    "packages/database/commands/running.py",
    "packages/database/commands/seed.py",
    "packages/database/commands/upgrade.py",
    "packages/database/commands/wait.py",
    "packages/database/copying/__init__.py",
    "packages/database/copying/checks.py",
    "packages/database/copying/limits.py",
    "packages/database/copying/tables.py",
    "packages/database/copying/target.py",
    "packages/database/copying/uniques.py",
    "packages/database/config.py",
    "packages/database/connections.py",
    "packages/database/job_data_model.py",
    "packages/database/models.py",
    "packages/database/revisions.py",
    "packages/database/slow_queries.py",
    "packages/database/transaction.py",
    "packages/database/types.py",
    "packages/database/user_data_model.py",
    "packages/modules.py",
    "pyproject.toml",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/databases.py",
    "tests/example_rows.py",
    "tests/rows.py",
    "tests/test_backup.py",
    "tests/test_commands.py",
    "tests/test_copy.py",
    "tests/test_config.py",
    "tests/test_connections.py",
    "tests/test_fixtures.py",
    "tests/test_logging.py",
    "tests/test_migrations.py",
    "tests/test_models.py",
    "tests/test_seed.py",
    "tests/test_settings.py",
    "tests/test_transaction.py",
}
WITH_GITHUB = {".github/dependabot.yml", ".github/workflows/ci.yml", ".github/workflows/template.yml"}
WITH_FASTAPI = {
    "packages/api/__init__.py",
    "packages/api/admission.py",
    "packages/api/app.py",
    "packages/api/dependencies.py",
    "packages/api/errors.py",
    "packages/api/health.py",
    "packages/api/openapi.py",
    "packages/api/routes/__init__.py",
    "packages/api/routes/jobs.py",
    "packages/api/routes/users.py",
    "packages/api/schemas.py",
    "packages/api/sessions.py",
    "tests/test_admission.py",
    "tests/test_api.py",
    "tests/test_errors.py",
    "tests/test_health.py",
    "tests/test_sessions.py",
}
WITH_SYNC_FASTAPI = {"packages/api/routing.py"}
WITH_SERVER = {
    "packages/database/liveness.py",
    "packages/database/tls.py",
}
WITH_FILE = {"packages/database/batch.py", "tests/test_batch.py"}
WITH_BOTH = {"packages/api/read_again.py", "tests/test_read_again.py"}
# With a fact of the database.
WITH_FACT = {
    "login_refused": {"packages/database/credentials.py", "tests/test_credentials.py"},
    "connection_limit": {"packages/database/capacity.py"},
    "pooler_error": {"packages/database/pooler.py"},
    "bounded_connection": {"packages/database/bounded_connection.py"},
    "selector_loop": {"packages/database/event_loop.py"},
    "grants": {"grants.sql"},
    "squawk": {".squawk.toml", "migrations/write_sql.py"},
}
RESIDUE = re.compile(r"\{%|%\}|\{#|cookiecutter")
# `${{ … }}` is the syntax of GitHub's workflows, `{{` and `}}` stand in no other file.
BRACES = re.compile(r"(?<!\$)\{\{")


def files(project: Path) -> set[str]:
    """Return the files of a project."""
    return {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}


def name_of(answers: dict[str, str]) -> str:
    """Return the name of a combination in the report."""
    return "-".join(answers.values())


@pytest.fixture(scope="module", params=COMBINATIONS, ids=name_of)
def answers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give one choice of database, style and framework after the other."""
    return dict(request.param)


@pytest.fixture(scope="module")
def project(answers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render what was chosen, once for all tests that only look at it."""
    return render(tmp_path_factory.mktemp("render"), **answers)


def test_render_has_what_was_chosen_and_no_more(project: Path, answers: dict[str, str]) -> None:
    """All files of the choice are there, none of another, and no folder is empty but Python's own caches."""
    row = BACKENDS[answers["database_backend"]]
    expected = ALWAYS | WITH_GITHUB
    if answers["web_framework"] == "fastapi":
        expected |= WITH_FASTAPI
    if answers["web_framework"] == "fastapi" and answers["session_style"] == "sync":
        expected |= WITH_SYNC_FASTAPI
    if row["server"]:
        expected |= WITH_SERVER
    else:
        expected |= WITH_FILE
    if row["server"] and answers["web_framework"] == "fastapi":
        expected |= WITH_BOTH
    for fact, names in WITH_FACT.items():
        if row[answers["session_style"]][fact]:
            expected |= names
    assert files(project) == expected
    empty = [path.name for path in project.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert set(empty) <= {"__pycache__"}


def test_render_shows_no_trace_of_the_template(project: Path, answers: dict[str, str]) -> None:
    """No tag is left over, no other backend's driver is named, and every file ends with one line break."""
    own = BACKENDS[answers["database_backend"]]
    foreign = {name for row in BACKENDS.values() for name in row["imports"]} - set(own["imports"])
    for path in (project / name for name in files(project)):
        text = path.read_text(encoding="utf-8")
        assert not RESIDUE.search(text), path
        assert not BRACES.search(text) or path.suffix == ".py", path
        assert not text or re.search(r"[^\n]\n\Z", text), path
        if path.suffix == ".py":
            names = {
                alias.name.partition(".")[0]
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            names |= {
                (node.module or "").partition(".")[0]
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.ImportFrom)
            }
            # A copy keeps what it has seen in a file of SQLite's, whatever the two databases are.
            assert not names & foreign or (path.name, names & foreign) == ("uniques.py", {"sqlite3"}), path


def test_render_passes_its_own_checks(project: Path) -> None:
    """The project's own linter, formatter and type checker have nothing to say."""
    lint(project)


@pytest.mark.parametrize("license_", LICENSES)
def test_licence_is_that_chosen(tmp_path: Path, license_: str) -> None:
    """LICENSE is the chosen text, with the author's name, and the metadata name it."""
    project = render(tmp_path, license=license_, author_name="Ada")
    text = (TEMPLATE / "templates/licenses" / license_).read_text(encoding="utf-8")
    assert (project / "LICENSE").read_text(encoding="utf-8") == text.replace("{{ cookiecutter.author_name }}", "Ada")
    declared = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
    assert declared == {"Proprietary": "LicenseRef-Proprietary"}.get(license_, license_)


@pytest.mark.parametrize("answers", WITH_FILES, ids=name_of, indirect=True)
def test_a_file_in_a_container_is_in_a_volume(project: Path) -> None:
    """The image names a file in a folder that its user owns, and Compose mounts a volume there for each container."""
    image = (project / "Dockerfile").read_text(encoding="utf-8")
    (folder,) = re.findall(r"^ENV DATABASE_URL=[\w+]+:///(/.+)/my_service\.db$", image, re.MULTILINE)
    assert f"install --directory --owner=app {folder}\n" in image
    compose = yaml.safe_load((project / "compose.yaml").read_text(encoding="utf-8"))
    assert {tuple(service["volumes"]) for service in compose["services"].values()} == {(f"database:{folder}",)}
    assert "database" in compose["volumes"]


@pytest.mark.parametrize("answers", WITH_SERVERS, ids=name_of, indirect=True)
def test_container_files_keep_no_password(project: Path, answers: dict[str, str]) -> None:
    """Compose starts the backend with a health check, takes the password from the environment, and is valid YAML."""
    compose = yaml.safe_load((project / "compose.yaml").read_text(encoding="utf-8"))
    database = compose["services"]["database"]
    assert database["image"] == BACKENDS[answers["database_backend"]]["image"]
    assert database["healthcheck"]["test"]
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{COMPOSE_\w+_PORT:-(\d+)\}:\1", port) for port in ports), ports
    assert compose["secrets"]["database_password"] == {"environment": "DATABASE_PASSWORD"}
    example = (project / ".env.example").read_text(encoding="utf-8")
    assert re.search(r"^# DATABASE_PASSWORD=''$", example, re.MULTILINE)


def test_git_and_a_build_leave_out_what_is_secret(tmp_path: Path) -> None:
    """Git ignores files with passwords or rows, and so a built package leaves them out."""
    project = render(tmp_path)
    run("git", "init", "--quiet", cwd=project)
    secret = [
        ".env",
        ".env.local",
        ".env.production",
        "secrets/DATABASE_PASSWORD",
        "my_service.db",
        "my_service.db-journal",
    ]
    ignored = run("git", "check-ignore", ".env.example", *secret, cwd=project).stdout.split()
    assert ignored == secret


def test_renders_are_repeatable(tmp_path: Path) -> None:
    """The same answers give the same bytes, so that a difference between two renders is a change of the template."""
    first, second = (render(tmp_path / name) for name in ("first", "second"))
    assert files(first) == files(second)
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files(first))
