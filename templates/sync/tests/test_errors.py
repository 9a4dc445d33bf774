"""Every path operation has a limit and responses to errors, without code of its own."""

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from starlette.testclient import WebSocketDenialResponse

from packages.api import errors
from packages.api.app import MAX_BODY_BYTES, app
from packages.api.dependencies import IdPath, SessionDep
from packages.api.sessions import open_session
from packages.database import revisions
from tests.conftest import client_of_the_api
from tests.rows import Private


@pytest.fixture(autouse=True)
def endpoint(api: FastAPI) -> None:
    """Give the API path operations for the test, as a team adds them: `/rows/{number}`."""
    router = APIRouter()

    @router.post("/rows/{number}")
    def post(number: IdPath, names: list[str], db: SessionDep) -> str:  # noqa: ARG001
        return names[0]

    @router.get("/rows/{number}")
    def read(number: IdPath, db: SessionDep) -> None:  # noqa: ARG001
        db.execute(text("SELECT id FROM no_such_table"))

    @router.websocket("/rows/{number}")
    def talk(number: int, db: SessionDep) -> None:
        raise NotImplementedError

    api.include_router(router)


def test_input_is_not_repeated(client: TestClient) -> None:
    """An invalid request is a 422 that does not repeat the input, which may be secret."""
    for path, body in {"/rows/1": '["\\ud800", 1]', "/rows/0": "[]", "/rows/1?": "s3cret"}.items():
        headers = {"Content-Type": "application/json"}
        response = client.post(path, content=body, headers=headers)
        assert response.status_code == 422
        assert "input" not in response.text
        assert "s3cret" not in response.text


def test_errors_are_documented() -> None:
    """`/openapi.json` has every possible error of a path operation that documents none."""
    operations = app.openapi()["paths"]["/rows/{number}"]
    reading = {"200", "404", "422", "500", "503"}
    assert set(operations["get"]["responses"]) == reading
    assert set(operations["post"]["responses"]) == reading | {"400", "409", "413"}


def test_document_is_made_once() -> None:
    """`/openapi.json` is made once, and again only after a route was added."""

    def responses(path: str) -> dict[str, object]:
        found: dict[str, object] = app.openapi()["paths"][path]["get"]["responses"]
        return found

    assert responses("/rows/{number}") is responses("/rows/{number}")
    app.add_api_route("/later", lambda: None)
    assert "503" in responses("/later")


def test_unreadable_body_is_answered_with_400(client: TestClient) -> None:
    """A body that is no text in UTF-8 is no JSON."""
    headers = {"Content-Type": "application/json"}
    response = client.post("/rows/1", content=b"\xff", headers=headers)
    assert response.status_code == 400
    assert isinstance(response.json()["detail"], str)


def test_other_methods_are_named(client: TestClient) -> None:
    """A 405 names all methods of the path."""
    response = client.put("/rows/1")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")


def test_body_has_a_limit(client: TestClient) -> None:
    """A body larger than any that the API accepts is refused before it is read to its end."""
    response = client.post("/rows/1", content=b" " * (MAX_BODY_BYTES + 1))
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationalError("SELECT", None, Exception("s3cret")), 503),
        (PoolTimeoutError("QueuePool limit"), 503),
        (ProgrammingError("SELECT", None, Exception("s3cret")), 500),
        (IntegrityError("INSERT", None, Exception("s3cret")), 409),
        (StaleDataError("expected to update 1 row(s); 0 were matched"), 409),
        (DataError("INSERT", None, Exception("s3cret")), 422),
    ],
)
def test_error_of_the_database_has_its_status(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """Only a lost database is a 503 with `Retry-After`; no response contains the cause.

    The body is FastAPI's: an object whose `detail` is text, or for a 422 a list of faults.
    """

    def fail() -> Session:
        raise error

    monkeypatch.setitem(app.dependency_overrides, open_session, fail)
    with client_of_the_api(raises=False) as client:
        response = client.post("/rows/1", json=["name"])
    assert response.status_code == status
    assert ("Retry-After" in response.headers) == (status == 503)
    assert isinstance(response.json()["detail"], list if status == 422 else str)
    assert "s3cret" not in response.text


def test_full_pool_is_told_from_a_database_that_does_not_answer(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The log asks for what empties a pool: a request that takes a second connection."""

    def fail() -> Session:
        raise PoolTimeoutError("QueuePool limit of size 1")

    app.dependency_overrides[open_session] = fail
    response = client.post("/rows/1", json=["name"])
    assert response.json() == {"detail": "The service is busy; try again later."}
    assert "no connection is free; does a request hold one and wait for another" in caplog.text


def test_lost_database_is_one_line_of_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The line names the request, also where the driver's message has several lines."""

    def fail() -> Session:
        raise OperationalError("SELECT", None, Exception("connection refused\n\tIs it running?"))

    app.dependency_overrides[open_session] = fail
    client.post("/rows/1", json=["name"])
    [line] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    beginning = "POST /rows/1: the database cannot be used: (builtins.Exception) connection refused"
    assert line.startswith(f"{beginning} Is it running?")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("message", "logged"),
    [
        ('constraint "uq_test_rows_name": (name)=(s3cret)', "uq_test_rows_name"),
        ('null value in column "name" violates not-null constraint: s3cret', "name"),
    ],
)
def test_broken_constraint_is_named_in_the_log(
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    message: str,
    logged: str,
) -> None:
    """The name of a constraint, or else of a column, is logged as a warning, and no value."""

    def fail() -> Session:
        raise IntegrityError("INSERT", None, Exception(message))

    monkeypatch.setattr(errors, "Base", Private)
    app.dependency_overrides[open_session] = fail
    client.post("/rows/1", json=["name"])
    assert f"POST /rows/1: refused by {logged}" in caplog.messages
    assert "s3cret" not in caplog.text


def test_websocket_is_refused_like_a_request(
    api: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Before a WebSocket is accepted, an error has the status that it has for a request."""

    def fail() -> Session:
        raise IntegrityError("INSERT", None, Exception("s3cret"))

    monkeypatch.setitem(api.dependency_overrides, open_session, fail)
    websocket = TestClient(api).websocket_connect("/rows/1")
    with pytest.raises(WebSocketDenialResponse) as refused, websocket:
        pass
    assert refused.value.status_code == 409
    assert "WebSocket /rows/1: refused by" in caplog.text


def test_missing_table_is_a_503_that_names_the_command(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the migrations have run, a client may try again, and the log says what to run."""
    monkeypatch.setattr(revisions, "expected_revisions", lambda: frozenset({"newer"}))
    response = client.get("/rows/1")
    assert response.status_code == 503
    assert "behind; the code is at newer; run: python -m packages.database upgrade" in caplog.text
