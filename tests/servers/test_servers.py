"""Tests of the private servers themselves."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pymysql
import pytest

from . import SERVERS, NotAnsweringError, Server, ServerError, available, find, processes

REFUSED = (psycopg.OperationalError, pymysql.OperationalError)


def connect(server: Server, password: str) -> psycopg.Connection | pymysql.Connection:
    """Connect as the administrator, with any password."""
    if server.name == "postgresql":
        return psycopg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=password,
            dbname="postgres",
            connect_timeout=5,
        )
    return pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=password,
        connect_timeout=5,
        read_timeout=5,
    )


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something is true, and say whether it became so."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module", params=SERVERS)
def shared(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Provide a server of each kind, one for all tests of the module."""
    kind = find(request.param)
    if kind is None:
        pytest.skip(str(available()[request.param]))
    with kind() as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Server:
    """Provide the server, running, whatever the test before has done to it."""
    shared.thaw()
    shared.start()
    return shared


def test_it_answers_its_administrator_only(server: Server) -> None:
    """The password is needed, and it is the right one."""
    assert re.match(r"\d+\.\d+", server.version)
    assert server.query("SELECT 1 + 1") == [(2,)]
    for wrong in ("", "wrong"):
        with pytest.raises(REFUSED, match=r"(?i)password"):
            connect(server, wrong)
    connect(server, server.password).close()


