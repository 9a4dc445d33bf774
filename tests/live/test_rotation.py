"""A password that changes while a service runs costs no request: a rotated secret, and tokens that expire."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest

from tests.live.cells import InstallOnce, parameters
from tests.live.databases import Databases, create_account
from tests.live.service import serve
from tests.live.workload import Workload
from tests.servers import Server
from tests.template import STYLES, Project

CELLS = [(backend, style) for backend in ("postgresql", "mariadb") for style in STYLES]
CLIENTS = 32
ROUNDS = 2
# A secret that is mounted changes later than the server's password.
LAG_SECONDS = 1
TOKEN_SECONDS = 1
# Each connection is replaced after a second, so that none outlives a password.
ENVIRONMENT = {"DATABASE_POOL_RECYCLE_SECONDS": "1"}
CHANGE = {
    "postgresql": "ALTER ROLE {name} PASSWORD '{password}'",
    "mariadb": "ALTER USER {name}@'%' IDENTIFIED BY '{password}'",
}
# What a team writes into `credentials.py`.
TOKENS = """
import urllib.request


def current_password() -> str | None:
    with urllib.request.urlopen("{url}") as answer:
        return Password(answer.read().decode())
"""


@dataclass(frozen=True)
class Account:
    """A user of a server, whose database a project is to use."""

    backend: str
    style: str
    server: Server
    name: str
    secret: Path
    project: Project

    def change(self, password: str) -> None:
        """Change the password on the server, and there only."""
        self.server.query(CHANGE[self.backend].format(name=self.name, password=password))


@pytest.fixture(params=parameters(CELLS))
def account(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases, install_once: InstallOnce) -> Account:
    """Create a user, and install and migrate a project that has the password from a file."""
    backend, style = request.param
    server = databases.server(backend)
    name = f"t_rotation_{uuid4().hex[:8]}"
    url = create_account(server, style, name, "first")
    secret = tmp_path / "DATABASE_PASSWORD"
    secret.write_text("first\n", encoding="utf-8")
    project = install_once(backend, style, {"DATABASE_URL": url, "SECRETS_DIR": str(tmp_path)})
    project.run("alembic", "upgrade", "head")
    return Account(backend, style, server, name, secret, project)


def test_rotated_password_costs_no_request(account: Account) -> None:
    """The password changes under load, and the mounted file a second later: no request fails, without a restart."""
    with serve(account.project, ENVIRONMENT) as client, Workload(client, CLIENTS) as workload:
        workload.wait_for_answers(ROUNDS)
        account.change("second")
        time.sleep(LAG_SECONDS)
        account.secret.write_text("second\n", encoding="utf-8")
        # All connections are new ones by then.
        time.sleep(2)
        workload.wait_for_answers(ROUNDS)
    assert set(workload.statuses) == {200, 201}


@contextmanager
def issuer(account: Account, issued: list[tuple[float, str]]) -> Iterator[str]:
    """Give out tokens at a URL: each is the account's password until it expires."""
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with turn:
                if time.monotonic() - issued[-1][0] > TOKEN_SECONDS:
                    issued.append((time.monotonic(), uuid4().hex))
                    account.change(issued[-1][1])
                token = issued[-1][1]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(token.encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("account", [("postgresql", "sync"), ("mariadb", "async")], ids="-".join, indirect=True)
def test_tokens_that_expire_cost_no_request(account: Account, request: pytest.FixtureRequest) -> None:
    """A team's own `current_password` returns tokens that soon expire: no request fails."""
    issued = [(0.0, "")]
    module = account.project.folder / "packages" / "database" / "credentials.py"
    text = module.read_text(encoding="utf-8")
    request.addfinalizer(lambda: module.write_text(text, encoding="utf-8"))
    with issuer(account, issued) as url:
        module.write_text(text + TOKENS.format(url=url), encoding="utf-8")
        with serve(account.project, ENVIRONMENT) as client, Workload(client, CLIENTS) as workload:
            workload.wait_for_answers(ROUNDS)
            time.sleep(3 * TOKEN_SECONDS)
            workload.wait_for_answers(ROUNDS)
    assert set(workload.statuses) == {200, 201}
    # Else nothing was proven.
    assert len(issued) > 3
