"""What the private servers promise a machine; that they stop, freeze and keep rows is proven by the tests of faults."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from . import SERVERS, Server, ServerError
from .processes import in_state, tree, wait_until


def connect(server: Server, **changed: str) -> Any:
    """Connect as the administrator, or with something else."""
    options: dict[str, Any] = {"user": server.user, "password": server.password, "connect_timeout": 5, **changed}
    if server.name == "postgresql":
        return psycopg.connect(host=server.host, port=server.port, dbname="postgres", **options)
    return pymysql.connect(host=server.host, port=server.port, read_timeout=5, **options)


def kind(name: str) -> type[Server]:
    """Return a kind of server; skip the test where it cannot be run."""
    if reason := SERVERS[name].missing():
        pytest.skip(reason)
    return SERVERS[name]


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Provide a server of each kind, one for all tests of the module."""
    with kind(request.param)() as server:
        yield server


def test_only_its_password_gets_in(server: Server) -> None:
    """Neither an empty password nor the socket does, no other machine can connect, and no file has the password."""
    connect(server).close()
    socket_options = {"unix_socket": str(server.folder / "socket"), "password": ""}
    others = [
        {"password": ""},
        {"password": "wrong"},
        {**socket_options, "user": ""},
        {**socket_options, "user": "root"},
    ]
    for other in others if server.name != "postgresql" else others[:2]:
        with pytest.raises(server.driver_error, match=r"(?i)password|Access denied"):
            connect(server, **other)
    with socket.socket() as free:
        free.bind(("127.0.0.2", server.port))  # fails if the server listens on all addresses
    files = [path.read_bytes() for path in server.folder.iterdir() if path.is_file()]
    assert not [content for content in files if server.password.encode() in content]


def test_defaults_are_the_makers(server: Server) -> None:
    """No file of the distribution has changed the character set: what a service says of it is its own doing."""
    question = "SHOW server_encoding" if server.name == "postgresql" else "SELECT @@character_set_server"
    assert server.query(question) == [({"postgresql": "UTF8", "mariadb": "latin1", "mysql": "utf8mb4"}[server.name],)]


def test_options_hold_from_the_next_start_on(server: Server) -> None:
    """A setting is in force after a restart; an unknown one, and a server that is late, is an error with the reason."""
    question = "SHOW max_connections" if server.name == "postgresql" else "SELECT @@max_connections"
    try:
        server.options["max_connections"] = "37"
        server.restart()
        assert str(server.query(question)[0][0]) == "37"
        server.options["no_such_setting"] = "1"
        with pytest.raises(ServerError, match=r"instead of answering.*no_such_setting"):
            server.restart()
        server.options.clear()
        server.start_seconds = 0
        with pytest.raises(ServerError, match=r"did not answer within 0 seconds \(.+\)"):
            server.start()
        assert not server.running
    finally:
        server.options.clear()
        server.start_seconds = type(server).start_seconds


def test_what_cannot_be_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without programs there is one sentence for each kind of server."""
    monkeypatch.setenv("MYSQL_SERVER_HOME", "/nowhere")
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_more: None)
    for each in SERVERS.values():
        assert re.fullmatch(r"[A-Z]\w+: no .*\.", str(each.missing()))
        with pytest.raises(ServerError, match="no `"):
            each()


PROGRAM = """
import signal, sys, time
sys.path.insert(0, sys.argv[1])
from servers import SERVERS
from servers.processes import tree
# A shell has what it starts in the background ignore Ctrl-C, and so would this program then.
signal.signal(signal.SIGINT, signal.default_int_handler)
server = SERVERS[sys.argv[2]]()
server.start()
if sys.argv[3] == "frozen":
    server.freeze()
print(server.folder, *(process.pid for process in tree(server._process.pid)), server._watcher.pid, flush=True)
if sys.argv[3] == "end":
    sys.exit()
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *(("postgresql", how) for how in ("end", "SIGINT", "SIGTERM", "frozen")),
        *((name, "SIGKILL") for name in SERVERS),
    ],
)
def test_nothing_survives_the_test_process(name: str, how: str) -> None:
    """However the test process ends, servers and data go."""
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[1]), kind(name).name, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        folder, *pids = process.stdout.readline().split()
        if how != "end":
            process.send_signal(signal.SIGKILL if how == "frozen" else signal.Signals[how])
        process.wait(30)

    def gone() -> bool:
        return in_state([each for pid in pids for each in tree(int(pid))]) and not Path(folder).exists()

    assert wait_until(gone, 10)
