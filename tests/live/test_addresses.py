"""An address where nobody answers costs a bounded time, whichever way nobody answers."""

import json
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
SLEEP = {"postgresql": "SELECT pg_sleep({})", "mariadb": "SELECT SLEEP({})"}
PORTS = {"silent": silent_port, "dropping": dropping_port}


@pytest.fixture(params=PORTS)
def dead_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Give the test a port where nobody answers."""
    with ExitStack() as stack:
        yield PORTS[request.param](stack)


def connect_once(cell: Cell, environment: dict[str, str], statement: str) -> Any:
    """Connect and execute a statement in a process of its own; return how that ended, and after how many seconds."""
    project = Project(cell.project.folder, {**cell.project.env, **environment})
    return json.loads(project.run("python", put_script(project, cell.style, "connect_once"), statement, "{}").stdout)


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
    report = connect_once(cell, environment, "SELECT 1")
    assert report["ending"]
    assert LIMIT_SECONDS * 0.9 < report["seconds"] < LIMIT_SECONDS + LATE_SECONDS


def test_answer_may_take_longer_than_connecting_but_not_for_ever(cell: Cell) -> None:
    """The read timeout of a connection is its own, and not that of connecting."""
    environment = {"DATABASE_CONNECT_TIMEOUT_SECONDS": "1", "DATABASE_READ_TIMEOUT_SECONDS": "3"}
    patient = connect_once(cell, environment, SLEEP[cell.backend].format(2))
    assert patient["ending"] == ""
    impatient = connect_once(cell, environment, SLEEP[cell.backend].format(20))
    assert impatient["ending"]
    assert 2.7 < impatient["seconds"] < 3 + LATE_SECONDS
