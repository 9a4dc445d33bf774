"""Notes are created once."""

from fastapi.testclient import TestClient


def test_note_is_created_once(client: TestClient) -> None:
    """A note that is there already is a conflict."""
    first = client.post("/notes", json={"text": "milk"})
    second = client.post("/notes", json={"text": "milk"})
    assert (first.status_code, second.status_code) == (201, 409)
