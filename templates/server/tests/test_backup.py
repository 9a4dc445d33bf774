"""`backup` and `restore` name the commands of {{ db.name }}'s own tools."""

import json

import pytest
from click.testing import CliRunner

from packages.database.commands.backup import ADVICE
from packages.database.commands.cli import main


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_command_of_the_tool_is_printed(name: str) -> None:
    """It is printed as text or JSON, and the exit code says that nothing is done yet."""
    people = CliRunner().invoke(main, [name, "a file"])
    machines = CliRunner().invoke(main, [name, "--json", "a file"])
    assert (people.exit_code, machines.exit_code) == (1, 1)
    assert "a file" in people.stdout
    assert json.loads(machines.stdout) == {"command": people.stdout.rstrip("\n")}
    assert people.stderr.endswith(f"run the command above; {ADVICE}\n")
