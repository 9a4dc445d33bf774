"""A password of any characters works everywhere, and is shown nowhere."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.live.cells import InstallOnce, parameters
from tests.live.databases import Databases, create_account
from tests.live.service import serve
from tests.servers import Server
from tests.template import STYLES, TEMPLATE, Project

SHOW_EVERYTHING = TEMPLATE / "tests" / "scripts" / "show_everything.py"
PASSWORD = "canary @:/%#?+ ß密'\"\\$canary"  # noqa: S105 - what must not be shown
WRONG = "wrong @:/%#?+ ß密 canary"
CELLS = [(backend, style) for backend in ("postgresql", "mariadb") for style in STYLES]
ESCAPED = {"postgresql": PASSWORD.replace("'", "''"), "mariadb": re.sub(r"(['\"\\])", r"\\\1", PASSWORD)}


@dataclass(frozen=True)
class Guarded:
    """A project, installed and not migrated, whose database asks for the password, and the folder with its secrets."""

    backend: str
    style: str
    project: Project
    server: Server
    secrets: Path

    def with_password(self, password: str) -> Project:
        """Return the project with another password, which its environment gives."""
        return Project(self.project.folder, {**self.project.env, "DATABASE_PASSWORD": password})

    def with_password_in_url(self, password: str) -> Project:
        """Return the project with a password inside the URL, and in no file."""
        encoded = "".join(f"%{byte:02X}" for byte in password.encode())
        return Project(
            self.project.folder, {"DATABASE_URL": self.project.env["DATABASE_URL"].replace("@", f":{encoded}@")}
        )


@pytest.fixture(scope="session")
def guard(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases, install_once: InstallOnce
) -> Callable[[str, str], Guarded]:
    """Give a function that creates a user with the password, once, and installs a project that has it from a file."""

    @cache
    def get(backend: str, style: str) -> Guarded:
        server = databases.server(backend)
        url = create_account(server, style, f"t_secret_{style}", ESCAPED[backend])
        secrets = tmp_path_factory.mktemp("secrets")
        # With the line break that `echo` adds.
        (secrets / "DATABASE_PASSWORD").write_text(f"{PASSWORD}\n", encoding="utf-8")
        project = install_once(backend, style, {"DATABASE_URL": url, "SECRETS_DIR": str(secrets)})
        project.run("alembic", "upgrade", "head")
        return Guarded(backend, style, project, server, secrets)

    return get


@pytest.fixture(params=parameters(CELLS))
def guarded(request: pytest.FixtureRequest, guard: Callable[[str, str], Guarded]) -> Guarded:
    """Give the service of a database and a style."""
    return guard(*request.param)


def said(completed: subprocess.CompletedProcess[str]) -> str:
    """Return all that a command printed, which must be something, and no part of a password."""
    text = completed.stdout + completed.stderr
    assert text.strip()
    assert "canary" not in text
    return text


def test_any_characters_work_from_a_file(guarded: Guarded) -> None:
    """With reserved and non-ASCII characters in it, a password serves the API, Alembic and the project's tests."""
    project = guarded.project
    said(project.run("alembic", "check"))
    assert "passed" in said(project.run("pytest", "-q", "tests/test_models.py"))
    with serve(project) as client:
        assert client.get("/health/ready").json()["status"] == "ready"


def test_any_characters_work_percent_encoded_in_the_url(guarded: Guarded) -> None:
    """The same password works inside the URL, where its characters are percent-encoded."""
    assert "(head)" in said(guarded.with_password_in_url(PASSWORD).run("alembic", "current"))


def test_wrong_password_is_one_sentence_of_a_command(guarded: Guarded) -> None:
    """`alembic` with a password that the server refuses says which settings to check, and shows no traceback."""
    outcome = guarded.with_password(WRONG).run("alembic", "upgrade", "head", check=False)
    assert outcome.returncode == 1
    assert re.fullmatch(r"DATABASE_URL: .*t_secret_.*; check it and DATABASE_PASSWORD\n", outcome.stderr)
    said(outcome)


@pytest.mark.parametrize("password", [PASSWORD, WRONG])
@pytest.mark.parametrize("give", [Guarded.with_password, Guarded.with_password_in_url], ids=["setting", "url"])
def test_password_is_shown_nowhere(guarded: Guarded, give: Callable[[Guarded, str], Project], password: str) -> None:
    """Settings, engine, logs at DEBUG, errors and tracebacks with local variables hold no part of the password."""
    text = said(give(guarded, password).run("python", SHOW_EVERYTHING))
    assert "Traceback" in text
    assert ("no_such_table" in text.rpartition("it failed")[2]) == (password == PASSWORD)


def test_password_is_in_no_other_settings_error(guarded: Guarded) -> None:
    """A setting that is refused does not make the others show."""
    project = guarded.with_password(PASSWORD)
    for name, value in {"DATABASE_URL": "postgres:/x", "DATABASE_POOL_SIZE": "none", "DATABASE_TLS": "maybe"}.items():
        outcome = project.run("python", "-c", "import packages.config.settings", check=False, **{name: value})
        assert outcome.returncode == 1
        assert said(outcome).startswith(f"{name}: ")


@pytest.fixture
def served(guarded: Guarded) -> Iterator[tuple[str, Path]]:
    """Serve with a password in the environment; give what readiness says, and the log."""
    with serve(guarded.with_password(WRONG)) as client:
        port = client.base_url.port
        yield client.get("/health/ready").text, guarded.project.folder / f"uvicorn-{port}.log"


def test_refused_service_says_why_in_its_log(served: tuple[str, Path]) -> None:
    """The log names the settings to check; neither it, nor the answer, nor the process list has the password."""
    answer, log = served
    text = log.read_text(encoding="utf-8")
    assert "check it and DATABASE_PASSWORD" in text
    assert "Traceback" not in text
    commands = "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    )
    assert "uvicorn" in commands
    assert "canary" not in answer + text + commands
