"""The page on idempotency shows an endpoint whose work is done once, however often it is asked for."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from scripts.twins import twin
from tests.live.cells import Cell
from tests.live.pages import Page
from tests.live.service import new_user, serve
from tests.live.workload import Connection

CLIENTS = 24
KILLS = 4
SECONDS = 30
TABLE = """\
from sqlalchemy.schema import CreateTable
from packages.database.answered_request_data_model import AnsweredRequest
from packages.database.config import engine
print(CreateTable(AnsweredRequest.__table__).compile(dialect=engine.dialect))
"""


def written(folder: Path, style: str) -> list[Path]:
    """Write the files that the page shows into a project."""
    files = [file for section in Page("idempotency.md").sections for file in section.files]
    assert len(files) == 2
    for path, text in files:
        (folder / path).write_text(twin(text) if style == "sync" else text, encoding="utf-8")
    return [folder / path for path, _ in files]


@pytest.fixture
def client(cell: Cell) -> Iterator[httpx2.Client]:
    """Run a service with the endpoint of the page."""
    files = written(cell.project.folder, cell.style)
    try:
        cell.server.query(cell.project.run("python", "-c", TABLE).stdout, cell.database)
        with serve(cell.project) as client:
            yield client
    finally:
        cell.server.query("DROP TABLE IF EXISTS answered_requests", cell.database)
        for path in files:
            path.unlink()


def test_a_key_is_answered_once(cell: Cell, client: httpx2.Client) -> None:
    """The same key is answered as before, at the same time it is a conflict, and a bad key is refused."""
    owner = new_user(client, "payer")
    payment = {"owner_id": owner, "title": "once"}

    async def ask(key: str) -> int:
        connection = Connection(client)
        answer = await connection.ask("POST", "/payments", payment, {"idempotency-key": key})
        connection.close()
        return answer.status

    async def ask_at_once(key: str) -> list[int]:
        return await asyncio.gather(*(ask(key) for _ in range(8)))

    keys = [uuid4().hex for _ in range(3)]
    for key in keys:
        statuses = asyncio.run(ask_at_once(key))
        assert {201} <= set(statuses) <= {201, 409}
        answers = [client.post("/payments", json=payment, headers={"Idempotency-Key": key}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
    assert len(cell.jobs(owner)) == len(keys)
    assert client.post("/payments", json=payment, headers={"Idempotency-Key": "short"}).status_code == 422


def test_what_was_in_doubt_is_done_once(
    cell: Cell, client: httpx2.Client, record_property: Callable[[str, object], None]
) -> None:
    """Connections are killed, and clients try again with the same key until they succeed: each is stored once."""
    owner = new_user(client, "doubtful")
    wanted: set[str] = set()
    statuses: list[int] = []

    async def pay(until: float) -> None:
        connection = Connection(client)
        while time.monotonic() < until:
            title = uuid4().hex
            wanted.add(title)
            status, deadline = 0, time.monotonic() + SECONDS
            while status != 201:
                assert time.monotonic() < deadline
                body = {"owner_id": owner, "title": title}
                status = (await connection.ask("POST", "/payments", body, {"idempotency-key": title})).status
                statuses.append(status)
        connection.close()

    async def pay_while_killed() -> None:
        until = time.monotonic() + KILLS / 2
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(pay(until))
            while time.monotonic() < until:
                await asyncio.to_thread(cell.kill_connections)
                await asyncio.sleep(0.3)

    asyncio.run(pay_while_killed())
    record_property(
        "figures", f"idempotency: {len(wanted)} payments, {len(statuses)} requests, {cell.backend} {cell.style}"
    )
    assert sorted(title for title, _ in cell.jobs(owner)) == sorted(wanted)
    assert set(statuses) <= {201, 409, 503}
