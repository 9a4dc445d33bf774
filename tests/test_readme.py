"""The README is the first page that people read: each of its commands works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.template import CONTEXT, TEMPLATE, cache_of_types, run

README = (TEMPLATE / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


def sh(command: str, clone: Path, *, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    """Type a command in the clone, unchanged, and press Enter at each question."""
    return run("sh", "-c", f"yes '' | {command}", cwd=clone, env=env, check=check)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a fresh clone of the last commit, without an environment."""
    folder = tmp_path / "template"
    run("git", "clone", "--quiet", TEMPLATE, folder, cwd=TEMPLATE)
    return folder


def refuse_old_python(clone: Path) -> None:
    """See an old Python refused before anything is made, and leave what it made with an earlier Makefile."""
    old = clone.parent / "python3.10"
    old.write_text(f"""#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 13); $2"\n""")
    old.chmod(0o755)
    refused = sh(f"make demo PYTHON={old}", clone, check=False)
    assert refused.returncode
    assert refused.stderr.splitlines()[0] == (
        f"PYTHON: '{old}' is not Python 3.11 or newer; give one, such as: make demo PYTHON=python3.12"
    )
    assert not (clone / ".venv").exists()
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(old)


def test_every_command_works_in_order_and_removes_nothing(clone: Path) -> None:
    """From a fresh clone, each command of the README does what is said of it, unchanged and one after the other.

    That an older Python was tried before is not in the way. `make demo` and `make clean` leave services alone, beside
    the template or inside it. It is one test, since an environment takes half a minute to install.
    """
    demo, test, render = COMMANDS
    kept = [clone.parent / "own" / "note", clone / "demo" / "my_service" / "note", clone / "my_service" / "note"]
    for note in kept:
        note.parent.mkdir(parents=True)
        note.touch()
    refuse_old_python(clone)
    shown = sh(demo, clone).stdout
    assert '"email":"ada@example.com"' in shown
    assert '"status":"ready"' in shown
    assert (clone / ".demo" / "my_service" / "my_service.db").exists()
    # All that the command runs, except that the tests, of which this is one, are found and not run.
    types = str(cache_of_types(clone.parent / "types"))
    found = sh(test, clone, PYTEST_ADDOPTS="--collect-only --quiet", MYPY_CACHE_DIR=types)
    assert "tests/test_readme.py" in found.stdout
    # The questions are asked at a prompt, and Enter is a good answer to each.
    assert "Database" in sh(render, clone).stdout
    assert (clone.parent / "my_service" / "packages").is_dir()
    sh("make clean", clone)
    assert [note.exists() for note in kept] == [True] * 3
    assert not (clone / ".venv").exists()
    assert not (clone / ".demo").exists()


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
