"""A page of the documentation whose code is put into rendered services and run."""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.live.service import wait_until
from tests.servers import free_port, processes
from tests.template import TEMPLATE, Project, plain_environment

END_SECONDS = 30
PATH = r"`([\w./-]+\.(?:py|ipynb|yaml|toml))`"
# Several processes may have to start first.
WAIT_SECONDS = 60


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
        """Read a page.

        Args:
            name: its file in `docs`.
        """
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
def running(project: Project, command: str, env: Mapping[str, str] | None = None) -> Iterator[Path]:
    """Run a command of a page that does not end, and end it in order after the block; give the path of its log.

    Args:
        project: an installed service.
        command: as it stands on the page.
        env: variables that are stronger than those of the command.
    """
    variables, words = words_of(project, command)
    log = project.folder / f"{Path(words[0]).name}-{free_port()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=project.folder,
            env={**plain_environment(), **project.env, **variables, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield log
        process.terminate()
        process.wait(END_SECONDS)
    except BaseException:
        print(log.read_text(encoding="utf-8"))
        raise
    finally:
        processes.kill(process.pid)
        process.wait()


@contextmanager
def serving(project: Project, command: str, path: str, env: Mapping[str, str] | None = None) -> Iterator[httpx2.Client]:
    """Run a command that serves on port 8000, on another port, and give a client of it once a path is answered."""
    port = free_port()
    with (
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client,
        running(project, command.replace("8000", str(port)), env),
    ):

        def answers() -> bool:
            try:
                client.get(path)
            except httpx2.TransportError:
                return False
            return True

        wait_until(answers, f"nothing answers: {command}", WAIT_SECONDS)
        yield client
