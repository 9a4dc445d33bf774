"""However a request ends, it leaves nothing behind: no connection, no open transaction, no half of its work."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest

from tests.live.cells import CELLS, Cell, Cells, parameters
from tests.live.scripts import put_script
from tests.live.service import serve, wait_until
from tests.live.workload import Connection

POOL_SIZE = 5
# More than there are connections: if each left one behind, the last would get none.
REQUESTS = 12
# No spare connection, and soon a 503 for each request that gets none.
ENVIRONMENT = {
    "DATABASE_POOL_SIZE": str(POOL_SIZE),
    "DATABASE_MAX_OVERFLOW": "0",
    "DATABASE_POOL_TIMEOUT_SECONDS": "5",
}
# Requests are in the middle of a statement, or wait for admission, when their clients leave.
LEAVE_SECONDS = 0.5
LEFT = -1
ERRORS = ("RuntimeError", "CancelledError", "Ending")


@pytest.fixture(scope="module", params=parameters(CELLS))
def running(request: pytest.FixtureRequest, cells: Cells) -> Iterator[tuple[Cell, httpx2.Client]]:
    """Run a service, with requests that end in every way, once for all tests of its cell."""
    cell = cells(*request.param)
    put_script(cell.project, cell.style, "endings", "cancelling")
    with serve(cell.project, ENVIRONMENT, app="cancelling:app") as client:
        yield cell, client


def post(client: httpx2.Client, paths: list[str], leave_after: float | None = None) -> list[int]:
    """Send requests at once, each over a connection of its own; return the statuses of the answers.

    After `leave_after` seconds, the clients hang up.
    """

    async def ask(path: str) -> int:
        connection = Connection(client)
        try:
            async with asyncio.timeout(leave_after):
                return (await connection.ask("POST", path)).status
        except TimeoutError:
            return LEFT
        finally:
            connection.close()

    async def ask_all() -> list[int]:
        return await asyncio.gather(*map(ask, paths))

    return asyncio.run(ask_all())


def rows(cell: Cell, name: str) -> int:
    """Return how many users the requests of a test have left."""
    return len(cell.server.query(f"SELECT id FROM users WHERE name LIKE '{name}-%'", cell.database))  # noqa: S608


def check_nothing_is_left(cell: Cell, client: httpx2.Client, name: str) -> None:
    """Check that nobody holds anything, and that as many requests as before are served at once."""

    def left() -> dict[str, int]:
        answer: dict[str, int] = client.get("/health/left-behind").json()
        return answer

    wait_until(lambda: left() == {"connections": 0, "admissions": 0}, "a connection or an admission stays taken")
    wait_until(lambda: not cell.transactions(), "a transaction stays open")
    paths = [f"/endings/left/after-{name}-{number}" for number in range(POOL_SIZE)]
    assert post(client, paths) == [200] * POOL_SIZE
    assert rows(cell, f"after-{name}") == 2 * POOL_SIZE
    assert left() == {"connections": 0, "admissions": 0}
    assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("kind", ERRORS)
def test_request_that_raises_leaves_nothing_behind(running: tuple[Cell, httpx2.Client], kind: str) -> None:
    """Whatever a handler raises, also what is no `Exception`, in the middle of its work or after reading."""
    cell, client = running
    statuses = post(client, [f"/endings/raised/{kind}/{kind}-{number}" for number in range(REQUESTS)])
    statuses += post(client, [f"/endings/read/{kind}"] * REQUESTS)
    assert set(statuses) == {500}
    assert rows(cell, kind) == 0
    check_nothing_is_left(cell, client, kind)


def test_request_after_a_fault_is_answered(running: tuple[Cell, httpx2.Client]) -> None:
    """The server closes the connection of a 500, and the response says so: the next request takes another one."""
    _, client = running
    for number in range(REQUESTS):
        assert client.post(f"/endings/raised/RuntimeError/next-{number}").status_code == 500
        assert client.get("/health/live").status_code == 200


def test_cancelled_request_leaves_nothing_behind(running: tuple[Cell, httpx2.Client]) -> None:
    """Clients leave, which cancels their requests: no row of a task, no half of a thread's work, none that waited."""
    cell, client = running
    paths = [f"/endings/cancelled/cancelled-{number}" for number in range(REQUESTS)]
    assert post(client, paths, LEAVE_SECONDS) == [LEFT] * REQUESTS
    reading = [f"/endings/cancelled/reading/{number}" for number in range(REQUESTS)]
    assert post(client, reading, LEAVE_SECONDS) == [LEFT] * REQUESTS
    check_nothing_is_left(cell, client, "cancelled")
    # A thread cannot be cancelled: it finishes its work. A request that still waited for a slot never began.
    assert rows(cell, "cancelled") == {"async": 0, "sync": 2 * POOL_SIZE}[cell.style]


def test_request_of_a_client_that_left_is_done_whole_or_not_at_all(running: tuple[Cell, httpx2.Client]) -> None:
    """Clients leave, and nobody cancels their requests: those that had begun are done whole, and no other begins."""
    cell, client = running
    paths = [f"/endings/left/left-{number}" for number in range(REQUESTS)]
    assert post(client, paths, LEAVE_SECONDS) == [LEFT] * REQUESTS
    check_nothing_is_left(cell, client, "left")
    assert rows(cell, "left") == 2 * POOL_SIZE
