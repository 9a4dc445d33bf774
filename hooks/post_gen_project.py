"""Print the commands that come next.

What was rendered decides what is said, so this file holds no Jinja and knows no backend. Cruft runs it again on
each update: it changes nothing, and reaches no network.
"""

import os
import sys
from pathlib import Path

# A file of the project, and the command that makes sense when it was rendered.
COMMANDS = (
    ("pyproject.toml", "uv sync"),
    ("compose.yaml", "docker compose up --detach --wait"),
    ("alembic.ini", "uv run alembic upgrade head"),
    ("packages/api/app.py", "uv run uvicorn packages.api.app:app"),
    ("tests", "uv run pytest"),
)


def next_commands(project: Path) -> list[str]:
    """Return the commands to type, in order; the folder's name is the slug, so it needs no quotes."""
    return [f"cd {project.name}", *(command for path, command in COMMANDS if (project / path).exists())]


def say(text: str) -> None:
    """Print the text if that is possible: a closed pipe or a full disk must not cost the project.

    An error here would make Cookiecutter delete all it has rendered, also the error of Python's own last flush.
    """
    if sys.stdout is None:
        return
    try:
        print(text, flush=True)
    except (OSError, UnicodeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    say("\n".join(["Your project is ready. Next:", "", *(f"    {line}" for line in next_commands(Path.cwd()))]))
