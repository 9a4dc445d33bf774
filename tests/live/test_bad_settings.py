"""`docs/bad-settings.md` tells the truth: each value in it is given to a service, which says what stands there."""

import re
from dataclasses import dataclass

import pytest

from tests.live.databases import Databases
from tests.template import PYTHONS, TEMPLATE, Project, install, render

PAGE = (TEMPLATE / "docs" / "bad-settings.md").read_text(encoding="utf-8")
BACKENDS = {"PostgreSQL": "postgresql", "MariaDB": "mariadb", "SQLite": "sqlite"}
# A database that every server has.
DATABASES = {"postgresql": "postgres", "mariadb": "mysql"}
MOMENTS = {"": ("alembic", "current"), "start": ("python", "-c", "import packages.config.settings")}
MOMENTS["connect"] = MOMENTS[""]


@dataclass(frozen=True)
class Row:
    """A line of a table of the page."""

    backend: str
    fault: str
    setting: str
    given: str
    when: str
    said: str


def rows() -> list[Row]:
    """Return the lines of all tables of the page."""
    found: list[Row] = []
    for section in PAGE.split("\n## ")[1:]:
        backend = BACKENDS[section.partition("\n")[0].split()[-1]]
        for line in re.findall(r"^\| (?!what is wrong)(.+) \|$", section, re.MULTILINE):
            fault, *cells = (cell.strip().strip("`") for cell in line.split("|"))
            found.append(Row(backend, fault, *cells))
    return found


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> dict[str, Project]:
    """Install a service for each table of the page."""
    env: dict[str, dict[str, str]] = {backend: {} for backend in BACKENDS.values()}
    for backend, database in DATABASES.items():
        server = databases.server(backend)
        url = f"{backend}://{server.user}@{server.host}:{server.port}/{database}"
        env[backend] = {"DATABASE_URL": url, "DATABASE_PASSWORD": server.password}
    folder = tmp_path_factory.mktemp("settings")
    # From 3.13 on, Python adds a guess to a name that it does not know: "Did you mean".
    return {
        backend: install(render(folder / backend, database_backend=backend), PYTHONS[1], env=env[backend])
        for backend in BACKENDS.values()
    }


def test_page_has_rows() -> None:
    """Each table of the page was read, whole."""
    assert {row.backend for row in rows()} == set(BACKENDS.values())
    assert len(rows()) == PAGE.count("\n| ") - len(BACKENDS)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.backend}-{row.fault}")
def test_bad_setting_is_one_sentence(projects: dict[str, Project], databases: Databases, row: Row) -> None:
    """The sentence is the documented one, alone on standard error; without one, the setting works."""
    project = projects[row.backend]
    places = {"/PROJECT": str(project.folder), r"\n": "\n"}
    if row.backend in DATABASES:
        server = databases.server(row.backend)
        places |= {
            "SERVER": f"{server.user}@{server.host}:{server.port}",
            "port 5432": f"port {server.port}",
            'user "postgres"': f'user "{server.user}"',
            "user 'root'": f"user '{server.user}'",
        }
    given, said = row.given, row.said
    for place, what in places.items():
        given, said = given.replace(place, what), said.replace(place, what)
    environment = {**project.env, row.setting: given}
    if row.setting == "ENVIRONMENT":
        del environment["DATABASE_PASSWORD"]
    if row.fault.endswith(", in production"):
        environment["ENVIRONMENT"] = "production"
    program, *arguments = MOMENTS[row.when]
    outcome = Project(project.folder, environment).run(program, *arguments, check=False)
    if not row.said:
        assert outcome.returncode == 0, outcome.stderr
        return
    assert outcome.returncode == 1
    assert outcome.stderr == f"{said}\n"
