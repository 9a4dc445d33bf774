"""`DATABASE_TLS` means the same to every driver: proven with certificates made here."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
import trustme
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.live.cells import InstallOnce
from tests.live.scripts import run_text
from tests.live.service import ask_doctor
from tests.servers import SERVERS, Server
from tests.template import BACKENDS, STYLES, Project, run

# What the server says about the connection that asks.
QUESTIONS = {
    "postgresql": "SELECT CASE WHEN ssl THEN 'encrypted' ELSE '' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mariadb": "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'",
}
# What makes a URL ask for TLS with certificates.
IN_THE_URL = {"postgresql": "sslmode=verify-full&sslrootcert", "mariadb": "ssl_ca"}
# What providers put into the URL that they hand out, to ask for TLS.
BY_PROVIDERS = {"postgresql": "sslmode=require&channel_binding=prefer", "mariadb": "ssl-mode=REQUIRED"}
# What a URL says against TLS, or seems to.
AGAINST = {"postgresql": ["sslmode=disable"], "mariadb": ["ssl_disabled=true", "ssl_disabled=false"]}
OPTIONS = {
    "postgresql": {"ssl": "on", "ssl_cert_file": "server.pem", "ssl_key_file": "server.key"},
    "mariadb": {"ssl_cert": "server.pem", "ssl_key": "server.key"},
}
ASK = """
from packages.database.config import engine
async with engine.connect() as connection:
    print(bool((await connection.exec_driver_sql({!r})).scalar()))
await engine.dispose()
"""
# The system's certificates are where Python looks for them when no variable names another place.
MOVE_CERTIFICATES = """
import os, ssl
for name in ("SSL_CERT_DIR", "SSL_CERT_FILE"):
    os.environ.pop(name, None)
places = ssl.get_default_verify_paths()._replace(cafile={0!r}, capath=None)
ssl.get_default_verify_paths = lambda: places
context = ssl.create_default_context
ssl.create_default_context = lambda cafile=None: context(cafile=cafile or {0!r})
"""


@dataclass
class Encrypted:
    """A server with a certificate for `localhost`, and files with the right and the wrong authority."""

    server: Server
    right: Path
    wrong: Path


@pytest.fixture(scope="module", params=QUESTIONS)
def encrypted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    """Start a server that offers TLS."""
    kind = SERVERS[request.param]
    if reason := kind.missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("authorities")
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "right.pem")
    stranger.cert_pem.write_to_path(folder / "wrong.pem")
    certificate = authority.issue_cert("localhost")
    with kind() as server:
        server.stop()
        key = server.data / "server.key"
        certificate.private_key_pem.write_to_path(key)
        certificate.cert_chain_pems[0].write_to_path(server.data / "server.pem")
        for path in (key, server.data / "server.pem"):
            path.chmod(0o600)
            owner = server.data.stat()
            # Both servers run under an account of their own, and refuse a key that others can read.
            os.chown(path, owner.st_uid, owner.st_gid)
        server.options |= {
            name: value if value == "on" else str(server.data / value) for name, value in OPTIONS[server.name].items()
        }
        server.start()
        server.create_database("service")
        yield Encrypted(server, folder / "right.pem", folder / "wrong.pem")


@pytest.fixture(scope="module")
def unencrypted(encrypted: Encrypted) -> Iterator[Server]:
    """Start a server of the same kind that offers no TLS."""
    with SERVERS[encrypted.server.name]() as server:
        server.create_database("service")
        yield server


@pytest.fixture(scope="module", params=STYLES)
def project(request: pytest.FixtureRequest, encrypted: Encrypted, install_once: InstallOnce) -> tuple[Project, str]:
    """Return an installed service for the server, and its style."""
    return install_once(encrypted.server.name, request.param, {}), request.param


def ask(project: tuple[Project, str], server: Server, host: str, before: str = "", **env: str) -> str:
    """Return what the service says: "True" or "False" for encrypted or not, or the class of the error it met."""
    installed, style = project
    url = f"{BACKENDS[server.name][style]['drivername']}://{server.user}@{host}:{server.port}/service"
    environment: Mapping[str, str] = {
        "DATABASE_URL": url,
        "DATABASE_PASSWORD": server.password,
        "DATABASE_CONNECT_TIMEOUT_SECONDS": "1",
        **env,
    }
    text = before + ASK.format(QUESTIONS[server.name])
    completed = run_text(Project(installed.folder, environment), style, text, "-W", "error", check=False)
    assert server.password not in completed.stdout + completed.stderr
    return completed.stdout.strip() if completed.returncode == 0 else completed.stderr.strip().splitlines()[-1]


def test_off_is_in_clear_and_overrules_the_url(encrypted: Encrypted, project: tuple[Project, str]) -> None:
    """With `off` nothing is encrypted, though the server offers it; a URL that asks for TLS does not win over it."""
    server = encrypted.server
    assert ask(project, server, "127.0.0.1", DATABASE_TLS="off") == "False"
    query = f"{IN_THE_URL[server.name]}={encrypted.right}"
    url = f"{server.name}://{server.user}@localhost:{server.port}/service?{query}"
    assert ask(project, server, "localhost", DATABASE_URL=url) == "True"
    assert ask(project, server, "localhost", DATABASE_URL=url, DATABASE_TLS="off") == "False"


def test_require_encrypts_and_asks_no_name(encrypted: Encrypted, project: tuple[Project, str]) -> None:
    """With `require` the connection is encrypted, and the server's identity is not checked."""
    assert ask(project, encrypted.server, "127.0.0.1", DATABASE_TLS="require") == "True"


