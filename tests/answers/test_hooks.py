"""The hooks as programs, and the data they read."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooks import pre_gen_project as hook  # its Jinja is inside a string, so it can be imported as it stands
from tests.answers.baking import DEFAULTS, SENTENCE, bake
from tests.template import BACKENDS as FACTS
from tests.template import CONTEXT, TEMPLATE

POST = TEMPLATE / "hooks" / "post_gen_project.py"
BACKENDS: list[str] = CONTEXT["database_backend"]
RESERVED = set(hook.reserved_names())


def faults(**answers: object) -> list[str]:
    """Ask the hook in this process, which takes microseconds."""
    known = {**CONTEXT, **DEFAULTS, "database_backend": BACKENDS[0], **answers}
    return list(hook.find_faults(known))


@pytest.mark.parametrize(("version", "refused"), [("1.7.3", True), ("2.1.1", True), ("2.2.3", False), ("3.0b1", False)])
def test_an_old_cookiecutter_is_refused_in_one_sentence(version: str, *, refused: bool) -> None:
    """A Cookiecutter that would end in a traceback about `layout.jinja` is told apart by its version."""
    fault = hook.version_fault(version)
    assert bool(fault) == refused
    assert not fault or SENTENCE.fullmatch(fault)


def test_the_hook_sees_the_cookiecutter_that_runs_it() -> None:
    """The version is that of the installed program."""
    assert hook.cookiecutter_version() == metadata.version("cookiecutter")


@pytest.mark.parametrize(
    ("folder", "version"),
    [
        ("cookiecutter-2.1.1.dist-info", "2.1.1"),
        ("cookiecutter-1.7.3-py3.11.egg-info", "1.7.3"),
        ("cookiecutter-django-3.0.egg-info", "2.7"),
        ("nothing", "2.7"),
    ],
)
def test_the_version_is_read_as_each_installer_writes_it(
    folder: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old Cookiecutter of a Linux distribution is refused, and a program without one renders."""
    (tmp_path / folder).mkdir()
    monkeypatch.setattr(sys, "path", ["", str(tmp_path / "missing.zip"), str(tmp_path)])
    monkeypatch.chdir(tmp_path.parent)
    assert hook.cookiecutter_version() == version


def test_the_defaults_have_no_fault() -> None:
    """The questions can all be answered with Enter."""
    assert faults() == []


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(DEFAULTS, st.text() | st.none() | st.booleans())))
@settings(max_examples=2000)
def test_each_fault_is_one_sentence(answers: dict[str, object]) -> None:
    """Each fault is one printable line, that names a question of the user's and ends with the fix."""
    for fault in faults(**answers):
        match = SENTENCE.fullmatch(fault)
        assert match, fault
        assert match["question"] in answers
        assert fault.isprintable()


@given(st.text() | st.sampled_from(sorted(sys.stdlib_module_names | RESERVED)))
@settings(max_examples=2000)
def test_the_suggested_slug_is_accepted(slug: str) -> None:
    """A user who follows the sentence is done: the slug it proposes is valid."""
    for fault in faults(project_slug=slug):
        assert faults(project_slug=fault.rpartition("project_slug=")[2].removesuffix(".")) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_slug_shadows_what_the_project_uses(backend: str, output: Path) -> None:
    """What the rendered project imports, requires or has as a folder cannot be its slug."""
    project = bake({"database_backend": backend}, output).project
    assert project
    names = {path.name for path in project.iterdir() if path.is_dir()}
    for path in project.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [metadata["project"]["dependencies"], *metadata["project"]["optional-dependencies"].values()]
    names |= {re.split(r"[^\w.-]", item)[0] for group in groups for item in group if isinstance(item, str)}
    accepted = {name for name in names if not faults(project_slug=re.sub("[-.]+", "_", name.lower()))}
    assert accepted == set()


def test_the_hook_knows_every_database() -> None:
    """The hook, which can read no other file, names each database with the drivers that its facts name."""
    assert {backend: sorted(drivers) for backend, drivers in hook.DRIVERS.items()} == {
        backend: sorted(facts["imports"]) for backend, facts in FACTS.items()
    }


def test_the_limit_of_the_slug_is_one_number() -> None:
    """The default slug is cut, and a folder's name is guarded, at the length that the hook allows."""
    limits = re.findall(r"max_length=(\d+)|length > (\d+)", json.dumps(CONTEXT))
    assert [int(one or other) for one, other in limits] == [hook.LONGEST_SLUG] * 2


@pytest.mark.parametrize("question", [key for key, value in CONTEXT.items() if isinstance(value, list)])
def test_every_choice_has_an_aligned_label(question: str) -> None:
    """Each choice is explained in one line, and the lines of a question are aligned."""
    labels = dict(CONTEXT["__prompts__"][question])
    assert labels.pop("__prompt__")
    assert list(labels) == CONTEXT[question]
    assert len({label.index("|") for label in labels.values()}) == 1
    assert all("[" not in label and len(label) < 70 for label in labels.values()), "[ is markup at the prompt"


@pytest.mark.parametrize("framework", CONTEXT["web_framework"])
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_next_commands_fit_the_project(
    backend: str, framework: str, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The commands printed at the end go into the folder, and are those with which the README of the service begins.

    They are in the same order, so the one that does not end is the last.
    """
    project = bake({"database_backend": backend, "web_framework": framework}, output).project
    assert project
    printed = capfd.readouterr().out.splitlines()
    assert "    cd my_service" in printed
    start = (project / "README.md").read_text(encoding="utf-8").partition("```sh\n")[2].partition("```")[0]
    assert printed[-start.count("\n") :] == [f"    {line}" for line in start.splitlines()]


def test_the_last_hook_changes_nothing(output: Path) -> None:
    """The hook may run again on every update: it says the same, and touches no file."""
    project = bake({}, output).project
    assert project
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
    said = [subprocess.run([sys.executable, POST], cwd=project, check=True, capture_output=True).stdout for _ in "12"]
    assert said[0] == said[1] != b""
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_or_closed_output_does_not_cost_the_project(output: Path) -> None:
    """When the last words cannot be printed the hook still ends well, so Cookiecutter keeps the project."""
    with Path("/dev/full").open("wb") as full:
        assert subprocess.run([sys.executable, POST], cwd=output, check=False, stdout=full).returncode == 0
    closed = f'exec "{sys.executable}" "{POST}" >&-'
    assert subprocess.run(["sh", "-c", closed], cwd=output, check=False).returncode == 0
    done = subprocess.run(
        [sys.executable, POST], cwd=output, check=False, env={"PYTHONIOENCODING": "ascii", "PATH": ""}
    )
    assert done.returncode == 0
