"""The first command of the README works, and its pictures show what the template does today."""

import html
import re
from pathlib import Path

import pytest

from scripts.pictures import COMMAND, PICTURES, pictures, questions
from tests.template import TEMPLATE, run

README = (TEMPLATE / "README.md").read_text(encoding="utf-8")
LINE = re.compile(r'<text [^>]*y="([\d.]+)"[^>]*>(.*?)</text>')


def shown(picture: str) -> list[str]:
    """Return the lines that a reader sees, whatever version of Rich has drawn them."""
    lines: dict[str, str] = {}
    for height, text in LINE.findall(picture):
        lines[height] = lines.get(height, "") + html.unescape(text).replace("\xa0", " ")
    return [line.rstrip() for _, line in sorted(lines.items(), key=lambda item: float(item[0]))]


def test_the_pictures_are_those_of_a_run() -> None:
    """Each picture shows, line by line, what the questions and the project look like now."""
    differing = {
        name
        for name, picture in pictures().items()
        if shown((PICTURES / name).read_text(encoding="utf-8")) != shown(picture)
    }
    assert not differing, f"docs/pictures is not what the template does; run `make rendered`: {sorted(differing)}"


def test_the_pictures_are_in_the_readme() -> None:
    """Each picture is in the README, shows something, and loads nothing from elsewhere."""
    for path in PICTURES.iterdir():
        text = path.read_text(encoding="utf-8")
        assert f"(docs/pictures/{path.name})" in README
        assert len(shown(text)) > len(questions())
        assert "url(http" not in text
        assert "@import" not in text


@pytest.mark.parametrize("step", [f"[{number}/10]" for number in range(1, 11)])
def test_each_question_is_in_the_picture(step: str) -> None:
    """A reader sees all ten questions before the first command is typed."""
    assert sum(step in line for line in shown((PICTURES / "prompts.svg").read_text(encoding="utf-8"))) == 1


def test_the_first_command_renders_a_service(tmp_path: Path) -> None:
    """`uvx cookiecutter` with this repository's address needs no clone; Enter answers each question."""
    (command,) = re.findall(r"```console\n\$ (.*)\n```", README)
    assert command == COMMAND
    # The address is that of a repository with the last commit; a leading file:// makes Cookiecutter clone it.
    clone = tmp_path / "template.git"
    run("git", "clone", "--quiet", "--bare", TEMPLATE, clone, cwd=tmp_path)
    typed = command.replace("<address of this repository>", f"file://{clone}")
    asked = run("sh", "-c", f"yes '' | {typed}", cwd=tmp_path).stdout
    assert "Your project is ready." in asked
    assert (tmp_path / "my_service" / "packages").is_dir()
