"""Services that Cruft made from the template, with a history of their own."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.template import run
from tests.updates.history import GIT, Version, git

MARKERS = re.compile(r"^(<{7}|>{7}|\|{7})( |$)|^={7}$", re.MULTILINE)


@dataclass(frozen=True)
class Service:
    """A service in a repository of its own, and the clone of the template that it is made from."""

    folder: Path
    template: Path

    def commit(self, message: str) -> None:
        """Commit all that lies in the folder."""
        git("add", "--all", cwd=self.folder)
        git("commit", "--quiet", "--allow-empty", "--message", message, cwd=self.folder)

    def cruft(self, *arguments: str) -> str:
        """Run Cruft; return what it prints, also where it fails only by its words."""
        done = run("cruft", *arguments, cwd=self.folder, env=GIT)
        return done.stdout + done.stderr

    def update(self, **answers: str) -> None:
        """Update the service to the clone's last commit, with other answers if any, and check what a person would.

        Raises:
            AssertionError: a conflict is left behind, which Cruft tells by no exit code; or an answer was lost.
        """
        before = self.answers()
        options = ["--variables-to-update", json.dumps(answers)] if answers else []
        told = self.cruft("update", "--skip-apply-ask", *options)
        assert "has been updated" in told or "Nothing to do" in told, told
        assert conflicts(self.folder) == [], told
        assert self.answers() == before | answers
        state = json.loads((self.folder / ".cruft.json").read_text(encoding="utf-8"))
        assert state["commit"] == git("rev-parse", "HEAD", cwd=self.template).strip()
        self.commit("Update the template")

    def upgrade(self, version: Version) -> None:
        """Bring a service of a version to the clone's last commit, by all the commands that the changelog gives."""
        self.run(version.before)
        self.update()
        self.run(version.after)
        self.commit("What the changelog asks for")

    def run(self, commands: str) -> None:
        """Run commands of a page; what uvx would fetch is installed here."""
        run("bash", "-euc", commands.replace("uvx cruft", "cruft"), cwd=self.folder, env=GIT)

    def answers(self) -> dict[str, Any]:
        """Return what was answered when the service was made, as Cruft keeps it."""
        state = json.loads((self.folder / ".cruft.json").read_text(encoding="utf-8"))
        return {name: each for name, each in state["context"]["cookiecutter"].items() if not name.startswith("_")}


def make(template: Path, commit: str, output: Path, answers: Mapping[str, str]) -> Service:
    """Make a service from a commit of the template, and commit it."""
    output.mkdir(exist_ok=True)
    arguments = ["--checkout", commit, "--no-input", "--output-dir", str(output)]
    run("cruft", "create", str(template), *arguments, "--extra-context", json.dumps(answers), cwd=output, env=GIT)
    [folder] = output.iterdir()
    service = Service(folder, template)
    git("init", "--quiet", "--initial-branch", "main", cwd=folder)
    service.commit("Make the service")
    return service


def conflicts(folder: Path) -> list[str]:
    """Return what an update left to be done by hand: rejected hunks, markers, and paths that Git calls unmerged."""
    shown = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=folder).split("\0")
    files = {name: folder / name for name in shown if name and (folder / name).is_file()}
    left = [name for name in files if name.endswith((".rej", ".orig"))]
    left += [name for name, path in files.items() if MARKERS.search(path.read_text(encoding="utf-8"))]
    return sorted({*left, *git("diff", "--name-only", "--diff-filter=U", cwd=folder).split()})
