"""Time has limits: of an address where nobody answers, of an answer, and of a statement, which the log then names."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.live.cells import Cell
from tests.live.scripts import put_script, run_text
from tests.template import Project

LIMIT_SECONDS = 2
# What a busy machine may add to a limit.
LATE_SECONDS = 2


def silent_port(stack: ExitStack) -> int:
    """Return a port where connections are accepted, and nothing is ever said: a load balancer with no server."""
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(50)
    return int(listener.getsockname()[1])


def dropping_port(stack: ExitStack) -> int:
    """Return a port whose packets go unanswered, as behind a firewall: its queue of connections is full."""
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(4):
        waiting = stack.enter_context(socket.socket())
        waiting.settimeout(0)
        waiting.connect_ex(listener.getsockname())
    return int(listener.getsockname()[1])


# Nobody listens there.
CLOSED_PORT = 1
CONNECT_TO_READ = """
import logging
from packages.database.config import read_engine
from sqlalchemy.exc import OperationalError
logging.basicConfig(level=logging.INFO)
try:
    await read_engine.connect()
except OperationalError:
    pass
"""
SLEEP = {"postgresql": "SELECT pg_sleep(:seconds), :value", "mariadb": "SELECT SLEEP(:seconds), :value"}
PORTS = {"silent": silent_port, "dropping": dropping_port}


@pytest.fixture(params=PORTS)
def dead_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Give the test a port where nobody answers."""
    with ExitStack() as stack:
        yield PORTS[request.param](stack)


def execute_once(cell: Cell, environment: dict[str, str], seconds: float, *others: str) -> tuple[dict[str, Any], str]:
    """Execute a statement of that length in a process of its own, and others in the same session.

    It returns how that ended, after how long, and the answers to the others; and what the program said.
    """
    values = json.dumps({"seconds": seconds, "value": "s3cret"})
    script = put_script(cell.project, cell.style, "statement_once")
    completed = cell.project.run("python", script, SLEEP[cell.backend], values, *others, check=True, **environment)
    return json.loads(completed.stdout), completed.stderr


def test_log_names_the_setting_of_the_address(cell: Cell) -> None:
    """Where nobody answers at the replica, the log says to check its URL, and not that of the primary."""
    closed = make_url(cell.project.env["DATABASE_URL"]).set(port=CLOSED_PORT).render_as_string(hide_password=False)
    for setting in ("DATABASE_READ_URL", "DATABASE_URL"):
        environment = {**cell.project.env, setting: closed, "DATABASE_CONNECT_TIMEOUT_SECONDS": "1"}
        log = run_text(Project(cell.project.folder, environment), cell.style, CONNECT_TO_READ).stderr
        assert f"connecting is retried: {setting}: " in log


def test_dead_address_is_given_up_within_the_connect_timeout(cell: Cell, dead_port: int) -> None:
    """Whether packets are dropped or accepted in silence, the caller has an error after the connect timeout."""
    url = make_url(cell.project.env["DATABASE_URL"]).set(port=dead_port)
    environment = {
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "DATABASE_CONNECT_TIMEOUT_SECONDS": str(LIMIT_SECONDS),
    }
    report, _ = execute_once(cell, environment, 0)
    assert report["ending"]
    assert LIMIT_SECONDS * 0.9 < report["seconds"] < LIMIT_SECONDS + LATE_SECONDS


@pytest.mark.parametrize("ping", ["", "1"])
def test_answer_may_take_longer_than_connecting_but_not_for_ever(cell: Cell, ping: str) -> None:
    """The read timeout of a connection is its own, and not that of connecting, nor that of a ping before."""
    environment = {"DATABASE_CONNECT_TIMEOUT_SECONDS": "1", "DATABASE_READ_TIMEOUT_SECONDS": "3", "PING_FIRST": ping}
    patient, _ = execute_once(cell, environment, 2)
    assert patient["ending"] == ""
    impatient, _ = execute_once(cell, environment, 20)
    assert impatient["ending"]
    assert 2.7 < impatient["seconds"] < 3 + LATE_SECONDS


def test_slow_statement_is_logged_without_its_values(cell: Cell) -> None:
    """A statement above the threshold is logged with its duration; one below it is not."""
    environment = {"DATABASE_SLOW_QUERY_SECONDS": "0.5"}
    assert execute_once(cell, environment, 0.01)[1] == ""
    _, log = execute_once(cell, environment, 1)
    seconds = re.match(r"slow query, (\d\.\d+) s: SELECT (pg_sleep|SLEEP)\(", log)
    assert seconds
    assert 1 <= float(seconds[1]) < 3
    assert "s3cret" not in log


def test_hanging_statement_is_cut_off(cell: Cell) -> None:
    """A statement that takes longer than its limit is an error, and is logged; the session is of use afterwards."""
    environment = {"DATABASE_STATEMENT_TIMEOUT_SECONDS": "1", "DATABASE_SLOW_QUERY_SECONDS": "0.5"}
    report, log = execute_once(cell, environment, 20, "SELECT 1")
    assert report["ending"]
    assert 0.9 < report["seconds"] < 3
    assert report["answers"] == [1]
    assert "slow query" in log
