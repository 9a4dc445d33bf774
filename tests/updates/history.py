"""The versions of the template, and a clone for Cruft whose last commit is the working tree."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.template import TEMPLATE, run

# A commit of a test is nobody's, and a clone may belong to another user than the one who runs the tests.
GIT = {
    "GIT_AUTHOR_NAME": "A Team",
    "GIT_AUTHOR_EMAIL": "team@example.com",
    "GIT_COMMITTER_NAME": "A Team",
    "GIT_COMMITTER_EMAIL": "team@example.com",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}
HEADING = re.compile(r"^## (?P<version>\d+\.\d+\.\d+) \(commit (?P<commit>[0-9a-f]{7,40})\)$", re.MULTILINE)
UPDATE = "uvx cruft update\n"
SHELL = re.compile(r"^```sh\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)


def git(*arguments: str | Path, cwd: Path) -> str:
    """Run Git as a team that has a name; return what it prints.

    Raises:
        AssertionError: Git failed.
    """
    return run("git", *arguments, cwd=cwd, env=GIT).stdout


@dataclass(frozen=True)
class Version:
    """A version that services were made at."""

    name: str
    commit: str
    # What the changelog tells a service of this version to run, before and after the update itself.
    before: str
    after: str


def read_versions(changelog: str) -> list[Version]:
    """Return the versions that a changelog names, with the commands of their upgrade notes."""
    notes = dict(re.findall(r"^### From (\d+\.\d+\.\d+)\n(.*?)(?=^##|\Z)", changelog, re.MULTILINE | re.DOTALL))
    versions = []
    for found in HEADING.finditer(changelog):
        commands = "".join(SHELL.findall(notes.get(found["version"], UPDATE)))
        before, _, after = commands.partition(UPDATE)
        versions.append(Version(found["version"], found["commit"], before, after))
    return versions


def change_template(template: Path) -> None:
    """Add a line to a file of a clone of the template, in a commit."""
    with (template / "{{cookiecutter.project_slug}}" / ".gitignore").open("a", encoding="utf-8") as end:
        end.write("core.*\n")
    git("commit", "--quiet", "--all", "--message", "Core dumps are ignored", cwd=template)


VERSIONS = read_versions((TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8"))


def clone_template(folder: Path) -> Path:
    """Clone this repository, with the working tree as its last commit; return the clone's folder.

    Skips the test where the history is not there: a shallow clone, or a folder that is no repository.
    """
    if not (TEMPLATE / ".git").exists() or git("rev-parse", "--is-shallow-repository", cwd=TEMPLATE) == "true\n":
        pytest.skip("The template's history is not here: clone it without --depth.")
    clone = folder / "template"
    git("clone", "--quiet", "--no-hardlinks", TEMPLATE, clone, cwd=folder)
    shown = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=TEMPLATE)
    git("rm", "-r", "--quiet", ".", cwd=clone)
    for name in filter(None, shown.split("\0")):
        source = TEMPLATE / name
        if source.is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, clone / name)
    git("add", "--all", cwd=clone)
    git("commit", "--quiet", "--allow-empty", "--message", "What lies in the working tree", cwd=clone)
    return clone
