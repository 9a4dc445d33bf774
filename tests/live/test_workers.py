"""Several processes serve one port: one that is killed under load costs the requests that it had, and no other."""

import os
import signal
from collections import Counter
from collections.abc import Callable

import httpx2
import psutil

from tests.live.cells import Cell
from tests.live.service import serve
from tests.live.workload import NO_ANSWER, Note, Workload

WORKERS = 4
CLIENTS = 32
ROUNDS = 2
KILLS = 2


def _connections(client: httpx2.Client) -> Counter[int]:
    """Return how many connections of clients each process of the service has."""
    port = (client.base_url.port,)
    return Counter(
        each.pid
        for each in psutil.net_connections("tcp")
        if each.pid and each.status == psutil.CONN_ESTABLISHED and each.laddr[1:2] == port
    )


def kill_workers(client: httpx2.Client, jobs: Callable[[int], list[tuple[str, int]]]) -> str:
    """Kill one worker after the other under load, and check that only their own clients got no answer.

    `jobs` finds what the server has stored of an owner. It returns the figures, for the summary of the run.
    """
    at_risk = 0
    with Workload(client, CLIENTS) as workload:
        for _ in range(KILLS):
            workload.wait_for_answers(ROUNDS)
            [(worker, _)] = _connections(client).most_common(1)
            os.kill(worker, signal.SIGSTOP)  # it accepts no connection after they are counted
            at_risk += _connections(client)[worker]
            os.kill(worker, signal.SIGKILL)
        workload.wait_for_answers(ROUNDS)
    stored = jobs(workload.owner)
    workload.check(stored, NO_ANSWER)
    unanswered = workload.statuses[NO_ANSWER]
    assert set(workload.statuses) == {200, 201, NO_ANSWER}
    # A connection has one request at a time.
    assert 0 < unanswered <= at_risk, (unanswered, at_risk)
    assert len(stored) - len(workload.acknowledged) <= unanswered
    return f"{CLIENTS} clients | {unanswered} of {len(workload.outcomes)} unanswered, of {at_risk} at risk"


def test_killed_worker_costs_its_own_requests(cell: Cell, record_property: Note) -> None:
    """Only the killed workers' clients get no answer; what was acknowledged is stored once, and others take over."""
    with serve(cell.project, workers=WORKERS) as client:
        figures = kill_workers(client, cell.jobs)
    record_property("figures", f"{KILLS} of {WORKERS} workers killed | {cell.backend} {cell.style} | {figures}")
