"""The health endpoints report whether the process runs and whether it can serve."""

{% if cookiecutter.session_style == "async" %}
import logging
from collections.abc import AsyncIterator
{% else %}
import asyncio
import logging
{% endif %}

import pytest
from fastapi import Request, Response
{% if cookiecutter.session_style == "async" %}
from httpx2 import ASGITransport, AsyncClient
{% else %}
from fastapi.testclient import TestClient
{% endif %}
from sqlalchemy.exc import OperationalError

from packages.api import health
from packages.api.app import app
from packages.database import revisions

{% if cookiecutter.session_style == "async" %}

@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    """Return a client that calls the API in this process and this event loop."""
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
{% else %}
client = TestClient(app)
{% endif %}


{% if cookiecutter.session_style == "async" %}
async def test_live_asks_no_database(client: AsyncClient) -> None:
{% else %}
def test_live_asks_no_database() -> None:
{% endif %}
    """Liveness does not depend on the database."""
    assert (await client.get("/health/live")).json() == {"status": "alive"}


@pytest.mark.usefixtures("schema")
{% if cookiecutter.session_style == "async" %}
async def test_ready_when_the_schema_is_that_of_the_code(client: AsyncClient) -> None:
{% else %}
def test_ready_when_the_schema_is_that_of_the_code() -> None:
{% endif %}
    """The service is ready when the database answers and has the newest revision."""
    response = await client.get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert "Pool size" in response.json()["pool"]
    assert "Pool size" in response.json()["read_pool"]


@pytest.mark.usefixtures("schema")
{% if cookiecutter.session_style == "async" %}
async def test_probes_do_not_fill_the_log(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
{% else %}
def test_probes_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
{% endif %}
    """A probe that finds the service ready logs nothing of its own, whatever the level."""
    with caplog.at_level(logging.INFO):
        assert (await client.get("/health/ready")).status_code == 200
    assert [each.name for each in caplog.records if each.name.startswith("alembic")] == []


@pytest.mark.usefixtures("schema")
{% if cookiecutter.session_style == "async" %}
async def test_not_ready_before_the_migrations(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
{% else %}
def test_not_ready_before_the_migrations(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
{% endif %}
    """A new version waits until its migrations have run, and the log says how to run them."""
    monkeypatch.setattr(revisions, "expected_revisions", lambda: frozenset({"newer"}))
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert "revision" in response.json()["reason"]
    assert "behind; the code is at newer; run: python -m packages.database upgrade" in caplog.text


@pytest.mark.usefixtures("schema")
{% if cookiecutter.session_style == "async" %}
async def test_not_ready_when_the_database_is_ahead(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
{% else %}
def test_not_ready_when_the_database_is_ahead(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
{% endif %}
    """A database that newer code has migrated is not to be migrated by this code."""

    async def read() -> frozenset[str]:
        return frozenset({"newer"})

    monkeypatch.setattr(health, "_read_revisions", read)
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert "the database is at revision newer, ahead" in caplog.text
    assert "deploy newer code" in caplog.text


{% if cookiecutter.session_style == "async" %}
async def test_not_ready_without_a_database(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
{% else %}
def test_not_ready_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
{% endif %}
    """When the database does not answer, the 503 contains no detail of the error."""

    async def fail() -> frozenset[str]:
        raise OperationalError("SELECT 1", None, Exception("connection to 10.0.0.1 refused"))

    monkeypatch.setattr(health, "_read_revisions", fail)
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["reason"] == "the database does not answer"


{% if cookiecutter.session_style == "async" %}
async def test_database_that_does_not_answer_is_named_in_the_log(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
{% else %}
def test_database_that_does_not_answer_is_named_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
{% endif %}
    """The log says what was waited for, and for how long."""

    async def fail() -> frozenset[str]:
        raise TimeoutError

    monkeypatch.setattr(health, "_read_revisions", fail)
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert "not ready: the database did not answer within 2 s" in caplog.text


async def test_not_ready_while_no_request_ends() -> None:
    """Connections that are all held for too long serve nobody, though the database answers."""
    response = Response()
    request = Request({"type": "http", "state": {"stalled": True}})
{% if cookiecutter.session_style == "async" %}
    answer = await health.ready(request, response)
{% else %}
    answer = asyncio.run(health.ready(request, response))
{% endif %}
    assert response.status_code == 503
    assert answer["reason"] == "requests hold all connections and do not end"
