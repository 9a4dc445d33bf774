"""The health endpoints report whether the process runs and whether it can serve."""

import asyncio
import logging

import pytest
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError, ProgrammingError

from packages.api import health
from packages.database import revisions
from packages.database.config import engine
from tests.conftest import client_of_the_api


@pytest.fixture
def client() -> TestClient:
    """Return a client of the API, which needs no database to begin."""
    return client_of_the_api()


def test_live_asks_no_database(client: TestClient) -> None:
    """Liveness does not depend on the database."""
    assert client.get("/health/live").json() == {"status": "alive"}


@pytest.mark.usefixtures("schema")
def test_ready_when_the_schema_is_that_of_the_code(client: TestClient) -> None:
    """The service is ready when the database answers and has the newest revision."""
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    for pool in (response.json()["pool"], response.json()["read_pool"]):
        assert {name: type(figure) for name, figure in pool.items()} == {
            "size": int,
            "used": int,
            "idle": int,
            "overflow": int,
        }


@pytest.mark.usefixtures("schema")
def test_connections_in_use_are_counted(client: TestClient) -> None:
    """A connection counts as used while somebody holds it, and as idle afterwards."""
    with engine.connect():
        held = client.get("/health/ready").json()["pool"]
    given_back = client.get("/health/ready").json()["pool"]
    assert held["used"] == 1
    assert (given_back["used"], given_back["overflow"]) == (0, 0)
    assert given_back["idle"] >= 1


@pytest.mark.usefixtures("schema")
def test_ready_while_a_release_begins(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer code has migrated; the code that still runs serves until it is replaced."""

    def read() -> frozenset[str]:
        return frozenset({"newer"})

    monkeypatch.setattr(health, "_read_revisions", read)
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["revision"]) == (200, "ahead")


@pytest.mark.usefixtures("schema")
def test_probes_do_not_fill_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """A probe that finds the service ready logs nothing of its own, whatever the level."""
    with caplog.at_level(logging.INFO):
        assert client.get("/health/ready").status_code == 200
    assert [each.name for each in caplog.records if each.name.startswith("alembic")] == []


@pytest.mark.usefixtures("schema")
def test_not_ready_before_the_migrations(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A new version waits until its migrations have run, and the log says how to run them."""
    monkeypatch.setattr(revisions, "expected_revisions", lambda: frozenset({"newer"}))
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert "revision" in response.json()["detail"]
    assert "behind; the code is at newer; run: python -m packages.database upgrade" in caplog.text


def test_not_ready_without_a_database(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database does not answer, the 503 contains no detail of the error."""

    def fail() -> frozenset[str]:
        raise OperationalError("SELECT 1", None, Exception("connection to 10.0.0.1 refused"))

    monkeypatch.setattr(health, "_read_revisions", fail)
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json() == {"detail": "the database does not answer"}


def test_not_ready_without_the_right_to_read_the_revision(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The response does not blame a database that answers, and the log has what it says."""

    def fail() -> frozenset[str]:
        raise ProgrammingError("SELECT", None, Exception("permission denied for alembic_version"))

    monkeypatch.setattr(health, "_read_revisions", fail)
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json() == {"detail": "the revision of the schema cannot be read"}
    assert "refused a statement: permission denied for alembic_version" in caplog.text


def test_database_that_does_not_answer_is_named_in_the_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what was waited for, and for how long."""

    def fail() -> frozenset[str]:
        raise TimeoutError

    monkeypatch.setattr(health, "_read_revisions", fail)
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert "not ready: the database did not answer within 2 s" in caplog.text


def test_not_ready_while_no_request_ends() -> None:
    """While requests hold all connections for too long, the service is not ready."""
    request = Request({"type": "http", "state": {"stalled": True}})
    with pytest.raises(HTTPException, match="503: requests hold all connections"):
        asyncio.run(health.ready(request))
{% if db.connection_limit %}


@pytest.mark.usefixtures("schema")
@pytest.mark.parametrize(("workers", "warns"), [("1", False), ("100000", True)])
def test_start_says_when_the_server_allows_too_few_connections(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, workers: str, *, warns: bool
) -> None:
    """A warning has the sum and the settings to change; there is none while all fit."""
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    asyncio.run(health.warn_of_connection_limit())
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert bool(lines) == warns
    assert all(f"x {workers} workers = " in line for line in lines)


def test_start_needs_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service can start before its database."""

    def fail() -> tuple[bool, str]:
        raise OperationalError("SELECT 1", None, Exception("connection refused"))

    monkeypatch.setattr(health, "_compare_with_limit", fail)
    asyncio.run(health.warn_of_connection_limit())
{% endif %}
