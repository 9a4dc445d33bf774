"""What the users of the private servers rely on; the tests of clusters and replicas prove the pair and the cluster."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pymysql
import pytest

from . import SERVERS, Server, ServerError
from .processes import in_state, tree, wait_until

ENDS: dict[str, Callable[[Server], None]] = {
    "stop": Server.stop,
    "kill": Server.kill,
    "immediate": lambda server: server.stop(immediate=True),
}


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


def processes_of(server: Server) -> list[psutil.Process]:
    """Return the processes of a server."""
    children = psutil.Process().children()
    return [each for child in children if str(server.data) in " ".join(child.cmdline()) for each in tree(child.pid)]


@pytest.fixture(scope="module", params=SERVERS)
def shared(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Provide a server of each kind, one for all tests of the module."""
    with kind(request.param)() as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Server:
    """Provide the server, running, whatever the test before has done to it."""
    shared.thaw()
    shared.start()
    return shared


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


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("frozen", [False, True], ids=["running", "frozen"])
def test_data_survive_however_the_server_ends(server: Server, end: str, *, frozen: bool) -> None:
    """Frozen or in the middle of a transaction, it is gone at once, and comes back with its data on its port."""
    database = f"test_{time.monotonic_ns()}"
    server.create_database(database)
    server.query("CREATE TABLE numbers (n INTEGER)", database)
    server.query("INSERT INTO numbers VALUES (7)", database)
    before, port = processes_of(server), server.port
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        if frozen:
            server.freeze()
            assert in_state(before, psutil.STATUS_STOPPED)
        began = time.monotonic()
        ENDS[end](server)
        assert time.monotonic() - began < 10
        assert before
        assert in_state(before)
        with pytest.raises(server.driver_error):
            cursor.execute("SELECT 1")
    with pytest.raises(server.driver_error):
        server.query("SELECT 1")
    server.start()
    assert server.port == port
    assert server.query("SELECT n FROM numbers", database) == [(7,)]


def test_a_frozen_server_is_silent_and_thaws(server: Server) -> None:
    """Connections stay open while it is frozen, and work afterwards."""
    with connect(server) as connection, connection.cursor() as cursor:
        server.freeze()
        with socket.create_connection((server.host, server.port), timeout=1) as silent:
            # The kernel still takes the connection, but nobody speaks.
            silent.settimeout(0.3)
            with pytest.raises(TimeoutError):
                silent.recv(1)
        server.thaw()
        cursor.execute("SELECT 7")
        assert cursor.fetchone() == (7,)


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