def test_what_providers_write_into_a_url_asks_for_tls(
    encrypted: Encrypted, unencrypted: Server, project: tuple[Project, str]
) -> None:
    """A URL from a provider's console asks for TLS, and a server that offers none is refused; the setting wins."""
    for server in (encrypted.server, unencrypted):
        url = f"{server.name}://{server.user}@localhost:{server.port}/service?{BY_PROVIDERS[server.name]}"
        assert (ask(project, server, "localhost", DATABASE_URL=url) == "True") == (server is encrypted.server)
        assert ask(project, server, "localhost", DATABASE_URL=url, DATABASE_TLS="off") == "False"


def test_no_url_turns_off_what_the_setting_asks_for(encrypted: Encrypted, project: tuple[Project, str]) -> None:
    """With `require`, a URL that says otherwise is overruled or refused; it is never obeyed."""
    server = encrypted.server
    for query in AGAINST[server.name]:
        url = f"{server.name}://{server.user}@localhost:{server.port}/service?{query}"
        said = ask(project, server, "localhost", DATABASE_URL=url, DATABASE_TLS="require")
        assert said == "True" or said.startswith("DATABASE_URL: its query has ssl_disabled, ")


def test_doctor_says_whether_a_connection_is_encrypted(encrypted: Encrypted, project: tuple[Project, str]) -> None:
    """It names the version of TLS where it can, and warns of a connection in clear text to another machine."""
    server, (installed, style) = encrypted.server, project
    url = f"{BACKENDS[server.name][style]['drivername']}://{server.user}@127.0.0.1:{server.port}/service"
    environment = {"DATABASE_URL": url, "DATABASE_PASSWORD": server.password}
    found = ask_doctor(installed, **environment, DATABASE_TLS="require")["TLS"]
    assert found["state"] == "ok"
    assert re.fullmatch(r"on|TLSv1\.[23]", found["found"])
    if server.name == "postgresql":
        # The only driver here that takes an address beside the name.
        environment["DATABASE_URL"] = url.replace("127.0.0.1", "elsewhere") + "?hostaddr=127.0.0.1&sslmode=disable"
        found = ask_doctor(installed, **environment)["TLS"]
        assert (found["state"], found["found"]) == ("warning", "off")


