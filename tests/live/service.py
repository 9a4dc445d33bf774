"""A rendered API as a process that answers HTTP."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2

from tests.servers.base import free_port
from tests.template import Project, plain_environment

START_SECONDS = 30


@contextmanager
def serve(
    project: Project,
    env: Mapping[str, str] | None = None,
    workers: int = 1,
    app: str = "packages.api.app:app",
    *,
    orderly: bool = True,
) -> Iterator[httpx2.Client]:
    """Run the API until the block ends, and give a client of it once it answers.

    Args:
        project: an installed project.
        env: environment variables beside those of the project.
        workers: processes that serve.
        app: where the application is; its `/health/live` says that it runs.
        orderly: whether it must end in order, and not be killed at the end.
    """
    port = free_port()
    log = project.folder / f"uvicorn-{port}.log"
    options = ["--port", str(port), "--log-level", "warning", "--workers", str(workers)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(project.bin / "uvicorn"), app, *options],
            cwd=project.folder,
            env={**plain_environment(), **project.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
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


def create_database(project: Project) -> None:
    """Create the service's database, as its owner would have done before the first deployment."""
    code = "from packages.config.settings import settings\nfrom tests.databases import create_database\n"
    # The package `tests` has pointed the settings at the test database, so the URL comes from the environment.
    code += "import os\nfrom packages.config.database_url import parse_database_url\n"
    code += "url = os.environ.get('DATABASE_URL')\nif url: create_database(parse_database_url(url))\n"
    project.run("python", "-c", code)
