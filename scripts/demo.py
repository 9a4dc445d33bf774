"""Render the default project, install it, migrate its database and send the running service a request.

The project is in `.demo/`, a folder that no other command uses: each run replaces it, and touches nothing else.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

TEMPLATE = Path(__file__).resolve().parents[1]
DEMO = TEMPLATE / ".demo"
BIN = Path(sys.executable).parent
START_SECONDS = 30


def run(*command: str | Path, cwd: Path) -> None:
    """Show a command and run it; exit with its code when it fails."""
    print("$", " ".join(str(word).replace(f"{BIN}/", "") for word in command), flush=True)
    # The project's environment is not the template's.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    completed = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, check=False)
    if completed.returncode:
        sys.exit(completed.returncode)


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, body: object = None) -> str:
    """Send a request, with a body as JSON when there is one, and return the answer's text."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - always http on loopback
    with urlopen(request, timeout=5) as answer:  # noqa: S310
        return str(answer.read().decode())


@contextmanager
def serve(project: Path) -> Iterator[str]:
    """Run the service until the block ends; yield its URL once it is ready."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [project / ".venv/bin/uvicorn", "packages.api.app:app", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen([str(word) for word in command], cwd=project) as server:
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    ask(f"{url}/health/ready")
                    break
                except URLError:
                    if time.monotonic() > deadline or server.poll() is not None:
                        sys.exit(f"the service did not become ready within {START_SECONDS} seconds")
                    time.sleep(0.05)
            yield url
        finally:
            server.terminate()


def main() -> None:
    """Do what the README's first command promises."""
    shutil.rmtree(DEMO, ignore_errors=True)
    run(BIN / "cookiecutter", TEMPLATE, "--no-input", "--output-dir", DEMO, cwd=TEMPLATE)
    (project,) = DEMO.iterdir()
    run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, ".venv", cwd=project)
    run(BIN / "uv", "pip", "install", "--quiet", "--editable", ".[dev]", cwd=project)
    run(project / ".venv/bin/alembic", "upgrade", "head", cwd=project)
    with serve(project) as url:
        print("$ curl", url + "/users --json '...'")
        print(ask(f"{url}/users", {"email": "ada@example.com", "name": "Ada"}))
        print("$ curl", url + "/health/ready")
        print(ask(f"{url}/health/ready"))
    print(f"\nThe project is in {project.relative_to(TEMPLATE)}: look at packages/database/config.py first.")
    print("The next `make demo` replaces it; to render a service that you keep, see the README.")


if __name__ == "__main__":
    main()
