"""A page of the documentation whose code is put into rendered services and run."""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.live.service import connected, running
from tests.servers import free_port
from tests.template import TEMPLATE, Project

PATH = r"`([\w./-]+\.(?:py|ipynb|yaml|toml))`"


@dataclass(frozen=True)
class Section:
    """The files and the commands of one section of a page."""

    heading: str
    files: list[tuple[str, str]]
    changes: list[tuple[str, str]]
    commands: list[str]

    def put(self, project: Project, number: int | None = None) -> None:
        """Write the files into a service, or only one of them; its linter and formatter have nothing to say."""
        chosen = self.files if number is None else [self.files[number]]
        for path, text in chosen:
            (project.folder / path).write_text(text, encoding="utf-8")
        for path, changes in self.changes:
            file = project.folder / path
            file.write_text(changed(file.read_text(encoding="utf-8"), changes), encoding="utf-8")
        if paths := [path for path, _ in chosen if path.endswith(".py")]:
            project.run("ruff", "check", *paths)
            project.run("ruff", "format", "--check", *paths)

    def command(self, word: str) -> str:
        """Return the one command that has a word, beside those that add requirements."""
        [command] = [each for each in self.commands if word in each.split() and not each.startswith("uv add ")]
        return command


class Page:
    """A page, by its sections."""

    def __init__(self, name: str) -> None:
        """Read the page of that name in `docs`."""
        self.text = (TEMPLATE / "docs" / name).read_text(encoding="utf-8")
        self.sections = [_section(text) for text in self.text.split("\n## ")[1:]]

    def section(self, heading: str) -> Section:
        """Return a section by its heading."""
        return next(section for section in self.sections if section.heading == heading)

    def requirements(self) -> list[str]:
        """Return what the page tells to add to a service, by its commands `uv add`."""
        commands = [command for section in self.sections for command in section.commands]
        return [word for command in commands if command.startswith("uv add ") for word in shlex.split(command)[2:]]


def _section(text: str) -> Section:
    # A path stands in the last sentence before the file.
    found = re.findall(rf"{PATH}[^`]*:\n\n```(\w+)\n(.*?)```", text, re.DOTALL)
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return Section(
        heading=text.partition("\n")[0],
        files=[(path, block) for path, language, block in found if language != "diff"],
        changes=[(path, block) for path, language, block in found if language == "diff"],
        commands=[line for block in blocks for line in block.splitlines()],
    )


def changed(text: str, changes: str) -> str:
    """Return a text with the changes of a unified diff, whose parts are separated by lines `@@`."""
    for part in changes.split("@@\n"):
        lines = part.splitlines(keepends=True)
        before, after = ("".join(line[1:] or "\n" for line in lines if line[0] in marks) for marks in (" -", " +"))
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def words_of(project: Project, command: str) -> tuple[dict[str, str], list[str]]:
    """Return the variables and the words of a command, whose program is that of the service's environment."""
    words = shlex.split(command)
    variables = {}
    while "=" in words[0]:
        name, _, variables[name] = words.pop(0).partition("=")
    assert words[:2] == ["uv", "run"], command
    return variables, [str(project.bin / words[2]), *words[3:]]


@contextmanager
def run_command(project: Project, command: str, env: Mapping[str, str] | None = None) -> Iterator[Path]:
    """Run a command of a page that does not end, until the block ends; give the path of its log.

    The variables of `env` are stronger than those of the command.
    """
    variables, words = words_of(project, command)
    log = project.folder / f"{Path(words[0]).name}-{free_port()}.log"
    with running(words, project.folder, {**project.env, **variables, **(env or {})}, log):
        yield log


@contextmanager
def serving(project: Project, command: str, path: str, env: Mapping[str, str] | None = None) -> Iterator[httpx2.Client]:
    """Run a command that serves on port 8000, on another port, and give a client of it once a path is answered."""
    port = free_port()
    with run_command(project, command.replace("8000", str(port)), env), connected(port, path) as client:
        yield client
