"""Services under load for long: connections are killed, clients are slow, one service is deployed again and again.

`SOAK_MINUTES=30 pytest -m slow tests/live/test_soak.py` runs it for as long as you like; it takes a minute by default.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median

import httpx2
import psutil
import pytest

from tests.live.cells import Cell, Cells
from tests.live.service import new_user, serve
from tests.live.test_overload import JOBS, PAYLOAD, SEND_BUFFER, read_slowly, send_slowly
from tests.live.workload import NO_ANSWER, Workload
from tests.template import STYLES

SECONDS = 60 * float(os.environ.get("SOAK_MINUTES", "1"))
# Clients of the two services that stay, and of the third, which is deployed: 64 in all.
STAYING_CLIENTS, DEPLOYED_CLIENTS = 24, 16
SLOW_CLIENTS = 5
# Half a minute and five minutes, or more often in a short run.
SAMPLE_SECONDS, DEPLOY_SECONDS = min(30.0, SECONDS / 12), min(300.0, SECONDS / 3)
KILL_SECONDS = 10.0
# What the machine adds to the time of a stop.
SLACK_SECONDS = 12
# Two engines, each with a pool of 5 and an overflow of 2.
MOST_CONNECTIONS = 14
# What may come on top from one third of the run to the next.
MEMORY_GROWTH, MEGABYTES, DESCRIPTORS, THREADS = 1.1, 10, 8, 4

FIGURES = ("MB", "descriptors", "threads", "connections")

Record = Callable[[str, object], None]


@dataclass
class Watched:
    """A service that runs, its clients, and what it used now and then."""

    client: httpx2.Client
    workload: Workload
    process: psutil.Process
    slow_path: str
    samples: list[tuple[int, int, int, int]] = field(default_factory=list)

    def measure(self, port: int) -> None:
        """Note memory in MB, descriptors, threads and connections to the server's port."""
        ends = [each.raddr.port for each in self.process.net_connections() if each.raddr]
        megabytes = self.process.memory_info().rss // 2**20
        self.samples.append((megabytes, self.process.num_fds(), self.process.num_threads(), ends.count(port)))


def process_of(client: httpx2.Client) -> psutil.Process:
    """Return the process that listens where a client asks."""
    port = client.base_url.port
    children = psutil.Process().children(recursive=True)
    return next(child for child in children if any(each.laddr.port == port for each in child.net_connections()))


def grace_seconds(cell: Cell) -> int:
    """Return for how long the service's image lets a stop wait for the requests in flight."""
    dockerfile = (cell.project.folder / "Dockerfile").read_text(encoding="utf-8")
    command = json.loads(dockerfile.rpartition("CMD ")[2])
    return int(command[command.index("--timeout-graceful-shutdown") + 1])


@contextmanager
def watched(cell: Cell, clients: int) -> Iterator[Watched]:
    """Serve clients, which have not begun yet, until the block ends."""
    environment = {"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": str(grace_seconds(cell))}
    with serve(cell.project, environment, send_buffer=SEND_BUFFER) as client:
        job = {"owner_id": new_user(client, "large"), "title": "large", "payload": {"text": PAYLOAD}}
        first = min(client.post("/jobs", json=job).json()["id"] for _ in range(JOBS))
        yield Watched(client, Workload(client, clients), process_of(client), f"/jobs?limit={JOBS}&after={first - 1}")


@contextmanager
def slow_clients(service: Watched) -> Iterator[None]:
    """Have clients that do not read their answers, and others that do not end their requests."""
    with ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            stack.enter_context(read_slowly(service.client, [service.slow_path] * 2))
            stack.enter_context(send_slowly(service.client, "/jobs"))
        yield


def check_writes(cell: Cell, service: Watched, *others: int) -> None:
    """Check that what is stored was acknowledged or in doubt, once."""
    workload = service.workload
    jobs = cell.jobs(workload.owner)
    workload.check(jobs, *others)
    # A request in flight when the service was stopped is not stored in silence.
    assert len(jobs) - len(workload.acknowledged) <= workload.in_doubt


def deploy(cell: Cell, deadline: float) -> list[float]:
    """Run a service and stop it under load, again and again; return the seconds until each was stopped."""
    stops = []
    while time.monotonic() < deadline:
        with watched(cell, DEPLOYED_CLIENTS) as service, slow_clients(service):
            with service.workload:
                time.sleep(DEPLOY_SECONDS)
                begun = time.monotonic()
                service.process.terminate()
                time.sleep(0.5)  # new requests are refused from now on
            service.process.wait(grace_seconds(cell) + SLACK_SECONDS)
            stops.append(time.monotonic() - begun)
        check_writes(cell, service, NO_ANSWER)
    return stops


@pytest.mark.slow
def test_what_a_service_uses_stays_flat(cells: Cells, record_property: Record) -> None:
    """64 clients, killed connections, slow clients, deploys: no figure grows, and a stop ends in time, with no loss."""
    staying = [cells("postgresql", style) for style in STYLES]
    deadline = time.monotonic() + SECONDS
    with ExitStack() as stack:
        services = [stack.enter_context(watched(cell, STAYING_CLIENTS)) for cell in staying]
        for service in services:
            stack.enter_context(slow_clients(service))
            stack.enter_context(service.workload)
        deploys = stack.enter_context(ThreadPoolExecutor(1)).submit(deploy, staying[0], deadline)
        sampled = killed = time.monotonic()
        while (now := time.monotonic()) < deadline:
            if now - killed > KILL_SECONDS:
                killed = now
                for cell in staying:
                    cell.kill_connections()
            if now - sampled > SAMPLE_SECONDS:
                sampled = now
                for service in services:
                    service.measure(staying[0].server.port)
            time.sleep(0.5)
        for service in services:
            service.workload.wait_for_answers(1)
        stops = deploys.result()
    slowest = f"{len(stops)} deploys, slowest stop {max(stops):.1f} s"
    record_property("figures", f"soak of {SECONDS:.0f} s | {slowest}")
    for cell, service in zip(staying, services, strict=True):
        check_writes(cell, service)
        workload = service.workload
        figures = f"{workload.failed} of {len(workload.outcomes)} failed, {workload.in_doubt} in doubt"
        line = f"soak | postgresql {cell.style} | {figures}"
        columns = dict(zip(FIGURES, zip(*service.samples, strict=True), strict=True))
        record_property("figures", f"{line} | " + ", ".join(f"{name} {values}" for name, values in columns.items()))
        assert workload.failed == 0
        third = len(service.samples) // 3
        memory, descriptors, threads, connections = (
            (values[third : 2 * third], values[2 * third :]) for values in columns.values()
        )
        assert median(memory[1]) <= MEMORY_GROWTH * median(memory[0]) + MEGABYTES
        assert median(descriptors[1]) <= max(descriptors[0]) + DESCRIPTORS
        assert median(threads[1]) <= max(threads[0]) + THREADS
        assert max(connections[0] + connections[1]) <= MOST_CONNECTIONS