def test_verify_full_accepts_the_right_server(encrypted: Encrypted, project: tuple[Project, str]) -> None:
    """With `verify-full` and the right authority, a server of that name is trusted."""
    settings = {"DATABASE_TLS": "verify-full", "DATABASE_TLS_CA_FILE": str(encrypted.right)}
    assert ask(project, encrypted.server, "localhost", **settings) == "True"


def test_verify_full_alone_trusts_the_authorities_of_the_system(
    encrypted: Encrypted, project: tuple[Project, str]
) -> None:
    """Without a file, the certificates are those that Python finds, also for a driver with an OpenSSL of its own."""
    server = encrypted.server
    asked = [{"DATABASE_TLS": "verify-full"}]
    if server.name == "postgresql":
        url = f"postgresql://{server.user}@localhost:{server.port}/service?sslmode=verify-full&sslrootcert=system"
        asked.append({"DATABASE_URL": url})
    for settings, (authority, trusted) in product(asked, [(encrypted.right, True), (encrypted.wrong, False)]):
        moved = MOVE_CERTIFICATES.format(str(authority))
        assert (ask(project, server, "localhost", before=moved, **settings) == "True") == trusted


@pytest.mark.parametrize(("host", "authority"), [("localhost", "wrong"), ("127.0.0.1", "right")])
def test_verify_full_refuses_another_authority_and_another_name_at_once(
    encrypted: Encrypted, project: tuple[Project, str], host: str, authority: str
) -> None:
    """A certificate of an authority that the file does not name, or of another server, is not tried again."""
    retries_on = {"DATABASE_TLS": "verify-full", "DATABASE_CONNECT_TIMEOUT_SECONDS": "30"}
    begun = time.monotonic()
    said = ask(project, encrypted.server, host, **retries_on, DATABASE_TLS_CA_FILE=str(getattr(encrypted, authority)))
    assert said not in {"True", "False"}
    assert time.monotonic() - begun < 30


def test_server_without_tls_is_not_tried_again(unencrypted: Server, project: tuple[Project, str]) -> None:
    """With `require`, a server that offers no TLS is refused at once, and not asked for the whole time."""
    retries_on = {"DATABASE_TLS": "require", "DATABASE_CONNECT_TIMEOUT_SECONDS": "30"}
    begun = time.monotonic()
    said = ask(project, unencrypted, "127.0.0.1", **retries_on)
    assert said not in {"True", "False"}
    assert time.monotonic() - begun < 30


def test_the_oldest_driver_sends_nothing_in_clear(
    unencrypted: Server, encrypted: Encrypted, project: tuple[Project, str], tmp_path: Path
) -> None:
    """The oldest driver that pyproject.toml allows refuses a server without TLS, as one in the middle may pretend."""
    installed, style = project
    driver = Requirement(BACKENDS[unencrypted.name][style]["requirements"][0])
    [oldest] = [each.version for each in driver.specifier if each.operator == ">="]
    driver.specifier = SpecifierSet(f"=={oldest}")
    pip = ["uv", "pip", "install", "--quiet", "--python"]
    run(*pip, installed.bin / "python", "--target", tmp_path, str(driver), cwd=tmp_path)
    settings = {"PYTHONPATH": str(tmp_path), "DATABASE_TLS_CA_FILE": str(encrypted.right)}
    assert ask(project, unencrypted, "localhost", PYTHONPATH=str(tmp_path)) == "False"
    for mode in ("require", "verify-full"):
        assert ask(project, unencrypted, "localhost", DATABASE_TLS=mode, **settings) not in {"True", "False"}


def test_missing_authority_is_one_sentence(encrypted: Encrypted, project: tuple[Project, str]) -> None:
    """A file that is not there is named when the settings load."""
    settings = {"DATABASE_TLS": "verify-full", "DATABASE_TLS_CA_FILE": "no/such/file.pem"}
    assert ask(project, encrypted.server, "localhost", **settings).startswith("DATABASE_TLS_CA_FILE: ")
