"""A rendered API as a process that answers HTTP."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

import httpx2

from tests.servers import free_port, processes
from tests.template import Project, plain_environment

START_SECONDS = 30
# What a recovery may take on a busy machine.
RECOVERY_SECONDS = 20


@contextmanager
def serve(  # noqa: PLR0913 - each has a default
    project: Project,
    env: Mapping[str, str] | None = None,
    workers: int = 1,
    app: str = "packages.api.app:app",
    *,
    orderly: bool = True,
    send_buffer: int | None = None,
    inside: Sequence[str] = (),
) -> Iterator[httpx2.Client]:
    """Run the API until the block ends, and give a client of it once it answers.

    Args:
        project: an installed project.
        env: environment variables beside those of the project.
        workers: processes that serve.
        app: where the application is; its `/health/live` says that it runs.
        orderly: whether it must end in order, and not be killed at the end.
        send_buffer: bytes that the system keeps for a client that does not read; by default as many as it likes.
        inside: the beginning of a command that runs it somewhere else, such as in another network.
    """
    port = free_port()
    log = project.folder / f"uvicorn-{port}.log"
    options = ["--log-level", "warning", "--workers", str(workers)]
    with log.open("wb") as output, socket.socket() as listener:
        given = send_buffer is not None or bool(inside)
        if send_buffer is not None:
            # Each connection inherits it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        if given:
            listener.bind(("127.0.0.1", port))
            options += ["--fd", str(listener.fileno())]
        else:
            options += ["--port", str(port)]
        server = subprocess.Popen(
            [*inside, str(project.bin / "uvicorn"), app, *options],
            cwd=project.folder,
            env={**plain_environment(), **project.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[listener.fileno()] if given else [],
        )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    client.get("/health/live")
                    break
                except httpx2.TransportError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        text = f"the service did not start: {log.read_text()}"
                        raise AssertionError(text) from None
                    time.sleep(0.05)
            yield client
    finally:
        if orderly:
            server.terminate()
        else:
            server.kill()
        try:
            server.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            # It fails the test, and is not left behind.
            server.kill()
            server.wait()
            raise


def ask_doctor(project: Project, **env: str) -> dict[str, dict[str, str]]:
    """Return what `doctor` finds, by the names of its checks; its exit code must fit."""
    command = ("-m", "packages.database", "doctor", "--json")
    completed = Project(project.folder, {**project.env, **env}).run("python", *command, check=False)
    checks = {check["name"]: check for check in json.loads(completed.stdout)}
    failed = any(check["state"] == "error" for check in checks.values())
    assert completed.returncode == failed, completed.stderr
    assert completed.stderr == ""
    return checks


def wait_until(condition: Callable[[], bool], promise: str, seconds: float = RECOVERY_SECONDS) -> None:
    """Wait until a condition holds.

    Args:
        condition: is asked again and again.
        promise: what is said when it does not hold in time.
        seconds: how long it is waited for; by default as long as a recovery may take.
    """
    assert processes.wait_until(condition, seconds, 0.05), promise


def wait_until_ready(client: httpx2.Client) -> None:
    """Ask for readiness until the service has it, for as long as a recovery may take."""
    wait_until(lambda: client.get("/health/ready").status_code == 200, "the service does not become ready")


def new_user(client: httpx2.Client, name: str) -> int:
    """Create a user, whose e-mail address no other test has, and return its id."""
    answer = client.post("/users", json={"email": f"{name}-{uuid4().hex}@example.com", "name": name})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def create_database(project: Project) -> None:
    """Create the service's database, as its owner would have done before the first deployment."""
    if project.env.get("DATABASE_URL", "sqlite").startswith("sqlite"):
        return  # a file, which its first user makes
    # The package `tests` has pointed the settings at the test database, so the URL comes from the environment.
    code = "import os\nfrom packages.config.database_url import parse_database_url\n"
    code += "from tests.databases import create_database\n"
    code += "create_database(parse_database_url(os.environ['DATABASE_URL']))\n"
    project.run("python", "-c", code)
