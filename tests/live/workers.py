"""What a worker that is killed under load may cost, with uvicorn and with gunicorn."""

import os
import signal
from collections import Counter
from collections.abc import Callable

import httpx2
import psutil

from tests.live.service import new_user
from tests.live.workload import NO_ANSWER, Workload

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

    Args:
        client: of a service that several processes serve.
        jobs: the title and the id of each job of an owner, as the server has stored them.

    Returns:
        The figures, for the summary of the run.
    """
    owner = new_user(client, "workers")
    at_risk = 0
    with Workload(client, owner, CLIENTS) as workload:
        for _ in range(KILLS):
            workload.wait_for_answers(ROUNDS)
            [(worker, _)] = _connections(client).most_common(1)
            os.kill(worker, signal.SIGSTOP)  # it accepts no connection after they are counted
            at_risk += _connections(client)[worker]
            os.kill(worker, signal.SIGKILL)
        workload.wait_for_answers(ROUNDS)
    stored = jobs(owner)
    unanswered = workload.statuses[NO_ANSWER]
    assert set(workload.statuses) == {200, 201, NO_ANSWER}
    # A connection has one request at a time.
    assert 0 < unanswered <= at_risk, (unanswered, at_risk)
    assert workload.acknowledged.items() <= set(stored)
    assert len({title for title, _ in stored}) == len(stored)
    assert len(stored) - len(workload.acknowledged) <= unanswered
    return f"{CLIENTS} clients | {unanswered} of {len(workload.outcomes)} unanswered, of {at_risk} at risk"
