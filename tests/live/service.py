"""A rendered API as a process that answers HTTP."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2

from tests.servers import free_port, processes
from tests.template import Project, plain_environment

# Several processes may have to start first.
START_SECONDS = 60
END_SECONDS = 30
# What a recovery may take on a busy machine.
RECOVERY_SECONDS = 20


@contextmanager
def running(
    command: Sequence[str], folder: Path, env: Mapping[str, str], log: Path, pass_fds: Sequence[int] = ()
) -> Iterator[None]:
    """Run a program that does not end, end it in order after the block, and leave none of its processes behind."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**plain_environment(), **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=pass_fds,
        )
    try:
        yield
        process.terminate()
        process.wait(END_SECONDS)
    except BaseException:
        print(log.read_text(encoding="utf-8"))
        raise
    finally:
        processes.kill(process.pid)
        process.wait()


@contextmanager
def connected(port: int, path: str) -> Iterator[httpx2.Client]:
    """Give a client of what serves on a port, once a path is answered."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:

        def answers() -> bool:
            try:
                client.get(path)
            except httpx2.TransportError:
                return False
            return True

        wait_until(answers, f"nothing answers at port {port}", START_SECONDS)
        yield client


@contextmanager
def serve(  # noqa: PLR0913 - each has a default
    project: Project,
    env: Mapping[str, str] | None = None,
    workers: int = 1,
    app: str = "packages.api.app:app",
    *,
    send_buffer: int | None = None,
    inside: Sequence[str] = (),
) -> Iterator[httpx2.Client]:
    """Run the API until the block ends, and give a client of it once it answers.

    Args:
        project: an installed project.
        env: environment variables beside those of the project.
        workers: processes that serve.
        app: where the application is; its `/health/live` says that it runs.
        send_buffer: bytes that the system keeps for a client that does not read; by default as many as it likes.
        inside: the beginning of a command that runs it somewhere else, such as in another network.
    """
    port = free_port()
    uvicorn = str(project.bin / "uvicorn")
    command = [*inside, uvicorn, app, "--log-level", "warning", "--workers", str(workers)]
    environment, log = {**project.env, **(env or {})}, project.folder / f"uvicorn-{port}.log"
    with ExitStack() as stack:
        with socket.socket() as listener:
            if send_buffer is not None:
                # Each connection inherits it.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
            if send_buffer is not None or inside:
                listener.bind(("127.0.0.1", port))
                command += ["--fd", str(listener.fileno())]
            else:
                command += ["--port", str(port)]
            stack.enter_context(running(command, project.folder, environment, log, [listener.fileno()]))
        yield stack.enter_context(connected(port, "/health/live"))


def ask_doctor(project: Project, **env: str) -> dict[str, dict[str, str]]:
    """Return what `doctor` finds, by the names of its checks; its exit code must fit."""
    command = ("-m", "packages.database", "doctor", "--json")
    completed = project.run("python", *command, check=False, **env)
    checks = {check["name"]: check for check in json.loads(completed.stdout)}
    failed = any(check["state"] == "error" for check in checks.values())
    assert completed.returncode == failed, completed.stderr
    assert completed.stderr == ""
    return checks


def wait_until(condition: Callable[[], bool], promise: str, seconds: float = RECOVERY_SECONDS) -> None:
    """Wait until a condition holds, by default for as long as a recovery may take; else say what was promised."""
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
