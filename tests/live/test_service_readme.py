"""The README of a service is typed from top to bottom, by somebody who has nothing but uv."""

import re
import shlex
from pathlib import Path

import pytest

from tests.live.databases import Databases
from tests.live.service import connected, running, wait_until_ready
from tests.servers import free_port
from tests.template import PYTHONS, interpreter, lint, render, run

CELLS = [("sqlite", "sync"), ("postgresql", "async"), pytest.param("sqlite", "async", marks=pytest.mark.slow)]
# The examples after it use them.
LAST = "Remove the samples"
# No Docker engine runs here: the server that it would start is one that runs already, named in `.env`.
LEFT_OUT = ("docker ",)
COLUMN = "    note: Mapped[str | None] = mapped_column(Unicode(20))\n"


def commands(readme: str) -> dict[str, list[str]]:
    """Return the commands below each heading, the samples' removal at the end."""
    sections = {part.partition("\n")[0]: part for part in readme.split("\n## ")[1:]}
    sections[LAST] = sections.pop(LAST)
    return {
        heading: [
            line
            for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
            for line in block.splitlines()
            if not line.startswith(LEFT_OUT)
        ]
        for heading, text in sections.items()
        if heading != "Without Docker"  # has a test of its own
    }


def check_server(command: str, folder: Path, env: dict[str, str]) -> None:
    """Type the command that does not end, see the service ready, and end it."""
    port = free_port()
    words = [*shlex.split(command), "--port", str(port)]
    with running(words, folder, env, folder.parent / "server.log"), connected(port, "/health/ready") as client:
        wait_until_ready(client)


@pytest.mark.parametrize(("backend", "style"), CELLS)
def test_every_command_works_in_order(
    tmp_path: Path, databases: Databases, database_name: str, backend: str, style: str
) -> None:
    """Each command does what is said of it, unchanged; the service's tests pass at first, and without the samples.

    Its linters have nothing to say without them, either.
    """
    folder = render(tmp_path, database_backend=backend, session_style=style)
    env = {"UV_PYTHON": interpreter(PYTHONS[-1])}
    if url := databases.get(backend).environment(style, backend, database_name):
        databases.server(backend).create_database(database_name)
        (folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in url.items()), encoding="utf-8")
        run("uv", "run", "alembic", "upgrade", "head", cwd=folder, env=env)
    for heading, lines in commands((folder / "README.md").read_text(encoding="utf-8")).items():
        if heading == "Change the schema":
            with (folder / "packages/database/models.py").open("a", encoding="utf-8") as model:
                model.write(COLUMN)
        for line in lines:
            if "uvicorn" in line:
                check_server(line, folder, env)
            else:
                run("sh", "-c", line, cwd=folder, env=env)
    assert (folder / "uv.lock").exists()
    for path in (folder / "migrations/versions").glob("*_add_a_column.py"):
        path.unlink()
    lint(folder)
    summary = run("uv", "run", "pytest", "-q", cwd=folder, env=env).stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"\d+ passed in .*", summary), summary
