"""Notes are created once."""

from httpx2 import AsyncClient


async def test_note_is_created_once(client: AsyncClient) -> None:
    """A note that is there already is a conflict."""
    first = await client.post("/notes", json={"text": "milk"})
    second = await client.post("/notes", json={"text": "milk"})
    assert (first.status_code, second.status_code) == (201, 409)
