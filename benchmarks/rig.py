"""The services to be measured: rendered, installed in environments of their own, and filled with users."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sqlalchemy import make_url

from tests.live.databases import Databases
from tests.live.hot_path import hot_paths
from tests.servers import SERVERS, Server
from tests.template import BACKENDS, PYTHONS, TEMPLATE, Project, interpreter, run

HERE = Path(__file__).parent
USERS = 200
PYTHON = PYTHONS[-1]

OURS = "packages.api.app:app"


@dataclass(frozen=True)
class Service:
    """A service that can be measured.

    Attributes:
        title: as tables call it.
        project: its folder and environment.
        app: its ASGI application, `module:name`.
        prefix: of the paths of users.
        env: environment variables beside those of the project.
    """

    title: str
    project: Project
    app: str = OURS
    prefix: str = ""
    env: dict[str, str] = field(default_factory=dict)


class Rig:
    """What the benchmarks share; each part is made when first asked for.

    Attributes:
        folder: where everything is.
        quick: whether this is a trial whose figures mean nothing.
    """

    def __init__(self, folder: Path, *, quick: bool) -> None:
        """Make nothing yet."""
        self.folder = folder
        self.quick = quick
        self._databases = Databases()
        self._projects: dict[tuple[str, str], Project] = {}

    def close(self) -> None:
        """Stop the servers."""
        self._databases.close()

    def rounds(self, count: int) -> range:
        """Return the rounds of a benchmark: one in a trial."""
        return range(1 if self.quick else count)

    def amount(self, count: int) -> int:
        """Return how much is to be done in a round: a few in a trial."""
        return min(count, 5) if self.quick else count

    def missing(self, backend: str) -> str | None:
        """Say in one sentence why services on a database cannot be run here; None when they can."""
        return SERVERS[backend].missing() if BACKENDS[backend]["server"] else None

    def server(self, backend: str) -> Server:
        """Return the private server of a database."""
        return self._databases.server(backend)

    def project(self, backend: str, style: str) -> Project:
        """Return a rendered project, installed and migrated, with its users."""
        key = backend, style
        if key not in self._projects:
            self._projects[key] = self._install(backend, style)
        return self._projects[key]

    def _install(self, backend: str, style: str) -> Project:
        output = self.folder / f"{backend}-{style}"
        output.mkdir()
        answers = [f"database_backend={backend}", f"session_style={style}", "project_slug=service"]
        # As a command, so that the words of its hooks are not shown, and its own files stay in our folder.
        run(
            "cookiecutter",
            "--no-input",
            "--output-dir",
            output,
            TEMPLATE,
            *answers,
            cwd=output,
            env={"HOME": str(output)},
        )
        folder = output / "service"
        name = f"bench_{style}"
        env: dict[str, str] = {}
        if BACKENDS[backend]["server"]:
            env = self._databases.get(backend).environment(style, backend, name)
            self.server(backend).create_database(name)
        new_environment(folder, "--editable", ".", *(["asyncpg"] if backend == "postgresql" else []))
        project = Project(folder, env)
        project.run("alembic", "upgrade", "head")
        fill(self, project, USERS)
        for application in (HERE / "apps").glob("*.py"):
            shutil.copy(application, folder)
        for title, code in hot_paths().items():
            # An application of its own, so that the service that it is compared with has no further route.
            text = f"{code}\n\nfrom packages.api.app import app\n\napp.include_router(router)\n"
            (folder / f"hot_path_{title}.py").write_text(text, encoding="utf-8")
        return project

    @contextmanager
    def own_database(self, project: Project) -> Iterator[dict[str, str]]:
        """Give the environment variables of a migrated, empty PostgreSQL database; drop it when the block ends."""
        url = make_url(project.env["DATABASE_URL"])
        server = self.server(url.get_backend_name())
        own = url.set(database=f"{url.database}_own")
        server.create_database(str(own.database))
        env = {"DATABASE_URL": own.render_as_string(hide_password=False)}
        Project(project.folder, {**project.env, **env}).run("alembic", "upgrade", "head")
        yield env
        server.query(f"DROP DATABASE {own.database} WITH (FORCE)")

    @cached_property
    def peer_generator(self) -> Path:
        """The folder of the environment that has the package `fastapi_template`."""
        folder = self.folder / "generator"
        folder.mkdir()
        new_environment(folder, "fastapi-template")
        # Its hook installs what it has rendered, over the network; here that is left out.
        (folder / ".venv" / "bin" / "uv").symlink_to("/bin/false")
        return folder

    @cached_property
    def peer(self) -> Project:
        """The service that the package `fastapi_template` renders, on the database of our asynchronous one."""
        folder = self.folder / "peer"
        folder.mkdir()
        command, environment = peer_command(self.peer_generator)
        run(*command, cwd=folder, env={**environment, "HOME": str(folder)})
        project = folder / "peer_service"
        new_environment(project, "--requirements", "pyproject.toml")
        shutil.copy(HERE / "apps" / "peer.py", project)
        url = make_url(self.project("postgresql", "async").env["DATABASE_URL"])
        settings = {
            "HOST": url.host,
            "PORT": url.port,
            "USER": url.username,
            "PASS": url.password,
            "BASE": url.database,
        }
        return Project(project, {f"PEER_SERVICE_DB_{name}": str(value) for name, value in settings.items()})

    def services(self, backend: str, style: str) -> list[Service]:
        """Return what is compared on a database: the limit and the peer on PostgreSQL, plain and ours everywhere."""
        project = self.project(backend, style)
        services = [
            Service(f"plain, {style}", project, f"plain_{style}:app"),
            Service(f"ours, {style}", project),
            Service(f"ours, {style}, hot path", project, f"hot_path_{style}:app", "/hot"),
        ]
        if backend == "postgresql" and style == "async":
            services = [Service("limit", project, "limit:app"), *services, Service("peer", self.peer, "peer:app")]
        return services


def new_environment(folder: Path, *requirements: str) -> None:
    """Make an environment `.venv` in a folder, and install something there."""
    run("uv", "venv", "--quiet", "--python", interpreter(PYTHON), ".venv", cwd=folder)
    run("uv", "pip", "install", "--quiet", *requirements, cwd=folder)


def peer_command(generator: Path) -> tuple[list[str | Path], dict[str, str]]:
    """Return the command that renders the peer's service, and its environment variables.

    On PostgreSQL with SQLAlchemy, the example model and its path operations, and nothing else.
    """
    programs = generator / ".venv" / "bin"
    options = [
        "--api-type",
        "rest",
        "--db",
        "postgresql",
        "--orm",
        "sqlalchemy",
        "--ci",
        "none",
        "--dummy",
        "--routers",
    ]
    command: list[str | Path] = [programs / "fastapi_template", "--quiet", "--name", "peer_service", *options]
    return command, {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


def fill(rig: Rig, project: Project, count: int, *, first: int = 1) -> None:
    """Store users in the database of a project, in plain SQL that every database takes."""
    for start in range(first, first + count, 500):
        rows = ", ".join(
            f"('{number}@example.com', 'User {number}', '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
            for number in range(start, min(start + 500, first + count))
        )
        execute(rig, project, f"INSERT INTO users (email, name, created_at, updated_at) VALUES {rows}")  # noqa: S608


def execute(rig: Rig, project: Project, statement: str) -> None:
    """Execute a statement in the database of a project."""
    url = project.env.get("DATABASE_URL")
    if url is None:
        with sqlite3.connect(next(project.folder.glob("*.db"))) as connection:
            connection.execute(statement)
        connection.close()
    else:
        rig.server(make_url(url).get_backend_name()).query(statement, make_url(url).database)


def versions(project: Project, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of packages in the environment of a project."""
    code = "import platform, sys\nfrom importlib.metadata import version\nprint('Python', platform.python_version())\n"
    code += "for name in sys.argv[1:]: print(name, version(name))"
    lines = project.run("python", "-c", code, *packages).stdout.splitlines()
    return dict(line.split(maxsplit=1) for line in lines)
