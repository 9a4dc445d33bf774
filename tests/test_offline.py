"""What can be proven of a rendered project without a server: for some databases, this is the proof."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live.cells import parameters
from tests.servers import free_port
from tests.template import BACKENDS, CELLS, TEMPLATE, Project, argument_names, install, render

PYTHON = "3.12"
SCRIPTS = TEMPLATE / "tests" / "scripts"
PASSWORD = "canary @:/%#?+"  # noqa: S105 - what must not be shown
# Prints the connection string that the driver gets.
ODBC = """
from types import SimpleNamespace
from packages.database import config, connections
arguments, keywords = config.engine.dialect.create_connect_args(config.SQLALCHEMY_DATABASE_URL)
dialect = SimpleNamespace(connect=lambda *given, **named: [*given, named.get("dsn", "")])
print(*connections._connect(dialect, arguments, {**keywords, **config.connect_args()}))
"""
TABLES = {"my_table", "users", "jobs"}
# For those that run on no server here, it is the only proof.
OFFLINE = [cell for cell in CELLS if BACKENDS[cell[0]]["proof"] == "offline"]
ON_SERVERS = [cell for cell in CELLS if cell not in OFFLINE]


def check_arguments(report: dict[str, Any], row: dict[str, Any], style: str) -> None:
    """Every argument among the facts reaches the driver, which knows it and would refuse a made-up one."""
    assert report["drivername"] == row[style]["drivername"]
    service, migrations = report["arguments"]
    assert argument_names(row[style]["connect_args"]) <= set(service)
    assert argument_names(row[style]["migration_connect_args"]) <= set(migrations)
    assert report["unknown"] == [None, None]
    assert all("no_such_keyword" in str(refusal) for refusal in report["made up"]), report["made up"]


def check_connections(report: dict[str, Any], row: dict[str, Any], style: str) -> None:
    """What is set on a new connection exists there, and a server that is down is waited for."""
    assert (report["limits"] is not None) == bool(row[style]["on_connect"])
    if report["limits"]:
        assert any(int(seconds) > 0 for seconds in report["limits"]["attributes"].values())
    assert report["worth a wait"] is (True if row["server"] else None)


def check_schema(project: Project, report: dict[str, Any]) -> None:
    """Models and migration give statements of the dialect, with names that are not too long for it.

    `Mapped[str]` alone holds any script, also where a plain VARCHAR has the characters of one code page.
    """
    assert report["plain text"] == "Unicode"
    assert set(report["ddl"]) >= TABLES
    assert all(statement.strip().startswith("CREATE ") for statement in report["ddl"].values())
    assert report["too long"] == []
    assert report["longest name"] < 10_000
    sql = project.run("alembic", "upgrade", "head", "--sql").stdout
    for table in TABLES:
        assert f"CREATE TABLE {table} (" in sql
    assert "CREATE INDEX ix_jobs_owner_id" in sql
    # Nobody gives a script values for its variables, or reads what it returns.
    assert "RETURNING" not in sql
    assert "OUTPUT inserted" not in sql


def check_retries(report: dict[str, Any], row: dict[str, Any]) -> None:
    """Each code among the facts is read from the driver's own error, and another code is not one of them."""
    assert set(report["retried"]) == set(map(str, row["retry_codes"]))
    assert set(report["retried"].values()) == {True}
    assert report["broken constraint retried"] is False


def check_secrecy(project: Project, drivername: str) -> None:
    """Settings, engine, log and the error of a connection hide the password, with the variables of all frames.

    But for ODBC: its connection string holds the password, and SQLAlchemy holds that string in a variable.
    """
    what = ["without-variables"] if "odbc" in drivername else []
    text = project.run("python", SCRIPTS / "show_everything.py", *what).stdout
    assert "Traceback" in text
    assert "canary" not in text


def check_odbc(project: Project) -> None:
    """What the settings say stands in front of what the URL says, since ODBC uses the first value of a keyword."""
    url = f"{project.env['DATABASE_URL']}&encrypt=no&TrustServerCertificate=yes"
    environment = {**project.env, "DATABASE_URL": url, "DATABASE_TLS": "verify-full"}
    text = Project(project.folder, environment).run("python", "-c", ODBC).stdout.casefold()
    assert 0 <= text.index("encrypt=yes") < text.index("encrypt=no")
    assert 0 <= text.index("trustservercertificate=no") < text.index("trustservercertificate=yes")


@pytest.mark.parametrize(("backend", "style"), [*OFFLINE, *parameters(ON_SERVERS, apart=True)])
def test_what_needs_no_server_is_proven(tmp_path: Path, backend: str, style: str) -> None:
    """Installed from its own files, without a warning: arguments, limits, statements, migration and retries hold."""
    row = BACKENDS[backend]
    environment = {"PYTHONWARNINGS": "error", "DATABASE_CONNECT_TIMEOUT_SECONDS": "1"}
    folder = render(tmp_path, database_backend=backend, session_style=style, web_framework="none")
    project = install(folder, PYTHON, env=environment)
    if row["server"]:
        # Nobody listens there; some drivers look for a password before they find out.
        location = row["location"].replace(f"localhost:{row['port']}", f"127.0.0.1:{free_port()}")
        url = f"{row[style]['drivername']}://{location.replace('{SERVICE}', folder.name)}"
        environment |= {"DATABASE_URL": url, "DATABASE_PASSWORD": PASSWORD}
    outcome = project.run("python", SCRIPTS / "offline_proof.py", check=False)
    if "libodbc.so.2" in outcome.stderr:
        pytest.skip("pyodbc needs the driver manager: install the package unixodbc.")
    assert outcome.returncode == 0, outcome.stderr
    report = json.loads(outcome.stdout)
    check_arguments(report, row, style)
    check_connections(report, row, style)
    check_schema(project, report)
    check_retries(report, row)
    Project(folder, {}).run("pytest", "tests/test_settings.py")
    if "odbc" in row[style]["drivername"]:
        check_odbc(project)
    if row["server"]:
        check_secrecy(project, row[style]["drivername"])
