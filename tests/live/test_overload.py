"""More clients than the service has connections, fast ones and slow ones: nobody makes it unusable for the others."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.live import wrk
from tests.live.cells import Cell
from tests.live.service import new_user, serve
from tests.servers import Server

SLOW_CLIENTS = 200
SEND_BUFFER = 16_384
# What it may take to answer each of them once.
SLOW_SECONDS = 60
# An answer of so many such jobs is larger than what the system and the server keep for a client that does not read.
PAYLOAD = "x" * 15_000
JOBS = 20

CLIENTS = 1_000
POOL_SIZE = 5
SECONDS = 5
ENVIRONMENT = {"DATABASE_POOL_SIZE": str(POOL_SIZE), "DATABASE_POOL_TIMEOUT_SECONDS": "1"}
# Longer than a request waits for its turn, so that all who wait are refused at once, however fast the machine is.
FROZEN_SECONDS = 2
PROBE_PAUSE_SECONDS = 0.05
PROBE_SECONDS = 0.1
# A shared machine pauses now and then, which is not the service's fault. A probe that waited behind the requests would
# be late each time.
LATE_SHARE = 1 / 20


def read_slowly(client: httpx2.Client, paths: list[str]) -> socket.socket:
    """Ask for several answers one after the other over one connection, and read none of them."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect((client.base_url.host, client.base_url.port or 80))
    slow.sendall(b"".join(f"GET {path} HTTP/1.1\r\nhost: test\r\n\r\n".encode() for path in paths))
    return slow


def send_slowly(client: httpx2.Client, path: str) -> socket.socket:
    """Send the head of a request and the first byte of its body, and nothing more."""
    slow = socket.create_connection((client.base_url.host, client.base_url.port or 80))
    head = f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    slow.sendall(head.encode() + b"{")
    return slow


def unread_bytes(client: httpx2.Client, slow: list[socket.socket]) -> dict[str, int]:
    """Wait until each client has an answer that it does not read; return how much of it the system holds.

    The table of connections is read in parts. While others open and close, it can name a connection twice or not at
    all, so that it is read until each client was named.
    """
    address, readers = f":{client.base_url.port:04X}", {f"{each.getsockname()[1]:04X}" for each in slow}
    deadline = time.monotonic() + SLOW_SECONDS
    unread: dict[str, int] = {}
    while unread.keys() != readers:
        assert time.monotonic() < deadline, len(unread)
        assert client.get("/health/ready").status_code == 200
        table = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        lines = [(line[2].rpartition(":")[2], line) for line in table if line[1].endswith(address)]
        sizes = {reader: int(line[4].partition(":")[0], 16) for reader, line in lines if reader in readers}
        unread |= {reader: size for reader, size in sizes.items() if size}
    return unread


@pytest.mark.parametrize("cell", [("postgresql", "sync"), ("postgresql", "async")], ids="-".join, indirect=True)
def test_slow_clients_hold_no_connection(cell: Cell) -> None:
    """200 clients that do not read their answers, and ten connections: the service is ready and serves the others."""
    environment = {"DATABASE_POOL_SIZE": "10", "DATABASE_MAX_OVERFLOW": "0"}
    with serve(cell.project, environment, send_buffer=SEND_BUFFER) as client, ExitStack() as stack:
        owner = new_user(client, "slow")
        job = {"owner_id": owner, "title": "large", "payload": {"text": PAYLOAD}}
        first = min(client.post("/jobs", json=job).json()["id"] for _ in range(JOBS))
        path = f"/jobs?limit={JOBS}&after={first - 1}"
        size = len(client.get(path).content)
        # The second answer cannot even begin before the first one is read.
        slow = [stack.enter_context(read_slowly(client, [path, path])) for _ in range(SLOW_CLIENTS)]
        unread_bytes(client, slow)
        for number in range(20):
            assert client.get("/health/ready").status_code == 200
            assert client.get(f"/users/{owner}").status_code == 200
            new_user(client, f"quick-{number}")
        # Else nothing was proven: none of them was rid of its answer.
        assert max(unread_bytes(client, slow).values()) < size / 2


@pytest.mark.parametrize("cell", [("postgresql", "sync"), ("postgresql", "async")], ids="-".join, indirect=True)
def test_clients_that_send_slowly_hold_nothing(cell: Cell) -> None:
    """200 clients whose requests never end, and ten connections: the service serves the others without a wait."""
    environment = {"DATABASE_POOL_SIZE": "10", "DATABASE_POOL_TIMEOUT_SECONDS": "1"}
    with serve(cell.project, environment) as client, ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            stack.enter_context(send_slowly(client, "/jobs"))
        for number in range(20):
            assert client.get("/health/ready").status_code == 200
            new_user(client, f"beside-{number}")


def probe(client: httpx2.Client, ended: threading.Event) -> list[float]:
    """Ask whether the service is alive, about twenty times a second; return how long each answer took."""
    seconds = []
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port, timeout=60)
    while not ended.wait(PROBE_PAUSE_SECONDS):
        begun = time.monotonic()
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        answer.read()
        seconds.append(time.monotonic() - begun)
        assert answer.status == 200
    connection.close()
    return seconds


def freeze_for(server: Server, seconds: float) -> None:
    """Freeze the server after the load has begun, and let it go on."""
    time.sleep(SECONDS / 4)
    server.freeze()
    time.sleep(seconds)
    server.thaw()


@pytest.mark.parametrize("cell", [("postgresql", "sync"), ("postgresql", "async")], ids="-".join, indirect=True)
@pytest.mark.parametrize("frozen_seconds", [0, FROZEN_SECONDS], ids=["running", "frozen"])
def test_a_thousand_clients_are_served_or_told_to_come_back(
    cell: Cell, frozen_seconds: int, record_property: Callable[[str, object], None]
) -> None:
    """1,000 clients, five connections: success or 503 `Retry-After`; 19 of 20 probes are answered within 100 ms."""
    if reason := wrk.missing():
        pytest.skip(reason)
    name = "workload, frozen database" if frozen_seconds else "workload"
    with serve(cell.project, ENVIRONMENT) as client:
        path = f"/users/{new_user(client, 'thousand')}"
        with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
            ended = threading.Event()
            stack.callback(ended.set)
            probing = pool.submit(probe, client, ended)
            running = pool.submit(wrk.load, client, path, CLIENTS, SECONDS)
            if frozen_seconds:
                freeze_for(cell.server, frozen_seconds)
            load = running.result()
        slowest = sorted(probing.result())
        late = sum(seconds > PROBE_SECONDS for seconds in slowest)
        milliseconds = [round(seconds * 1e3) for seconds in (slowest[int(len(slowest) * 0.99)], slowest[-1])]
        figures = (CLIENTS, load.requests, load.refused, len(slowest), *milliseconds, late)
        record_property("overload", " | ".join(map(str, (name, f"{cell.backend} {cell.style}", *figures))))
        assert load.others == 0, load
        assert load.served > 0, load
        # Else nothing was proven about refusals: a frozen database is met by all of them.
        assert load.refused > 0 or not frozen_seconds, load
        assert client.get(path).status_code == 200
        assert late <= len(slowest) * LATE_SHARE, slowest[-10:]
