"""Remove the folders that stayed empty, and print the commands that come next.

It looks at the rendered files to see which commands fit, so it has no Jinja and knows no backend. Cruft runs it again
on each update: it deletes no file and uses no network. It runs in the project's folder. It does not use `pathlib`,
whose import would take as long as everything else here.
"""

import os
import sys
from contextlib import suppress

# With a server, Compose starts it, migrates and serves; without, the project's own programs do. Each command has the
# file in front that it needs.
WITH_SERVER = (
    (".env.example", "cp .env.example .env   # and give DATABASE_PASSWORD a value"),
    ("compose.yaml", "docker compose up --build --detach"),
    ("tests", "uv run pytest"),
)
WITHOUT_SERVER = (
    ("alembic.ini", "uv run alembic upgrade head"),
    ("tests", "uv run pytest"),
    ("packages/api/app.py", "uv run uvicorn packages.api.app:app"),  # it does not end
)


def next_commands() -> list[str]:
    """Return the commands to type, in order; the folder's name is the slug, so it needs no quotes."""
    commands = WITH_SERVER if os.path.exists("packages/database/tls.py") else WITHOUT_SERVER
    return [f"cd {os.path.basename(os.getcwd())}", *(command for path, command in commands if os.path.exists(path))]


def remove_empty_folders() -> None:
    """Remove the folders that stayed empty: Cookiecutter has conditional names for files, not for folders."""
    for name in ("packages/api/routes", "packages/api", ".github/workflows", ".github"):
        with suppress(OSError):  # it has files, or is not there
            os.rmdir(name)


def say(text: str) -> None:
    """Print the text if that is possible: a closed pipe or a full disk must not cost the project.

    After an error here, also in the last flush of Python itself, Cookiecutter would delete all it has rendered.
    """
    if sys.stdout is None:
        return
    try:
        print(text, flush=True)
    except (OSError, UnicodeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    remove_empty_folders()
    say("\n".join(["Your project is ready. Next:", "", *(f"    {line}" for line in next_commands())]))