def test_no_account_is_open(server: Server) -> None:
    """Nobody gets in without a password, through the socket either."""
    if server.name == "postgresql":
        assert server.query("SELECT usename FROM pg_user") == [(server.user,)]
        rules = server.query("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
        assert rules == [("scram-sha-256",)]
        return
    for user in ("", "root"):
        with pytest.raises(REFUSED, match="Access denied"):
            pymysql.connect(unix_socket=str(server.folder / "socket"), user=user)


def test_defaults_are_the_makers(server: Server) -> None:
    """No file of the distribution changes the server, and connections can be told apart."""
    if server.name == "postgresql":
        assert server.query("SHOW server_encoding") == [("UTF8",)]
        assert server.query("SHOW application_name") == [("tests",)]
        return
    charset = {"mariadb": "latin1", "mysql": "utf8mb4"}[server.name]
    assert server.query("SELECT @@character_set_server") == [(charset,)]
    rows = server.query(
        "SELECT attr_value FROM performance_schema.session_connect_attrs"
        " WHERE attr_name = '_client_name' AND processlist_id = connection_id()"
    )
    assert rows == [("pymysql",)]


def test_it_listens_on_the_loopback_interface_only(server: Server) -> None:
    """No other machine can reach the server."""
    with socket.socket() as other:
        other.bind(("127.0.0.2", server.port))  # fails if the server listens on all addresses


def test_no_secret_is_left_in_files_or_shown(server: Server) -> None:
    """The password stands in no file and in no description."""
    assert server.password not in repr(server)
    text = [path.read_bytes() for path in server.folder.iterdir() if path.is_file()]
    assert not [content for content in text if server.password.encode() in content]


def test_it_refuses_bad_statements_with_the_drivers_error(server: Server) -> None:
    """A refusal is not taken for silence."""
    with pytest.raises((psycopg.Error, pymysql.MySQLError)):
        server.query("SELECT nothing FROM nowhere")


def test_data_survive_restart_kill_and_immediate_stop(server: Server) -> None:
    """Commits are kept, however the server ends."""
    database = f"test-{time.monotonic_ns()}"
    server.create_database(database)
    server.query("CREATE TABLE numbers (n INTEGER)", database)
    port, version = server.port, server.version
    ends: list[Callable[[], None]] = [
        server.stop,
        server.kill,
        partial(server.stop, immediate=True),
    ]
    for number, end in enumerate(ends):
        server.query(f"INSERT INTO numbers VALUES ({number})", database)  # noqa: S608
        first = server.pid
        end()
        assert not server.running
        assert server.pid is None
        with pytest.raises(NotAnsweringError):
            server.query("SELECT 1")
        server.start()
        assert server.pid != first
        assert (server.port, server.version) == (port, version)
        assert len(server.query("SELECT * FROM numbers", database)) == number + 1
    first = server.pid
    server.restart()
    assert server.pid != first
    assert len(server.query("SELECT * FROM numbers", database)) == 3


def test_start_and_stop_can_be_repeated(server: Server) -> None:
    """What is done already is not done again."""
    first = server.pid
    server.start()
    assert server.pid == first
    server.stop()
    server.stop()
    server.kill()
    server.thaw()
    with pytest.raises(ServerError, match="does not run"):
        server.freeze()


def test_a_frozen_server_is_silent_and_thaws(server: Server) -> None:
    """Connections stay open while frozen and work afterwards."""
    with connect(server, server.password) as connection, connection.cursor() as cursor:
        server.freeze()
        assert server.frozen
        assert server.running
        stopped = [process.stopped for process in map(processes.look, server.pids()) if process]
        assert stopped
        assert all(stopped)
        with socket.create_connection((server.host, server.port), timeout=1) as silent:
            # The kernel still takes the connection, but nobody speaks.
            silent.settimeout(0.3)
            with pytest.raises(TimeoutError):
                silent.recv(1)
        server.thaw()
        assert not server.frozen
        cursor.execute("SELECT 7")
        assert cursor.fetchone() == (7,)  # over the connection from before


@pytest.mark.parametrize("end", ["stop", "kill", "restart"])
def test_a_frozen_server_can_be_ended(server: Server, end: str) -> None:
    """Every way to end a server ends a frozen one."""
    pids = server.pids()
    server.freeze()
    began = time.monotonic()
    getattr(server, end)()
    assert time.monotonic() - began < 10
    assert not [process for process in map(processes.look, pids) if process and not process.ended]


def test_stop_does_not_wait_for_clients(server: Server) -> None:
    """An open transaction does not delay the end."""
    with connect(server, server.password) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
        with pytest.raises((psycopg.Error, pymysql.MySQLError)):
            cursor.execute("SELECT 1")


def test_it_starts_again_after_it_ended_by_itself(server: Server) -> None:
    """A crash of the topmost process is no obstacle."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)  # only the topmost process
    assert eventually(lambda: not server.running)
    server.start()
    assert server.query("SELECT 1") == [(1,)]


def test_options_hold_from_the_next_start_on(server: Server) -> None:
    """A changed setting is in force after a restart."""
    server.options["max_connections"] = "37"
    try:
        server.restart()
        show = "SHOW" if server.name == "postgresql" else "SHOW VARIABLES LIKE"
        name = "max_connections" if server.name == "postgresql" else "'max_connections'"
        assert str(server.query(f"{show} {name}")[0][-1]) == "37"
    finally:
        del server.options["max_connections"]
        server.restart()


def test_it_says_why_it_cannot_start(server: Server) -> None:
    """The error holds the server's own words."""
    server.stop()
    server.options["no_such_setting"] = "1"
    try:
        with pytest.raises(ServerError, match=r"instead of answering.*no_such_setting"):
            server.start()
        assert server.pid is None
    finally:
        del server.options["no_such_setting"]


def test_it_gives_up_on_a_server_that_stays_silent(server: Server) -> None:
    """Waiting is bounded, and nothing is left running."""
    server.stop()
    server.launch()
    server.freeze()
    server.start_seconds = 0.1
    try:
        with pytest.raises(ServerError, match=r"did not answer within 0.1 seconds"):
            server.wait()
        assert not server.running
    finally:
        del server.start_seconds


@pytest.mark.parametrize("name", SERVERS)
def test_everything_is_under_the_folder_and_the_password_is_ours(name: str, tmp_path: Path) -> None:
    """A folder and a nasty password of our choice."""
    kind = find(name)
    if kind is None:
        pytest.skip(str(available()[name]))
    password = """it's "p@ss/w:rd%#" \\ back"""  # noqa: S105
    with kind(tmp_path, password=password, durable=True) as server:
        pids = server.pids()
        assert server.query("SELECT 1") == [(1,)]
        if tmp_path in server.folder.parents:
            assert all((server.folder / each).exists() for each in ("data", "server.log"))
        else:
            assert os.geteuid() == 0 or len(str(tmp_path)) > 50
    assert not [process for process in map(processes.look, pids) if process]
    assert not server.data.exists()
    assert server.folder.exists() == (tmp_path in server.folder.parents)


def test_what_cannot_be_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without programs there is one sentence for each server."""
    assert find("no-such-database") is None
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("MYSQL_SERVER_HOME", raising=False)
    monkeypatch.setattr(Path, "glob", lambda *_arguments: iter(()))
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_more: None)
    for name, reason in available().items():
        assert reason is not None
        assert re.fullmatch(r"[A-Z]\w+: no .*\.", reason)
        assert find(name) is None
        with pytest.raises(ServerError, match=re.escape(reason)):
            SERVERS[name]()


PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from servers import find
server = find(sys.argv[2])()
server.start()
if sys.argv[3] == "frozen":
    server.freeze()
print(server.folder, *server.pids(), server._guard.pid, flush=True)
if sys.argv[3] == "end":
    sys.exit()
time.sleep(60)
"""


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("how", ["end", "SIGINT", "SIGTERM", "SIGKILL", "frozen"])
def test_nothing_survives_the_test_process(name: str, how: str) -> None:
    """However the test process ends, servers and data go."""
    if find(name) is None:
        pytest.skip(str(available()[name]))
    package = Path(__file__).parent
    program = PROGRAM.replace("from servers", f"from {package.name}")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(package.parent), name, how],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        folder, *pids = process.stdout.readline().split()
        assert Path(folder).exists() or how == "end"
        if how != "end":
            process.send_signal(signal.SIGKILL if how == "frozen" else signal.Signals[how])
        process.wait(30)

    def gone() -> bool:
        left = [process for process in map(processes.look, map(int, pids)) if process]
        return all(process.ended for process in left) and not Path(folder).exists()

    assert eventually(gone)
