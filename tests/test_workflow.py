"""Our own pipeline runs every database, started as its facts say."""

import re
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from tests.live.databases import Database
from tests.template import BACKENDS, STYLES, TEMPLATE

TEXT = (TEMPLATE / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
JOBS: dict[str, Any] = yaml.safe_load(TEXT)["jobs"]
MATRIX: dict[str, dict[str, Any]] = {
    each["backend"]: each for each in JOBS["backends"]["strategy"]["matrix"]["include"]
}
SERVERS = [name for name, row in BACKENDS.items() if row["server"]]


def test_everything_runs_with_the_readme_s_command() -> None:
    """One job runs what a contributor runs, skipped tests being failures."""
    assert any(step.get("run") == ".ci/run" for step in JOBS["test"]["steps"])


def test_every_database_has_a_job() -> None:
    """No database of the prompt is left out, and none is run that is not offered."""
    assert set(MATRIX) == set(BACKENDS)
    modules = " ".join(f"tests/live/test_{name}.py" for name in ("services", "sqlite", "transactions"))
    assert JOBS["backends"]["steps"][-1]["run"] == f".venv/bin/pytest {modules} -k ${{{{ matrix.backend }}}}"
    # Each name picks the tests of its own database alone.
    assert not [(one, other) for one in BACKENDS for other in BACKENDS if one != other and one in other]


def test_other_systems_have_a_job() -> None:
    """Both run a service with a file; Windows also runs the driver that cannot use its default event loop."""
    cells = [
        (each["system"], each["backend"], each["style"]) for each in JOBS["systems"]["strategy"]["matrix"]["include"]
    ]
    assert {(system, backend) for system, backend, _ in cells} >= {
        ("macos-latest", "sqlite"),
        ("windows-latest", "sqlite"),
    }
    assert ("windows-latest", "postgresql", "async") in cells
    assert BACKENDS["postgresql"]["async"]["selector_loop"]


@pytest.mark.parametrize("backend", SERVERS)
def test_each_server_is_started_as_its_facts_say(backend: str) -> None:
    """Image, command, port, user, health check, and what the machine needs are those of a rendered project."""
    row, job = BACKENDS[backend], MATRIX[backend]
    assert job["image"] == row["image"]
    assert job.get("command", "") == row["command"]
    assert str(job["port"]) == row["port"]
    assert job["user"] == row["ci_user"]
    health = row["healthcheck"].replace("$$", "$").replace("my_service", "service")
    assert job["health"] == health
    assert job.get("setup", "").splitlines() == row["ci_setup"]
    assert set(row["ci_environment"]) <= set(JOBS["backends"]["services"]["database"]["env"])
    location = row["ci_location"].replace("my_service_test", "")
    assert job.get("location", "") == location


def test_no_password_is_kept() -> None:
    """Passwords are made for the run, and stand nowhere in the repository."""
    env = JOBS["backends"]["services"]["database"]["env"]
    passwords = {name: value for name, value in env.items() if name.endswith("PASSWORD")}
    assert passwords
    assert set(passwords.values()) == {"Ci-${{ github.run_id }}"}
    assert re.findall(r"://.*:(.+?)@", TEXT) == ["Ci-${{ github.run_id }}"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("backend", SERVERS)
def test_the_service_and_its_tests_are_kept_apart(backend: str, style: str) -> None:
    """From the URL of the job, a project gets two places: where it has only schemas, two users of one database."""
    row, job = BACKENDS[backend], MATRIX[backend]
    url = make_url(f"{backend}://{job['user']}:Ci-1@127.0.0.1:{job['port']}/{job.get('location', '')}")
    environment = Database("named", url).environment(style, backend, "t_one")
    service, tests = make_url(environment["DATABASE_URL"]), make_url(environment["TEST_DATABASE_URL"])
    assert service.drivername == tests.drivername == row[style]["drivername"]
    assert service.password == tests.password == "Ci-1"  # noqa: S105 - a made-up one
    assert service.query == tests.query == url.query
    if row["test_namespace"] == "schema":
        assert (service.username, tests.username) == ("t_one", job["user"])
        assert service.database == tests.database == url.database
    else:
        assert (service.database, tests.database) == ("t_one", "t_one_test")
        assert service.username == tests.username == job["user"]
