"""The repository keeps the habits that a contributor expects, and its files for them are valid."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.template import TEMPLATE, run

GITHUB = TEMPLATE / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MAKEFILE = (TEMPLATE / "Makefile").read_text(encoding="utf-8")
HOOKS: list[dict[str, Any]] = [
    hook
    for source in yaml.safe_load((TEMPLATE / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    for hook in source["hooks"]
]
SCHEMAS = {
    "dependabot.yml": "vendor.dependabot",
    "ISSUE_TEMPLATE/bug.yml": "vendor.github-issue-forms",
    "ISSUE_TEMPLATE/idea.yml": "vendor.github-issue-forms",
    "ISSUE_TEMPLATE/config.yml": "vendor.github-issue-config",
    **{f"workflows/{path.name}": "vendor.github-workflows" for path in WORKFLOWS},
}


def recipe(target: str) -> str:
    """Return the commands of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
    assert found, f"the Makefile has no target {target}"
    return found[1]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_what_github_reads_is_valid(name: str) -> None:
    """Workflows, Dependabot's file and the issue forms follow their published schemas."""
    run("check-jsonschema", "--builtin-schema", SCHEMAS[name], GITHUB / name, cwd=TEMPLATE)


def test_no_file_for_github_is_left_unchecked() -> None:
    """Each YAML file of `.github` is in the table above."""
    assert {str(path.relative_to(GITHUB)) for path in GITHUB.rglob("*.yml")} == set(SCHEMAS)


def test_a_known_weakness_of_a_workflow_is_found(tmp_path: Path) -> None:
    """`zizmor`, which `make lint` runs for our workflows, fails for an action that is not pinned."""
    weak = tmp_path / "ci.yml"
    weak.write_text(re.sub("@[0-9a-f]{40}", "@main", WORKFLOWS[0].read_text(encoding="utf-8")), encoding="utf-8")
    refused = run("zizmor", "--quiet", "--offline", weak, cwd=tmp_path, check=False)
    assert refused.returncode
    assert "unpinned-uses" in refused.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_may_only_read(path: Path) -> None:
    """A workflow has no right, and each job has one: to read the repository."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    assert all(job["permissions"] == {"contents": "read"} for job in workflow["jobs"].values())


def test_an_action_is_one_commit_everywhere() -> None:
    """Each action is named by a commit, with its version beside it for Dependabot and for people."""
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w/-]+)(.*)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), f"{action}{pin}"
            pins.setdefault(action, set()).add(pin)
    assert {action: len(commits) for action, commits in pins.items()} == dict.fromkeys(pins, 1)


def test_make_says_what_it_can_do() -> None:
    """`make` alone lists each target with a sentence."""
    shown = run("make", cwd=TEMPLATE).stdout
    (phony,) = re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)
    assert re.findall(r"^make (\w+) +\S", shown, re.MULTILINE) == phony.split()


def test_a_commit_is_checked_as_the_pipeline_checks_it() -> None:
    """The hooks of `make hooks` call the programs of `make lint`, from the same environment."""
    linted = re.findall(r"^\t\$\(BIN\)/(\w+)(?: (check|format))?", recipe("lint"), re.MULTILINE)
    hooked = re.findall(r"^\.venv/bin/(\w+)(?: (check|format))?", "\n".join(h["entry"] for h in HOOKS), re.MULTILINE)
    assert sorted(hooked) == sorted(linted)
    assert {hook["language"] for hook in HOOKS} == {"system"}


def test_the_hooks_pass_on_the_last_commit(tmp_path: Path) -> None:
    """A contributor's first commit is not stopped by what was there before."""
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", TEMPLATE, clone, cwd=TEMPLATE)
    (clone / ".venv").symlink_to(sys.prefix)
    # The type check takes as long as all others, and `make lint` has just done it.
    env = {"PRE_COMMIT_HOME": str(tmp_path / "home"), "SKIP": "mypy"}
    shown = run("pre-commit", "run", "--all-files", cwd=clone, env=env).stdout
    assert shown.count("Passed") == len(HOOKS) - 1


def test_a_version_is_the_same_everywhere() -> None:
    """The newest section of the changelog that has a number is the version in `pyproject.toml`."""
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)[0] == project["version"]
    assert "CHANGELOG.md" in (TEMPLATE / "docs" / "releasing.md").read_text(encoding="utf-8")
