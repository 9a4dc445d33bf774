"""Make the pictures of the README from a real run: the questions with their answers, and what is rendered.

    scripts/pictures.py

writes `docs/pictures/prompts.svg` and `docs/pictures/tree.svg`. `make rendered` calls it.
"""

import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

TEMPLATE = Path(__file__).resolve().parents[1]
PICTURES = TEMPLATE / "docs" / "pictures"
COMMAND = "uvx cookiecutter <address of this repository>"
# One answer for each question that is not answered by Enter; a number chooses from a list.
ANSWERS = {
    "project_name": "Order Service",
    "description": "Takes orders and keeps them.",
    "author_name": "Ada Lovelace",
    "author_email": "ada@example.com",
    "database_backend": "2",
    "session_style": "2",
}
COLUMNS = 104
SECONDS = 60
# Rich's SVG loads its font from a web server; without that, it uses a font of the reader's system.
ESCAPES = re.compile(rb"\x1b\[[0-9;]*m")
FONTS = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)


def questions() -> list[str]:
    """Return the questions in the order in which they are asked."""
    context = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    return [name for name in context if not name.startswith("_")]


def ask(output: Path) -> str:
    """Run Cookiecutter in a terminal of its own and answer its questions.

    Args:
        output: the folder that gets the project; Cookiecutter's own files go there too.

    Returns:
        All that the terminal showed, with its escape sequences.

    Raises:
        TimeoutError: the questions did not end.
        RuntimeError: Cookiecutter failed.
    """
    config = output / "config.yaml"
    places = {"replay_dir": f"{output}/replay", "cookiecutters_dir": f"{output}/templates"}
    config.write_text(json.dumps(places), encoding="utf-8")
    cookiecutter = Path(sys.executable).with_name("cookiecutter")
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    environment |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    screen, terminal = pty.openpty()
    command: list[str | Path] = [cookiecutter, "--config-file", config, "--output-dir", output, TEMPLATE]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        try:
            text = converse(screen, [ANSWERS.get(name, "") for name in questions()])
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(screen)
    if process.returncode:
        raise RuntimeError(text)
    return text


def converse(screen: int, answers: Sequence[str]) -> str:
    """Type each answer when its question has been asked, so that the terminal shows them in order.

    Args:
        screen: file descriptor of the terminal.
        answers: what is typed, without the Enter key.

    Raises:
        TimeoutError: the program prints nothing more and does not end.
    """
    waiting = list(answers)
    deadline = time.monotonic() + SECONDS
    shown = b""
    while select.select([screen], [], [], max(0, deadline - time.monotonic()))[0]:
        try:
            part = os.read(screen, 4096)
        except OSError:  # how Linux says that the other side is closed
            part = b""
        if not part:
            return shown.decode().replace("\r\n", "\n")
        shown += part
        if waiting and ESCAPES.sub(b"", shown).endswith(b"): "):
            os.write(screen, f"{waiting.pop(0)}\n".encode())
    raise TimeoutError(shown.decode(errors="replace"))


def tree(folder: Path) -> Tree:
    """Return the folder as a tree: folders first, each sorted by name, without `__init__.py`."""
    grown = Tree(f"[bold]{folder.name}[/bold]", guide_style="dim")
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_file(), path.name)):
        if path.is_dir():
            grown.add(tree(path))
        elif path.name != "__init__.py":
            grown.add(path.name)
    return grown


def shelves(project: Path) -> Table:
    """Return the contents of a project in three columns: the code, the other folders, the files beside them."""
    names = sorted(path.name for path in project.iterdir())
    folders = [name for name in names if (project / name).is_dir() and name != "packages"]
    files = [name for name in names if (project / name).is_file()]
    table = Table.grid(padding=(0, 4))
    table.add_row(tree(project / "packages"), Group(*(tree(project / name) for name in folders)), "\n".join(files))
    return table


def picture(content: RenderableType, title: str, width: int) -> str:
    """Return an SVG of what a terminal shows.

    Args:
        content: what is printed.
        title: stands above it.
        width: of the terminal, in characters.
    """
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=width, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(content)
        return FONTS.sub("", console.export_svg(title=title, unique_id="terminal")) + "\n"


def pictures() -> dict[str, str]:
    """Render a project at the prompt; return the pictures by the names of their files."""
    with tempfile.TemporaryDirectory() as scratch:
        shown = ask(Path(scratch))
        (project,) = (path.parent for path in Path(scratch).glob("*/pyproject.toml"))
        return {
            "prompts.svg": picture(Text.from_ansi(f"$ {COMMAND}\n{shown.rstrip()}"), "ten questions", COLUMNS),
            "tree.svg": picture(shelves(project), "what they render", COLUMNS),
        }


def main() -> None:
    """Write the pictures."""
    PICTURES.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (PICTURES / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
