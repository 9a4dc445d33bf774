"""The API of users and jobs keeps its promises: status codes, paging, and no partial writes."""

from typing import Any

import pytest
{# async #}
from httpx2 import AsyncClient
{# sync
from fastapi.testclient import TestClient
#}

from tests.conftest import client_of_the_api

ZOE = {"email": "zoe@example.com", "name": "Zoë 🦆"}


async def test_user_is_created_and_read(client: AsyncClient) -> None:
    """POST returns 201 with the stored user, and GET finds it."""
    response = await client.post("/users", json=ZOE)
    assert response.status_code == 201
    created = response.json()
    assert {"email": created["email"], "name": created["name"]} == ZOE
    assert (await client.get(f"/users/{created['id']}")).json() == created


async def test_user_is_changed_and_deleted(client: AsyncClient, user: dict[str, Any]) -> None:
    """PATCH changes the given fields only; DELETE returns 204 and removes the row."""
    response = await client.patch(f"/users/{user['id']}", json={"name": "Z"})
    assert response.status_code == 200
    assert (response.json()["name"], response.json()["email"]) == ("Z", user["email"])
    assert (await client.delete(f"/users/{user['id']}")).status_code == 204
    assert (await client.get(f"/users/{user['id']}")).status_code == 404


async def test_job_is_created_changed_and_deleted(client: AsyncClient, job: dict[str, Any]) -> None:
    """A job starts as pending, keeps its payload, changes its status, and can be deleted."""
    assert (job["status"], job["payload"]) == ("pending", {"pages": [1, 2]})
    path = f"/jobs/{job['id']}"
    assert (await client.get(path)).json() == job
    changed = (await client.patch(path, json={"status": "running"})).json()
    assert (changed["status"], changed["title"]) == ("running", "first")
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_pages_contain_every_row_once(client: AsyncClient) -> None:
    """Paging with `after` returns each row once, in the order of ids."""
    new = [{"email": f"{number}@example.com", "name": "n"} for number in range(5)]
    ids = [(await client.post("/users", json=user)).json()["id"] for user in new]
    seen: list[int] = []
{# async #}
    for _ in range(3):
        parameters = {"limit": 2, "after": max(seen, default=0)}
        page = (await client.get("/users", params=parameters)).json()
{# sync
    while page := client.get("/users", params={"limit": 2, "after": max(seen, default=0)}).json():
#}
        assert len(page) <= 2
        seen += [user["id"] for user in page]
    assert seen == ids


@pytest.mark.parametrize("path", ["/users/2147483647", "/jobs/2147483647"])
async def test_unknown_id_is_not_found(client: AsyncClient, path: str) -> None:
    """A missing row is a 404, for every method."""
    assert (await client.get(path)).status_code == 404
    assert (await client.patch(path, json={})).status_code == 404
    assert (await client.delete(path)).status_code == 404


async def test_conflicts_are_answered_with_409(client: AsyncClient, job: dict[str, Any]) -> None:
    """A duplicate address, an unknown owner, and deleting an owner of jobs are conflicts."""
{# async #}
    orphan = {"owner_id": 2147483647, "title": "t"}
{# end #}
    assert (await client.post("/users", json=ZOE)).status_code == 409
{# async #}
    assert (await client.post("/jobs", json=orphan)).status_code == 409
{# sync
    assert client.post("/jobs", json={"owner_id": 2147483647, "title": "t"}).status_code == 409
#}
    assert (await client.delete(f"/users/{job['owner_id']}")).status_code == 409


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/users", "{}"),
        ("/users", "not JSON"),
        ("/users", '{"email": "no address", "name": "n"}'),
        ("/users", '{"email": " a@example.com", "name": "n"}'),
        ("/users", '{"email": "a@example.com", "name": ""}'),
        ("/users", '{"email": "a@example.com", "name": " \\u3000\\u001c"}'),
        ("/users", '{"email": "a@example.com", "name": "a\\u0000b"}'),
        ("/users", '{"email": "a@example.com", "name": "\\ud800"}'),
        ("/users", '{"email": "a@example.com", "name": "' + "n" * 256 + '"}'),
        ("/jobs", '{"owner_id": 1, "title": "t", "status": "no such status"}'),
        ("/jobs", '{"owner_id": 1, "title": "t", "payload": [1]}'),
        ("/jobs", '{"owner_id": 1, "title": "t", "payload": {"number": NaN}}'),
        ("/jobs", '{"owner_id": 1, "title": "t", "payload": {"text": "\\ud800"}}'),
        ("/jobs", '{"owner_id": 1, "title": "t", "payload": {"text": ["\\u0000"]}}'),
        ("/jobs", '{"owner_id": 1, "title": "t", "payload": {"\\u0000": 1}}'),
        ("/jobs", '{"owner_id": 99999999999999999999, "title": "t"}'),
        ("/jobs", '{"owner_id": "1", "title": "t"}'),
        ("/jobs", '{"owner_id": true, "title": "t"}'),
        ("/jobs", '{"owner_id": 1, "title": "t", "payload": {"d": ' + "[" * 40 + "]" * 40 + "}}"),
        ("/users", '{"email": "a@' + "\\u0130" * 250 + '", "name": "n"}'),
    ],
)
async def test_invalid_body_is_answered_with_422(client: AsyncClient, path: str, body: str) -> None:
    """A body that cannot be stored is refused, and the response does not repeat it."""
    response = await client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert "input" not in response.text


@pytest.mark.parametrize("field", ["email", "name"])
async def test_field_cannot_be_set_to_null(
    client: AsyncClient, user: dict[str, Any], field: str
) -> None:
    """PATCH may omit a field, but not set it to null."""
{# async #}
    response = await client.patch(f"/users/{user['id']}", json={field: None})
    assert response.status_code == 422
{# sync
    assert client.patch(f"/users/{user['id']}", json={field: None}).status_code == 422
#}


@pytest.mark.parametrize(
    "path",
    ["/users/0", "/users/x", "/users/9999999999", "/users?limit=0", "/users?limit=101"],
)
async def test_invalid_parameter_is_answered_with_422(client: AsyncClient, path: str) -> None:
    """Ids and page sizes have limits."""
    assert (await client.get(path)).status_code == 422


@pytest.mark.usefixtures("schema")
async def test_committed_before_the_response() -> None:
    """When a client has received its 201, every other session sees the row."""
{# async #}
    async with client_of_the_api() as client:
        created = (await client.post("/users", json=ZOE)).json()
        path = f"/users/{created['id']}"
        try:
            assert (await client.get(path)).json() == created
        finally:
            assert (await client.delete(path)).status_code == 204
{# sync
    client = client_of_the_api()
    created = client.post("/users", json=ZOE).json()
    try:
        assert client.get(f"/users/{created['id']}").json() == created
    finally:
        assert client.delete(f"/users/{created['id']}").status_code == 204
#}
