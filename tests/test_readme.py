"""The README is the front door: each of its commands works."""

import re
from pathlib import Path

import pytest

from tests.template import CONTEXT, TEMPLATE, run

README = (TEMPLATE / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


def test_the_commands_are_those_that_are_run_here() -> None:
    """A command added to the README is run by a test: this one fails until it is."""
    assert COMMANDS == ["make demo", "make test", ".venv/bin/cookiecutter . --output-dir demo"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh clone of the last commit, without an environment."""
    folder = tmp_path_factory.mktemp("clone") / "template"
    run("git", "clone", "--quiet", TEMPLATE, folder, cwd=TEMPLATE)
    return folder


def test_the_first_command_shows_a_service_that_answers(clone: Path) -> None:
    """From a fresh clone, `make demo` renders, installs, migrates and shows the answer to a real request."""
    shown = run("make", "demo", cwd=clone).stdout
    assert '"email":"ada@example.com"' in shown
    assert '"status":"ready"' in shown
    assert (clone / "demo" / "my_service" / "my_service.db").exists()
    # The questions are asked at a prompt, and Enter is a good answer to each.
    asked = run("sh", "-c", f"yes '' | {COMMANDS[2]}-again", cwd=clone).stdout
    assert "Database" in asked
    assert (clone / "demo-again" / "my_service" / "packages").is_dir()


def test_the_second_command_is_what_ci_runs() -> None:
    """`.ci/run` calls `make test`, and that calls the linter, the type checker and all tests."""
    assert (TEMPLATE / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == "make test"
    planned = run("make", "--dry-run", "test", cwd=TEMPLATE).stdout
    assert all(program in planned for program in ("ruff check", "ruff format --check", "mypy", "pytest"))


def test_every_question_is_explained() -> None:
    """Each question and each of its choices is in the README."""
    for question, choices in CONTEXT.items():
        if not question.startswith("_"):
            assert f"`{question}`" in README
            assert all(f"`{choice}`" in README for choice in choices if isinstance(choices, list))
