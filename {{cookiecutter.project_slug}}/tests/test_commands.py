{% import 'backends/' ~ cookiecutter.database_backend ~ '.jinja' as db with context %}
"""`python -m packages.database` explains itself, and ends with a sentence and a code."""

import json
import os
import subprocess
import sys

import click
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy.exc import IntegrityError, OperationalError

from packages.config import PROJECT_ROOT
from packages.database.commands.cli import main
from packages.database.commands.output import describe_failure
from packages.database.config import SQLALCHEMY_DATABASE_URL


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the test database, in a process of its own."""
    # Without the password, which SQLAlchemy does not encode in full.
    url = SQLALCHEMY_DATABASE_URL._replace(password=None)
    environment = {**os.environ, "DATABASE_URL": url.render_as_string()}
    if SQLALCHEMY_DATABASE_URL.password:
        environment["DATABASE_PASSWORD"] = str(SQLALCHEMY_DATABASE_URL.password)
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "packages.database", *arguments],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["", *sorted(main.commands)])
def test_each_command_explains_itself(name: str) -> None:
    """`--help` says what the command does, and each option has a text."""
    result = CliRunner().invoke(main, [*filter(None, [name]), "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
    if name:
        assert main.commands[name].help
        options = [each for each in main.commands[name].params if isinstance(each, click.Option)]
        assert all(option.help for option in options)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError("no such\nfile"), "no such file"),
        (OperationalError(None, None, OSError()), "DATABASE_URL: no answer in time; check it"),
        (
            IntegrityError("INSERT", {"name": "s3cret"}, OSError("not unique")),
            "the database refused a statement: not unique",
        ),
    ],
)
def test_failure_is_one_line_without_values(error: Exception, sentence: str) -> None:
    """Whatever fails, a person reads one sentence, and no value of a statement."""
    assert describe_failure(error).startswith(sentence)
    assert "s3cret" not in describe_failure(error)


@pytest.mark.usefixtures("schema")
def test_wait_returns_when_the_database_answers() -> None:
    """The command ends at once when the database answers."""
    result = run_command("wait", "--timeout", "0")
    assert result.returncode == 0, result.stderr


@pytest.mark.usefixtures("schema")
def test_doctor_finds_the_database_in_order() -> None:
{% if db.connection_limit %}
    """The engine's options are in effect; too many connections are an error with a fix."""
    result = run_command("doctor", "--workers", "100000")
    assert result.returncode == 1, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    [error] = [line for line in lines if line.startswith("error ")]
    assert "connections: up to 2 x " in error
    assert "lower DATABASE_POOL_SIZE" in error
{% else %}
    """The engine's options are in effect; each check is a line."""
    result = run_command("doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
{% endif %}
    assert lines[-1].startswith("ok ")
    assert lines[-1].endswith("at head")


@pytest.mark.usefixtures("{{ "migrated" if cookiecutter.session_style == "async" else "schema" }}")
@pytest.mark.parametrize(("level", "named"), [("INFO", True), ("WARNING", False)])
def test_upgrade_builds_the_schema(
    alembic_config: Config, monkeypatch: pytest.MonkeyPatch, level: str, *, named: bool
) -> None:
    """From an empty database, one command runs all migrations; from INFO on, it names each."""
    monkeypatch.setenv("LOG_LEVEL", level)
    command.downgrade(alembic_config, "base")
    try:
        result = run_command("upgrade")
    finally:
        command.upgrade(alembic_config, "head")
    assert result.returncode == 0, result.stderr
    any_revision = bool(ScriptDirectory.from_config(alembic_config).get_heads())
    assert ("Running upgrade" in result.stderr) is (named and any_revision)


@pytest.mark.usefixtures("schema")
def test_upgrade_finds_nothing_to_do() -> None:
    """A database at the newest revision is left alone, and the JSON says so."""
    result = run_command("upgrade", "--json")
    assert result.returncode == 0, result.stderr
    assert "nothing to do" in json.loads(result.stdout)["message"]
